"""Refund rules: what may be set, which tier holds when, and that parts never return more than the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.catalog.refund_rules import (
    FIXED,
    KEPT,
    PERCENT,
    RETURNED,
    Amount,
    Quote,
    RefundRules,
    Tier,
    checked,
    part_returned,
    refund_quote,
)
from cloud.core.errors import DomainError
from tests.support.budget import budget

NINE = datetime(2027, 5, 3, 1, tzinfo=UTC)  # 09:00 in Shanghai
HOUR = timedelta(hours=1)
DAY_BEFORE = -24 * 60
TIERS = (
    Tier(None, DAY_BEFORE, Amount(KEPT, FIXED, 0)),
    Tier(DAY_BEFORE, 0, Amount(KEPT, PERCENT, 1500)),
    Tier(0, None, Amount(RETURNED, PERCENT, 5000)),
)
TIERED = checked(RefundRules(kind="any", fee="tiers", tiers=TIERS))


def quote(rules: RefundRules, paid: int = 10_000, units: int = 1, **given: object) -> Quote:
    values = {"at": NINE - HOUR, "check_in_at": NINE, "expires_at": NINE + 10 * HOUR} | given
    return refund_quote(rules, paid, units, **values)


@pytest.mark.parametrize(
    ("rules", "kind", "field"),
    [
        (RefundRules(kind="parts"), "ticket", "kind"),
        (RefundRules(kind="any"), "package", "kind"),
        (RefundRules(kind="any"), "annual", "kind"),
        (RefundRules(kind="conditional"), "ticket", "deadline"),
        (RefundRules(kind="any", fee="fixed"), "ticket", "fee_fen"),
        (RefundRules(kind="any", review="perhaps"), "ticket", "review"),
        (RefundRules(on_expiry="refund"), "ticket", "on_expiry"),
        (RefundRules(kind="any", fee="tiers"), "ticket", "tiers"),
    ],
)
def test_what_cannot_be_set_is_said_beside_its_field(rules: RefundRules, kind: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(rules, kind)
    assert (refused.value.code, refused.value.field) == (f"refund_rules.{field}", field)


@pytest.mark.spec("T-33")
@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ((Tier(-60, None, Amount()),), "Nothing is said of the time before 1 h before check-in."),
        ((Tier(None, 0, Amount()),), "Nothing is said of the time from the check-in time on."),
        (
            (Tier(None, -60, Amount()), Tier(0, None, Amount())),
            "Nothing is said of the time from 1 h before check-in to the check-in time.",
        ),
        ((Tier(None, 0, Amount()), Tier(-60, None, Amount())), "Two tiers overlap at 1 h before check-in."),
        ((Tier(None, None, Amount()), Tier(None, None, Amount())), "Two tiers overlap at the check-in time."),
        ((Tier(60, 60, Amount()),), "A tier's end must come after its start."),
    ],
)
def test_tiers_cover_all_time_once(tiers: tuple[Tier, ...], says: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(RefundRules(kind="any", fee="tiers", tiers=tiers))
    assert (refused.value.code, refused.value.en) == ("refund_rules.tiers", says)


def test_stored_as_json_and_back() -> None:
    full = checked(
        RefundRules(
            kind="conditional", deadline="expiry", deadline_minutes=-60, fee="tiers", tiers=TIERS[::-1],
            review="review", on_expiry="void",
        )
    )  # fmt: skip
    assert full.tiers == TIERS
    assert RefundRules.from_json(full.to_json()) == full
    assert RefundRules().to_json() == {}


@pytest.mark.spec("T-30")
def test_not_refundable_unless_somebody_may_override() -> None:
    refused = quote(RefundRules())
    assert (refused.refundable, refused.returned_fen, refused.en) == (False, 0, "It is not refundable.")
    assert quote(RefundRules(), override=True).returned_fen == 10_000


@pytest.mark.spec("T-31")
def test_conditional_until_a_deadline_any_time_until_it_expires_and_never_once_used() -> None:
    before = checked(RefundRules(kind="conditional", deadline="check_in", deadline_minutes=-60))
    second = timedelta(seconds=1)
    assert quote(before, at=NINE - HOUR - second).refundable
    assert quote(before, at=NINE - HOUR).en == "The time to return it is over."
    late = checked(RefundRules(kind="conditional", deadline="expiry", deadline_minutes=-60))
    assert [quote(late, at=NINE + 9 * HOUR + each).refundable for each in (-second, second - second)] == [True, False]
    anytime = RefundRules(kind="any")
    assert [quote(anytime, at=NINE + 10 * HOUR + each).refundable for each in (second - second, second)] == [
        True,
        False,
    ]
    assert quote(anytime, used=True).en == "It has been used and cannot be refunded."


@pytest.mark.spec("T-32")
@pytest.mark.parametrize(("paid", "kept", "returned"), [(8000, 1500, 22_500), (300, 900, 0), (500, 1500, 0)])
def test_a_fixed_fee_is_kept_of_each_ticket_and_never_more_than_was_paid(paid: int, kept: int, returned: int) -> None:
    found = quote(checked(RefundRules(kind="any", fee="fixed", fee_fen=500)), paid, 3)
    assert (found.kept_fen, found.returned_fen) == (kept, returned)


@pytest.mark.spec("T-33")
@pytest.mark.parametrize(
    ("boundary", "before", "after"), [(NINE - 24 * HOUR, (0, 10_000), (1, 8_500)), (NINE, (1, 8_500), (2, 5_000))]
)
def test_a_boundary_belongs_to_the_later_tier(
    boundary: datetime, before: tuple[int, int], after: tuple[int, int]
) -> None:
    for seconds, expected in ((-1, before), (0, after), (1, after)):
        found = quote(TIERED, at=boundary + timedelta(seconds=seconds))
        assert (found.tier, found.returned_fen) == expected


def test_the_sentence() -> None:
    found = quote(TIERED)
    assert found.en == "returns 85.00 of 100.00, keeps 15.00 (from 1 d before check-in until the check-in time)"
    assert found.zh == "退 85.00，实付 100.00，扣 15.00（检票前 1 天起至检票时间前）"


@pytest.mark.spec("T-61")
def test_an_annual_card_by_its_own_conditions() -> None:
    fresh = checked(RefundRules(kind="conditional", only_inactive=True, within_days=7), "annual")
    sold = NINE - 6 * 24 * HOUR
    assert quote(fresh, sold_at=sold).refundable
    assert quote(fresh, sold_at=sold, activated=True).en == "It has been activated and cannot be refunded."
    assert quote(fresh, sold_at=sold - 25 * HOUR).en == "More than 7 days have passed since its sale."
    assert not quote(fresh, sold_at=sold, used=True).refundable
    by_time = checked(RefundRules(kind="conditional", only_unused=False, pro_rata=True), "annual")
    assert quote(by_time, 36_500, used=True, valid_days=(100, 365)).returned_fen == 10_000


minutes = st.integers(-3 * 24 * 60, 3 * 24 * 60)
amounts = st.builds(
    lambda means, unit, value: Amount(means, unit, min(value, 10_000) if unit == PERCENT else value),
    st.sampled_from([KEPT, RETURNED]), st.sampled_from([FIXED, PERCENT]), st.integers(0, 30_000),
)  # fmt: skip


@st.composite
def tiered(draw: st.DrawFn) -> RefundRules:
    edges = [None, *sorted(draw(st.sets(minutes, max_size=4))), None]
    rows = tuple(Tier(first, last, draw(amounts)) for first, last in pairwise(edges))
    return RefundRules(kind="any", fee="tiers", tiers=tuple(draw(st.permutations(rows))))


@pytest.mark.spec("T-33")
@given(tiered(), st.integers(-4 * 86400, 4 * 86400), st.integers(0, 20_000))
@settings(max_examples=budget(200, 5_000), deadline=None)
def test_every_instant_has_one_tier_and_nobody_gets_more_than_they_paid(rules: RefundRules, at: int, paid: int) -> None:
    rules = checked(rules)
    moment = NINE + timedelta(seconds=at)
    found = quote(rules, paid, at=moment, expires_at=None)
    fitting = [
        place
        for place, tier in enumerate(rules.tiers)
        if (tier.start is None or tier.start * 60 <= at) and (tier.end is None or at < tier.end * 60)
    ]
    assert fitting == [found.tier]
    assert 0 <= found.returned_fen <= paid
    assert found.returned_fen + found.kept_fen == paid


@given(st.integers(0, 20_000), st.integers(0, 10_000))
@settings(max_examples=budget(200, 5_000), deadline=None)
def test_keeping_a_share_is_returning_the_rest(paid: int, share: int) -> None:
    assert Amount(KEPT, PERCENT, share).kept_of(paid) == Amount(RETURNED, PERCENT, 10_000 - share).kept_of(paid)


@pytest.mark.spec("T-46")
@given(st.lists(st.integers(0, 9_000), min_size=1, max_size=8), st.lists(amounts, min_size=8, max_size=8))
@settings(max_examples=budget(200, 5_000), deadline=None)
def test_parts_one_after_the_other_never_return_more_than_the_whole(shares: list[int], fees: list[Amount]) -> None:
    """Whatever tier holds at each of them; under one fee they sum to exactly what the whole returns."""
    whole = sum(shares)

    def in_turn(kept: list[int]) -> int:
        given, already = 0, 0
        for share, kept_now in zip(shares, kept, strict=True):
            back = part_returned(whole, whole - kept_now, given, share, already)
            assert 0 <= back <= share
            given, already = given + share, already + back
        return already

    kept = [fee.kept_of(whole) for fee in fees[: len(shares)]]
    assert in_turn(kept) <= whole - min(kept)
    assert in_turn([kept[0]] * len(shares)) == whole - kept[0]


def test_replacing_one_kind_by_another_forgets_what_it_has_no_use_for() -> None:
    once = RefundRules(kind="any", deadline="expiry", deadline_minutes=5, own_fee=True, fee="tiers", tiers=TIERS)
    assert checked(replace(once, fee="none")) == RefundRules(kind="any")
