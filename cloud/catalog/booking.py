"""When the days and slots of a product can be bought or booked: from how far ahead, and until when (T-14, T-16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cloud.catalog.rules import Times
from cloud.core.business_day import calendar_of, wall
from cloud.core.errors import DomainError
from cloud.core.inputs import within
from cloud.venues.models import Venue

SLOT_CLOSES = ("start", "end")
MAX_DAYS_AHEAD = 3660
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class BookingRules:
    """The default: as far ahead as there are prices, until the day or slot is over.

    Attributes:
        earliest_days, latest_days: a visit is sold from so many days before (None: any time) until so many days
            before, on that last day until `latest_minute` of the venue's clock (None: all day).
        slot_closes, slot_closes_minutes: a slot is sold until so many minutes before its start or its end.
    """

    earliest_days: int | None = None
    latest_days: int = 0
    latest_minute: int | None = None
    slot_closes: str = "end"
    slot_closes_minutes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Only what is set."""
        plain = asdict(_DEFAULT)
        return {name: value for name, value in asdict(self).items() if value != plain[name]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> BookingRules:
        """What `to_json` wrote. Raises TypeError on anything else."""
        return cls(**stored)


_DEFAULT = BookingRules()
_RANGES = {
    "earliest_days": (0, MAX_DAYS_AHEAD),
    "latest_days": (0, MAX_DAYS_AHEAD),
    "latest_minute": (1, DAY_MINUTES),
    "slot_closes_minutes": (0, DAY_MINUTES),
}


def checked(rules: BookingRules) -> BookingRules:
    """Raises DomainError "booking_rules.*", "input.range", its field the rule's name."""
    for name, (low, high) in _RANGES.items():
        value = getattr(rules, name)
        if value is not None:
            within(value, name, low, high)
    if rules.slot_closes not in SLOT_CLOSES:
        raise DomainError("booking_rules.slot_closes", "没有这个选项。", "There is no such choice.", "slot_closes")
    if rules.earliest_days is not None and rules.earliest_days < rules.latest_days:
        raise DomainError(
            "booking_rules.latest_days",
            "截止预订早于开始预订。",
            "Booking would end before it begins.",
            "latest_days",
        )
    return rules


def booking_window(
    venue: Venue, rules: BookingRules, day: date, slot: Times | None
) -> tuple[datetime | None, datetime]:
    """From when on (None: any time) and until before when a day, or a slot of it, is sold or booked."""
    business = calendar_of(venue)
    opens = None
    if rules.earliest_days is not None:
        opens = business.start(day - timedelta(days=rules.earliest_days))
    last = day - timedelta(days=rules.latest_days)
    closes = business.end(last)
    if rules.latest_minute is not None:
        closes = min(closes, wall(venue, last, rules.latest_minute))
    if slot is None:
        return opens, closes
    edge = slot.start if rules.slot_closes == "start" else slot.end
    of_slot = wall(venue, day, edge - rules.slot_closes_minutes)
    if rules.latest_days == 0 and rules.latest_minute is None:
        return opens, of_slot  # of a slot across midnight this may be past the end of its business day
    return opens, min(closes, of_slot)
