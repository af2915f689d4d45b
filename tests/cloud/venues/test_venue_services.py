"""Venues, stations, devices: numbers and identifiers, also when two people make them at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django_scopes import ScopeError, scope, scopes_disabled

from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import live_services
from cloud.entitlements.models import (
    CarriedGroup,
    EdgeCursor,
    Entitlement,
    EntitlementCredential,
    FeedHead,
    FeedRow,
    SigningKey,
    Usage,
    VenueSecrets,
)  # fmt: skip
from cloud.sales.models import Order, OrderUnit, Visitor
from cloud.venues import selectors, services
from cloud.venues.models import Device, Edge, ExclusionGroup, Station, Venue
from paifang import records
from paifang.records import Table
from paifang.v1 import feed_pb2
from tests.support.race import race
from tests.support.venue import SYSTEM, feed_rows, last_feed_row, make_gate, make_station, make_venue

SCOPED = [
    CarriedGroup, Device, Edge, EdgeCursor, Entitlement, EntitlementCredential, ExclusionGroup, FeedHead, FeedRow,
    Order, OrderUnit, RuleSnapshot, SigningKey, Station, TicketProduct, Usage, VenueSecrets, Visitor,
]  # fmt: skip


@pytest.mark.parametrize("model", SCOPED)
def test_a_query_without_a_scope_is_an_error_not_a_leak(db: None, model: Any) -> None:
    with pytest.raises(ScopeError):
        model.objects.count()
    with pytest.raises(ScopeError):
        model.objects.filter(pk=1)


@pytest.mark.spec("Y-17")
def test_a_scope_hides_other_venues(venue: Venue, west: Station) -> None:
    other = make_venue("other")
    with scope(venue=other):
        assert Station.objects.count() == 0
        with pytest.raises(DomainError) as refused:
            live_services.set_station_enabled(actor=SYSTEM, venue=other, station=west, enabled=False)
    assert refused.value.code == "row.gone"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"code": "lake"}, "venue.code", "code"),
        ({"time_zone": "Asia/Nowhere"}, "venue.time_zone", "time_zone"),
        ({"time_zone": "../etc/passwd"}, "venue.time_zone", "time_zone"),
        ({"time_zone": ""}, "venue.time_zone", "time_zone"),
        ({"day_start_minutes": 1440}, "input.range", "day_start_minutes"),
        ({"name_zh": " "}, "input.required", "name_zh"),
        ({"name_en": "x" * 81}, "input.too_long", "name_en"),
        ({"name_en": "West\0Lake"}, "input.characters", "name_en"),
    ],
)
def test_bad_venues_are_refused(venue: Venue, fields: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        make_venue(**({"code": "fresh"} | fields))
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.spec("S-03", "S-04", "S-05", "S-15")
def test_a_station_gets_the_next_number_and_is_enabled_for_entry(venue: Venue) -> None:
    first, second = make_station(venue, " 西门 "), make_station(venue, "东门")
    assert (first.number, second.number) == (1, 2)
    assert (first.name_zh, first.nature, first.enabled) == ("西门", "entry", True)
    assert first.group_id != second.group_id
    with pytest.raises(DomainError) as refused:
        make_station(venue, "  ")
    assert refused.value.code == "input.required"
    assert list(selectors.stations(venue)) == [first, second]


def test_numbers_count_within_the_venue(venue: Venue, west: Station) -> None:
    other = make_venue("other")
    with scope(venue=other):
        assert make_station(other).number == 1


@pytest.mark.spec("S-03")
@pytest.mark.django_db(transaction=True)
def test_stations_made_at_once_get_different_numbers(venue: Venue) -> None:
    made = race(venue, *(lambda name=name: make_station(venue, name) for name in "abcd"))
    assert sorted(station.number for station in made) == [1, 2, 3, 4]
    assert list(Station.objects.values_list("number", flat=True)) == [1, 2, 3, 4]


@pytest.mark.spec("S-16", "S-20")
def test_an_identifier_is_unique_in_the_installation_whatever_its_case(venue: Venue, west: Station) -> None:
    assert make_gate(venue, west, "West-1").enabled
    other = make_venue("other")
    with scope(venue=other):
        elsewhere = make_station(other)
        for identifier in ("West-1", "west-1", " WEST-1 "):
            with pytest.raises(DomainError) as refused:
                make_gate(other, elsewhere, identifier)
            assert (refused.value.code, refused.value.field) == ("device.identifier", "identifier")


@pytest.mark.spec("S-16")
@pytest.mark.django_db(transaction=True)
def test_of_two_devices_with_one_identifier_made_at_once_one_is_refused(venue: Venue, west: Station) -> None:
    made = race(venue, lambda: make_gate(venue, west, "A-1"), lambda: make_gate(venue, west, "a-1"))
    assert sorted(type(each) for each in made if isinstance(each, Device)) == [Device]
    assert [each.code for each in made if isinstance(each, DomainError)] == ["device.identifier"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "toaster"}, "device.kind"),
        ({"station": None}, "device.station"),
        ({"identifier": ""}, "input.required"),
    ],
)
def test_bad_devices_are_refused(venue: Venue, west: Station, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        services.create_device(
            actor=SYSTEM, venue=venue, **({"identifier": "A", "name": "A", "station": west} | fields)
        )
    assert refused.value.code == code


def test_two_edges_of_one_name_are_refused(venue: Venue, edge: Edge) -> None:
    with pytest.raises(DomainError) as refused:
        services.create_edge(actor=SYSTEM, venue=venue, name=edge.name)
    assert refused.value.code == "edge.name"
    assert list(selectors.live_edges(venue)) == [edge]


def test_the_gates_are_told_of_a_new_station_and_device(venue: Venue) -> None:
    mark = last_feed_row()
    station = make_station(venue, "西门", name_en="West gate")
    device = make_gate(venue, station)
    rows = feed_rows(mark)
    assert {row.stream for row in rows} == {feed_pb2.STREAM_URGENT}
    ops = [op for row in rows for op in row.ops]
    assert [(op.table, op.key) for op in ops] == [
        (Table.VENUE, records.live_key(venue.pk)),
        (Table.STATION, records.live_key(station.pk)),
        (Table.DEVICE, records.live_key(device.pk)),
    ]
    assert records.VenueSettings.unpack(ops[0].value or b"") == records.VenueSettings(
        "Asia/Shanghai", 0, {station.pk: ("西门", "West gate")}, 0
    )
    assert records.Station.unpack(ops[1].value or b"") == records.Station(station.group_id, True, False, ())
    assert records.Device.unpack(ops[2].value or b"") == records.Device(station.pk, True, "W-1")


def test_a_printer_is_nothing_to_the_gates(venue: Venue) -> None:
    mark = last_feed_row()
    live_services.create_device(actor=SYSTEM, venue=venue, identifier="P-1", name="P-1", kind=Device.Kind.PRINTER)
    assert feed_rows(mark) == []


def test_every_creation_is_in_the_trail(venue: Venue, west: Station, gate: Device, edge: Edge) -> None:
    actions = list(AuditRow.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["venue.create", "station.create", "edge.create", "device.create"]


def test_the_database_itself_refuses_two_equal_numbers(venue: Venue, west: Station) -> None:
    with pytest.raises((IntegrityError, ValidationError)), scopes_disabled():
        Station.objects.create(venue=venue, number=west.number, name_zh="x", group_id=west.group_id)
    assert connection.needs_rollback
