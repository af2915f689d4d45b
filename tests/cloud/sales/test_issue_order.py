"""Issuing an order: frozen names and prices, signed passes, what the gates are told, replays."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_scopes import scope
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from cloud.catalog.models import RuleSnapshot, Spec, TicketProduct
from cloud.core import ids
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import keys
from cloud.entitlements.credentials import id_number_hash
from cloud.entitlements.models import Entitlement, FeedRow
from cloud.entitlements.selectors import pass_line
from cloud.sales.models import Order, OrderUnit, Visitor
from cloud.sales.personal import id_number
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Venue
from paifang import passes, records
from paifang.records import CredentialKind, Table
from paifang.rulesets import RuleFlag, RuleSet
from paifang.v1 import feed_pb2
from tests.support.budget import budget
from tests.support.race import race
from tests.support.venue import SYSTEM, feed_rows, last_feed_row, make_id_number, make_product, make_venue

pytestmark = pytest.mark.django_db


def issue(venue: Venue, *lines: OrderLine, key: str = "k1", actor: Any = SYSTEM) -> Order:
    return issue_order(actor=actor, venue=venue, lines=lines, idempotency_key=key)


def test_an_order_freezes_names_and_prices_and_adds_up(venue: Venue, adult: TicketProduct, week: TicketProduct) -> None:
    day = today(venue)
    order = issue(venue, OrderLine(adult, 2, day), OrderLine(week, 1))
    TicketProduct.objects.filter(pk=adult.pk).update(name_zh="改名")
    Spec.objects.filter(product=adult).update(price_fen=1)

    order = Order.objects.get(pk=order.pk)
    units = list(order.units.all())
    assert order.total_fen == 2 * 8000 + 20000
    assert order.state == Order.State.ISSUED
    assert order.business_day == day
    assert [(u.position, u.product_name_zh, u.product_name_en, u.price_fen) for u in units] == [
        (1, "成人票", "Adult", 8000),
        (2, "成人票", "Adult", 8000),
        (3, "七日票", "Week", 20000),
    ]
    assert order.number[:6] == f"{day:%y%m%d}"
    assert len(order.number) == 16
    assert ids.luhn_digit(order.number[:-1]) == order.number[-1]


@pytest.mark.spec("T-15", "T-16")
def test_validity_is_whole_business_days_of_the_venue(actor: Any) -> None:
    venue = make_venue("dawn", time_zone="Asia/Shanghai", day_start_minutes=240)
    with scope(venue=venue):
        day = today(venue) + timedelta(days=3)
        dated = make_product(venue)
        open_ticket = make_product(venue, "week", validity="open", valid_days=7)
        order = issue(venue, OrderLine(dated, 1, day), OrderLine(open_ticket, 1))
        booked, week = (unit.entitlement for unit in order.units.select_related("entitlement"))
    midnight = datetime.fromisoformat(f"{day}T00:00:00+08:00")
    assert booked.not_before == midnight + timedelta(hours=4)
    assert booked.not_after == midnight + timedelta(hours=28, seconds=-1)
    sold = datetime.fromisoformat(f"{order.business_day}T04:00:00+08:00")
    assert week.not_before == sold
    assert week.not_after == sold + timedelta(days=7, seconds=-1)


def test_each_pass_is_signed_by_the_venues_pass_key(venue: Venue, adult: TicketProduct) -> None:
    day = today(venue)
    before = int(timezone.now().timestamp())
    order = issue(venue, OrderLine(adult, 1, day))
    entitlement = order.units.get().entitlement
    read = passes.parse_line(pass_line(entitlement).encode())
    payload, signature = keys.signed_keyset(venue)
    VerifyKey(keys.root_public_key(venue)).verify(records.KEYSET_TAG + payload, signature)
    known = records.KeySet.unpack(payload)
    assert [key.key_id for key in known.pass_keys] == [read.key_id]
    VerifyKey(known.pass_keys[0].public).verify(read.signed, read.signature)
    assert read.digest == bytes(entitlement.pass_digest)
    assert read.claims.entitlement_id == entitlement.pk
    assert read.claims.product_class == adult.product_class == 1
    assert (read.claims.persons, read.claims.zones, read.claims.flags) == (1, 0, 0)
    assert before <= read.claims.issued_at <= before + 60


def test_the_gates_are_told_once_the_rule_set_first(venue: Venue, adult: TicketProduct) -> None:
    mark = last_feed_row()
    number = make_id_number()
    order = issue(venue, OrderLine(adult, 2, today(venue), [VisitorInput("王小明", number), VisitorInput("李雷")]))
    [row] = feed_rows(mark)
    bound, free = (unit.entitlement for unit in order.units.select_related("entitlement"))
    hashed = id_number_hash(venue, number)
    rules = RuleSnapshot.objects.get()
    assert row.stream == feed_pb2.STREAM_BULK
    assert [(op.table, op.key) for op in row.ops] == [
        (Table.RULESET, records.live_key(rules.pk)),
        (Table.ENTITLEMENT, records.entitlement_key(bound.pk)),
        (Table.INDEX, records.index_key(CredentialKind.ID_NUMBER, hashed, bound.pk)),
        (Table.ENTITLEMENT, records.entitlement_key(free.pk)),
    ]
    assert RuleSet.unpack(row.ops[0].value or b"") == RuleSet(uses_per_group=1)
    record = records.Record.unpack(row.ops[1].value or b"")
    assert record == records.Record(
        revision=1,
        ruleset_id=rules.pk,
        product_class=1,
        not_before=int(bound.not_before.timestamp()),
        not_after=int(bound.not_after.timestamp()),
        digest=bytes(bound.pass_digest),
    )
    assert row.ops[2].value == (1).to_bytes(4, "little")

    mark = last_feed_row()
    issue(venue, OrderLine(adult, 1, today(venue)), key="k2")
    [row] = feed_rows(mark)
    assert [op.table for op in row.ops] == [Table.ENTITLEMENT]


def test_a_large_order_is_several_feed_rows(venue: Venue, adult: TicketProduct) -> None:
    mark = last_feed_row()
    issue(venue, OrderLine(adult, 300, today(venue)))
    assert [len(row.ops) for row in feed_rows(mark)] == [128, 128, 45]


def test_an_edit_of_a_product_makes_a_new_rule_set_for_later_sales_only(venue: Venue, adult: TicketProduct) -> None:
    first = issue(venue, OrderLine(adult, 1, today(venue))).units.get().entitlement
    TicketProduct.objects.filter(pk=adult.pk).update(uses=2, keep_on_timeout=True)
    second = issue(venue, OrderLine(adult, 1, today(venue)), key="k2").units.get().entitlement
    assert Entitlement.objects.get(pk=first.pk).rules_id == first.rules_id != second.rules_id
    assert RuleSet.unpack(bytes(second.rules.compiled)) == RuleSet(uses_per_group=2, flags=RuleFlag.KEEP_ON_TIMEOUT)


@pytest.mark.spec("T-19")
def test_visitors_numbers_are_sealed_hashed_and_masked(venue: Venue, adult: TicketProduct) -> None:
    number = make_id_number(7)
    issue(venue, OrderLine(adult, 1, today(venue), [VisitorInput(" 王小明 ", f" {number[:6]} {number[6:].lower()}")]))
    visitor = Visitor.objects.get()
    assert (visitor.name, visitor.id_number_last4) == ("王小明", number[-4:])
    assert id_number(visitor) == number
    assert number.encode() not in bytes(visitor.sealed_id_number or b"")
    assert bytes(visitor.id_number_hash or b"") != id_number_hash(venue, number), "gates' pepper finds nobody here"


def test_a_replay_returns_the_same_order(venue: Venue, adult: TicketProduct) -> None:
    line = OrderLine(adult, 1, today(venue), [VisitorInput("王", make_id_number())])
    first, rows = issue(venue, line), FeedRow.objects.count()
    assert issue(venue, line).pk == first.pk
    assert (Order.objects.count(), OrderUnit.objects.count(), FeedRow.objects.count()) == (1, 1, rows)
    assert AuditRow.objects.filter(action="order.issue").count() == 1


def test_a_key_used_for_something_else_is_refused(venue: Venue, adult: TicketProduct) -> None:
    issue(venue, OrderLine(adult, 1, today(venue)))
    with pytest.raises(DomainError) as refused:
        issue(venue, OrderLine(adult, 2, today(venue)))
    assert refused.value.code == "order.key_reused"
    assert Order.objects.count() == 1


def test_a_number_taken_before_is_drawn_again(
    venue: Venue, adult: TicketProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = issue(venue, OrderLine(adult, 1, today(venue)))
    drawn = [first.number, "2611220000000016"]
    monkeypatch.setattr(ids, "order_number", lambda day: drawn.pop(0))
    assert issue(venue, OrderLine(adult, 1, today(venue)), key="k2").number == "2611220000000016"


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ({"quantity": 0}, "input.range", "quantity"),
        ({"quantity": 501}, "input.range", "quantity"),
        ({"visit_date": None}, "order.visit_date", "visit_date"),
        ({"visit_date": date(2020, 1, 1)}, "order.visit_date", "visit_date"),
        ({"visitors": [VisitorInput("王"), VisitorInput("李")]}, "order.visitors", "visitors"),
        ({"visitors": [VisitorInput("  ")]}, "input.required", "name"),
        ({"visitors": [VisitorInput("王", "11010119900307123X")]}, "id_number.invalid", "id_number"),
        (
            {"quantity": 2, "visitors": [VisitorInput("王", make_id_number()), VisitorInput("李", make_id_number())]},
            "order.same_visitor",
            "visitors",
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_is_kept(
    venue: Venue, adult: TicketProduct, line: dict[str, Any], code: str, field: str
) -> None:
    rows = FeedRow.objects.count()
    with pytest.raises(DomainError) as refused:
        issue(venue, OrderLine(**({"product": adult, "quantity": 1, "visit_date": today(venue)} | line)))
    assert (refused.value.code, refused.value.field) == (code, field)
    assert (Order.objects.count(), Visitor.objects.count(), FeedRow.objects.count()) == (0, 0, rows)


def test_an_order_without_tickets_is_refused(venue: Venue) -> None:
    with pytest.raises(DomainError) as refused:
        issue(venue)
    assert refused.value.code == "order.empty"


def test_a_product_off_sale_or_of_another_venue_is_refused(
    venue: Venue, adult: TicketProduct, week: TicketProduct
) -> None:
    Spec.objects.filter(product=adult).update(status="off")
    with pytest.raises(DomainError) as refused:
        issue(venue, OrderLine(adult, 1, today(venue)))
    assert refused.value.code == "order.off_sale"

    other = make_venue("other")
    with scope(venue=other), pytest.raises(DomainError) as refused:
        issue(other, OrderLine(week, 1))
    assert refused.value.code == "order.product"


PRICES = st.lists(st.integers(0, 100_000_000), min_size=1, max_size=4)


@pytest.fixture
def four(venue: Venue) -> list[TicketProduct]:
    return [make_product(venue, f"p{at}", validity="open") for at in range(4)]


# Each example leaves the fixtures as they were.
@settings(
    max_examples=budget(30, 500),
    suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture],
)
@given(prices=PRICES, data=st.data())
def test_totals_are_the_sum_of_what_each_unit_froze(
    venue: Venue, four: list[TicketProduct], prices: list[int], data: st.DataObject
) -> None:
    """Money is integer fen from end to end, however the order is made up."""
    quantities = data.draw(st.lists(st.integers(1, 4), min_size=len(prices), max_size=len(prices)))
    with transaction.atomic():
        for product, price in zip(four, prices, strict=False):
            Spec.objects.filter(product=product).update(price_fen=price)
        order = issue(venue, *(OrderLine(p, q) for p, q in zip(four, quantities, strict=False)))
        order.refresh_from_db()
        frozen = list(order.units.values_list("price_fen", flat=True))
        transaction.set_rollback(True)
    assert order.total_fen == sum(frozen) == sum(p * q for p, q in zip(prices, quantities, strict=True))
    assert len(frozen) == sum(quantities)


@pytest.mark.django_db(transaction=True)
def test_two_issues_with_one_key_at_once_make_one_order(venue: Venue, adult: TicketProduct) -> None:
    line = OrderLine(adult, 3, today(venue))
    for turn in range(4):
        results = race(venue, *[lambda turn=turn: issue(venue, line, key=f"race-{turn}")] * 3)
        assert len({order.pk for order in results}) == 1, results
    assert Order.objects.count() == 4
    assert Entitlement.objects.count() == OrderUnit.objects.count() == 12


@pytest.mark.django_db(transaction=True)
def test_two_first_sales_at_once_tell_the_rule_set_once(venue: Venue, adult: TicketProduct) -> None:
    mark = last_feed_row()
    results = race(venue, *(lambda key=key: issue(venue, OrderLine(adult, 1, today(venue)), key=key) for key in "abcd"))
    assert all(isinstance(order, Order) for order in results), results
    tables = [op.table for row in feed_rows(mark) for op in row.ops]
    assert tables.count(Table.RULESET) == 1
    assert tables[0] == Table.RULESET
