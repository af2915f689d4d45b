"""What staff change at working gates: switches, products, groups."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.catalog.models import ProductStation, TicketProduct
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import live, live_services
from cloud.entitlements.models import FeedRow
from cloud.venues.models import Device, Station, Venue
from paifang import records
from paifang.records import Table
from paifang.v1 import feed_pb2
from tests.support.race import race
from tests.support.venue import SYSTEM, feed_rows, last_feed_row, make_gate, make_product, make_station

pytestmark = pytest.mark.django_db


def told(mark: int) -> dict[int, records.Station]:
    """The station records published since: the last of each. All of them urgent."""
    rows = feed_rows(mark)
    assert {row.stream for row in rows} <= {feed_pb2.STREAM_URGENT}
    return {
        int.from_bytes(op.key, "big"): records.Station.unpack(op.value or b"")
        for row in rows
        for op in row.ops
        if op.table == Table.STATION
    }


def verified(station: Station) -> set[str]:
    return set(TicketProduct.objects.filter(stations=station).values_list("code", flat=True))


def set_products(venue: Venue, station: Station, *products: TicketProduct) -> list[Station]:
    return live_services.set_station_products(actor=SYSTEM, venue=venue, station=station, products=products)


def set_stations(venue: Venue, product: TicketProduct, *stations: Station) -> list[Station]:
    return live_services.set_product_stations(actor=SYSTEM, venue=venue, product=product, stations=stations)


def join(venue: Venue, station: Station, *others: Station, **fields: Any) -> list[Station]:
    return live_services.join_groups(actor=SYSTEM, venue=venue, station=station, others=others, **fields)


def leave(venue: Venue, station: Station) -> Station:
    return live_services.leave_group(actor=SYSTEM, venue=venue, station=station)


@pytest.mark.spec("S-15", "S-21")
def test_a_station_switched_off_and_on_leaves_its_devices_as_they_were(
    venue: Venue, west: Station, gate: Device, adult: TicketProduct
) -> None:
    live_services.set_device_enabled(actor=SYSTEM, venue=venue, device=gate, enabled=False)
    for enabled in (False, True):
        mark = last_feed_row()
        live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=west, enabled=enabled)
        assert told(mark) == {west.pk: records.Station(west.group_id, enabled, False, (adult.product_class,))}
    assert Device.objects.get(pk=gate.pk).enabled is False
    assert Station.objects.get(pk=west.pk).enabled is True


@pytest.mark.spec("S-20")
def test_one_gate_off_leaves_the_others_working(venue: Venue, west: Station, gate: Device) -> None:
    other, mark = make_gate(venue, west, "W-2"), last_feed_row()
    mark = last_feed_row()
    live_services.set_device_enabled(actor=SYSTEM, venue=venue, device=gate, enabled=False)
    [row] = feed_rows(mark)
    assert [(op.table, op.key) for op in row.ops] == [(Table.DEVICE, records.live_key(gate.pk))]
    assert records.Device.unpack(row.ops[0].value or b"") == records.Device(west.pk, False, "W-1")
    assert Device.objects.get(pk=other.pk).enabled
    assert Station.objects.get(pk=west.pk).enabled


def test_switching_to_what_it_is_already_changes_nothing(venue: Venue, west: Station, gate: Device) -> None:
    rows, trail = FeedRow.objects.count(), AuditRow.objects.count()
    live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=west, enabled=True)
    live_services.set_device_enabled(actor=SYSTEM, venue=venue, device=gate, enabled=True)
    live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=west)
    leave(venue, west)
    assert (FeedRow.objects.count(), AuditRow.objects.count()) == (rows, trail)


@pytest.mark.spec("S-10", "S-19")
def test_a_moved_device_belongs_to_one_station(venue: Venue, west: Station, east: Station, gate: Device) -> None:
    mark = last_feed_row()
    live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=east)
    [row] = feed_rows(mark)
    assert records.Device.unpack(row.ops[0].value or b"").station_id == east.pk
    assert (list(west.devices.all()), list(east.devices.all())) == ([], [gate])
    with pytest.raises(DomainError) as refused:
        live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=None)
    assert refused.value.code == "device.station", "a gate is always somewhere"
    printer = live_services.create_device(actor=SYSTEM, venue=venue, identifier="P", name="P", kind="printer")
    mark = last_feed_row()
    for station in (east, None):
        live_services.move_device(actor=SYSTEM, venue=venue, device=printer, station=station)
        assert Device.objects.get(pk=printer.pk).station == station
    assert feed_rows(mark) == [], "a printer verifies nothing: no gate is told"


@pytest.mark.spec("S-10")
def test_a_device_that_somebody_moved_meanwhile_stays_where_they_put_it(
    venue: Venue, west: Station, east: Station, gate: Device
) -> None:
    north = make_station(venue, "北门")
    live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=north, left=west)
    with pytest.raises(DomainError) as refused:
        live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=east, left=west)
    assert refused.value.code == "device.moved"
    assert Device.objects.get(pk=gate.pk).station == north


@pytest.mark.spec("S-06", "T-28")
def test_a_change_on_either_side_is_a_change_on_both(
    venue: Venue, west: Station, east: Station, adult: TicketProduct, week: TicketProduct
) -> None:
    mark = last_feed_row()
    set_products(venue, west, week)
    assert set(adult.stations.all()) == {east}
    assert told(mark)[west.pk].products == (week.product_class,)

    mark = last_feed_row()
    assert set_stations(venue, adult, west) == [west]
    assert (verified(west), verified(east)) == ({"adult", "week"}, set())
    records_told = told(mark)
    assert records_told[west.pk].products == (adult.product_class, week.product_class)
    assert records_told[east.pk].products == ()

    mark = last_feed_row()
    set_stations(venue, adult, west)
    assert told(mark) == {}, "nothing changed, nothing is said"


@pytest.mark.spec("S-06", "S-18")
def test_an_exit_verifies_nothing(venue: Venue, way_out: Station, adult: TicketProduct) -> None:
    attempts = [
        lambda: set_products(venue, way_out, adult),
        lambda: set_stations(venue, adult, way_out),
        lambda: make_product(venue, "more", stations=[way_out]),
    ]
    for attempt in attempts:
        with pytest.raises(DomainError) as refused:
            attempt()
        assert refused.value.code == "station.exit_products"
    with pytest.raises(DomainError) as refused:
        join(venue, way_out, way_out)
    assert refused.value.code == "station.exit_group"
    assert verified(way_out) == set()


@pytest.mark.spec("S-12", "S-13")
def test_joining_brings_the_products_of_both(venue: Venue, west: Station, east: Station) -> None:
    a, b = make_product(venue, "a", stations=[west]), make_product(venue, "b", stations=[east])
    mark = last_feed_row()
    assert join(venue, west, east) == [west, east]
    assert verified(west) == verified(east) == {"a", "b"}
    both = told(mark)
    assert both[west.pk].group_id == both[east.pk].group_id == west.group_id
    assert both[west.pk].products == both[east.pk].products == (a.product_class, b.product_class)


@pytest.mark.spec("S-12")
def test_the_user_may_keep_some_of_them(venue: Venue, west: Station, east: Station) -> None:
    make_product(venue, "a", stations=[west])
    b = make_product(venue, "b", stations=[east])
    join(venue, west, east, products=[b])
    assert verified(west) == verified(east) == {"b"}


@pytest.mark.spec("S-11")
def test_same_type_is_symmetric_and_transitive(venue: Venue, west: Station, east: Station) -> None:
    north, south = make_station(venue, "北门"), make_station(venue, "南门")
    join(venue, west, east)
    join(venue, south, north)
    assert set(join(venue, east, south)) == {west, east, north, south}
    assert Station.objects.values_list("group_id", flat=True).distinct().count() == 1


@pytest.mark.spec("S-13")
def test_unticking_at_one_unticks_at_all(venue: Venue, west: Station, east: Station, adult: TicketProduct) -> None:
    north = make_station(venue, "北门")
    join(venue, west, east)
    mark = last_feed_row()
    set_products(venue, east)
    assert told(mark).keys() == {west.pk, east.pk}
    assert verified(west) == verified(east) == set()
    set_stations(venue, adult, west, north)
    assert verified(west) == verified(east) == verified(north) == {"adult"}, "one brings its group"
    set_stations(venue, adult, east, north)
    assert verified(west) == verified(east) == set(), "one takes its group along"
    assert verified(north) == {"adult"}


@pytest.mark.spec("S-13")
def test_a_station_made_in_a_group_verifies_what_the_group_does(
    venue: Venue, west: Station, adult: TicketProduct
) -> None:
    beside = make_station(venue, "西二门", group=west.group)
    assert verified(beside) == {"adult"}
    assert make_product(venue, "more", stations=[beside]).stations.count() == 2


@pytest.mark.spec("S-14")
def test_a_station_that_leaves_keeps_its_products_and_is_no_longer_bound(
    venue: Venue, west: Station, east: Station, adult: TicketProduct, week: TicketProduct
) -> None:
    join(venue, west, east)
    mark = last_feed_row()
    left = leave(venue, east)
    assert left.group_id != west.group_id
    assert told(mark) == {
        east.pk: records.Station(left.group_id, True, False, (adult.product_class, week.product_class))
    }
    set_products(venue, west, adult)
    assert verified(east) == {"adult", "week"}
    assert list(Station.objects.filter(group_id=west.group_id)) == [west]


def test_products_of_another_venue_are_not_there(venue: Venue, west: Station) -> None:
    nobody = TicketProduct(pk=999_999)
    with pytest.raises(DomainError) as refused:
        set_products(venue, west, nobody)
    assert refused.value.code == "row.gone"
    with pytest.raises(DomainError) as refused:
        set_stations(venue, make_product(venue), Station(pk=999_999))
    assert refused.value.code == "row.gone"


@pytest.mark.spec("S-13")
@pytest.mark.django_db(transaction=True)
def test_edits_of_two_members_follow_one_another(venue: Venue, west: Station, east: Station) -> None:
    """Whatever the order: every station of the group ends with the same list, the one told last."""
    a, b = make_product(venue, "a"), make_product(venue, "b")
    join(venue, west, east)
    for _ in range(4):
        mark = last_feed_row()
        results = race(
            venue,
            lambda: set_products(venue, west, a),
            lambda: set_products(venue, east, b),
            lambda: set_stations(venue, a, west, east),
            lambda: set_stations(venue, b),
        )
        assert not [each for each in results if isinstance(each, Exception)], results
        assert verified(west) == verified(east)
        classes = set(ProductStation.objects.filter(station=west).values_list("product__product_class", flat=True))
        assert set(told(mark)[west.pk].products) == set(told(mark)[east.pk].products) == classes


@pytest.mark.spec("S-11", "S-13")
@pytest.mark.django_db(transaction=True)
def test_joining_and_leaving_at_once_leave_whole_groups(venue: Venue) -> None:
    stations = [make_station(venue, name) for name in "abcd"]
    for at, station in enumerate(stations):
        make_product(venue, f"p{at}", stations=[station])
    a, b, c, d = stations
    for _ in range(3):
        results = race(
            venue,
            lambda: join(venue, a, b),
            lambda: join(venue, b, c),
            lambda: leave(venue, b),
            lambda: join(venue, c, d),
            lambda: live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=b, enabled=False),
        )
        assert not [each for each in results if isinstance(each, Exception)], results
        by_group: dict[int, list[set[str]]] = {}
        for station in Station.objects.all():
            by_group.setdefault(station.group_id, []).append(verified(station))
        for lists in by_group.values():
            assert all(each == lists[0] for each in lists), by_group
        assert not Station.objects.get(pk=b.pk).enabled
        assert told(0)[b.pk].enabled is False, "no lost update: the last word is the row's"
        live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=b, enabled=True)


@pytest.mark.django_db(transaction=True)
def test_a_product_made_while_groups_change_is_the_whole_groups(venue: Venue, west: Station, east: Station) -> None:
    made = race(
        venue, lambda: make_product(venue, "a", stations=[west]), lambda: join(venue, west, east),
        lambda: make_product(venue, "b", stations=[east]),
    )  # fmt: skip
    assert not [each for each in made if isinstance(each, Exception)], made
    assert verified(west) == verified(east) == {"a", "b"}
    assert sorted(TicketProduct.objects.values_list("product_class", flat=True)) == [1, 2]


def test_everything_live_can_be_told_again(venue: Venue, west: Station, gate: Device, adult: TicketProduct) -> None:
    mark = last_feed_row()
    live.publish_all(venue)
    [row] = feed_rows(mark)
    assert [op.table for op in row.ops] == [Table.VENUE, Table.STATION, Table.STATION, Table.DEVICE]
