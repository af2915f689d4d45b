"""The twin's check 11: validity, slot, days, hours, and how long a first use lasts."""

from __future__ import annotations

from typing import Any

from edge._case_py import Case, Said
from paifang.reasons import Reason
from paifang.records import DayKind, Record, RecordFlag
from paifang.rulesets import HOLIDAY_BIT, Hours, RuleFlag, RuleSet, Span

MONDAY_TO_FRIDAY = 0b0011111


def starts(record: Record, rules: RuleSet | None) -> int:
    """The first second it may be used in, the slot's tolerance included."""
    if not record.slot_from:
        return record.not_before
    return max(record.not_before, record.slot_from - (rules.early_s if rules else 0))


def ends(record: Record, rules: RuleSet | None) -> int:
    """The last second it may be used in, the slot's tolerance included."""
    if not record.slot_to:
        return record.not_after
    return min(record.not_after, record.slot_to + (rules.late_s if rules else 0))


def weekday(day: int) -> int:
    """0 Monday .. 6 Sunday, of a proleptic ordinal."""
    return (day + 6) % 7


def on_days(mask: int, day: int, day_kind: int) -> bool:
    """Whether a mask of days (see RuleSet.days) has the day."""
    if mask == 0:
        return True
    if day_kind == DayKind.HOLIDAY:
        return bool(mask & HOLIDAY_BIT)
    if day_kind == DayKind.WORKDAY:
        return bool(mask & MONDAY_TO_FRIDAY)
    return bool(mask >> weekday(day) & 1)


def hours_of_day(case: Case) -> list[Hours]:
    return [hours for hours in case.rules.hours if on_days(hours.days, case.request.day, case.request.day_kind)]


def within(day: int, spans: tuple[Span, ...]) -> bool:
    return any(span.first <= day <= span.last for span in spans)


def not_too_early(case: Case) -> Said:
    return Reason.TOO_EARLY if case.now < starts(case.record, case.rules) else Reason.OK


def not_expired(case: Case) -> Said:
    return Reason.EXPIRED if case.now > case.record.not_after else Reason.OK


def booked(case: Case) -> Said:
    if not case.has(RuleFlag.BOOK_FIRST):
        return None
    return Reason.OK if case.record.flags & RecordFlag.BOOKED else Reason.NOT_BOOKED


def slot_not_over(case: Case) -> Said:
    if not case.record.slot_to:
        return None
    return Reason.SLOT_OVER if case.now > case.record.slot_to + case.rules.late_s else Reason.OK


def on_its_dates(case: Case) -> Said:
    rules, day = case.rules, case.request.day
    if not rules.dates and not rules.blackout:
        return None
    good = (not rules.dates or within(day, rules.dates)) and not within(day, rules.blackout)
    return Reason.OK if good else Reason.WRONG_DATE


def on_its_days(case: Case) -> Said:
    if not case.rules.days:
        return None
    if on_days(case.rules.days, case.request.day, case.request.day_kind):
        return Reason.OK
    return Reason.HOLIDAY if case.request.day_kind == DayKind.HOLIDAY else Reason.WRONG_DAY


def within_its_hours(case: Case) -> Said:
    if not case.rules.hours:
        return None
    minute = case.request.minute
    good = any(hours.start <= minute < hours.end for hours in hours_of_day(case))
    return Reason.OK if good else Reason.OUTSIDE_HOURS


def tell_hours(case: Case) -> dict[str, Any]:
    """The day's next window, else its last."""
    today = hours_of_day(case)
    coming = [hours for hours in today if hours.start > case.request.minute]
    if coming:
        told = min(coming, key=lambda hours: hours.start)
    elif today:
        told = max(today, key=lambda hours: hours.start)
    else:
        return {}
    return {"hours_start": told.start, "hours_end": told.end}


def within_its_duration(case: Case) -> Said:
    """From the first use anywhere on, so and so long and so many business days."""
    rules = case.rules
    if not case.whole or not (rules.after_first_s or rules.first_days):
        return None
    first_ms = min((usage.first_ms for usage in case.whole if usage.first_ms), default=None)
    first_day = min((usage.first_day for usage in case.whole if usage.first_day), default=None)
    if rules.after_first_s and first_ms is not None and case.request.now_ms >= first_ms + rules.after_first_s * 1000:
        return Reason.DURATION_OVER
    if rules.first_days and first_day is not None and case.request.day >= first_day + rules.first_days:
        return Reason.DURATION_OVER
    return Reason.OK
