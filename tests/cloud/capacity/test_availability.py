"""What can be bought when, at what price, how many are left, and why not: exact, and in a few queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from cloud.capacity.models import Entry, Pool
from cloud.capacity.selectors import Available, WhyNot, availability
from cloud.capacity.services import Wish, take
from cloud.catalog.booking import BookingRules, booking_window
from cloud.catalog.booking import checked as checked_booking
from cloud.catalog.compile import compile_rules
from cloud.catalog.dates import DateKind, covered_days, date_kind, gates_admit, valid_days
from cloud.catalog.models import CalendarCell, Category, PackagePart, Spec, TicketProduct
from cloud.catalog.offers import WHOLE_DAY
from cloud.catalog.rules import Days, ProductRules, Times
from cloud.core.business_day import wall
from cloud.core.errors import DomainError
from cloud.venues.models import CalendarDay, Venue
from tests.support import venue as make

pytestmark = pytest.mark.django_db

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAY_1 = date(2027, 5, 1)  # a Saturday
NOON = datetime(2027, 5, 1, 12, tzinfo=SHANGHAI)
SLOTS = ProductRules(slots=(Times(540, 600), Times(720, 780), Times(1380, 1530)))


def spec_of(venue: Venue, code: str = "one", *, booking: BookingRules | None = None, **fields: Any) -> Spec:
    product = make.make_product(venue, code, **fields)
    if booking is not None:
        TicketProduct.objects.filter(pk=product.pk).update(booking_rules=booking.to_json())
    return Spec.objects.select_related("product").get(product=product)


def cell(spec: Spec, day: date = MAY_1, slot: int = WHOLE_DAY, **fields: object) -> None:
    CalendarCell.objects.create(venue=spec.venue, spec=spec, day=day, slot=slot, **fields)


def sell(spec: Spec, day: date, count: int, slot: int = WHOLE_DAY) -> None:
    with transaction.atomic():
        take(spec.venue, [Wish(spec.pk, day, slot, count)], why=Entry.Why.SOLD, reference="order:1")


def why(spec: Spec, day: date = MAY_1, now: datetime = NOON, **asked: Any) -> list[WhyNot | None]:
    spec = Spec.objects.select_related("product").get(pk=spec.pk)
    return [one.why for one in availability(spec.venue, [spec], [day], now, **asked)]


@pytest.mark.spec("T-13")
def test_a_day_has_its_price_what_is_left_and_the_reason_it_is_not_sold(venue: Venue) -> None:
    spec = spec_of(venue)
    cell(spec, MAY_1, price_fen=9_000, stock=5)
    cell(spec, date(2027, 5, 2), closed=True)
    cell(spec, date(2027, 5, 3), stock=1)
    sell(spec, MAY_1, 3)
    sell(spec, date(2027, 5, 3), 1)
    days = [MAY_1 + timedelta(days=n) for n in range(-1, 4)]
    found = availability(venue, [spec], days, NOON)
    assert [(one.day.day, one.price_fen, one.left, one.why) for one in found] == [
        (30, 8_000, None, WhyNot.PAST),
        (1, 9_000, 2, None),
        (2, 8_000, None, WhyNot.CLOSED),
        (3, 8_000, 0, WhyNot.SOLD_OUT),
        (4, 8_000, None, None),
    ]
    Spec.objects.filter(pk=spec.pk).update(price_fen=None)
    assert why(spec, date(2027, 5, 4)) == [WhyNot.NO_PRICE]
    assert why(spec) == [None]  # the day has a price of its own


@pytest.mark.spec("T-14")
def test_slots_sell_out_alone_and_with_their_day(venue: Venue) -> None:
    spec = spec_of(venue, rules=SLOTS)
    cell(spec, MAY_1, stock=5)
    cell(spec, MAY_1, 720, stock=2, price_fen=6_000)
    sell(spec, MAY_1, 2, 720)
    morning = datetime(2027, 5, 1, 8, tzinfo=SHANGHAI)
    assert availability(venue, [spec], [MAY_1], morning) == [
        Available(spec.pk, MAY_1, 540, 600, 8_000, 3, None),
        Available(spec.pk, MAY_1, 720, 780, 6_000, 0, WhyNot.SOLD_OUT),
        Available(spec.pk, MAY_1, 1380, 1530, 8_000, 3, None),
    ]
    sell(spec, MAY_1, 3, 1380)
    assert why(spec, now=morning) == [WhyNot.SOLD_OUT] * 3


@pytest.mark.spec("T-14")
@pytest.mark.parametrize(
    ("closes", "minutes", "sold_until"),
    [("end", 0, "13:00"), ("start", 0, "12:00"), ("start", 30, "11:30"), ("end", 15, "12:45")],
)
def test_a_slot_is_sold_until_so_long_before_its_start_or_end(
    venue: Venue, closes: str, minutes: int, sold_until: str
) -> None:
    spec = spec_of(venue, rules=SLOTS, booking=BookingRules(slot_closes=closes, slot_closes_minutes=minutes))
    limit = datetime.fromisoformat(f"2027-05-01T{sold_until}").replace(tzinfo=SHANGHAI)
    over = WhyNot.PAST if sold_until == "13:00" else WhyNot.TOO_LATE
    assert why(spec, now=limit - timedelta(seconds=1))[1] is None
    assert why(spec, now=limit)[1] is over


def test_a_slot_across_midnight_is_sold_until_it_ends_the_day_after(venue: Venue) -> None:
    spec = spec_of(venue, rules=SLOTS)
    end = datetime(2027, 5, 2, 1, 30, tzinfo=SHANGHAI)
    assert why(spec, now=end - timedelta(seconds=1))[2] is None
    assert why(spec, now=end)[2] is WhyNot.PAST


@pytest.mark.spec("T-16")
def test_a_visit_is_booked_from_so_far_ahead_until_the_last_moment(venue: Venue) -> None:
    spec = spec_of(venue, booking=BookingRules(earliest_days=7, latest_days=1, latest_minute=1200))
    opens = datetime(2027, 4, 24, tzinfo=SHANGHAI)
    closes = datetime(2027, 4, 30, 20, tzinfo=SHANGHAI)
    moments = [opens - timedelta(seconds=1), opens, closes - timedelta(seconds=1), closes]
    assert [why(spec, now=now)[0] for now in moments] == [WhyNot.TOO_EARLY, None, None, WhyNot.TOO_LATE]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        (BookingRules(earliest_days=1, latest_days=2), "booking_rules.latest_days", "latest_days"),
        (BookingRules(slot_closes="middle"), "booking_rules.slot_closes", "slot_closes"),
        (BookingRules(latest_minute=1441), "input.range", "latest_minute"),
        (BookingRules(slot_closes_minutes=-1), "input.range", "slot_closes_minutes"),
    ],
)
def test_booking_rules_that_make_no_sense_are_refused(wrong: BookingRules, code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked_booking(wrong)
    assert (refused.value.code, refused.value.field) == (code, field)
    full = checked_booking(BookingRules(30, 1, 1200, "start", 10))
    assert BookingRules.from_json(full.to_json()) == full
    assert BookingRules().to_json() == {}


def test_where_clocks_change_a_day_closes_by_the_wall(db: None) -> None:
    venue = make.make_venue("berlin", time_zone="Europe/Berlin")
    spring, autumn = date(2027, 3, 28), date(2027, 10, 31)
    for day, offset in ((spring, 2), (autumn, 1)):
        _, closes = booking_window(venue, BookingRules(latest_minute=600), day, None)
        assert closes == datetime(day.year, day.month, day.day, 10 - offset, tzinfo=UTC)
        _, slot = booking_window(venue, BookingRules(slot_closes="start"), day, Times(180, 240))
        assert slot == wall(venue, day, 180)


@pytest.mark.spec("T-12")
def test_before_and_after_the_time_it_is_listed(venue: Venue) -> None:
    spec = spec_of(venue)
    Spec.objects.filter(pk=spec.pk).update(status=Spec.Status.TIMED, on_at=NOON, off_at=NOON + timedelta(hours=1))
    moments = [NOON - timedelta(seconds=1), NOON, NOON + timedelta(hours=1)]
    assert [why(spec, now=now)[0] for now in moments] == [WhyNot.BEFORE_SALE, None, WhyNot.AFTER_SALE]


def test_no_day_is_sold_on_which_gates_refuse_the_ticket(venue: Venue) -> None:
    CalendarDay.objects.create(venue=venue, day=date(2027, 5, 3), kind="holiday", name_zh="劳动节")
    CalendarDay.objects.create(venue=venue, day=date(2027, 5, 8), kind="workday", name_zh="调休")
    weekdays = spec_of(venue, rules=ProductRules(weekdays=(0, 1, 2, 3, 4), holidays="refused"))
    days = [date(2027, 5, day) for day in (3, 4, 8, 9)]
    found = availability(venue, [weekdays], days, NOON)
    assert [one.why for one in found] == [WhyNot.NOT_ADMITTED, None, None, WhyNot.NOT_ADMITTED]
    span = Days(date(2027, 5, 2), date(2027, 5, 9))
    season = spec_of(venue, "season", rules=ProductRules(dates=(span,), blackout=(Days(days[1], days[1]),)))
    rules = compile_rules(season.product)
    assert [gates_admit(rules, day, {}) for day in (MAY_1, *days)] == [False, True, False, True, True]
    timed = spec_of(venue, "timed", rules=ProductRules(slots=(Times(540, 600, (0,)),)))
    assert why(timed) == [WhyNot.NO_SLOT]


@pytest.mark.spec("T-15")
def test_a_ticket_for_several_days_takes_of_each_of_them(venue: Venue) -> None:
    spec = spec_of(venue, valid_days=3)
    assert date_kind(spec.product) is DateKind.MULTI
    assert covered_days(spec.product, date(2028, 2, 28)) == (date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1))
    assert valid_days(spec.product, MAY_1, date(2027, 4, 1)) == (MAY_1, date(2027, 5, 3))
    cell(spec, date(2027, 5, 3), stock=2)
    cell(spec, date(2027, 5, 6), closed=True)
    found = availability(venue, [spec], [MAY_1 + timedelta(days=n) for n in range(5)], NOON)
    assert [(one.left, one.why) for one in found] == [
        (2, None), (2, None), (2, None), (None, WhyNot.CLOSED), (None, WhyNot.CLOSED),
    ]  # fmt: skip
    with transaction.atomic():
        take(venue, [Wish(spec.pk, day, quantity=2) for day in covered_days(spec.product, MAY_1)],
             why=Entry.Why.SOLD, reference="order:1")  # fmt: skip
    assert why(spec) == [WhyNot.SOLD_OUT]
    assert Pool.objects.count() == 3


@pytest.mark.spec("T-15")
@pytest.mark.spec("T-17")
def test_the_date_kinds_compile_to_what_the_gate_does(venue: Venue) -> None:
    single = spec_of(venue, "single").product
    assert (date_kind(single), valid_days(single, MAY_1, MAY_1)) == (DateKind.SINGLE, (MAY_1, MAY_1))
    timed = spec_of(venue, "t", rules=ProductRules(slots=SLOTS.slots, early_minutes=10, late_minutes=20)).product
    rules = compile_rules(timed)
    assert (date_kind(timed), rules.early_s, rules.late_s) == (DateKind.TIMED, 600, 1200)


@pytest.mark.spec("T-16")
def test_an_open_ticket_is_bought_on_a_day_and_booked_for_another(venue: Venue) -> None:
    rules = ProductRules(book_first=True, slots=SLOTS.slots, after_first_days=3)
    spec = spec_of(venue, validity="open", valid_days=30, rules=rules, booking=BookingRules(earliest_days=7))
    product = spec.product
    assert date_kind(product) is DateKind.OPEN
    assert valid_days(product, None, MAY_1) == (MAY_1, date(2027, 5, 30))
    assert compile_rules(product).first_days == 3
    cell(spec, MAY_1, price_fen=9_900, stock=0)
    # On the day of its sale a day's stock is that of bookings, and says nothing.
    assert availability(venue, [spec], [MAY_1], NOON) == [Available(spec.pk, MAY_1, WHOLE_DAY, None, 9_900, None, None)]
    later = date(2027, 5, 20)
    assert why(spec, later) == [None]  # bought then: nothing is booked yet
    assert why(spec, later, booking=True) == [WhyNot.TOO_EARLY] * 3
    assert why(spec, MAY_1, booking=True) == [WhyNot.PAST, WhyNot.SOLD_OUT, WhyNot.SOLD_OUT]
    TicketProduct.objects.filter(pk=product.pk).update(valid_until=later)
    product.refresh_from_db()
    assert valid_days(product, None, MAY_1) == (MAY_1, later)
    assert why(spec, later + timedelta(days=1)) == [WhyNot.PAST]


@pytest.mark.spec("T-37")
def test_a_package_is_sold_as_long_as_each_of_its_tickets_is(venue: Venue) -> None:
    ride, show = spec_of(venue, "ride"), spec_of(venue, "show", rules=SLOTS)
    package = spec_of(venue, "package", kind=TicketProduct.Kind.PACKAGE, on_sale=None)
    for position, (part, quantity) in enumerate(((ride, 2), (show, 1)), 1):
        PackagePart.objects.create(
            venue=venue, package=package.product, position=position, spec=part, quantity=quantity,
            product_class=900 + position,
        )  # fmt: skip
    assert why(package) == [None]
    cell(ride, MAY_1, stock=5)
    assert [one.left for one in availability(venue, [package], [MAY_1], NOON)] == [2]
    for slot in (540, 720, 1380):
        cell(show, MAY_1, slot, stock=0 if slot < 1380 else 1)
    assert [one.left for one in availability(venue, [package], [MAY_1], NOON)] == [1]
    sell(show, MAY_1, 1, 1380)
    assert why(package) == [WhyNot.SOLD_OUT]


@pytest.mark.spec("T-39")
@pytest.mark.parametrize(
    ("terms", "kind", "days"),
    [
        ({}, DateKind.SINGLE, 1),
        ({"valid_days": 2}, DateKind.MULTI, 2),
        ({"validity": "open", "valid_days": 9}, DateKind.OPEN, 1),
        ({"rules": SLOTS}, DateKind.TIMED, 1),
    ],
)
def test_a_package_has_the_date_kinds_of_a_ticket(
    venue: Venue, terms: dict[str, Any], kind: DateKind, days: int
) -> None:
    package = spec_of(venue, "package", kind=TicketProduct.Kind.PACKAGE, on_sale=None, **terms).product
    assert (date_kind(package), len(covered_days(package, MAY_1))) == (kind, days)


@pytest.mark.spec("T-50")
def test_an_annual_card_has_price_and_stock_of_the_day_it_is_bought(venue: Venue) -> None:
    rules = ProductRules(dates=(Days(date(2027, 6, 1), date(2027, 6, 2)),))
    card = spec_of(venue, "card", kind=TicketProduct.Kind.ANNUAL, on_sale=None, rules=rules)
    cell(card, MAY_1, price_fen=30_000, stock=1)
    assert availability(venue, [card], [MAY_1], NOON) == [
        Available(card.pk, MAY_1, WHOLE_DAY, None, 30_000, 1, None)
    ]  # whatever days it will be used on
    sell(card, MAY_1, 1)
    assert why(card) == [WhyNot.SOLD_OUT]
    assert why(card, date(2027, 5, 2)) == [None]


@pytest.mark.spec("T-13")
def test_many_specs_and_three_years_of_cells_are_two_queries(venue: Venue, django_assert_num_queries) -> None:
    product = make.make_product(venue, "many")
    category = Category.objects.create(venue=venue, name_zh="门票")
    Spec.objects.bulk_create(
        Spec(venue=venue, product=product, code=f"s{n}", price_fen=100, stock=9, category=category) for n in range(400)
    )
    specs = list(Spec.objects.select_related("product"))
    CalendarCell.objects.bulk_create(
        CalendarCell(venue=venue, spec=specs[0], day=MAY_1 + timedelta(days=n), stock=n) for n in range(1096)
    )
    with django_assert_num_queries(2):
        found = availability(venue, specs, [MAY_1, MAY_1 + timedelta(days=1095)], NOON)
    assert len(found) == 2 * 401
    assert [one.left for one in found if one.spec_id == specs[0].pk] == [0, 1095]
