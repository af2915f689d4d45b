"""A lane's own products, its station, its end: what gates are told."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cloud.catalog.models import DeviceProduct, TicketProduct
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import live, live_services
from cloud.entitlements.live_services import set_device_products
from cloud.venues.models import Device, Edge, Station, Venue
from paifang import records
from paifang.records import Table
from tests.support.race import race
from tests.support.venue import SYSTEM, feed_rows, last_feed_row, make_gate, make_product, make_station

pytestmark = pytest.mark.django_db


def told(mark: int) -> dict[int, records.Device | None]:
    """The lanes' records published since, the last of each; None: it is gone."""
    ops = [op for row in feed_rows(mark) for op in row.ops if op.table == Table.DEVICE]
    return {int.from_bytes(op.key, "big"): records.Device.unpack(op.value) if op.value else None for op in ops}


def narrow(device: Device, products: Iterable[TicketProduct] | None) -> Device:
    return set_device_products(actor=SYSTEM, venue=device.venue, device=device, products=products)


def own(device: Device) -> set[str]:
    return set(DeviceProduct.objects.filter(device=device).values_list("product__code", flat=True))


@pytest.mark.spec("S-19")
def test_a_lane_verifies_some_of_its_stations_products_and_all_of_them_again(
    venue: Venue, west: Station, gate: Device, adult: TicketProduct, week: TicketProduct
) -> None:
    mark = last_feed_row()
    narrow(gate, [week])
    assert told(mark) == {gate.pk: records.Device(west.pk, True, "W-1", (week.product_class,))}
    assert own(gate) == {"week"}
    mark = last_feed_row()
    narrow(gate, [week])
    assert told(mark) == {}, "nothing changed, nothing is said"
    narrow(gate, None)
    assert told(mark) == {gate.pk: records.Device(west.pk, True, "W-1", None)}
    assert [row.detail for row in AuditRow.objects.filter(action="device.products").order_by("pk")] == [
        {"identifier": "W-1", "products": ["week"]}, {"identifier": "W-1", "all": True},
    ]  # fmt: skip


@pytest.mark.spec("S-19")
def test_a_lane_has_no_product_that_its_station_has_not(venue: Venue, gate: Device, adult: TicketProduct) -> None:
    other = make_product(venue, "other", name_zh="缆车票", name_en="Cable car")
    mark = last_feed_row()
    with pytest.raises(DomainError) as refused:
        narrow(gate, [adult, other])
    assert (refused.value.code, refused.value.field) == ("device.products", "products")
    assert refused.value.en == "West gate does not verify Cable car: add it to the station first."
    assert (told(mark), own(gate), Device.objects.get(pk=gate.pk).narrowed) == ({}, set(), False)


@pytest.mark.spec("S-18")
def test_a_lane_at_an_exit_and_what_verifies_nothing_have_no_products(
    venue: Venue, way_out: Station, west: Station, adult: TicketProduct
) -> None:
    printer = live_services.create_device(
        actor=SYSTEM, venue=venue, identifier="P", name="P", kind="printer", station=west
    )
    for device, code in ((make_gate(venue, way_out, "OUT-1"), "device.exit_products"), (printer, "device.kind")):
        for products in ([adult], []):
            with pytest.raises(DomainError) as refused:
                narrow(device, products)
            assert refused.value.code == code


@pytest.mark.spec("S-19", "S-06")
def test_what_is_taken_from_the_station_is_taken_from_its_lanes(
    venue: Venue, west: Station, gate: Device, adult: TicketProduct, week: TicketProduct
) -> None:
    both, plain = make_gate(venue, west, "W-2"), make_gate(venue, west, "W-3")
    narrow(gate, [week])
    narrow(both, [week, adult])
    mark = last_feed_row()
    live_services.set_station_products(actor=SYSTEM, venue=venue, station=west, products=[adult])
    assert told(mark) == {
        gate.pk: records.Device(west.pk, True, "W-1", ()),
        both.pk: records.Device(west.pk, True, "W-2", (adult.product_class,)),
    }, "the last one gone, it verifies nothing; a lane that is not narrowed is not told"
    assert (own(gate), own(both), own(plain)) == (set(), {"adult"}, set())
    live_services.set_product_stations(actor=SYSTEM, venue=venue, product=adult, stations=[])
    assert own(both) == set()


@pytest.mark.spec("S-13", "S-19")
def test_a_product_taken_from_a_sibling_station_is_taken_from_the_lanes_here(
    venue: Venue, west: Station, east: Station, gate: Device, adult: TicketProduct, week: TicketProduct
) -> None:
    narrow(gate, [week, adult])
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    live_services.set_station_products(actor=SYSTEM, venue=venue, station=east, products=[week])
    assert own(gate) == {"week"}


@pytest.mark.spec("S-10", "S-19")
def test_a_lane_that_is_moved_verifies_what_its_new_station_does(
    venue: Venue, east: Station, gate: Device, adult: TicketProduct
) -> None:
    narrow(gate, [adult])
    mark = last_feed_row()
    live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=east)
    assert told(mark) == {gate.pk: records.Device(east.pk, True, "W-1", None)}
    assert own(gate) == set()


@pytest.mark.spec("S-16")
def test_a_retired_device_is_gone_from_the_gates_and_its_identifier_is_never_given_again(
    venue: Venue, west: Station, edge: Edge, gate: Device, adult: TicketProduct
) -> None:
    narrow(gate, [adult])
    mark = last_feed_row()
    live_services.retire_device(actor=SYSTEM, venue=venue, device=gate, why="water damage")
    assert told(mark) == {gate.pk: None}
    assert gate.pk not in {int.from_bytes(op.key, "big") for op in live.live_ops(venue) if op.table == Table.DEVICE}
    gone = Device.objects.get(pk=gate.pk)
    assert (gone.station, gone.edge, gone.narrowed, gone.retired_at is not None) == (None, None, False, True)
    for again in ("W-1", "w-1", "Ｗ-1", " w-1 "):
        with pytest.raises(DomainError) as refused:
            make_gate(venue, west, again)
        assert (refused.value.code, refused.value.field) == ("device.identifier", "identifier"), again
    for change in (
        lambda: live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=west),
        lambda: narrow(gate, None),
        lambda: live_services.edit_device(actor=SYSTEM, venue=venue, device=gate, name="x"),
        lambda: live_services.set_device_enabled(actor=SYSTEM, venue=venue, device=gate, enabled=False),
    ):
        with pytest.raises(DomainError) as refused:
            change()
        assert refused.value.code == "device.retired"


@pytest.mark.spec("S-16")
def test_an_identifier_has_letters_whose_case_every_database_knows(venue: Venue, west: Station) -> None:
    assert make_gate(venue, west, "西门-１").identifier == "西门-1"
    for odd in ("É-1", "Ж-1", "ß"):
        with pytest.raises(DomainError) as refused:
            make_gate(venue, west, odd)
        assert (refused.value.code, refused.value.field) == ("device.identifier_letters", "identifier")


@pytest.mark.spec("S-19")
@pytest.mark.django_db(transaction=True)
def test_a_lane_never_keeps_what_its_station_lost_meanwhile(venue: Venue, west: Station, gate: Device) -> None:
    a, b = make_product(venue, "a", stations=[west]), make_product(venue, "b", stations=[west])
    elsewhere = make_station(venue, "北门")
    for station in (elsewhere, west):
        live_services.set_station_products(actor=SYSTEM, venue=venue, station=west, products=[a, b])
        results = race(
            venue,
            lambda: narrow(gate, [a, b]),
            lambda: live_services.set_station_products(actor=SYSTEM, venue=venue, station=west, products=[a]),
            lambda: live_services.move_device(actor=SYSTEM, venue=venue, device=gate, station=station),  # noqa: B023
            lambda: live_services.set_device_enabled(actor=SYSTEM, venue=venue, device=gate, enabled=True),
        )
        assert {error.code for error in results if isinstance(error, DomainError)} <= {
            "device.products", "device.moved",
        }, results  # fmt: skip
        assert not [each for each in results if isinstance(each, Exception) and not isinstance(each, DomainError)]
        lane = Device.objects.get(pk=gate.pk)
        there = set(TicketProduct.objects.filter(stations=lane.station).values_list("code", flat=True))
        assert own(lane) <= there
