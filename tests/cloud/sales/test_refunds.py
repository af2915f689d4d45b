"""Giving tickets back: quoted, frozen, stopped at the gates, confirmed by them, and only then is money due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from cloud.capacity.models import Pool
from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.refund_rules import KEPT, PERCENT, Amount, Tier
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import acks
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.entitlements.sequencer import head, number_waiting
from cloud.sales.models import MoneyBack, Order, OrderUnit, RefundCase, RefundUnit
from cloud.sales.refund_quotes import Plan
from cloud.sales.services import (
    agree_refund,
    apply_refund,
    expire_due,
    pay_back,
    quote_refund,
    reject_refund,
    revoke_order,
    settle_due,
)
from cloud.venues.models import Edge, Station, Venue
from paifang.records import Record, State
from paifang.usage import Usage
from paifang.v1 import feed_pb2
from tests.support.race import race
from tests.support.sales import place, refunded_by, sell, sold_by, stocked, tickets, with_parts
from tests.support.venue import SYSTEM, feed_rows, last_feed_row, make_actor, make_product, relay

pytestmark = pytest.mark.django_db


def refund(venue: Venue, order: Order, *positions: int, key: str = "r1", **how: Any) -> RefundCase:
    units = [unit for unit in order.units.all() if not positions or unit.position in positions]
    return apply_refund(
        **({"actor": SYSTEM, "venue": venue, "order": order, "units": units, "idempotency_key": key} | how)
    )


def quoted(venue: Venue, order: Order, *positions: int, **how: Any) -> Plan:
    units = [unit for unit in order.units.all() if not positions or unit.position in positions]
    return quote_refund(actor=SYSTEM, venue=venue, order=order, units=units, **how)


def refused(code: str, call: Any) -> str:
    with pytest.raises(DomainError) as error:
        call()
    assert error.value.code == code
    return error.value.en


def use(edge: Edge, unit: OrderUnit, station: Station, persons: int = 1) -> None:
    """A gate tells of a use."""
    assert unit.entitlement_id is not None
    record = Usage(revision=1, total=persons).pack()
    assert relay(edge, unit.entitlement_id, station.group_id, record)


def states(order: Order) -> list[int]:
    return [unit.entitlement.state for unit in order.units.select_related("entitlement") if unit.entitlement]


@pytest.mark.spec("T-32")
def test_a_fixed_fee_of_each_ticket_and_the_way_of_the_money(venue: Venue, adult: TicketProduct) -> None:
    stocked(refunded_by(adult, kind="any", fee="fixed", fee_fen=500), 5)
    order, mark = sell(venue, tickets(adult, 4), pay_method="wechat"), last_feed_row()
    shown = quoted(venue, order, 1, 2, 3)
    assert (shown.returned_fen, shown.en) == (22_500, "3 tickets: returns 225.00 of 240.00, keeps 15.00.")
    case = refund(venue, order, 1, 2, 3, shown_fen=22_500)
    assert (case.state, case.amount_fen, case.paid_fen, case.method, case.review) == (
        "due", 22_500, 24_000, "wechat", False,
    )  # fmt: skip
    order.refresh_from_db()
    assert (order.state, states(order)) == ("part_refunded", [2, 2, 2, 0])
    assert Pool.objects.get().taken == 1
    [row] = feed_rows(mark)
    assert row.stream == feed_pb2.STREAM_URGENT
    assert {Record.unpack(op.value or b"").state for op in row.ops} == {State.REFUNDED}

    paid = pay_back(actor=SYSTEM, venue=venue, case=case, receipt="4200")
    assert paid.state == pay_back(actor=SYSTEM, venue=venue, case=case).state == "paid"
    assert list(MoneyBack.objects.values_list("amount_fen", "method", "receipt")) == [(22_500, "wechat", "4200")]
    assert refund(venue, order, 4, key="r2").amount_fen == 7500
    order.refresh_from_db()
    assert (order.state, Pool.objects.get().taken) == ("refunded", 0)


@pytest.mark.spec("T-30")
def test_not_refundable_but_by_somebody_who_may_with_a_reason(venue: Venue, adult: TicketProduct) -> None:
    order = sell(venue, tickets(adult))
    said = refused("refund.refused", lambda: quoted(venue, order))
    assert said == "Ticket 1, Adult: It is not refundable."
    manager = make_actor(venue, "product_manager")
    refused("permission.denied", lambda: refund(venue, order, actor=manager, override=True, why="x"))
    refused("input.required", lambda: refund(venue, order, override=True))
    case = refund(venue, order, override=True, why="雷雨关园")
    assert (case.state, case.amount_fen, case.override, case.why) == ("due", 8000, True, "雷雨关园")
    assert AuditRow.objects.get(action="refund.apply").detail["why"] == "雷雨关园"


@pytest.mark.spec("T-31")
def test_used_or_partly_used_is_not_refundable(venue: Venue, adult: TicketProduct, edge: Edge, west: Station) -> None:
    order = sell(venue, tickets(refunded_by(sold_by(adult, printing="together"), kind="any"), 3))
    use(edge, order.units.get(), west)
    assert refused("refund.refused", lambda: refund(venue, order)).endswith("It has been used and cannot be refunded.")
    assert quoted(venue, order, override=True).returned_fen == 24_000


@pytest.mark.spec("T-33")
def test_the_fee_is_that_of_the_application_and_stays(venue: Venue, adult: TicketProduct) -> None:
    tiers = (Tier(None, -60, Amount(KEPT, PERCENT, 1000)), Tier(-60, None, Amount(KEPT, PERCENT, 5000)))
    refunded_by(adult, kind="any", fee="tiers", tiers=tiers, review="review")
    order = sell(venue, tickets(adult, visit_date=today(venue) + timedelta(days=1)))
    case = refund(venue, order)
    assert (case.amount_fen, case.says_en) == (
        7200, "1 ticket: returns 72.00 of 80.00, keeps 8.00 (before 1 h before check-in)."
    )  # fmt: skip
    Entitlement.objects.update(not_before=timezone.now() - timedelta(hours=1))
    assert agree_refund(actor=SYSTEM, venue=venue, case=case).amount_fen == 7200
    other = sell(venue, tickets(adult), key="k2")
    refused("refund.changed", lambda: refund(venue, other, key="r2", shown_fen=7200))


@pytest.mark.spec("T-34", "T-62")
def test_a_refund_that_waits_stops_its_ticket_until_somebody_decides(venue: Venue, adult: TicketProduct) -> None:
    order, mark = sell(venue, tickets(refunded_by(adult, kind="any", review="review"), 2)), last_feed_row()
    case = refund(venue, order, 1)
    assert (case.state, case.review, states(order)) == ("waiting", True, [3, 0])
    [row] = feed_rows(mark)
    assert (row.stream, Record.unpack(row.ops[0].value or b"").state) == (feed_pb2.STREAM_URGENT, State.LOCKED)
    refused("refund.gone", lambda: refund(venue, order, 1, key="again"))
    assert refund(venue, order, 1).pk == case.pk, "the same key is the same application"
    refused("refund.key_reused", lambda: refund(venue, order, 2))

    refused("input.required", lambda: reject_refund(actor=SYSTEM, venue=venue, case=case, why=" "))
    rejected = reject_refund(actor=SYSTEM, venue=venue, case=case, why="已过活动期")
    assert (rejected.state, rejected.decision, states(order)) == ("rejected", "已过活动期", [0, 0])
    refused("refund.decided", lambda: agree_refund(actor=SYSTEM, venue=venue, case=case))
    refused("refund.not_due", lambda: pay_back(actor=SYSTEM, venue=venue, case=case))

    again = refund(venue, order, 1, key="r2")
    agreed = agree_refund(actor=SYSTEM, venue=venue, case=again)
    assert (agreed.state, states(order)) == ("due", [2, 0])
    assert agree_refund(actor=SYSTEM, venue=venue, case=again).decided_at == agreed.decided_at
    refused("refund.decided", lambda: reject_refund(actor=SYSTEM, venue=venue, case=again, why="x"))


@pytest.mark.spec("T-34")
def test_money_is_due_once_every_gate_has_confirmed(
    venue: Venue, adult: TicketProduct, edge: Edge, west: Station
) -> None:
    stocked(refunded_by(adult, kind="any"), 2)
    order = sell(venue, tickets(adult, 2))
    case = refund(venue, order)
    assert (case.state, Pool.objects.get().taken) == ("agreed", 2)
    assert settle_due(venue) == 0
    use(edge, order.units.get(position=2), west)  # before the revocation reached it
    number_waiting(venue)
    seq = head(venue, feed_pb2.STREAM_URGENT).seq
    acks.record(edge, feed_pb2.STREAM_URGENT, seq, int(timezone.now().timestamp() * 1000))
    assert settle_due(venue) == 1
    case.refresh_from_db()
    assert (case.state, case.amount_fen, case.unreached) == ("due", 8000, [])
    assert list(RefundUnit.objects.values_list("amount_fen", "used_late")) == [(8000, False), (0, True)]
    order.refresh_from_db()
    assert (order.state, Pool.objects.get().taken) == ("part_refunded", 1)
    assert settle_due(venue) == 0


@pytest.mark.spec("T-34")
def test_a_gate_out_of_reach_is_waited_for_so_long_and_then_named(
    venue: Venue, adult: TicketProduct, edge: Edge, west: Station
) -> None:
    case = refund(venue, sell(venue, tickets(refunded_by(adult, kind="any"))))
    assert case.decided_at is not None
    assert settle_due(venue, case.decided_at + timedelta(minutes=10, microseconds=-1)) == 0
    assert settle_due(venue, case.decided_at + timedelta(minutes=10)) == 1
    case.refresh_from_db()
    assert (case.state, case.unreached) == ("due", [edge.name])


def test_a_refund_of_what_turned_out_to_be_used_pays_nothing(
    venue: Venue, adult: TicketProduct, edge: Edge, west: Station
) -> None:
    order = sell(venue, tickets(refunded_by(adult, kind="any")))
    case = refund(venue, order)
    use(edge, order.units.get(), west)
    settle_due(venue, timezone.now() + timedelta(minutes=11))
    case.refresh_from_db()
    order.refresh_from_db()
    assert (case.state, case.amount_fen, order.state) == ("void", 0, "issued")


@pytest.mark.spec("T-22")
def test_a_group_below_its_minimum_is_refused_or_charged_the_difference(venue: Venue, adult: TicketProduct) -> None:
    refunded_by(sold_by(adult, group_min=10), kind="any")
    order = sell(venue, tickets(adult, 11))
    assert quoted(venue, order, 1).returned_fen == 8000
    said = refused("refund.group", lambda: quoted(venue, order, 1, 2))
    assert said.startswith("Adult is a group ticket: 9 would be left of at least 10.")
    assert quoted(venue, order).returned_fen == 88_000

    sold_by(adult, group_min=10, group_refund="reprice", group_single_fen=9000)
    order = sell(venue, tickets(adult, 10), key="k2")
    first = refund(venue, order, 1, 2)
    assert (first.amount_fen, first.deducted_fen) == (8000, 8000), "eight left at 10 yuan more each"
    assert refund(venue, order, 3, key="r2").amount_fen == 8000, "charged once"


@pytest.mark.spec("T-44")
def test_nothing_of_a_package_that_is_not_refundable(venue: Venue, package: TicketProduct) -> None:
    order = sell(venue, tickets(package))
    refused("refund.refused", lambda: quoted(venue, order))
    refused("refund.refused", lambda: quoted(venue, order, 1))


@pytest.fixture
def package(venue: Venue, adult: TicketProduct) -> TicketProduct:
    """100 yuan: an adult's ticket (80) and the cable car (20), each refundable for 5."""
    cable = make_product(venue, "cable", name_en="Cable", price_fen=2000)
    for ticket in (adult, cable):
        refunded_by(ticket, kind="any", fee="fixed", fee_fen=500)
    return with_parts(make_product(venue, "both", kind="package", price_fen=10_000), (adult, 1), (cable, 1))


@pytest.mark.spec("T-45")
def test_of_a_package_only_the_parts_that_are_refundable(
    venue: Venue, package: TicketProduct, edge: Edge, west: Station
) -> None:
    refunded_by(package, kind="parts")
    order = sell(venue, tickets(package))
    assert quoted(venue, order).returned_fen == 9000
    use(edge, order.units.get(position=2), west)
    refused("refund.refused", lambda: quoted(venue, order))
    refused("refund.refused", lambda: quoted(venue, order, 2))
    assert quoted(venue, order, 1).returned_fen == 7500

    refunded_by(TicketProduct.objects.get(code="cable"), kind="none")
    order = sell(venue, tickets(package), key="k2")
    refused("refund.refused", lambda: quoted(venue, order))
    assert refund(venue, order, 1).amount_fen == 7500


@pytest.mark.spec("T-46")
def test_a_package_with_a_fee_of_its_own_parts_never_beat_the_whole(venue: Venue, package: TicketProduct) -> None:
    refunded_by(package, kind="parts", own_fee=True, fee="fixed", fee_fen=1001)
    order = sell(venue, tickets(package))
    assert quoted(venue, order).returned_fen == 8999
    first = refund(venue, order, 2)
    second = refund(venue, order, 1, key="r2")
    assert (first.amount_fen, second.amount_fen) == (1799, 7200)
    assert first.amount_fen + second.amount_fen == 8999
    assert Order.objects.get(pk=order.pk).state == "refunded"


@pytest.mark.spec("T-61")
def test_an_annual_card_goes_back_whole_and_unused(venue: Venue, adult: TicketProduct) -> None:
    card = refunded_by(make_product(venue, "year", kind="annual", price_fen=36_500), kind="conditional", within_days=7)
    order = sell(venue, tickets(card))
    assert EntitlementCredential.objects.count() == 1, "the card's own code"
    assert quoted(venue, order).returned_fen == 36_500
    Order.objects.filter(pk=order.pk).update(paid_at=timezone.now() - timedelta(days=7))
    order.refresh_from_db()
    assert refused("refund.refused", lambda: quoted(venue, order)).endswith("7 days have passed since its sale.")


@pytest.mark.spec("T-35", "T-47")
@pytest.mark.parametrize(("action", "state", "amount"), [("refund", 2, 7500), ("void", 1, None), ("nothing", 0, None)])
def test_what_expiry_does_it_does_once(
    venue: Venue, adult: TicketProduct, action: str, state: int, amount: int | None
) -> None:
    refunded_by(adult, kind="any", fee="fixed", fee_fen=500, on_expiry=action, review="review")
    order = sell(venue, tickets(adult))
    over = Entitlement.objects.get().not_after + timedelta(seconds=1)
    assert expire_due(venue, over - timedelta(seconds=1)) == 0
    acted = [expire_due(venue, over) for _turn in range(2)]
    assert acted == [0 if action == "nothing" else 1, 0]
    assert states(order) == [state]
    assert list(RefundCase.objects.values_list("amount_fen", "state")) == ([(amount, "due")] if amount else [])


def test_a_refund_needs_a_paid_order_that_stands(venue: Venue, adult: TicketProduct) -> None:
    refunded_by(adult, kind="any", review="review")
    refused("refund.order", lambda: quoted(venue, place(venue, tickets(adult))))
    order = sell(venue, tickets(adult), key="k2")
    case = refund(venue, order)
    revoke_order(actor=SYSTEM, venue=venue, order=order, why="x")
    refused("refund.order", lambda: agree_refund(actor=SYSTEM, venue=venue, case=case))
    assert refund(venue, sell(venue, tickets(refunded_by(adult, kind="any")), key="k3"), key="r3").state == "due"


def test_a_free_ticket_is_closed_at_once(venue: Venue, adult: TicketProduct) -> None:
    Spec.objects.update(price_fen=0)
    case = refund(venue, sell(venue, tickets(refunded_by(adult, kind="any"))))
    assert (case.state, case.amount_fen) == ("paid", 0)


@pytest.mark.django_db(transaction=True)
def test_two_refunds_of_one_ticket_at_once_return_it_once(venue: Venue, adult: TicketProduct) -> None:
    stocked(refunded_by(adult, kind="any"), 9)
    order = sell(venue, tickets(adult, 3))
    results = race(venue, *(lambda key=key: refund(venue, order, 1, 2, key=key) for key in "abc"))
    assert sorted(one.code if isinstance(one, DomainError) else one.state for one in results) == [
        "due", "refund.gone", "refund.gone",
    ]  # fmt: skip
    assert (Pool.objects.get().taken, sum(case.amount_fen for case in RefundCase.objects.all())) == (1, 16_000)


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_make_one_refund(venue: Venue, adult: TicketProduct) -> None:
    refunded_by(adult, kind="any", review="review")
    for turn in range(3):
        order = sell(venue, tickets(adult), key=f"k{turn}")
        case = refund(venue, order, key=f"r{turn}")
        results = race(
            venue,
            *[lambda case=case: agree_refund(actor=SYSTEM, venue=venue, case=case)] * 2,
            lambda case=case: reject_refund(actor=SYSTEM, venue=venue, case=case, why="x"),
        )
        case.refresh_from_db()
        if case.state == "due":
            assert [type(one) for one in results] == [RefundCase, RefundCase, DomainError], connection.vendor
            assert states(order) == [2]
        else:
            assert (case.state, states(order)) == ("rejected", [0])
            assert [type(one) for one in results] == [DomainError, DomainError, RefundCase]
