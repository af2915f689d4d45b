"""A venue's business days (Y-30). The rules are paifang.business_day's: edges count by the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from django.utils import timezone

from paifang.business_day import Calendar, month_number

__all__ = ["Calendar", "HasCalendar", "calendar_of", "clock_text", "month_number", "today", "wall"]


class HasCalendar(Protocol):
    """What of a venue is read here."""

    time_zone: str
    day_start_minutes: int


def calendar_of(venue: HasCalendar) -> Calendar:
    return Calendar(venue.time_zone, venue.day_start_minutes)


def today(venue: HasCalendar, now: datetime | None = None) -> date:
    """The venue's business day now. Stored on each row at posting: a later change of the start restates nothing."""
    return calendar_of(venue).day(now or timezone.now())


def wall(venue: HasCalendar, day: date, minutes: int) -> datetime:
    """The instant the venue's clocks show so many minutes after the midnight of a day; beyond 24 h the next day's."""
    midnight = datetime.combine(day, time(), ZoneInfo(venue.time_zone))
    return (midnight + timedelta(minutes=minutes)).astimezone(UTC)


def clock_text(minutes: int) -> str:
    """Minutes after midnight as a clock shows them: "09:30"; "26:00" is two in the morning after."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
