"""What each check looked at, as text: names of paifang.checks.INPUTS, and no personal data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo

from edge import _counts_py as counts
from edge._case_py import Case, inside, latest
from edge._credentials_py import Shown
from edge._windows_py import hours_of_day
from edge.verdict import NO_LIMIT, Identity
from paifang.records import CredentialKind, DayKind, RecordFlag
from paifang.rotating import step_of
from paifang.rulesets import HOLIDAY_BIT, Span

Inputs = dict[str, str]
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Words:
    """Times as the venue's own clocks show them, and stations by their names (zh, en)."""

    def __init__(self, zone: tzinfo, stations: Mapping[int, tuple[str, str]]) -> None:
        self._zone = zone
        self._stations = stations

    def station(self, number: int) -> str:
        names = self._stations.get(number)
        return str(number) if names is None else f"{number} {names[0]} {names[1]}"

    def at(self, seconds: float) -> str:
        """Unix seconds, to the second."""
        try:
            return datetime.fromtimestamp(int(seconds), UTC).astimezone(self._zone).isoformat(sep=" ")
        except (OverflowError, ValueError, OSError):
            return str(int(seconds))

    def at_ms(self, ms: int) -> str:
        return self.at(ms // 1000) if ms else "-"

    def day(self, ordinal: int) -> str:
        try:
            return date.fromordinal(ordinal).isoformat()
        except (OverflowError, ValueError):
            return str(ordinal)

    def span(self, start: int, end: int) -> str:
        return f"{self.at(start)} .. {self.at(end)}"

    def spans(self, spans: tuple[Span, ...]) -> str:
        return ", ".join(f"{self.day(span.first)} .. {self.day(span.last)}" for span in spans) or "-"


def yes(value: object) -> str:
    return "yes" if value else "no"


def kind_name(kind: int) -> str:
    return CredentialKind(kind).name.lower() if kind in CredentialKind._value2member_map_ else str(kind)


def clock(minute: int) -> str:
    """Minutes after the midnight the business day is named after; past 24:00 it goes on."""
    return f"{minute // 60:02}:{minute % 60:02}"


def mask(days: int) -> str:
    named = [name for number, name in enumerate(_WEEKDAYS) if days >> number & 1]
    return ", ".join([*named, "holidays"] if days & HOLIDAY_BIT else named) or "-"


def _key(shown: Shown, _: Words) -> Inputs:
    return {"key": str(shown.issued.key_id), "record": yes(shown.record is not None)}


def _key_live(shown: Shown, words: Words) -> Inputs:
    key = shown.key
    return {} if key is None else {"valid": words.span(key.not_before, key.not_after), "killed": yes(key.killed)}


def _tag(shown: Shown, _: Words) -> Inputs:
    return {"pass": shown.issued.digest[:8].hex()}


def _known(shown: Shown, words: Words) -> Inputs:
    if shown.record is not None:
        return {"record": "yes"}
    return {
        "record": "no", "signed_only": yes(shown.signed_ruleset is not None),
        "issued": words.at(shown.issued.claims.issued_at), "current_to": words.at_ms(shown.current_to_ms),
    }  # fmt: skip


def _code_fresh(shown: Shown, _: Words) -> Inputs:
    if shown.live is None:
        return {}
    first, last = step_of(shown.now_ms) - 1, step_of(shown.now_ms + shown.skew_ms)
    return {"step": str(shown.live.step), "allowed": f"{first} .. {last}"}


OF_PASSES: dict[str, Callable[[Shown, Words], Inputs]] = {
    "key": _key,
    "key_live": _key_live,
    "signature": _tag,
    "digest": _tag,
    "known": _known,
    "code_fresh": _code_fresh,
    "code": lambda shown, _: {} if shown.live is None else {"keys": str(len(shown.day_keys))},
    "signed_only": lambda shown, _: {"left": str(shown.signed_room)},
}


def _replay(case: Case, words: Words) -> Inputs:
    last = latest((*case.group, *case.whole))
    if case.request.step == NO_LIMIT or last is None:
        return {}
    return {
        "step": str(case.request.step), "last_step": str(step_of(last.last_ms)), "last_lane": str(last.last_device),
        "lane": str(case.request.device_id),
    }  # fmt: skip


def _lane(case: Case, words: Words) -> Inputs:
    device = case.device
    if device is None:
        return {"lane": str(case.request.device_id), "record": "no"}
    return {"lane": device.identifier, "allowed": yes(device.enabled), "station": words.station(device.station_id)}


def _station(case: Case, words: Words) -> Inputs:
    station, number = case.station, words.station(case.request.station_id)
    if station is None:
        return {"station": number, "record": "no"}
    return {"station": number, "allowed": yes(station.enabled), "inner": yes(station.inner)}


def _product(case: Case, _: Words) -> Inputs:
    return _accepted(case, case.station.products if case.station is not None else ())


def _lane_product(case: Case, _: Words) -> Inputs:
    return _accepted(case, (case.device.products or ()) if case.device is not None else ())


def _accepted(case: Case, products: tuple[int, ...]) -> Inputs:
    return {"product": str(case.record.product_class), "allowed": ", ".join(map(str, products)) or "-"}


def _medium(case: Case, _: Words) -> Inputs:
    allowed = [kind_name(kind) for kind in CredentialKind if kind and case.rules.media >> kind & 1]
    return {"kind": kind_name(case.request.kind), "allowed": ", ".join(allowed)}


def _identity(case: Case, _: Words) -> Inputs:
    known = case.request.identity in Identity._value2member_map_
    return {"identity": Identity(case.request.identity).name.lower() if known else str(case.request.identity)}


def _slot(case: Case, words: Words) -> Inputs:
    record, rules = case.record, case.rules
    if not record.slot_from and not record.slot_to:
        return {}
    return {
        "slot": words.span(record.slot_from, record.slot_to), "early": str(rules.early_s), "late": str(rules.late_s)
    }  # fmt: skip


def _start(case: Case, words: Words) -> Inputs:
    return {"now": words.at(case.now), "from": words.at(case.record.not_before)} | _slot(case, words)


def _end(case: Case, words: Words) -> Inputs:
    return {"now": words.at(case.now), "until": words.at(case.record.not_after)}


def _date(case: Case, words: Words) -> Inputs:
    dates, blackout = words.spans(case.rules.dates), words.spans(case.rules.blackout)
    return {"day": words.day(case.request.day), "dates": dates, "blackout": blackout}


def _day(case: Case, words: Words) -> Inputs:
    known = case.request.day_kind in DayKind._value2member_map_
    kind = DayKind(case.request.day_kind).name.lower() if known else str(case.request.day_kind)
    return {"day": words.day(case.request.day), "day_kind": kind, "days": mask(case.rules.days)}


def _hours(case: Case, _: Words) -> Inputs:
    today = ", ".join(f"{clock(hours.start)}-{clock(hours.end)}" for hours in hours_of_day(case))
    return {"clock": clock(case.request.minute), "hours": today or "-"}


def _duration(case: Case, words: Words) -> Inputs:
    first = min((usage.first_ms for usage in case.whole if usage.first_ms), default=0)
    told = {"first": words.at_ms(first), "now": words.at(case.now)}
    if case.rules.after_first_s:
        told["seconds"] = str(case.rules.after_first_s)
    if case.rules.first_days:
        told["days"] = str(case.rules.first_days)
    return told


def _limit(limit: Callable[[Case], int], left_of: Callable[[Case], int | None]) -> Callable[[Case, Words], Inputs]:
    def inputs(case: Case, words: Words) -> Inputs:
        left = left_of(case)
        if left is None:
            return {}
        allowed = limit(case) * case.record.persons
        return {
            "limit": str(allowed), "used": str(allowed - left), "needed": str(counts.needed(case)),
        }  # fmt: skip

    return inputs


def _last(case: Case, words: Words) -> Inputs:
    last = latest(case.group)
    return {} if last is None else {"last_station": words.station(last.last_station), "last": words.at_ms(last.last_ms)}


def _inside(case: Case, words: Words) -> Inputs:
    visit = max((usage.visit_ms for usage in case.whole), default=0)
    return {"inside": yes(inside(case.whole)), "last": words.at_ms(visit)}


def _pause(case: Case, words: Words) -> Inputs:
    last = latest(case.whole)
    return {"gap": str(case.rules.reentry_gap_s), "last": words.at_ms(last.last_ms if last else 0)}


def _room(case: Case, room: int) -> Inputs:
    if room == NO_LIMIT:
        return {}
    return {"room": str(room), "persons": str(counts.persons_now(case)), "inner": yes(case.inner)}


def _flag(name: str, flag: RecordFlag) -> Callable[[Case, Words], Inputs]:
    return lambda case, _: {name: yes(case.record.flags & flag)}


OF_RULES: dict[str, Callable[[Case, Words], Inputs]] = {
    "live_code": lambda case, _: {
        "kind": kind_name(case.request.kind), "live_code_only": yes(case.record.flags & RecordFlag.ROTATING)
    },
    "replay": _replay,
    "standing": lambda case, _: {"standing": case.record.state.name.lower()},
    "activation": lambda case, _: {
        "by": case.rules.activation.name.lower(), "activated": yes(case.record.flags & RecordFlag.ACTIVATED)
    },
    "station": _station,
    "lane": _lane,
    "product": _product,
    "lane_product": _lane_product,
    "medium": _medium,
    "collected": _flag("collected", RecordFlag.COLLECTED),
    "identity": _identity,
    "start": _start,
    "end": _end,
    "booking": _flag("booked", RecordFlag.BOOKED),
    "slot": lambda case, words: {"now": words.at(case.now)} | _slot(case, words),
    "date": _date,
    "day": _day,
    "hours": _hours,
    "duration": _duration,
    "total": _limit(lambda case: case.rules.uses_total, counts.left_in_total),
    "month": _limit(lambda case: case.rules.uses_month, counts.left_this_month),
    "daily": _limit(lambda case: case.rules.uses_day, counts.left_today),
    "group": _limit(lambda case: case.record.uses or case.rules.uses_per_group, counts.left_in_group),
    "sibling": _last,
    "inside": _inside,
    "pause": _pause,
    "room": lambda case, _: _room(case, case.request.room),
    "day_room": lambda case, _: _room(case, case.request.day_room),
}  # fmt: skip
