"""Calendars: an edit touches exactly the chosen days, is told of others', and never cancels a sale."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.capacity import calendars
from cloud.capacity.calendars import Saved, Short, edit_calendar
from cloud.capacity.models import Entry, Pool
from cloud.capacity.services import Wish, give_back, settle, take
from cloud.catalog.calendar_edits import (
    CLEAR,
    MAX_CELLS,
    NOTHING,
    Change,
    Chosen,
    DayType,
    Own,
    PutCells,
    SetCells,
    applied,
    day_is,
)
from cloud.catalog.models import CalendarCell, Spec, TicketProduct
from cloud.catalog.offers import WHOLE_DAY, Calendar
from cloud.catalog.product_services import prices
from cloud.catalog.rules import ProductRules, Times
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.venues.models import Venue
from tests.support import venue as make
from tests.support.race import race

pytestmark = pytest.mark.django_db

MAY_1, MAY_31 = date(2027, 5, 1), date(2027, 5, 31)  # a Saturday, a Monday
MAY = Chosen(MAY_1, MAY_31)
DAYS = st.dates(date(2026, 12, 1), date(2029, 3, 31))
KINDS = {date(2027, 5, 3): "holiday", date(2027, 5, 8): "workday", date(2027, 5, 9): "ordinary"}


@pytest.fixture(autouse=True)
def _april(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "today", lambda venue: date(2027, 4, 1))


@pytest.fixture
def spec(adult: TicketProduct) -> Spec:
    return adult.specs.get()


@pytest.fixture
def timed(venue: Venue) -> Spec:
    slots = (Times(540, 600), Times(600, 660), Times(1380, 1530, (4, 5)))  # the last one across midnight, Fri and Sat
    return make.make_product(venue, "timed", rules=ProductRules(slots=slots)).specs.get()


def edit(spec: Spec, *edits: SetCells | PutCells, seen: int | None = None, actor: Actor = make.SYSTEM) -> Saved:
    return edit_calendar(actor=actor, venue=spec.venue, spec=spec, edits=edits, seen=seen)


def cells(spec: Spec) -> dict[tuple[date, int], Own]:
    rows = CalendarCell.objects.filter(spec=spec)
    return {(row.day, row.slot): Own(row.price_fen, row.stock, row.closed) for row in rows}


def sell(spec: Spec, *wishes: Wish, why: str = Entry.Why.SOLD, reference: str = "order:1") -> None:
    with transaction.atomic():
        take(spec.venue, wishes, why=why, reference=reference)


@given(first=DAYS, days=st.integers(0, 800), weekdays=st.sets(st.integers(0, 6)), day_type=st.sampled_from(DayType))
@settings(deadline=None, max_examples=60)
@pytest.mark.spec("T-13")
def test_an_edit_touches_exactly_the_chosen_days(first: date, days: int, weekdays: set[int], day_type: DayType) -> None:
    last = first + timedelta(days=days)
    chosen = Chosen(first, last, tuple(sorted(weekdays)), day_type)
    around = [first + timedelta(days=n) for n in range(-3, days + 4)]
    expected = {
        day
        for day in around
        if first <= day <= last
        and (not weekdays or day.weekday() in weekdays)
        and (
            day_type is DayType.ALL
            or (day_type is DayType.HOLIDAY and KINDS.get(day) == "holiday")
            or (day_type is DayType.REST and _rests(day))
            or (day_type is DayType.WORK and not _rests(day))
        )
    }
    assert set(chosen.days(KINDS)) == expected
    before = {(day, WHOLE_DAY): Own(100, n, False) for n, day in enumerate(around)}
    if expected:
        after = applied([SetCells(chosen, Change(price_fen=7))], before, KINDS, lambda day: ())
        assert after == {(day, WHOLE_DAY): Own(7, before[day, WHOLE_DAY].stock, False) for day in expected}


def _rests(day: date) -> bool:
    return {"holiday": True, "workday": False}.get(KINDS.get(day, ""), day.weekday() >= 5)


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from([None, 5, 9]), st.booleans()), max_size=6))
def test_edits_go_one_after_the_other(steps: list[tuple[int, int | None, bool]]) -> None:
    day = (MAY_1, WHOLE_DAY)
    own = NOTHING
    edits = []
    for kind, value, closed in steps:
        if kind == 2:
            own = Own(value, value, closed)
            edits.append(PutCells({day: own}))
            continue
        change = Change(price_fen=value) if kind else Change(stock=value, closed=closed)
        own = change.on(own)
        edits.append(SetCells(Chosen(MAY_1, MAY_1), change))
    assert applied(edits, {}, {}, lambda day: ()).get(day, NOTHING) == own


def test_the_types_of_days_follow_the_venues_calendar() -> None:
    holiday, workday, ordinary = KINDS
    for day, rest, is_holiday in ((holiday, True, True), (workday, False, False), (ordinary, True, False)):
        assert day_is(DayType.REST, day, KINDS) is rest
        assert day_is(DayType.WORK, day, KINDS) is not rest
        assert day_is(DayType.HOLIDAY, day, KINDS) is is_holiday


@pytest.mark.spec("T-13")
@pytest.mark.spec("T-50")
def test_weekdays_of_a_season_get_a_price_and_the_rest_stays(spec: Spec) -> None:
    weekend = Chosen(MAY_1, MAY_31, (5, 6))
    saved = edit(spec, SetCells(MAY, Change(stock=500)), SetCells(weekend, Change(price_fen=12_000)))
    assert (saved.changed, saved.revision, saved.short) == (31, 1, ())
    assert cells(spec)[date(2027, 5, 3), WHOLE_DAY] == Own(None, 500)
    assert cells(spec)[MAY_1, WHOLE_DAY] == Own(12_000, 500)
    saved = edit(spec, SetCells(weekend, CLEAR), seen=saved.revision)
    assert (saved.changed, saved.revision) == (10, 2)
    spec.refresh_from_db()
    assert Calendar([spec], [MAY_1]).offer(spec, MAY_1).price_fen == 8_000  # the spec's own again
    row = AuditRow.objects.filter(action="spec.calendar").latest("pk")
    assert row.detail == {
        "code": "adult", "cells": 10, "revision": 2, "short": 0,
        "edits": [{"first": "2027-05-01", "last": "2027-05-31", "weekdays": "67", "price_fen": None, "stock": None,
                   "closed": False}],
    }  # fmt: skip
    assert edit(spec, SetCells(weekend, CLEAR)) == Saved(0, 2)  # nothing is different: no revision, no audit


@pytest.mark.spec("T-13")
def test_a_stock_below_what_is_sold_is_told_and_cancels_nothing(spec: Spec) -> None:
    edit(spec, SetCells(MAY, Change(stock=10)))
    sell(spec, Wish(spec.pk, MAY_1, quantity=3))
    sell(spec, Wish(spec.pk, MAY_1, quantity=2), why=Entry.Why.HELD, reference="order:2")
    saved = edit(spec, SetCells(MAY, Change(stock=4)))
    assert saved.short == (Short(MAY_1, WHOLE_DAY, stock=4, sold=3, held=2),)
    assert Pool.objects.get(spec=spec).taken == 5
    with pytest.raises(DomainError, match="0 left"):
        sell(spec, Wish(spec.pk, MAY_1), reference="order:3")
    assert edit(spec, SetCells(MAY, Change(stock=5))).short == ()


@pytest.mark.spec("T-14")
def test_slots_have_cells_of_their_own_also_across_midnight(timed: Spec) -> None:
    late = Chosen(MAY_1, date(2027, 5, 9), slots=(1380,))
    assert (
        edit(timed, SetCells(late, Change(stock=30))).changed == 3
    )  # Sat 1, Fri 7 and Sat 8 have it, the other days do not
    assert sorted(day.day for day, _ in cells(timed)) == [1, 7, 8]
    with pytest.raises(DomainError) as refused:
        edit(timed, PutCells({(date(2027, 5, 2), 1380): Own(stock=1)}))
    assert refused.value.code == "calendar.slot"
    with pytest.raises(DomainError) as refused:
        edit(timed, SetCells(Chosen(date(2027, 5, 2), date(2027, 5, 2), slots=(1380,)), Change(stock=1)))
    assert refused.value.code == "calendar.nothing"


@pytest.mark.spec("T-14")
def test_a_slot_sells_out_alone_and_the_day_cap_stops_both(timed: Spec) -> None:
    edit(timed, SetCells(Chosen(MAY_1, MAY_1, slots=(540, 600)), Change(stock=2)))
    edit(timed, SetCells(Chosen(MAY_1, MAY_1), Change(stock=3)))
    sell(timed, Wish(timed.pk, MAY_1, 540, 2))
    sell(timed, Wish(timed.pk, MAY_1, 600))
    with pytest.raises(DomainError) as refused:
        sell(timed, Wish(timed.pk, MAY_1, 600), reference="order:2")
    assert refused.value.en == "Adult: 0 left on 2027-05-01."
    saved = edit(timed, SetCells(Chosen(MAY_1, MAY_1, slots=(WHOLE_DAY, 540)), Change(stock=1)))
    assert saved.short == (Short(MAY_1, WHOLE_DAY, 1, 3, 0), Short(MAY_1, 540, 1, 2, 0))


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        (SetCells(Chosen(date(2027, 3, 31), MAY_1), CLEAR), "calendar.past", "first"),
        (SetCells(Chosen(MAY_1, date(2031, 1, 1)), CLEAR), "calendar.far", "last"),
        (SetCells(Chosen(MAY_31, MAY_1), CLEAR), "calendar.range", "last"),
        (SetCells(Chosen(MAY_1, MAY_1, (0,)), CLEAR), "calendar.nothing", "weekdays"),
        (SetCells(MAY, Change(price_fen=-1)), "input.range", "price_fen"),
        (SetCells(MAY, Change(price_fen=100_000_001)), "input.range", "price_fen"),
        (SetCells(MAY, Change(stock=1_000_001)), "input.range", "stock"),
        (PutCells({(MAY_1, 540): NOTHING}), "calendar.slot", "slots"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_half_saved(
    spec: Spec, wrong: SetCells | PutCells, code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        edit(spec, SetCells(MAY, Change(price_fen=1)), wrong)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert cells(spec) == {}


def test_prices_of_nothing_and_of_a_million_and_the_29th_of_february(spec: Spec) -> None:
    leap = date(2028, 2, 29)
    edit(spec, PutCells({(leap, WHOLE_DAY): Own(0, 0), (MAY_1, WHOLE_DAY): Own(100_000_000, 1_000_000)}))
    assert cells(spec) == {(leap, WHOLE_DAY): Own(0, 0), (MAY_1, WHOLE_DAY): Own(100_000_000, 1_000_000)}
    around = Chosen(leap - timedelta(days=1), leap + timedelta(days=1))
    assert edit(spec, SetCells(around, Change(price_fen=5))).changed == 3


def test_three_years_of_slots_are_a_few_statements(timed: Spec, django_assert_max_num_queries) -> None:
    three_years = Chosen(date(2027, 4, 1), date(2030, 3, 31), slots=(WHOLE_DAY, 540, 600, 1380))
    with django_assert_max_num_queries(45):  # SQLite takes a hundred cells a statement, PostgreSQL two thousand
        assert edit(timed, SetCells(three_years, Change(price_fen=5, stock=9))).changed == 3602
    assert CalendarCell.objects.filter(spec=timed).count() == 3602
    slots = {540 + n for n in range(60)}
    many = Chosen(date(2027, 4, 1), date(2030, 3, 31), slots=tuple(sorted(slots)))
    with pytest.raises(DomainError) as refused:
        applied([SetCells(many, CLEAR)], {}, {}, lambda day: slots)
    assert refused.value.en.startswith(f"At most {MAX_CELLS:,} cells")


@pytest.mark.parametrize(("role", "may"), [("product_manager", True), ("gate_supervisor", False)])
def test_only_who_manages_products_edits(venue: Venue, spec: Spec, role: str, may: bool) -> None:
    actor = make.make_actor(venue, role)
    if may:
        assert edit(spec, SetCells(MAY, Change(stock=1)), actor=actor).changed == 31
        return
    with pytest.raises(DomainError) as refused:
        edit(spec, SetCells(MAY, Change(stock=1)), actor=actor)
    assert refused.value.code == "permission.denied"


def test_whoever_edits_what_another_changed_meanwhile_is_told(venue: Venue, spec: Spec) -> None:
    lin = make.make_actor(venue, "product_manager", "lin")
    seen = edit(spec, SetCells(MAY, Change(stock=10))).revision
    edit(spec, SetCells(Chosen(MAY_1, MAY_1), Change(price_fen=9_000)), seen=seen, actor=lin)
    with pytest.raises(DomainError) as refused:
        edit(spec, SetCells(MAY, Change(closed=True)), seen=seen)
    assert refused.value.code == "calendar.changed"
    assert refused.value.en.startswith("While you had the calendar open, lin changed 2027-05-01. ")
    assert not any(own.closed for own in cells(spec).values())
    # Other days, or the same outcome, are nobody's conflict.
    other = SetCells(Chosen(date(2027, 5, 2), MAY_31), Change(closed=True))
    same = PutCells({(MAY_1, WHOLE_DAY): Own(9_000, 10)})
    assert edit(spec, other, same, seen=seen).changed == 30


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_the_same_days_at_once_one_is_told(venue: Venue, spec: Spec) -> None:
    def save(price: int) -> str:
        try:
            edit(spec, SetCells(MAY, Change(price_fen=price)), seen=0)
        except DomainError as error:
            return error.code
        return "saved"

    outcomes = race(venue, lambda: save(9_000), lambda: save(9_500))
    assert sorted(outcomes) == ["calendar.changed", "saved"]
    prices = {own.price_fen for own in cells(spec).values()}
    assert prices == {9_000 if outcomes[0] == "saved" else 9_500}


@pytest.mark.django_db(transaction=True)
def test_a_stock_lowered_while_somebody_buys_tells_of_it_or_stops_it(venue: Venue, spec: Spec) -> None:
    edit(spec, SetCells(MAY, Change(stock=5)))
    sell(spec, Wish(spec.pk, MAY_1, quantity=2), reference="order:0")

    def buy() -> bool:
        try:
            sell(spec, Wish(spec.pk, MAY_1, quantity=2))
        except DomainError:
            return False
        return True

    bought, saved = race(venue, buy, lambda: edit(spec, SetCells(MAY, Change(stock=3))))
    assert [one.sold for one in saved.short] == ([4] if bought else [])


STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "hold", "settle", "back", "part"]), st.integers(0, 2), st.integers(0, 2),
              st.sampled_from([WHOLE_DAY, 540]), st.integers(1, 4)),
    max_size=12,
)  # fmt: skip


@pytest.mark.django_db(transaction=False)
def test_pools_are_the_sum_of_their_entries_whatever_happens(timed: Spec) -> None:
    Spec.objects.filter(pk=timed.pk).update(stock=6)

    @given(STEPS)
    @settings(deadline=None, max_examples=12)
    def run(steps: list[tuple[str, int, int, int, int]]) -> None:
        Entry.objects.all().delete()
        Pool.objects.all().delete()
        for what, who, day, slot, count in steps:
            reference, when = f"order:{who}", MAY_1 + timedelta(days=day)
            with transaction.atomic():
                try:
                    if what in ("take", "hold"):
                        why = Entry.Why.SOLD if what == "take" else Entry.Why.HELD
                        take(timed.venue, [Wish(timed.pk, when, slot, count)], why=why, reference=reference)
                    elif what == "settle":
                        settle(timed.venue, reference=reference)
                    else:
                        part = None if what == "back" else {(timed.pk, when, slot): count}
                        give_back(timed.venue, reference=reference, quantities=part)
                except DomainError:  # sold out: nothing was taken
                    transaction.set_rollback(True)
            _adds_up()

    run()


def _adds_up() -> None:
    for pool in Pool.objects.prefetch_related("entries"):
        entries = list(pool.entries.all())
        assert pool.taken == sum(one.quantity for one in entries)
        assert pool.held == sum(one.quantity for one in entries if one.why == Entry.Why.HELD)
        by_order: dict[tuple[str, str], int] = {}
        for one in entries:
            by_order[one.reference, one.why] = by_order.get((one.reference, one.why), 0) + one.quantity
        assert all(count >= 0 for count in by_order.values())


def test_what_is_held_is_sold_when_it_is_paid_once(spec: Spec) -> None:
    sell(spec, Wish(spec.pk, MAY_1, quantity=3), why=Entry.Why.HELD)
    pool = Pool.objects.get()
    assert (pool.taken, pool.held) == (3, 3)
    for sold in (3, 0):
        with transaction.atomic():
            assert settle(spec.venue, reference="order:1") == sold
    pool.refresh_from_db()
    assert (pool.taken, pool.held) == (3, 0)
    with pytest.raises(ValueError, match="nothing less than one"):
        sell(spec, Wish(spec.pk, MAY_1, quantity=0))


@pytest.mark.django_db(transaction=True)
def test_a_calendar_edited_while_all_prices_rise_keeps_both(venue: Venue, spec: Spec, monkeypatch) -> None:
    monkeypatch.setattr(prices, "today", lambda venue: date(2027, 4, 1))
    edit(spec, SetCells(Chosen(MAY_1, MAY_1), Change(price_fen=10_000)))
    race(
        venue,
        lambda: edit(spec, SetCells(Chosen(MAY_1, MAY_1), Change(stock=7))),
        lambda: prices.change_prices(
            actor=make.SYSTEM, venue=venue, product=spec.product, change=prices.Change(fen=500), calendars=True
        ),
    )
    assert cells(spec) == {(MAY_1, WHOLE_DAY): Own(10_500, 7)}
    spec.refresh_from_db()
    assert spec.calendar_revision == 3
