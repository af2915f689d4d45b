"""The twin's checks 12 to 14: uses left, presence and pace, room in the venue. Everything counts persons."""

from __future__ import annotations

from typing import Any

from edge._case_py import Case, Said, latest
from edge._case_py import inside as inside_by
from edge.verdict import NO_LIMIT
from paifang.reasons import Reason
from paifang.rulesets import RuleFlag

# --- 12 what is left by each limit; None where it sets none -----------------------------------------------------------


def left_in_total(case: Case) -> int | None:
    if not case.whole or not case.rules.uses_total:
        return None
    return case.rules.uses_total * case.record.persons - sum(usage.total for usage in case.whole)


def left_this_month(case: Case) -> int | None:
    if not case.whole or not case.rules.uses_month:
        return None
    spent = sum(usage.month_count for usage in case.whole if usage.month == case.request.month)
    return case.rules.uses_month * case.record.persons - spent


def left_today(case: Case) -> int | None:
    if not case.whole or not case.rules.uses_day:
        return None
    spent = sum(usage.day_count for usage in case.whole if usage.day == case.request.day)
    return case.rules.uses_day * case.record.persons - spent


def left_in_group(case: Case) -> int | None:
    uses = case.record.uses or case.rules.uses_per_group
    return uses * case.record.persons - sum(usage.total for usage in case.group) if uses else None


def lefts(case: Case) -> list[int]:
    """Of each limit there is."""
    every = (left_in_total(case), left_this_month(case), left_today(case), left_in_group(case))
    return [left for left in every if left is not None]


def needed(case: Case) -> int:
    """How many must be left at least: one, or all that the pass is for where they go together."""
    return case.record.persons if case.has(RuleFlag.TOGETHER) else 1


def persons_now(case: Case) -> int:
    """How many this presentation admits, if it admits."""
    at_once = [case.rules.at_once] if case.rules.at_once and not case.has(RuleFlag.TOGETHER) else []
    return min([case.record.persons, *at_once, *lefts(case)])


def remaining(case: Case) -> int:
    """What is left after this presentation by every limit; NO_LIMIT where there is none."""
    return min(lefts(case)) - persons_now(case) if lefts(case) else NO_LIMIT


def _enough(left: int | None, case: Case, miss: Reason) -> Said:
    if left is None:
        return None
    return Reason.OK if left >= needed(case) else miss


def total_left(case: Case) -> Said:
    return _enough(left_in_total(case), case, Reason.USED_UP)


def month_left(case: Case) -> Said:
    return _enough(left_this_month(case), case, Reason.MONTH_LIMIT)


def day_left(case: Case) -> Said:
    return _enough(left_today(case), case, Reason.DAY_LIMIT)


def _used_here(case: Case) -> bool:
    last = latest(case.group)
    return last is None or last.last_station == case.request.station_id


def group_left_here(case: Case) -> Said:
    said = _enough(left_in_group(case), case, Reason.USED_UP)
    return Reason.OK if said == Reason.USED_UP and not _used_here(case) else said


# --- 13 presence and pace ---------------------------------------------------------------------------------------------


def not_used_at_sibling(case: Case) -> Said:
    said = _enough(left_in_group(case), case, Reason.USED_AT_SIBLING)
    return Reason.OK if said == Reason.USED_AT_SIBLING and _used_here(case) else said


def not_inside(case: Case) -> Said:
    if not case.whole or not case.has(RuleFlag.ANTI_PASSBACK) or case.inner:
        return None
    return Reason.ALREADY_INSIDE if inside_by(case.whole) else Reason.OK


def again_from_ms(case: Case) -> int | None:
    """When it may be used again after its last use; None where it was not used or no pause is asked."""
    last = latest(case.whole)
    return None if last is None or not case.rules.reentry_gap_s else last.last_ms + case.rules.reentry_gap_s * 1000


def not_too_soon(case: Case) -> Said:
    if not case.whole or not case.rules.reentry_gap_s:
        return None
    again = again_from_ms(case)
    return Reason.TOO_SOON if again is not None and case.request.now_ms < again else Reason.OK


# --- 14 room ----------------------------------------------------------------------------------------------------------


def _room(room: int, case: Case, miss: Reason) -> Said:
    if room == NO_LIMIT or case.inner:
        return None
    return miss if persons_now(case) > room else Reason.OK


def room_in_venue(case: Case) -> Said:
    return _room(case.request.room, case, Reason.VENUE_FULL)


def room_today(case: Case) -> Said:
    return _room(case.request.day_room, case, Reason.DAY_FULL)


# --- what their refusals tell -----------------------------------------------------------------------------------------


def _tell(last: Any) -> dict[str, Any]:
    return {} if last is None else {"last_station": last.last_station, "last_ms": last.last_ms}


def tell_group(case: Case) -> dict[str, Any]:
    return _tell(latest(case.group))


def tell_whole(case: Case) -> dict[str, Any]:
    return _tell(latest(case.whole))


def tell_any(case: Case) -> dict[str, Any]:
    return _tell(latest((*case.group, *case.whole)))


def tell_again(case: Case) -> dict[str, Any]:
    """The first whole second it may be used in again."""
    again = again_from_ms(case)
    return {} if again is None else {"valid_from": -(-again // 1000)}
