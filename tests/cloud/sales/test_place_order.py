"""An order is placed, paid in time, too late or not at all; what it holds is free for others to the second."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.capacity.models import Pool
from cloud.catalog.models import CalendarCell, TermsSnapshot, TicketProduct
from cloud.catalog.station_lists import set_station_sales
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements.models import Entitlement
from cloud.sales import terms
from cloud.sales.models import Order, OrderUnit
from cloud.sales.selectors import Sales, sales_of
from cloud.sales.services import cancel_unpaid, lapse_due, pay_order, revoke_order
from cloud.sales.values import Buyer, Consents, VisitorInput
from cloud.venues.models import Station, Venue
from tests.support.race import race
from tests.support.sales import place, sell, sold_by, stocked, tickets, with_parts
from tests.support.venue import SYSTEM, make_id_number, make_product

pytestmark = pytest.mark.django_db


def pay(venue: Venue, order: Order, method: str = "cash") -> Order:
    return pay_order(actor=SYSTEM, venue=venue, order=order, method=method)


def refused(code: str, call: Any) -> DomainError:
    with pytest.raises(DomainError) as error:
        call()
    assert error.value.code == code
    return error.value


def late(order: Order) -> None:
    """Its time to be paid ended a second ago."""
    Order.objects.filter(pk=order.pk).update(pay_by=timezone.now() - timedelta(seconds=1))


def taken(venue: Venue) -> list[tuple[int, int]]:
    return list(Pool.objects.order_by("pk").values_list("taken", "held"))


def test_a_placed_order_holds_stock_and_has_no_tickets_until_it_is_paid(venue: Venue, adult: TicketProduct) -> None:
    before = timezone.now()
    order = place(venue, tickets(stocked(adult, 5), 2), buyer=Buyer("王", "138 0013 8000"), channel="shop")
    assert (order.state, order.channel, order.contact_name, order.phone_last4) == ("placed", "shop", "王", "8000")
    assert before + timedelta(minutes=30) <= (order.pay_by or before) <= timezone.now() + timedelta(minutes=30)
    assert b"13800138000" not in bytes(order.sealed_phone or b"")
    assert (taken(venue), Entitlement.objects.count()) == ([(2, 2)], 0)
    line = order.lines.get()
    assert (line.quantity, line.price_fen, line.visit_date, line.spec_id) == (
        2, 8000, today(venue), adult.specs.get().pk,
    )  # fmt: skip

    paid = pay(venue, order, "wechat")
    assert (paid.state, paid.pay_method, taken(venue)) == ("issued", "wechat", [(2, 0)])
    assert Entitlement.objects.count() == 2
    assert pay(venue, order).pay_method == "wechat", "paying again changes nothing"
    assert Entitlement.objects.count() == 2
    assert [row.detail["number"] for row in AuditRow.objects.filter(action="order.pay")] == [order.number]


@pytest.mark.spec("T-23")
def test_an_unpaid_order_frees_its_stock_at_its_deadline_also_without_a_worker(
    venue: Venue, adult: TicketProduct
) -> None:
    order = place(venue, tickets(stocked(sold_by(adult, pay_minutes=15), 1)))
    assert order.pay_by is not None
    assert order.pay_by - order.created_at <= timedelta(minutes=15, seconds=1)
    refused("capacity.sold_out", lambda: place(venue, tickets(adult), key="k2"))
    assert lapse_due(venue, order.pay_by - timedelta(microseconds=1)) == 0
    late(order)
    assert place(venue, tickets(adult), key="k3").state == "placed", "whoever buys lets it lapse"
    order.refresh_from_db()
    assert (order.state, taken(venue)) == ("lapsed", [(1, 1)])
    assert lapse_due(venue) == 0


@pytest.mark.spec("T-23", "T-57")
def test_only_the_ways_to_pay_a_product_allows(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, pay_methods=("wechat", "alipay"))
    error = refused("order.pay_method", lambda: sell(venue, tickets(adult)))
    assert error.en == "Adult is paid by WeChat Pay, Alipay only."
    order = place(venue, tickets(adult))
    refused("order.pay_method", lambda: pay(venue, order, "cash"))
    refused("order.pay_method", lambda: pay(venue, order, "shells"))
    sold_by(adult, pay_methods=("cash",))
    assert pay(venue, order, "alipay").state == "issued", "as it was sold"


def test_a_late_payment_takes_its_stock_anew_or_is_refused(venue: Venue, adult: TicketProduct) -> None:
    order = place(venue, tickets(stocked(adult, 1)))
    late(order)
    lapse_due(venue)
    assert taken(venue) == [(0, 0)]
    assert pay(venue, order).state == "issued"
    assert taken(venue) == [(1, 0)]

    stocked(adult, 2)
    second = place(venue, tickets(adult), key="k2")
    late(second)
    sell(venue, tickets(adult), key="k3")
    error = refused("order.too_late", lambda: pay(venue, second))
    assert "Give the money back" in error.en
    assert (Order.objects.get(pk=second.pk).state, taken(venue)) == ("lapsed", [(2, 0)])


def test_a_cancelled_order_never_revives(venue: Venue, adult: TicketProduct) -> None:
    order = place(venue, tickets(stocked(adult, 1)))
    for _turn in range(2):
        assert cancel_unpaid(actor=SYSTEM, venue=venue, order=order).state == "cancelled"
    assert taken(venue) == [(0, 0)]
    refused("order.cancelled", lambda: pay(venue, order))
    paid = sell(venue, tickets(adult), key="k2")
    refused("order.paid", lambda: cancel_unpaid(actor=SYSTEM, venue=venue, order=paid))
    assert AuditRow.objects.filter(action="order.cancel").count() == 1


@pytest.mark.spec("T-18", "T-39", "T-55")
@pytest.mark.parametrize("kind", ["ticket", "annual"])
def test_a_channel_that_is_not_ticked_never_sells_it(venue: Venue, adult: TicketProduct, kind: str) -> None:
    TicketProduct.objects.filter(pk=adult.pk).update(kind=kind)
    adult.refresh_from_db()
    sold_by(adult, channels=("shop",))
    assert refused("order.channel", lambda: sell(venue, tickets(adult))).en == "Adult is not sold by Front desk."
    assert place(venue, tickets(adult), channel="shop").state == "placed"
    TicketProduct.objects.filter(pk=adult.pk).update(sale_rules={"channels": ["ctrip"]})
    error = refused("order.channel", lambda: place(venue, tickets(adult), key="k2", channel="ctrip"))
    assert error.en == "Ctrip: The venue is not connected to this platform yet."


@pytest.mark.spec("S-07")
def test_a_station_sells_what_it_is_told_to(venue: Venue, adult: TicketProduct, west: Station) -> None:
    sold = place(venue, tickets(adult), station=west)
    assert sold.station == west
    set_station_sales(actor=SYSTEM, venue=venue, station=west, products=[])
    refused("station.not_sold", lambda: place(venue, tickets(adult), key="k2", station=west))
    Station.objects.filter(pk=west.pk).update(enabled=False)
    refused("station.disabled", lambda: place(venue, tickets(adult), key="k2", station=west))
    assert place(venue, tickets(adult), key="k2").station is None


@pytest.mark.spec("T-21", "T-56")
def test_what_must_be_confirmed_is_confirmed_first_and_kept_with_its_text(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, notice_zh="水深危险", notice_en="Deep water", agreement_zh="购卡协议")
    refused("order.notice", lambda: place(venue, tickets(adult)))
    refused("order.agreement", lambda: place(venue, tickets(adult), consents=Consents(notice=True)))
    before = timezone.now()
    line = place(venue, tickets(adult), consents=Consents(notice=True, agreement=True)).lines.get()
    assert before <= (line.notice_at or before) <= timezone.now()
    assert line.agreement_at == line.notice_at
    sold_by(adult, notice_zh="新的提示")
    again = place(venue, tickets(adult), key="k2", consents=Consents(notice=True)).lines.get()
    assert terms.read(line.terms).notice == {"zh": "水深危险", "en": "Deep water"}
    assert terms.read(again.terms).notice == {"zh": "新的提示", "en": ""}
    assert TermsSnapshot.objects.count() == 2


@pytest.mark.spec("T-10")
def test_a_text_that_is_edited_later_does_not_change_what_an_order_shows(venue: Venue, adult: TicketProduct) -> None:
    TicketProduct.objects.filter(pk=adult.pk).update(texts={"introduction": {"zh": "旧"}})
    line = sell(venue, tickets(adult)).lines.get()
    TicketProduct.objects.filter(pk=adult.pk).update(texts={"introduction": {"zh": "新"}})
    assert terms.read(line.terms).texts == {"introduction": {"zh": "旧"}}


@pytest.mark.spec("T-22")
def test_a_group_ticket_is_sold_from_its_minimum_on_over_all_lines(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, group_min=10)
    error = refused("order.group", lambda: place(venue, tickets(adult, 9)))
    assert (error.en, error.field) == ("Adult is a group ticket: from 10 on.", "quantity")
    assert place(venue, tickets(adult, 9), tickets(adult, 1)).total_fen == 80_000


@pytest.mark.spec("T-26")
def test_five_codes_or_one_code_for_five(venue: Venue, adult: TicketProduct) -> None:
    assert [unit.entitlement.persons for unit in sell(venue, tickets(adult, 5)).units.all()] == [1] * 5
    together = sell(venue, tickets(sold_by(adult, printing="together"), 5), key="k2").units.get()
    assert (together.tickets, together.entitlement.persons, together.price_fen) == (5, 5, 40_000)
    refused("order.too_many_persons", lambda: sell(venue, tickets(adult, 128), key="k3"))


@pytest.mark.spec("T-37", "T-38")
def test_a_package_takes_each_parts_stock_or_nothing(venue: Venue, adult: TicketProduct) -> None:
    cable = stocked(make_product(venue, "cable", name_en="Cable", price_fen=5000), 3)
    package = make_product(venue, "both", kind="package", name_en="Both", price_fen=11_000)
    with_parts(package, (adult, 1), (cable, 2))
    order = sell(venue, tickets(package))
    assert [(unit.product.code, unit.price_fen, unit.bundle) for unit in order.units.all()] == [
        ("adult", 4889, 1), ("cable", 3056, 1), ("cable", 3055, 1),
    ]  # fmt: skip
    assert sum(unit.price_fen for unit in order.units.all()) == order.total_fen == 11_000
    counts = {pool.spec.product.code: pool.taken for pool in Pool.objects.select_related("spec__product")}
    assert counts == {"adult": 1, "both": 1, "cable": 2}
    refused("capacity.sold_out", lambda: sell(venue, tickets(package), key="k2"))
    assert {pool.spec.product.code: pool.taken for pool in Pool.objects.select_related("spec__product")} == counts


def test_price_and_stock_are_those_of_the_day(venue: Venue, adult: TicketProduct) -> None:
    day = today(venue) + timedelta(days=3)
    CalendarCell.objects.create(venue=venue, spec=adult.specs.get(), day=day, price_fen=12_300, stock=1)
    assert sell(venue, tickets(adult, visit_date=day)).total_fen == 12_300
    refused("capacity.sold_out", lambda: sell(venue, tickets(adult, visit_date=day), key="k2"))
    assert sell(venue, tickets(adult, 2), key="k3").total_fen == 16_000
    CalendarCell.objects.create(venue=venue, spec=adult.specs.get(), day=day + timedelta(days=1), closed=True)
    refused("order.not_available", lambda: sell(venue, tickets(adult, visit_date=day + timedelta(days=1)), key="k4"))


def test_a_replay_returns_the_same_order_and_holds_nothing_twice(venue: Venue, adult: TicketProduct) -> None:
    line = tickets(stocked(adult, 1), visitors=[VisitorInput("王", make_id_number())])
    assert place(venue, line).pk == place(venue, line).pk
    assert taken(venue) == [(1, 1)]
    refused("order.key_reused", lambda: place(venue, line, channel="shop"))


def test_what_is_revoked_unused_is_free_again_and_unpaid_orders_are_no_sales(
    venue: Venue, adult: TicketProduct
) -> None:
    paid = sell(venue, tickets(stocked(adult, 3), 2))
    place(venue, tickets(adult), key="k2")
    assert sales_of(venue, today(venue)) == Sales(orders=1, fen=16_000, revoked=0)
    revoke_order(actor=SYSTEM, venue=venue, order=paid, why="x")
    assert taken(venue) == [(1, 1)]
    assert sales_of(venue, today(venue)) == Sales(orders=1, fen=16_000, revoked=1)


@pytest.mark.spec("T-13")
@pytest.mark.django_db(transaction=True)
def test_of_buyers_racing_for_the_last_one_exactly_one_has_it(venue: Venue, adult: TicketProduct) -> None:
    stocked(adult, 1)
    results = race(venue, *(lambda key=key: place(venue, tickets(adult), key=key) for key in "abcd"))
    assert sorted(one.code if isinstance(one, DomainError) else one.state for one in results) == [
        "capacity.sold_out", "capacity.sold_out", "capacity.sold_out", "placed",
    ]  # fmt: skip
    assert (taken(venue), OrderUnit.objects.count()) == ([(1, 1)], 1)


@pytest.mark.django_db(transaction=True)
def test_payment_cancellation_and_lapse_at_once_leave_one_of_them(venue: Venue, adult: TicketProduct) -> None:
    """Paid with tickets and stock taken, or ended with neither: never a mixture."""
    stocked(adult, 5)
    for turn in range(4):
        order = place(venue, tickets(adult), key=f"k{turn}")
        late(order)
        race(
            venue,
            lambda order=order: pay(venue, order),
            lambda order=order: cancel_unpaid(actor=SYSTEM, venue=venue, order=order),
            lambda: lapse_due(venue),
        )
        order.refresh_from_db()
        assert order.state in ("issued", "cancelled"), turn
        issued = order.units.filter(entitlement__isnull=False).count()
        assert issued == (order.state == "issued")
    paid = Order.objects.filter(state="issued").count()
    assert taken(venue) == [(paid, 0)]
