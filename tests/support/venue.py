"""Makes the rows that cloud tests stand on, through the services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloud.catalog.models import TicketProduct
from cloud.core.actors import Actor
from cloud.core.idnumber import check_character
from cloud.entitlements import live_services, usage
from cloud.entitlements.models import FeedRow
from cloud.staff.services import create_employee, grant_role
from cloud.venues.models import Device, Edge, Station, Venue
from cloud.venues.services import create_edge, create_venue
from paifang.records import Op, unpack_ops

SYSTEM = Actor.system("tests")


def make_venue(code: str = "lake", **fields: Any) -> Venue:
    """West Lake, in Shanghai's time."""
    return create_venue(actor=SYSTEM, code=code, **({"name_zh": "西湖", "name_en": "West Lake"} | fields))


def make_station(venue: Venue, name: str = "西门", **fields: Any) -> Station:
    return live_services.create_station(actor=SYSTEM, venue=venue, name_zh=name, **fields)


def make_edge(venue: Venue, name: str = "西门主机") -> Edge:
    return create_edge(actor=SYSTEM, venue=venue, name=name)


def make_gate(venue: Venue, station: Station, identifier: str = "W-1", edge: Edge | None = None) -> Device:
    return live_services.create_device(
        actor=SYSTEM, venue=venue, identifier=identifier, name=identifier, station=station, edge=edge
    )


def make_product(venue: Venue, code: str = "adult", **fields: Any) -> TicketProduct:
    """A one-day ticket for a day, 80 yuan."""
    defaults = {"name_zh": "成人票", "name_en": "Adult", "price_fen": 8000}
    return live_services.create_product(actor=SYSTEM, venue=venue, code=code, **(defaults | fields))


def make_actor(venue: Venue, role: str | None, username: str = "") -> Actor:
    """An employee with one role at the venue, or none."""
    name = username or f"a-{role}"
    employee = create_employee(actor=SYSTEM, username=name, password="correct horse battery")
    if role:
        grant_role(actor=SYSTEM, employee=employee, role=role, venue=venue)
    return Actor.of(employee)


def make_id_number(serial: int = 1) -> str:
    """A valid ID number of nobody: an area code that was never given out."""
    digits = f"990000{19900101}{serial:03d}"
    return digits + check_character(digits)


def relay(edge: Edge, owner_id: int, group_id: int, record: bytes) -> bool:
    """An edge reports one usage record; whether it was news."""
    return bool(usage.relay_all(edge, [usage.Reported(owner_id, group_id, record)]))


@dataclass(frozen=True, slots=True)
class Row:
    """A feed row, taken apart."""

    stream: int
    ops: list[Op]


def feed_rows(after: int = 0) -> list[Row]:
    """The feed rows of the scope's venue in the order they were written, from the one after `after` on."""
    return [
        Row(row.stream, list(unpack_ops(bytes(row.ops)))) for row in FeedRow.objects.filter(pk__gt=after).order_by("pk")
    ]


def last_feed_row() -> int:
    """The newest row's id: what is written after it is `feed_rows(after=...)`."""
    return FeedRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
