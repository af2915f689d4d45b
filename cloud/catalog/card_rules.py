"""What an annual card is beyond a ticket: its rides, how long it is valid, and its bookings (T-51..T-63)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from cloud.core.errors import DomainError
from cloud.core.inputs import within

FIXED, POOL = "fixed", "pool"
COMBINATIONS = (FIXED, POOL)
PURCHASE, ACTIVATION, FIRST_USE, DATES = "purchase", "activation", "first_use", "dates"
VALID_FROM = (PURCHASE, ACTIVATION, FIRST_USE, DATES)
NOTHING, BLOCKED = "nothing", "blocked"
NO_SHOWS = (NOTHING, BLOCKED)

MAX_MONTHS = 120
MAX_DAYS = 3660
MAX_USES = 1_000_000
MAX_HOURS = 24 * 60


@dataclass(frozen=True, slots=True)
class CardRules:
    """The default: a card for a year from the day it is bought.

    Attributes:
        combination: "fixed": each ride has limits of its own (T-51); "pool": one sum over all rides (T-52).
        pool_total: uses over all rides together; 0: no limit.
        valid_from: "purchase", "activation", "first_use", or "dates": from `first_day` to `last_day`.
        months, days: how long from there; one of them. From the first use on days only: gates count them.
        activate_within_days: the last day to activate, or to use it first, counted from the day of sale; 0: none.
        cancel_hours: a booking may be taken back until so long before it begins (T-63).
        no_show: what a booked visit nobody made leads to: "nothing", or "blocked" (no booking for `block_days`).
    """

    combination: str = FIXED
    pool_total: int = 0
    valid_from: str = PURCHASE
    months: int = 12
    days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    activate_within_days: int = 0
    cancel_hours: int = 0
    no_show: str = NOTHING
    block_days: int = 0

    def to_json(self) -> dict[str, Any]:
        """Only what differs from the default."""
        plain = CardRules()
        changed = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in changed
            if value != getattr(plain, name)
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CardRules:
        """What `to_json` wrote. Raises TypeError or ValueError on anything else."""
        values = dict(stored)
        for name in ("first_day", "last_day"):
            if values.get(name) is not None:
                values[name] = date.fromisoformat(values[name])
        return cls(**values)


def checked(rules: CardRules) -> CardRules:
    """Raises DomainError "card.*" or "input.range", its field the rule's name. Pure."""
    for name, most in _RANGES.items():
        within(getattr(rules, name), name, 0, most)
    for name, choices in _CHOICES.items():
        if getattr(rules, name) not in choices:
            raise _bad(name, "没有这个选项。", "There is no such choice.")
    if rules.combination == FIXED and rules.pool_total:
        raise _bad(
            "pool_total",
            "固定组合按各门票限次，不设总次数。",
            "A fixed combination limits each ride, not their sum.",
        )
    if rules.valid_from == DATES:
        _dates(rules)
    elif bool(rules.months) == bool(rules.days):
        raise _bad("months", "有效期按月或按天，填一种。", "Say either months or days.")
    if rules.valid_from == FIRST_USE and not rules.days:
        raise _bad("days", "从首次使用起算的有效期只能按天。", "From the first use on a card is valid for days.")
    if rules.activate_within_days and rules.valid_from not in (ACTIVATION, FIRST_USE):
        raise _bad(
            "activate_within_days",
            "有效期从激活或首次使用起算时才有最晚日期。",
            "Only a card that is valid from its activation or first use has a last day for that.",
        )
    if (rules.no_show == BLOCKED) != bool(rules.block_days):
        raise _bad("block_days", "爽约限制须填天数。", "A block after a missed visit needs its days, and only that.")
    return rules


def _dates(rules: CardRules) -> None:
    if rules.first_day is None or rules.last_day is None:
        raise _bad("first_day", "请填写起止日期。", "Say its first and its last day.")
    if rules.last_day < rules.first_day:
        raise _bad("last_day", "结束日期早于开始日期。", "The last day comes before the first.")


def term_end(first: date, months: int, days: int) -> date:
    """The last day of so many months, or days, that begin on `first`.

    A year from 3 May ends on 2 May. Where the month has no such day the term ends with the month: one from 31
    January ends on 28 or 29 February (T-59).
    """
    if not months:
        return first + timedelta(days=days - 1)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    length = monthrange(year, month + 1)[1]
    if first.day > length:
        return date(year, month + 1, length)
    return date(year, month + 1, first.day) - timedelta(days=1)


_RANGES = {
    "pool_total": MAX_USES,
    "months": MAX_MONTHS,
    "days": MAX_DAYS,
    "activate_within_days": MAX_DAYS,
    "cancel_hours": MAX_HOURS,
    "block_days": MAX_DAYS,
}
_CHOICES = {"combination": COMBINATIONS, "valid_from": VALID_FROM, "no_show": NO_SHOWS}


def _bad(field: str, zh: str, en: str) -> DomainError:
    return DomainError(f"card.{field}", zh, en, field)
