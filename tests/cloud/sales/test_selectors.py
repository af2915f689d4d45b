"""Finding orders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django_scopes import scope

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.sales import selectors
from cloud.sales.models import Order
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Venue
from tests.support.venue import SYSTEM, make_id_number, make_product, make_venue

pytestmark = pytest.mark.django_db


@pytest.fixture
def family(venue: Venue, adult: TicketProduct) -> Order:
    visitors = [VisitorInput("王小明", make_id_number(1)), VisitorInput("王小红", make_id_number(2))]
    return issue_order(
        actor=SYSTEM, venue=venue, lines=[OrderLine(adult, 2, today(venue), visitors)], idempotency_key="family"
    )


@pytest.fixture
def single(venue: Venue, week: TicketProduct) -> Order:
    return issue_order(actor=SYSTEM, venue=venue, lines=[OrderLine(week, 1)], idempotency_key="single")


def found(venue: Venue, query: str = "") -> list[Order]:
    orders = selectors.listed(venue).order_by("-created_at", "-pk")
    return list(orders.filter(selectors.matching(query)) if query else orders)


@pytest.mark.spec("O-04")
def test_each_key_finds_the_order(venue: Venue, family: Order, single: Order) -> None:
    assert found(venue) == [single, family], "newest first"
    assert found(venue, f" {family.number} ") == [family]
    assert found(venue, family.number[:-1]) == [family], "as far as somebody has read it out"
    assert found(venue, family.number[1:]) == []
    assert found(venue, "小红") == [family]
    assert found(venue, make_id_number(2).lower()) == [family]
    assert found(venue, make_id_number(3)) == []
    assert found(venue, "七日") == [single]
    assert found(venue, "week") == [single]
    assert found(venue, "nobody") == []


def test_a_wildcard_is_a_character(venue: Venue, family: Order) -> None:
    assert found(venue, "%") == found(venue, "_") == []
    assert found(venue, "小\0红") == [family]


def test_each_row_counts_its_tickets(venue: Venue, family: Order, single: Order) -> None:
    assert [order.unit_count for order in found(venue, "小")] == [2], "all of them, not only those that matched"  # type: ignore[attr-defined]


def test_the_newest_come_first(venue: Venue) -> None:
    product = make_product(venue, validity="open")
    made = [
        issue_order(actor=SYSTEM, venue=venue, lines=[OrderLine(product, 1)], idempotency_key=str(at))
        for at in range(5)
    ]
    assert found(venue, "") == made[::-1]


@pytest.mark.spec("O-07")
def test_an_order_is_read_with_all_that_belongs_to_it(
    venue: Venue, family: Order, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator]
        order = selectors.order(venue, family.number)
        assert [unit.visitor.name for unit in order.units.all() if unit.visitor] == ["王小明", "王小红"]
        assert all(unit.entitlement.pass_raw and unit.product.code == "adult" for unit in order.units.all())


def test_narrowed_to_a_product_and_to_a_day_of_the_visit(
    venue: Venue, adult: TicketProduct, family: Order, single: Order
) -> None:
    orders, day = selectors.listed(venue).order_by("pk"), today(venue)
    assert list(selectors.with_product(orders, adult)) == [family]
    assert list(selectors.for_visit(orders, venue, day)) == [family, single]
    assert list(selectors.for_visit(orders, venue, day + timedelta(days=6))) == [single]
    assert list(selectors.for_visit(orders, venue, day + timedelta(days=7))) == []


@pytest.mark.spec("Y-17")
def test_another_venues_orders_are_not_found(venue: Venue, family: Order) -> None:
    other = make_venue("other")
    with scope(venue=other):
        assert found(other) == []
        with pytest.raises(DomainError) as refused:
            selectors.order(other, family.number)
    assert refused.value.code == "order.unknown"
