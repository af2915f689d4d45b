"""What packages and annual cards are made of. Tickets sold before keep what they were sold with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from cloud.catalog.card_rules import CardRules
from cloud.catalog.card_rules import checked as checked_card
from cloud.catalog.classes import next_class
from cloud.catalog.contents import contents, parts_of, rides_of
from cloud.catalog.inherited import inherited
from cloud.catalog.models import CardPart, DeviceProduct, PackagePart, Spec, TicketProduct
from cloud.catalog.rules import MAX_LIMIT, ProductRules
from cloud.catalog.rules import checked as checked_rules
from cloud.catalog.services import MAX_PRICE_FEN
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import within
from cloud.core.locks import lock_row, lock_rows
from cloud.entitlements import lanes, live
from cloud.entitlements.live_services.products import change_stations
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Device, Station, Venue

MAX_PARTS = 30
MAX_QUANTITY = 100
MAX_TICKETS = 200  # of one package
_Kind = TicketProduct.Kind


@dataclass(frozen=True, slots=True)
class Part:
    """`quantity` of a spec; `weight_fen` as PackagePart's."""

    spec: Spec
    quantity: int
    weight_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Ride:
    """A single ticket a card is good for. Limits of 0 are none; `times`: its weekdays, holidays, hours and dates."""

    product: TicketProduct
    total: int = 0
    per_month: int = 0
    per_day: int = 0
    times: ProductRules = field(default_factory=ProductRules)


@transaction.atomic
def set_package_parts(*, actor: Actor, venue: Venue, package: TicketProduct, parts: Sequence[Part]) -> TicketProduct:
    """The tickets in the package, sold from now on (T-38), in this order.

    A package without stations gets those of its tickets.

    Raises:
        DomainError: "package.kind", "package.empty", "package.many", "package.single" (a package or card cannot be in
            one), "package.twice", "package.age", "package.media", "rules.*" (nothing both allow), "product.class",
            "input.*", "permission.denied", "row.gone".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    _check_parts(parts)
    lock_row(Venue, venue.pk)
    package = lock_row(TicketProduct, package.pk)
    if package.kind != _Kind.PACKAGE:
        raise DomainError("package.kind", "这不是套票。", "This is no package.")
    specs = {spec.pk: spec for spec in lock_rows(Spec, [part.spec.pk for part in parts])}
    tickets = _tickets([spec.product_id for spec in specs.values()], package)
    inherited(list(tickets.values()))
    kept = {row.spec_id: row for row in PackagePart.objects.filter(package=package)}
    before = _said(package)
    PackagePart.objects.filter(package=package).update(current=False)
    for position, part in enumerate(parts, 1):
        values = {"position": position, "quantity": part.quantity, "weight_fen": part.weight_fen, "current": True}
        row = kept.get(part.spec.pk) or PackagePart(
            venue=venue, package=package, spec=specs[part.spec.pk], product_class=next_class(venue)
        )
        _save(row, values)
    for spec in package.specs.all():
        for content in contents(spec, spec.price_fen or 0):
            checked_rules(content.rules)
    _changed(actor, venue, package, "package.parts", before, [ticket.pk for ticket in tickets.values()])
    return package


@transaction.atomic
def set_card_parts(
    *, actor: Actor, venue: Venue, card: TicketProduct, rides: Sequence[Ride], rules: CardRules
) -> TicketProduct:
    """The card's rides with their limits, and its own rules, for cards sold from now on (T-51 to T-53).

    Raises:
        DomainError: "package.kind", "package.many", "package.single", "package.twice", "card.*", "rules.*",
            "product.class", "input.*", "permission.denied", "row.gone".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    rules = checked_card(rules)
    if len(rides) > MAX_PARTS:
        raise _many()
    lock_row(Venue, venue.pk)
    card = lock_row(TicketProduct, card.pk)
    if card.kind != _Kind.ANNUAL:
        raise DomainError("package.kind", "这不是年卡。", "This is no annual card.")
    tickets = _tickets([ride.product.pk for ride in rides], card)
    if len(tickets) != len(rides):
        raise _twice()
    kept = {row.product_id: row for row in CardPart.objects.filter(card=card)}
    before = _said(card)
    CardPart.objects.filter(card=card).update(current=False)
    for position, ride in enumerate(rides, 1):
        limits = {
            name: within(getattr(ride, name), name, 0, MAX_LIMIT) for name in ("total", "per_month", "per_day")
        }  # fmt: skip
        row = kept.get(ride.product.pk) or CardPart(
            venue=venue, card=card, product=tickets[ride.product.pk], product_class=next_class(venue)
        )
        _save(row, {**limits, "position": position, "times": checked_rules(ride.times).to_json(), "current": True})
    card.card_rules = rules.to_json()
    card.save(update_fields=["card_rules"])
    for spec in card.specs.all():
        for content in contents(spec, 0):
            checked_rules(content.rules)
    _changed(actor, venue, card, "card.parts", before, list(tickets))
    return card


def _check_parts(parts: Sequence[Part]) -> None:
    if not parts:
        raise DomainError("package.empty", "请添加门票。", "Add a ticket.", "parts")
    if len(parts) > MAX_PARTS:
        raise _many()
    if len({part.spec.pk for part in parts}) != len(parts):
        raise _twice()
    for part in parts:
        within(part.quantity, "parts", 1, MAX_QUANTITY)
        if part.weight_fen is not None:
            within(part.weight_fen, "parts", 0, MAX_PRICE_FEN)
    if sum(part.quantity for part in parts) > MAX_TICKETS:
        raise DomainError(
            "package.many",
            f"一个套票最多 {MAX_TICKETS} 张门票。",
            f"A package has at most {MAX_TICKETS} tickets.",
            "parts",
        )


def _many() -> DomainError:
    return DomainError("package.many", f"最多 {MAX_PARTS} 种门票。", f"At most {MAX_PARTS} kinds of ticket.", "parts")


def _twice() -> DomainError:
    return DomainError("package.twice", "同一门票出现两次，请改数量。", "A ticket appears twice.", "parts")


def _tickets(ids: Sequence[int], whole: TicketProduct) -> dict[int, TicketProduct]:
    """Locked; single tickets all of them: no package is in a package (T-38)."""
    tickets = {ticket.pk: ticket for ticket in lock_rows(TicketProduct, ids)}
    for ticket in tickets.values():
        if ticket.kind != _Kind.TICKET or ticket.pk == whole.pk:
            raise DomainError(
                "package.single",
                f"“{ticket.name_zh}”不是单门票，不能包含在内。",
                f"{ticket.name_en or ticket.name_zh} is no single ticket and cannot be contained.",
                "parts",
            )
    return tickets


def _save(row: PackagePart | CardPart, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def _said(whole: TicketProduct) -> list[str]:
    """What it contains, for the audit."""
    if whole.kind == _Kind.PACKAGE:
        return [f"{part.spec.code} x{part.quantity}" for part in parts_of(whole)]
    return [f"{ride.product.code} {ride.total}/{ride.per_month}/{ride.per_day}" for ride in rides_of(whole)]


def _changed(
    actor: Actor, venue: Venue, whole: TicketProduct, action: str, before: list[str], tickets: Sequence[int]
) -> None:
    """A new revision, stations for one that has none, the gates told of its classes, the audit."""
    whole.revision += 1
    whole.save(update_fields=["revision", "updated_at"])
    stations = lock_rows(Station, whole.stations.values_list("pk", flat=True))
    if not stations:
        entries = Station.objects.filter(products__in=tickets, nature=Station.Nature.ENTRY).distinct()
        whole, change = change_stations(whole, entries)
        stations = change.touched
    live.publish_stations(venue, stations)
    # A new part has a class of its own: lanes narrowed to the whole hear of it, and the venue's shares of an outage.
    narrowed = DeviceProduct.objects.filter(product=whole).values_list("device_id", flat=True)
    lanes.publish_devices(venue, lock_rows(Device, narrowed))
    live.publish_venue_if_stale(venue)
    audit.write(actor, action, whole, venue, code=whole.code, parts=[before, _said(whole)])
