"""What somebody may set of a product's rules, how it is stored, and what it compiles into."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog.compile import compile_rules, rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import MEDIA, Days, ProductRules, Times, checked
from cloud.core.errors import DomainError
from paifang.rulesets import HOLIDAY_BIT, Activation, Hours, RuleFlag, RuleSet, Span
from tests.support.budget import budget

DAY = date(2026, 11, 25)
FULL = ProductRules(
    total=10,
    per_month=3,
    per_day=1,
    shared=True,
    media=("pass", "rotating", "id_number", "short"),
    rotating=True,
    short_code=True,
    identity=True,
    collect_first=True,
    activation="desk",
    book_first=True,
    slots=(Times(540, 600), Times(600, 660, (5, 6))),
    early_minutes=10,
    late_minutes=20,
    weekdays=(0, 1, 2, 3, 4, 5),
    holidays="refused",
    hours=(Times(480, 1050),),
    dates=(Days(DAY, DAY),),
    blackout=(Days(date(2026, 12, 1), DAY.replace(month=12)),),
    reentry_minutes=30,
    anti_passback=True,
    after_first_hours=48,
)


def compiled(rules: ProductRules, **columns: object) -> RuleSet:
    return compile_rules(TicketProduct(rules=checked(rules).to_json(), **columns))


@pytest.mark.parametrize(
    ("rules", "code", "field"),
    [
        (ProductRules(total=-1), "input.range", "total"),
        (ProductRules(per_month=1_000_001), "input.range", "per_month"),
        (ProductRules(per_day=4, per_month=3), "rules.per_day", "per_day"),
        (ProductRules(per_day=4, total=3), "rules.per_day", "per_day"),
        (ProductRules(per_month=11, total=10), "rules.per_month", "per_month"),
        (ProductRules(at_once=128), "input.range", "at_once"),
        (ProductRules(at_once=2, together=True), "rules.at_once", "at_once"),
        (ProductRules(at_once=2, anti_passback=True), "rules.at_once", "at_once"),
        (ProductRules(at_once=2, reentry_minutes=30), "rules.at_once", "at_once"),
        (ProductRules(media=("pigeon",)), "rules.media", "media"),
        (ProductRules(rotating=True, media=("pass",)), "rules.media", "media"),
        (ProductRules(short_code=True, media=("pass",)), "rules.media", "media"),
        (ProductRules(activation="moon"), "rules.activation", "activation"),
        (ProductRules(holidays="some"), "rules.holidays", "holidays"),
        (ProductRules(holidays="only", weekdays=(1,)), "rules.weekdays", "weekdays"),
        (ProductRules(weekdays=(7,)), "rules.weekdays", "weekdays"),
        (ProductRules(hours=(Times(600, 600),)), "rules.hours", "hours"),
        (ProductRules(hours=(Times(1000, 2881),)), "rules.hours", "hours"),
        (ProductRules(hours=(Times(0, 1441),)), "rules.hours", "hours"),
        (ProductRules(hours=(Times(0, 1, (9,)),)), "rules.hours", "hours"),
        (ProductRules(hours=tuple(Times(n, n + 1) for n in range(65))), "rules.hours", "hours"),
        (ProductRules(slots=(Times(540, 600), Times(540, 700))), "rules.slots", "slots"),
        (ProductRules(dates=(Days(DAY, date(2026, 11, 24)),)), "rules.dates", "dates"),
        (ProductRules(blackout=(Days(DAY, date(2026, 11, 24)),)), "rules.blackout", "blackout"),
        (ProductRules(early_minutes=1441), "input.range", "early_minutes"),
        (ProductRules(late_minutes=-1), "input.range", "late_minutes"),
        (ProductRules(reentry_minutes=43_201), "input.range", "reentry_minutes"),
        (ProductRules(after_first_hours=-1), "input.range", "after_first_hours"),
        (ProductRules(after_first_days=3661), "input.range", "after_first_days"),
        (ProductRules(after_first_hours=1, after_first_days=1), "rules.after_first_days", "after_first_days"),
        (ProductRules(signed_only=1001), "input.range", "signed_only"),
        (ProductRules(outage_refused=True, outage_persons=1), "rules.outage_persons", "outage_persons"),
        (ProductRules(signed_only=5, identity=True), "rules.signed_only", "signed_only"),
        (ProductRules(signed_only=5, activation="desk"), "rules.signed_only", "signed_only"),
        (ProductRules(signed_only=5, slots=(Times(1, 2),)), "rules.signed_only", "signed_only"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(rules: ProductRules, code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(rules)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.zh
    assert refused.value.en


def test_rules_are_stored_as_what_differs_from_none() -> None:
    assert ProductRules().to_json() == {}
    assert ProductRules(total=10, hours=(Times(480, 1050),)).to_json() == {"total": 10, "hours": [[480, 1050, []]]}
    assert ProductRules.from_json(FULL.to_json()) == FULL == rules_of(TicketProduct(rules=FULL.to_json()))


def test_the_same_rules_are_the_same_in_whatever_order_they_were_typed() -> None:
    one = ProductRules(media=("short", "pass"), weekdays=(4, 0, 4), hours=(Times(900, 960), Times(480, 540)))
    two = ProductRules(media=("pass", "short"), weekdays=(0, 4), hours=(Times(480, 540), Times(900, 960)))
    assert checked(one) == checked(two)
    every = ProductRules(media=tuple(MEDIA), weekdays=tuple(range(7)), hours=(Times(0, 60, tuple(range(7))),))
    assert checked(every) == ProductRules(hours=(Times(0, 60),))


@pytest.mark.spec("T-27", "T-51", "T-53")
def test_every_rule_compiles_into_its_place() -> None:
    assert compiled(FULL, uses=0, keep_on_timeout=True) == RuleSet(
        uses_per_group=0,
        flags=RuleFlag.KEEP_ON_TIMEOUT | RuleFlag.IDENTITY | RuleFlag.COLLECT_FIRST | RuleFlag.ANTI_PASSBACK
        | RuleFlag.WHOLE | RuleFlag.BOOK_FIRST,
        media=1 << 1 | 1 << 2 | 1 << 4 | 1 << 7, uses_total=10, uses_month=3, uses_day=1, reentry_gap_s=1800,
        early_s=600, late_s=1200, after_first_s=172_800, activation=Activation.DESK, days=0b0111111,
        hours=(Hours(480, 1050),), dates=(Span(DAY.toordinal(), DAY.toordinal()),),
        blackout=(Span(date(2026, 12, 1).toordinal(), date(2026, 12, 25).toordinal()),),
    )  # fmt: skip
    assert compiled(ProductRules(together=True, signed_only=5, after_first_days=2)) == RuleSet(
        flags=RuleFlag.TOGETHER | RuleFlag.SIGNED_ONLY | RuleFlag.WHOLE, first_days=2
    )


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        (ProductRules(), 0),
        (ProductRules(weekdays=(0, 6)), HOLIDAY_BIT | 0b1000001),
        (ProductRules(weekdays=(0, 6), holidays="refused"), 0b1000001),
        (ProductRules(holidays="refused"), 0b1111111),
        (ProductRules(holidays="only"), HOLIDAY_BIT),
    ],
)
def test_weekdays_and_holidays_are_one_mask(rules: ProductRules, days: int) -> None:
    assert compiled(rules).days == days


def test_hours_of_a_weekend_hold_on_holidays_too() -> None:
    rows = (Times(480, 540, (0, 1)), Times(600, 660, (6,)))
    assert [row.days for row in compiled(ProductRules(hours=rows)).hours] == [0b11, HOLIDAY_BIT | 1 << 6]
    refused = compiled(ProductRules(hours=rows, holidays="refused"))
    assert [row.days for row in refused.hours] == [0b11, 1 << 6]


@pytest.mark.parametrize(("name", "persons"), [("anti_passback", 4), ("reentry_minutes", 4), ("anti_passback", 1)])
def test_a_party_that_cannot_come_in_again_goes_in_together(name: str, persons: int) -> None:
    """Whoever of it came a moment later would be refused as inside already, or too soon."""
    flags = compiled(replace(ProductRules(), **{name: 1}), persons=persons).flags
    assert (RuleFlag.TOGETHER in flags) is (persons > 1)


@pytest.mark.parametrize(
    "name", ["total", "per_month", "per_day", "reentry_minutes", "after_first_hours", "after_first_days", "shared"]
)
def test_what_counts_over_the_venue_has_its_record(name: str) -> None:
    assert RuleFlag.WHOLE in compiled(replace(ProductRules(), **{name: 1})).flags
    assert RuleFlag.WHOLE not in compiled(ProductRules(at_once=1, identity=True)).flags


_TIMES = st.builds(
    lambda start, length, days: Times(start, min(start + length, 2880), tuple(days)),
    st.integers(0, 2000), st.integers(1, 800), st.sets(st.integers(0, 6)),
)  # fmt: skip
_DAYS = st.builds(
    lambda first, length: Days(date.fromordinal(first), date.fromordinal(first + length)),
    st.integers(739_000, 740_000), st.integers(0, 400),
)  # fmt: skip


@given(
    st.builds(
        ProductRules,
        total=st.integers(0, 1000),
        at_once=st.integers(0, 127),
        media=st.lists(st.sampled_from(list(MEDIA))).map(tuple),
        identity=st.booleans(),
        weekdays=st.lists(st.integers(0, 6)).map(tuple),
        hours=st.lists(_TIMES, max_size=9).map(tuple),
        dates=st.lists(_DAYS, max_size=9).map(tuple),
        blackout=st.lists(_DAYS, max_size=9).map(tuple),
        per_day=st.integers(0, 1),
    )
)
@pytest.mark.parametrize("_", range(budget(1, 10)))
def test_checked_rules_survive_storing_and_what_they_compile_to_survives_the_wire(_: int, rules: ProductRules) -> None:
    kept = checked(rules)
    assert checked(kept) == kept == ProductRules.from_json(kept.to_json())
    made = compiled(kept)
    assert RuleSet.unpack(made.pack()) == made
