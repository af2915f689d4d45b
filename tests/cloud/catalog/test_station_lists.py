"""What a station sells and hands out, and who may work there."""

from __future__ import annotations

import pytest

from cloud.catalog.models import StationSale, TicketProduct
from cloud.catalog.station_lists import (
    collectable_at,
    require_collectable,
    require_sellable,
    sellable_at,
    set_station_collects,
    set_station_sales,
    stations_collecting,
    stations_selling,
)
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import lifecycle, live_services
from cloud.entitlements.models import Entitlement
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.staff.permissions import Permission
from cloud.staff.services import grant_role
from cloud.venues.models import Station, Venue
from cloud.venues.workplaces import work_as, workplaces
from tests.support.race import race
from tests.support.venue import SYSTEM, make_actor, make_product, make_station

pytestmark = pytest.mark.django_db

MANAGE = Permission.ENTITLEMENT_MANAGE


def sells(station: Station, *products: TicketProduct) -> Station:
    return set_station_sales(actor=SYSTEM, venue=station.venue, station=station, products=products)


def collects(station: Station, *products: TicketProduct) -> Station:
    return set_station_collects(actor=SYSTEM, venue=station.venue, station=station, products=products)


def codes(products: object) -> set[str]:
    return {product.code for product in products}  # type: ignore[attr-defined]


@pytest.fixture
def limited(venue: Venue, west: Station) -> Actor:
    """A gate supervisor of the west gate alone."""
    actor = make_actor(venue, None, "limited")
    assert actor.employee is not None
    grant_role(actor=SYSTEM, employee=actor.employee, role="gate_supervisor", venue=venue, stations=[west])
    return actor


@pytest.mark.spec("S-07")
def test_everything_is_sold_there_also_what_is_made_later_until_a_list_says_otherwise(
    venue: Venue, west: Station, east: Station, adult: TicketProduct, week: TicketProduct
) -> None:
    assert codes(sellable_at(west)) == {"adult", "week"}
    west = sells(west, adult)
    make_product(venue, "later")
    assert (codes(sellable_at(west)), codes(sellable_at(east))) == ({"adult"}, {"adult", "week", "later"})
    assert list(stations_selling(week)) == [east]
    west = set_station_sales(actor=SYSTEM, venue=venue, station=west, products=None)
    assert codes(sellable_at(west)) == {"adult", "week", "later"}
    assert not StationSale.objects.exists()
    assert [row.detail for row in AuditRow.objects.filter(action="station.sales").order_by("pk")] == [
        {"number": west.number, "products": ["adult"]}, {"number": west.number, "all": True},
    ]  # fmt: skip


@pytest.mark.spec("S-07")
def test_what_is_not_sold_there_is_refused_naming_who_sells_it(
    west: Station, east: Station, adult: TicketProduct, week: TicketProduct
) -> None:
    west = sells(west, adult)
    require_sellable(west, adult)
    with pytest.raises(DomainError) as refused:
        require_sellable(west, week)
    assert refused.value.code == "station.not_sold"
    assert refused.value.en == "West gate does not sell Week (go to East gate)."
    assert refused.value.zh == "“西门”不出售“七日票”（请到东门）。"
    sells(east)
    with pytest.raises(DomainError, match="no station sells it"):
        require_sellable(west, week)
    assert codes(sellable_at(Station.objects.get(pk=east.pk))) == set(), "some products may be none"


@pytest.mark.spec("S-07")
def test_saying_the_same_again_says_nothing(west: Station, adult: TicketProduct) -> None:
    for _ in range(2):
        sells(west, adult)
        collects(west, adult)
    assert list(AuditRow.objects.filter(action__startswith="station.").order_by("pk").values_list("action", flat=True))[
        -2:
    ] == ["station.sales", "station.collects"]


def _ticket(venue: Venue, product: TicketProduct) -> Entitlement:
    line = OrderLine(product, 1, None)
    order = issue_order(actor=SYSTEM, venue=venue, lines=[line], idempotency_key=product.code)
    return order.units.get().entitlement


@pytest.mark.spec("S-08")
def test_a_ticket_is_handed_out_where_it_may_be_and_refused_naming_a_station_that_can(
    venue: Venue, west: Station, east: Station, adult: TicketProduct, week: TicketProduct
) -> None:
    north = make_station(venue, "北门", name_en="North gate")
    for station in (west, north):
        collects(station, adult)
    live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=north, enabled=False)
    assert codes(collectable_at(Station.objects.get(pk=west.pk))) == {"adult"}
    assert list(stations_collecting(adult)) == [west, east]
    ticket = _ticket(venue, week)
    with pytest.raises(DomainError) as refused:
        lifecycle.mark_collected(actor=SYSTEM, venue=venue, entitlement=ticket, station=west)
    assert (refused.value.code, refused.value.field) == ("station.not_collected", "station")
    assert refused.value.en == "Week cannot be picked up at West gate (go to East gate)."
    assert Entitlement.objects.get(pk=ticket.pk).collected_at is None
    with pytest.raises(DomainError) as refused:
        require_collectable(Station.objects.get(pk=north.pk), week)
    assert refused.value.zh == "“七日票”不能在“北门”取票（请到东门）。"
    lifecycle.mark_collected(actor=SYSTEM, venue=venue, entitlement=ticket, station=east, where="1 号窗口")
    assert Entitlement.objects.get(pk=ticket.pk).collected_at is not None
    row = AuditRow.objects.get(action="entitlement.collect")
    assert row.detail == {"where": "1 号窗口", "station": east.number}


@pytest.mark.spec("S-09", "S-15")
def test_somebody_works_at_enabled_stations_of_theirs_alone(
    venue: Venue, west: Station, east: Station, week: TicketProduct, limited: Actor
) -> None:
    assert list(workplaces(limited, venue, MANAGE)) == [west]
    assert list(workplaces(SYSTEM, venue, MANAGE)) == [west, east]
    assert list(workplaces(limited, venue, Permission.ORDER_ISSUE)) == []
    ticket = _ticket(venue, week)
    with pytest.raises(DomainError) as refused:
        lifecycle.mark_collected(actor=limited, venue=venue, entitlement=ticket, station=east)
    assert refused.value.code == "permission.station"
    live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=west, enabled=False)
    assert list(workplaces(limited, venue, MANAGE)) == []
    with pytest.raises(DomainError) as refused:
        work_as(limited, venue, west, MANAGE)
    assert refused.value.code == "station.disabled"
    assert refused.value.en == "West gate is disabled: work as another station."
    live_services.set_station_enabled(actor=SYSTEM, venue=venue, station=west, enabled=True)
    assert work_as(limited, venue, west, MANAGE) == west


@pytest.mark.spec("S-07")
@pytest.mark.django_db(transaction=True)
def test_of_two_lists_set_at_once_one_holds_whole(venue: Venue, west: Station) -> None:
    a, b, c = (make_product(venue, code) for code in "abc")
    for _ in range(3):
        results = race(
            venue,
            lambda: sells(west, a, b),
            lambda: sells(west, c),
            lambda: set_station_sales(actor=SYSTEM, venue=venue, station=west, products=None),
        )
        assert not [each for each in results if isinstance(each, Exception)], results
        assert codes(sellable_at(Station.objects.get(pk=west.pk))) in ({"a", "b"}, {"c"}, {"a", "b", "c"})
