"""Business days: a venue's day starts a set number of minutes after local midnight. Pure; no clock.

Edge and cloud both count by these, so they live here. A day's start is the wall-clock time "midnight +
day_start_minutes" in the venue's zone. Where a change of clocks skips that time the day starts at the change;
where it comes twice, at the first. So every instant is in exactly one day, and days may have 23 or 25 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar of one venue. `day_start_minutes` is within 0..1439.

    Raises:
        ValueError: minutes out of range. zoneinfo.ZoneInfoNotFoundError: no such time zone.
    """

    time_zone: str
    day_start_minutes: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.day_start_minutes < 24 * 60:
            raise ValueError(f"a day starts within 0..1439 minutes after midnight, not {self.day_start_minutes}")
        ZoneInfo(self.time_zone)

    def start(self, day: date) -> datetime:
        """The first instant of a business day, in UTC."""
        zone = ZoneInfo(self.time_zone)
        wall = datetime.combine(day, time()) + timedelta(minutes=self.day_start_minutes)
        first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if first.astimezone(zone).replace(tzinfo=None) == wall:
            return first
        # The wall time was skipped: the change of clocks is the instant whose offset steps up.
        before = wall.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
        after = wall.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
        low, high = (wall - max(before, after)).replace(tzinfo=UTC), (wall - min(before, after)).replace(tzinfo=UTC)
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            if middle.astimezone(zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return high

    def end(self, day: date) -> datetime:
        """The first instant after a business day, in UTC."""
        return self.start(day + _ONE_DAY)

    def day(self, instant: datetime) -> date:
        """The business day an aware instant belongs to."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        local = instant.astimezone(ZoneInfo(self.time_zone))
        day = (local.replace(tzinfo=None) - timedelta(minutes=self.day_start_minutes)).date()
        while self.start(day) > instant:
            day -= _ONE_DAY
        while self.start(day + _ONE_DAY) <= instant:
            day += _ONE_DAY
        return day

    def minute(self, instant: datetime, day: date) -> int:
        """The wall clock at an aware instant, in minutes from the midnight the business day is named after.

        Past the next midnight it goes on: 01:30 of a day that starts at 04:00 is 1530. Where clocks change it
        jumps as they do.
        """
        wall = instant.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)
        return max(0, (wall - datetime.combine(day, time())) // timedelta(minutes=1))

    def last_second(self, day: date) -> int:
        """The last Unix second of a business day: how passes and records state an end."""
        return int(self.end(day).timestamp()) - 1


def month_number(day: date) -> int:
    """yyyymm, as usage records count months."""
    return day.year * 100 + day.month
