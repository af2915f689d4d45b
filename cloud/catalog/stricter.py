"""Two sets of rules that both hold, as one: what a package or a card asks beside what its ticket asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cloud.catalog.rules import MEDIA, Days, ProductRules, Times
from cloud.core.errors import DomainError


def stricter(own: ProductRules, over: ProductRules) -> ProductRules:
    """The rules of a part: admitted only by what admits both of it.

    Raises:
        DomainError: "rules.media", "rules.weekdays", "rules.holidays", "rules.hours" or "rules.dates": nothing is
            left that both allow.
    """
    return replace(
        both_times(own, over),
        total=_least(own.total, over.total),
        per_month=_least(own.per_month, over.per_month),
        per_day=_least(own.per_day, over.per_day),
        reentry_minutes=max(own.reentry_minutes, over.reentry_minutes),
        anti_passback=own.anti_passback or over.anti_passback,
    )


def both_times(own: ProductRules, over: ProductRules) -> ProductRules:
    """As `stricter`, with the own counts: those of a ride are not its card's."""
    return replace(
        own,
        media=_media(own, over),
        rotating=own.rotating or over.rotating,
        short_code=own.short_code or over.short_code,
        identity=own.identity or over.identity,
        collect_first=own.collect_first or over.collect_first,
        book_first=own.book_first or over.book_first,
        activation=over.activation if over.activation != "none" else own.activation,
        weekdays=_weekdays(own.weekdays, over.weekdays),
        holidays=_holidays(own.holidays, over.holidays),
        hours=_hours(own.hours, over.hours),
        dates=_dates(own.dates, over.dates),
        blackout=tuple(sorted({*own.blackout, *over.blackout})),
        after_first_hours=_least(own.after_first_hours, over.after_first_hours),
        after_first_days=0 if over.after_first_hours else _least(own.after_first_days, over.after_first_days),
        signed_only=0,  # a gate knows of that by the class of a product, and a part has its own
    )


def _least(one: int, other: int) -> int:
    """The smaller limit; 0 is none."""
    return min(limit for limit in (one, other) if limit) if one or other else 0


def _media(own: ProductRules, over: ProductRules) -> tuple[str, ...]:
    kept = tuple(name for name in MEDIA if all(not one.media or name in one.media for one in (own, over)))
    if not kept:
        raise _nothing("media", "没有一种凭证同时被两者允许。", "There is no medium that both allow.")
    return () if len(kept) == len(MEDIA) else kept


def _weekdays(own: tuple[int, ...], over: tuple[int, ...]) -> tuple[int, ...]:
    if not (own and over):
        return own or over
    kept = tuple(sorted(set(own) & set(over)))
    if not kept:
        raise _nothing("weekdays", "没有一天同时被两者允许。", "There is no weekday that both allow.")
    return kept


def _holidays(own: str, over: str) -> str:
    if "allowed" in (own, over) or own == over:
        return own if over == "allowed" else over
    raise _nothing(
        "holidays", "一个只限节假日，另一个节假日不可用。", "One is for holidays only, the other not for holidays."
    )


def _hours(own: tuple[Times, ...], over: tuple[Times, ...]) -> tuple[Times, ...]:
    if not (own and over):
        return own or over
    kept = {both for one in own for other in over if (both := _period(one, other)) is not None}
    if not kept:
        raise _nothing("hours", "没有一个时段同时被两者允许。", "There is no hour that both allow.")
    return tuple(sorted(kept))


def _period(one: Times, other: Times) -> Times | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    days = tuple(sorted(set(one.days) & set(other.days))) if one.days and other.days else one.days or other.days
    nowhere = bool(one.days and other.days) and not days
    return None if start >= end or nowhere else Times(start, end, days)


def _dates(own: Iterable[Days], over: Iterable[Days]) -> tuple[Days, ...]:
    own, over = tuple(own), tuple(over)
    if not (own and over):
        return own or over
    kept = {
        Days(max(one.first, other.first), min(one.last, other.last))
        for one in own
        for other in over
        if max(one.first, other.first) <= min(one.last, other.last)
    }
    if not kept:
        raise _nothing("dates", "没有一天同时被两者允许。", "There is no day that both allow.")
    return tuple(sorted(kept))


def _nothing(field: str, zh: str, en: str) -> DomainError:
    return DomainError(f"rules.{field}", zh, en, field)
