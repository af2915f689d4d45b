"""A venue's business days (Y-30). The rules are paifang.business_day's: edges count by the same."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from django.utils import timezone

from paifang.business_day import Calendar, month_number

__all__ = ["Calendar", "HasCalendar", "calendar_of", "month_number", "today"]


class HasCalendar(Protocol):
    """What of a venue is read here."""

    time_zone: str
    day_start_minutes: int


def calendar_of(venue: HasCalendar) -> Calendar:
    return Calendar(venue.time_zone, venue.day_start_minutes)


def today(venue: HasCalendar, now: datetime | None = None) -> date:
    """The venue's business day now. Stored on each row at posting: a later change of the start restates nothing."""
    return calendar_of(venue).day(now or timezone.now())
