"""Names changed while gates are working."""

from __future__ import annotations

from functools import partial

import pytest

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements.live_services import edit_device, edit_station, edit_venue, rename_group
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Station, Venue
from paifang.records import Table, VenueSettings
from tests.support import venue as make
from tests.support.race import race


def test_a_new_name_reaches_the_gates_and_the_audit(venue, west, actor):
    before = make.last_feed_row()
    edit_station(actor=actor, venue=venue, station=west, name_zh=" 西大门 ", name_en="")
    ops = [op for row in make.feed_rows(after=before) for op in row.ops]
    assert [op.table for op in ops] == [Table.VENUE]
    assert VenueSettings.unpack(ops[0].value).stations[west.pk] == ("西大门", "西大门")
    assert AuditRow.objects.get(action="station.edit").detail == {"number": 1, "name_zh": "西大门", "name_en": ""}
    after = make.last_feed_row()
    edit_station(actor=actor, venue=venue, station=west, name_zh="西大门", name_en="")
    assert make.last_feed_row() == after  # nothing changed, nothing told
    assert AuditRow.objects.filter(action="station.edit").count() == 1


def test_a_device_is_renamed_and_hung_elsewhere(venue, gate, actor):
    other = make.make_edge(venue, "东门主机")
    edit_device(actor=actor, venue=venue, device=gate, name="West 1", edge=other)
    gate.refresh_from_db()
    assert (gate.name, gate.edge_id) == ("West 1", other.pk)
    detail = AuditRow.objects.get(action="device.edit").detail
    assert detail == {"identifier": "W-1", "name": "West 1", "edge": "东门主机"}


def test_only_who_manages_stations_renames(venue, west, gate, viewer):
    for call in (
        lambda: edit_station(actor=viewer, venue=venue, station=west, name_zh="x"),
        lambda: edit_device(actor=viewer, venue=venue, device=gate, name="x"),
    ):
        with pytest.raises(DomainError) as refused:
            call()
        assert refused.value.code == "permission.denied"


def settings_of(venue: Venue, **changes: object) -> dict[str, object]:
    kept = ("name_zh", "name_en", "time_zone", "day_start_minutes", "capacity", "languages", "default_language")
    return {name: getattr(venue, name) for name in kept} | changes


@pytest.mark.spec("Y-30")
def test_a_venues_calendar_reaches_the_gates_and_restates_nothing(venue: Venue, adult: TicketProduct) -> None:
    line = OrderLine(adult, 1, today(venue))
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="k")
    ticket = order.units.get().entitlement
    mark = make.last_feed_row()
    edited = edit_venue(
        actor=make.SYSTEM, venue=venue, **settings_of(venue, time_zone="Asia/Tokyo", day_start_minutes=240)
    )
    [op] = [op for row in make.feed_rows(mark) for op in row.ops]
    told = VenueSettings.unpack(op.value)
    assert (told.time_zone, told.day_start_minutes) == ("Asia/Tokyo", 240)
    assert (edited.time_zone, edited.day_start_minutes) == ("Asia/Tokyo", 240)
    detail = AuditRow.objects.get(action="venue.edit").detail
    assert detail == {"time_zone": ["Asia/Shanghai", "Asia/Tokyo"], "day_start_minutes": [0, 240]}
    before = (order.business_day, ticket.not_before, ticket.not_after)
    order.refresh_from_db()
    ticket.refresh_from_db()
    assert (order.business_day, ticket.not_before, ticket.not_after) == before


def test_a_venues_limits_reach_the_gates(venue: Venue) -> None:
    mark = make.last_feed_row()
    edit_venue(actor=make.SYSTEM, venue=venue, **settings_of(venue, capacity=900, day_capacity=5000, warn_permille=800))
    [op] = [op for row in make.feed_rows(mark) for op in row.ops]
    told = VenueSettings.unpack(op.value)
    assert (told.capacity, told.day_capacity, told.warn_permille) == (900, 5000, 800)


def test_a_venues_names_and_languages_are_not_the_gates_business(venue: Venue) -> None:
    mark = make.last_feed_row()
    changes = {"name_zh": " 西溪 ", "languages": ["en"], "default_language": "en"}
    edited = edit_venue(actor=make.SYSTEM, venue=venue, **settings_of(venue, **changes))
    assert (edited.name_zh, edited.languages, edited.default_language) == ("西溪", ["en"], "en")
    edit_venue(actor=make.SYSTEM, venue=venue, **settings_of(edited))
    assert AuditRow.objects.filter(action="venue.edit").count() == 1
    assert make.feed_rows(mark) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name_zh": " "}, "name_zh"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"day_start_minutes": 1440}, "day_start_minutes"),
        ({"capacity": 0}, "capacity"),
        ({"languages": ["en"]}, "default_language"),
    ],
)
def test_a_venue_keeps_settings_that_make_sense(venue: Venue, changes: dict[str, object], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        edit_venue(actor=make.SYSTEM, venue=venue, **settings_of(venue, **changes))
    assert refused.value.field == field
    assert not AuditRow.objects.filter(action="venue.edit").exists()


@pytest.mark.django_db(transaction=True)
def test_a_venue_edited_by_two_at_once_tells_the_gates_what_it_is(venue: Venue) -> None:
    mark = make.last_feed_row()
    starts = (60, 120)
    race(
        venue,
        *(
            partial(edit_venue, actor=make.SYSTEM, venue=venue, **settings_of(venue, day_start_minutes=start))
            for start in starts
        ),
    )
    told = [VenueSettings.unpack(op.value).day_start_minutes for row in make.feed_rows(mark) for op in row.ops]
    assert sorted(told) == [60, 120]
    assert told[-1] == Venue.objects.get(pk=venue.pk).day_start_minutes, "the last word is the row's"


def test_a_group_is_renamed_for_the_console_alone(venue: Venue, west: Station) -> None:
    mark = make.last_feed_row()
    group = rename_group(actor=make.SYSTEM, venue=venue, group=west.group, name=" 大门 ")
    assert group.name == "大门"
    assert AuditRow.objects.get(action="group.rename").detail == {"name": ["西门", "大门"]}
    rename_group(actor=make.SYSTEM, venue=venue, group=group, name="大门")
    assert AuditRow.objects.filter(action="group.rename").count() == 1
    assert make.feed_rows(mark) == []
    with pytest.raises(DomainError) as refused:
        rename_group(actor=make.SYSTEM, venue=venue, group=group, name=" ")
    assert refused.value.field == "name"
    with pytest.raises(DomainError) as refused:
        rename_group(actor=make.make_actor(venue, "viewer"), venue=venue, group=group, name="x")
    assert refused.value.code == "permission.denied"


@pytest.mark.django_db(transaction=True)
def test_a_group_renamed_by_two_at_once_has_one_name_and_the_audit_tells_both(venue: Venue, west: Station) -> None:
    race(
        venue,
        *(partial(rename_group, actor=make.SYSTEM, venue=venue, group=west.group, name=name) for name in ("a", "b")),
    )
    first, second = (row.detail["name"] for row in AuditRow.objects.filter(action="group.rename").order_by("pk"))
    assert first[0] == "西门"
    assert second[0] == first[1], "the later one saw what the first had made of it"
    assert Station.objects.get(pk=west.pk).group.name == second[1]
