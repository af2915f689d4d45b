"""Which days a product is for: calendar, open and timed tickets (T-15 to T-17). Pure, but for the venue's holidays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from enum import StrEnum

from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import Times
from cloud.venues.models import CalendarDay, Venue
from paifang.rulesets import HOLIDAY_BIT, RuleSet

_MONDAY_TO_FRIDAY = 0b0011111


class DateKind(StrEnum):
    """What the manual calls the type of date."""

    SINGLE = "single"  # calendar ticket: the booked day
    MULTI = "multi"  # calendar ticket: so many days in a row from the booked one
    OPEN = "open"  # any day while it is valid, booked first if its rules want it; annual cards too
    TIMED = "timed"  # a slot of the booked day


def date_kind(product: TicketProduct) -> DateKind:
    if bought_by_day(product):
        return DateKind.OPEN
    if rules_of(product).slots:
        return DateKind.TIMED
    return DateKind.MULTI if product.valid_days > 1 else DateKind.SINGLE


def bought_by_day(product: TicketProduct) -> bool:
    """Whether price and stock are those of the day of the sale, because no visit is chosen then."""
    return product.kind == TicketProduct.Kind.ANNUAL or product.validity == TicketProduct.Validity.OPEN


def covered_days(product: TicketProduct, first: date) -> tuple[date, ...]:
    """The days a ticket bought for `first` takes stock of: of a calendar ticket all it is valid on, of a timed one
    that of its slot, of an open one the day that is asked about: that of its sale, or later the booked one."""
    count = product.valid_days if date_kind(product) is DateKind.MULTI else 1
    return tuple(first + timedelta(days=n) for n in range(count))


def valid_days(product: TicketProduct, visit: date | None, sold_on: date) -> tuple[date, date]:
    """First and last business day a ticket is valid on: what its record at the gate says.

    Of an open ticket so many days from its sale, or until a fixed day. A ticket sold after that day has an end
    before its beginning: cloud.capacity.selectors.availability says it is over, and a sale must refuse it.
    """
    if product.validity == TicketProduct.Validity.OPEN:
        return sold_on, product.valid_until or sold_on + timedelta(days=product.valid_days - 1)
    first = visit or sold_on
    return first, covered_days(product, first)[-1]


def slots_by_weekday(product: TicketProduct) -> tuple[tuple[Times, ...], ...]:
    """The slots of a Monday, a Tuesday .., each in order; empty ones of a product without slots."""
    slots = rules_of(product).slots
    return tuple(tuple(slot for slot in slots if not slot.days or day in slot.days) for day in range(7))


def slots_on(product: TicketProduct, day: date) -> tuple[Times, ...]:
    """The slots of one day, in order."""
    return slots_by_weekday(product)[day.weekday()]


def day_kinds(venue: Venue, days: Collection[date]) -> dict[date, str]:
    """CalendarDay.Kind of those of the days that are not ordinary. One query."""
    if not days:
        return {}
    rows = CalendarDay.objects.filter(venue=venue, day__range=(min(days), max(days)))
    return dict(rows.values_list("day", "kind"))


def gates_admit(rules: RuleSet, day: date, kinds: Mapping[date, str]) -> bool:
    """Whether gates would let the ticket in on a day at all: as check 11 decides days and dates there."""
    number = day.toordinal()
    if rules.dates and not any(span.first <= number <= span.last for span in rules.dates):
        return False
    if any(span.first <= number <= span.last for span in rules.blackout):
        return False
    if not rules.days:
        return True
    match kinds.get(day):
        case CalendarDay.Kind.HOLIDAY:
            return bool(rules.days & HOLIDAY_BIT)
        case CalendarDay.Kind.WORKDAY:
            return bool(rules.days & _MONDAY_TO_FRIDAY)
        case _:
            return bool(rules.days >> day.weekday() & 1)
