"""The rules as a table: for each check of the twin what it refuses, with the exact reason, and what it lets pass.

A test takes the verifiers through it; another removes each check and looks that the table notices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import pytest

from edge.verdict import Identity
from paifang.reasons import Reason
from paifang.records import CredentialKind, DayKind, Device, RecordFlag, State, Station
from paifang.rotating import step_of
from paifang.rulesets import Activation, Hours, RuleFlag, RuleSet, Span
from paifang.usage import Usage, UsageFlag
from tests.support.gatekit import (
    DAY,
    GOOD,
    GROUP,
    LANE,
    MINUTE,
    MONTH,
    NOW_MS,
    NOW_S,
    PRODUCT,
    SIBLING,
    STATION,
    Situation,
)

OK = Reason.OK
STEP = step_of(NOW_MS)
SATURDAY, SUNDAY = DAY + 3, DAY + 4
MON_TO_FRI, WEEKEND, HOLIDAYS = 0b0011111, 0b1100000, 0b10000000


def used(total: int = 1, **more: Any) -> Usage:
    """Uses of today, the last of them five seconds ago at the very lane."""
    facts = {
        "revision": 3, "month": MONTH, "month_count": total, "day": DAY, "day_count": total,
        "last_station": STATION, "last_device": LANE, "last_ms": NOW_MS - 5000,
    }  # fmt: skip
    return Usage(total=total, **(facts | more))


def there(total: int = 1, **more: Any) -> Usage:
    """The same at a sibling station's lane."""
    return used(total, **({"last_station": SIBLING, "last_device": LANE + 1} | more))


def whole(flags: int = 0, **rules: Any) -> RuleSet:
    """Rules that count over the whole venue; any number of uses of a group."""
    return RuleSet(flags=RuleFlag(flags) | RuleFlag.WHOLE, **({"uses_per_group": 0} | rules))


@dataclass(frozen=True)
class RuleCase:
    """A situation (what differs from a good one), the reason it gives, and what more its verdict says."""

    name: str
    changes: dict[str, Any]
    reason: Reason
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def situation(self) -> Situation:
        return GOOD.but(**self.changes)

    def prove(self, core: ModuleType) -> None:
        verdict = self.situation.decide(core)
        assert Reason(verdict.reason) is self.reason
        assert verdict.admit == (self.reason == OK)
        assert {name: getattr(verdict, name) for name in self.told} == self.told


ROTATING = {"record": replace(GOOD.record, flags=RecordFlag.ROTATING)}
ACTIVATED = {"record": replace(GOOD.record, flags=RecordFlag.ACTIVATED)}
COLLECTED = replace(GOOD.record, flags=RecordFlag.COLLECTED)
BOOKED = replace(GOOD.record, flags=RecordFlag.BOOKED)
IDENTITY = RuleSet(flags=RuleFlag.IDENTITY)
TOGETHER = RuleSet(flags=RuleFlag.TOGETHER)
CLOSED = Station(GROUP, False, False, (PRODUCT,))
INNER = Station(GROUP, True, False, (PRODUCT,), inner=True)
OFF = Device(STATION, False, "lane-1")
NOON_TO_TWO = (Hours(720, 840), Hours(1260, 1320))
SHOWN = {"kind": CredentialKind.ROTATING, "step": STEP, "uses_per_group": 0}
AT_SIBLING = {"last_station": SIBLING, "last_ms": NOW_MS - 5000}
INSIDE = {"flags": int(UsageFlag.INSIDE), "visit_ms": NOW_MS - 9000}

CASES: dict[str, tuple[RuleCase, ...]] = {
    "live_code": (
        RuleCase("a rotating ticket's plain pass", ROTATING, Reason.LIVE_CODE_NEEDED),
        RuleCase("its live code", ROTATING | {"kind": CredentialKind.ROTATING, "step": STEP}, OK),
        RuleCase("its holder's ID card", ROTATING | {"kind": CredentialKind.ID_NUMBER}, OK),
        RuleCase("a live code of a plain ticket", {"kind": CredentialKind.ROTATING, "step": STEP}, OK),
    ),
    "replay": (
        RuleCase("the step used at another lane", SHOWN | {"usage": there()}, Reason.REPLAYED, AT_SIBLING),
        RuleCase("used there as another edge tells", SHOWN | {"others": [there()]}, Reason.REPLAYED, AT_SIBLING),
        RuleCase("an older step than the one used", SHOWN | {"step": STEP - 1, "usage": there()}, Reason.REPLAYED),
        RuleCase("the next step", SHOWN | {"step": STEP + 1, "usage": there()}, OK),
        RuleCase("again at the same lane", SHOWN | {"usage": used()}, OK),
        RuleCase("the later use was here", SHOWN | {"usage": used(), "others": [there(last_ms=NOW_MS - 9000)]}, OK),
        RuleCase("that use came back", SHOWN | {"usage": there(0)}, OK),
        RuleCase(
            "used elsewhere in the venue", SHOWN | {"rules": whole(), "whole": there()}, Reason.REPLAYED, AT_SIBLING
        ),
        RuleCase(
            "the latest use in the venue was here",
            SHOWN | {"rules": whole(), "usage": there(last_ms=NOW_MS - 9000), "whole": used()}, OK,
        ),
        RuleCase("a plain pass has no step", {"uses_per_group": 0, "usage": there()}, OK),
    ),
    "standing": (
        RuleCase("revoked", {"state": State.REVOKED}, Reason.REVOKED),
        RuleCase("refunded", {"state": State.REFUNDED}, Reason.REFUNDED),
        RuleCase("a refund is being decided", {"state": State.LOCKED}, Reason.LOCKED),
        RuleCase("frozen", {"state": State.FROZEN}, Reason.FROZEN),
    ),
    "activation": (
        RuleCase("the holder has not activated it", {"activation": Activation.HOLDER}, Reason.NOT_ACTIVATED),
        RuleCase("nor has the desk", {"activation": Activation.DESK}, Reason.NOT_ACTIVATED),
        RuleCase("activated by the holder", ACTIVATED | {"activation": Activation.HOLDER}, OK),
        RuleCase("activated at the desk", ACTIVATED | {"activation": Activation.DESK}, OK),
        RuleCase("no activation asked", {"activation": Activation.NONE}, OK),
    ),
    "station": (
        RuleCase("switched off", {"station": CLOSED}, Reason.STATION_CLOSED),
        RuleCase("the station is off though the lane is on", {"station": CLOSED, "device": GOOD.device},
                 Reason.STATION_CLOSED),
        RuleCase("both are off", {"station": CLOSED, "device": OFF}, Reason.STATION_CLOSED),
    ),
    "lane": (
        RuleCase("switched off", {"device": OFF}, Reason.LANE_CLOSED),
        RuleCase("of another station", {"device": Device(SIBLING, True, "lane-1")}, Reason.LANE_CLOSED),
    ),
    "product": (
        RuleCase("not valid here", {"product_class": PRODUCT + 1}, Reason.WRONG_STATION),
        RuleCase("nothing is", {"station": Station(GROUP, True, False, ())}, Reason.WRONG_STATION),
        RuleCase("one of several", {"station": Station(GROUP, True, False, (1, PRODUCT, 99))}, OK),
    ),
    "lane_product": (
        RuleCase("one of its own", {"device": Device(STATION, True, "lane-1", (1, PRODUCT, 99))}, OK),
        RuleCase("its only one", {"device": Device(STATION, True, "lane-1", (PRODUCT,))}, OK),
        RuleCase("not one of its own", {"device": Device(STATION, True, "lane-1", (PRODUCT + 1,))}, Reason.WRONG_LANE),
        RuleCase("it has none any more", {"device": Device(STATION, True, "lane-1", ())}, Reason.WRONG_LANE),
        RuleCase(
            "the station must have it too",
            {"device": Device(STATION, True, "lane-1", (PRODUCT,)), "station": Station(GROUP, True, False, ())},
            Reason.WRONG_STATION,
        ),
        RuleCase(
            "whether it works comes first", {"device": Device(STATION, False, "lane-1", ())}, Reason.LANE_CLOSED
        ),
    ),
    "medium": (
        RuleCase("ID card only", {"media": 1 << CredentialKind.ID_NUMBER}, Reason.MEDIUM_NOT_ALLOWED),
        RuleCase(
            "ID card only", {"media": 1 << CredentialKind.ID_NUMBER, "kind": CredentialKind.ID_NUMBER}, OK
        ),
        RuleCase(
            "a live code is a medium of its own",
            {"media": 1 << CredentialKind.PASS, "kind": CredentialKind.ROTATING, "step": STEP},
            Reason.MEDIUM_NOT_ALLOWED,
        ),
        *(
            RuleCase(f"only {kind.name}", {"media": 1 << kind, "kind": kind}, OK)
            for kind in CredentialKind if kind != CredentialKind.LINE
        ),
        *(
            RuleCase(f"any but {kind.name}", {"media": 0xFFFF ^ 1 << kind, "kind": kind}, Reason.MEDIUM_NOT_ALLOWED)
            for kind in CredentialKind
        ),
        *(RuleCase(f"no kind {kind}", {"kind": kind}, Reason.MEDIUM_NOT_ALLOWED) for kind in (-1, 16, 33)),
    ),
    "collected": (
        RuleCase("pick up first", {"rules": RuleSet(flags=RuleFlag.COLLECT_FIRST)}, Reason.NOT_COLLECTED),
        RuleCase(
            "picked up",
            {"rules": RuleSet(flags=RuleFlag.COLLECT_FIRST), "record": COLLECTED}, OK,
        ),
    ),
    "identity": (
        RuleCase("no ID card read", {"rules": IDENTITY}, Reason.IDENTITY_NEEDED),
        RuleCase("another's", {"rules": IDENTITY, "identity": Identity.OTHER}, Reason.IDENTITY_OTHER),
        RuleCase("the holder's", {"rules": IDENTITY, "identity": Identity.MATCHES}, OK),
        RuleCase("the ID card alone", {"rules": IDENTITY, "kind": CredentialKind.ID_NUMBER}, OK),
        RuleCase("nobody asks", {"identity": Identity.OTHER}, OK),
    ),
    "start": (
        RuleCase("a second early", {"not_before": NOW_S + 1}, Reason.TOO_EARLY, {"valid_from": NOW_S + 1}),
        RuleCase("its first second", {"not_before": NOW_S}, OK),
        RuleCase("before its slot", {"slot_from": NOW_S + 1}, Reason.TOO_EARLY, {"valid_from": NOW_S + 1}),
        RuleCase("its slot's first second", {"slot_from": NOW_S}, OK),
        RuleCase(
            "before the tolerance", {"slot_from": NOW_S + 301, "early_s": 300}, Reason.TOO_EARLY,
            {"valid_from": NOW_S + 1},
        ),
        RuleCase("within the tolerance", {"slot_from": NOW_S + 300, "early_s": 300}, OK, {"valid_from": NOW_S}),
        RuleCase(
            "the tolerance does not widen its days", {"slot_from": NOW_S, "not_before": NOW_S + 1, "early_s": 300},
            Reason.TOO_EARLY,
        ),
        RuleCase("no slot, no tolerance", {"not_before": NOW_S + 1, "early_s": 300}, Reason.TOO_EARLY),
        RuleCase("a clock before 1970", {"not_before": 0, "now_ms": -1}, Reason.TOO_EARLY),
    ),
    "end": (
        RuleCase("a second late", {"not_after": NOW_S - 1}, Reason.EXPIRED, {"valid_until": NOW_S - 1}),
        RuleCase("its last second", {"not_after": NOW_S}, OK),
        RuleCase(
            "the tolerance does not widen its days",
            {"not_after": NOW_S - 1, "slot_to": NOW_S + 9, "late_s": 300}, Reason.EXPIRED,
        ),
    ),
    "booking": (
        RuleCase("book first", {"rules": RuleSet(flags=RuleFlag.BOOK_FIRST)}, Reason.NOT_BOOKED),
        RuleCase(
            "booked",
            {"rules": RuleSet(flags=RuleFlag.BOOK_FIRST), "record": BOOKED}, OK,
        ),
    ),
    "slot": (
        RuleCase("over", {"slot_to": NOW_S - 1}, Reason.SLOT_OVER, {"valid_until": NOW_S - 1}),
        RuleCase("its last second", {"slot_to": NOW_S}, OK),
        RuleCase("within the tolerance", {"slot_to": NOW_S - 600, "late_s": 600}, OK, {"valid_until": NOW_S}),
        RuleCase(
            "after the tolerance", {"slot_to": NOW_S - 601, "late_s": 600}, Reason.SLOT_OVER,
            {"valid_until": NOW_S - 1},
        ),
    ),
    "date": (
        RuleCase("another day", {"dates": (Span(DAY + 1, DAY + 9),)}, Reason.WRONG_DATE),
        RuleCase("the day before", {"dates": (Span(DAY - 9, DAY - 1),)}, Reason.WRONG_DATE),
        RuleCase("its first day", {"dates": (Span(DAY, DAY + 9),)}, OK),
        RuleCase("its last day", {"dates": (Span(1, 2), Span(DAY - 2, DAY))}, OK),
        RuleCase("a blackout day", {"blackout": (Span(1, 2), Span(DAY, DAY))}, Reason.WRONG_DATE),
        RuleCase("a blackout among its days", {"dates": (Span(1, DAY + 9),), "blackout": (Span(DAY, DAY + 1),)},
                 Reason.WRONG_DATE),
        RuleCase("a blackout of other days", {"blackout": (Span(DAY + 1, DAY + 2), Span(1, DAY - 1))}, OK),
    ),
    "day": (
        RuleCase("a Wednesday of weekdays", {"days": MON_TO_FRI}, OK),
        RuleCase("a Wednesday", {"days": 0b100}, OK),
        RuleCase("a Wednesday of the others", {"days": 0x7F ^ 0b100}, Reason.WRONG_DAY),
        RuleCase("a Saturday of weekdays", {"days": MON_TO_FRI, "day": SATURDAY}, Reason.WRONG_DAY),
        RuleCase("a Sunday of the weekend", {"days": WEEKEND, "day": SUNDAY}, OK),
        RuleCase("a Monday", {"days": 1, "day": SUNDAY + 1}, OK),
        RuleCase("a holiday", {"days": 0x7F, "day_kind": DayKind.HOLIDAY}, Reason.HOLIDAY),
        RuleCase("a holiday that is allowed", {"days": HOLIDAYS, "day_kind": DayKind.HOLIDAY}, OK),
        RuleCase("no holiday", {"days": HOLIDAYS}, Reason.WRONG_DAY),
        RuleCase(
            "a Saturday at work", {"days": MON_TO_FRI, "day": SATURDAY, "day_kind": DayKind.WORKDAY}, OK
        ),
        RuleCase(
            "a Saturday at work is no weekend", {"days": WEEKEND, "day": SATURDAY, "day_kind": DayKind.WORKDAY},
            Reason.WRONG_DAY,
        ),
        RuleCase("any day, holiday or not", {"days": 0, "day_kind": DayKind.HOLIDAY}, OK),
    ),
    "hours": (
        RuleCase(
            "the next hours are told", {"hours": NOON_TO_TWO}, Reason.OUTSIDE_HOURS,
            {"hours_start": 1260, "hours_end": 1320},
        ),
        RuleCase(
            "the first of the coming", {"hours": (Hours(1300, 1310), Hours(1250, 1260), Hours(1, 2))},
            Reason.OUTSIDE_HOURS, {"hours_start": 1250, "hours_end": 1260},
        ),
        RuleCase(
            "else the last", {"hours": (NOON_TO_TWO[0], Hours(60, 120))}, Reason.OUTSIDE_HOURS,
            {"hours_start": 720, "hours_end": 840},
        ),
        RuleCase("from", {"hours": (Hours(MINUTE, MINUTE + 1),)}, OK, {"hours_start": 0, "hours_end": 0}),
        RuleCase("until before", {"hours": (Hours(MINUTE - 5, MINUTE),)}, Reason.OUTSIDE_HOURS),
        RuleCase(
            "of other days", {"hours": (Hours(0, 1440, WEEKEND), Hours(60, 120))}, Reason.OUTSIDE_HOURS,
            {"hours_start": 60, "hours_end": 120},
        ),
        RuleCase(
            "none today", {"hours": (Hours(0, 1440, WEEKEND),)}, Reason.OUTSIDE_HOURS,
            {"hours_start": 0, "hours_end": 0},
        ),
        RuleCase("a holiday's own", {"hours": (Hours(0, 1440, HOLIDAYS),), "day_kind": DayKind.HOLIDAY}, OK),
        RuleCase("past midnight", {"hours": (Hours(1440, 1620),), "minute": 1530}, OK),
    ),
    "duration": (
        RuleCase(
            "two hours from the first use", {"rules": whole(after_first_s=7200),
            "whole": used(first_ms=NOW_MS - 7_200_000, first_day=DAY)}, Reason.DURATION_OVER,
        ),
        RuleCase(
            "a millisecond of them left", {"rules": whole(after_first_s=7200),
            "whole": used(first_ms=NOW_MS - 7_199_999, first_day=DAY)}, OK,
        ),
        RuleCase(
            "the first use was elsewhere", {"rules": whole(after_first_s=60),
            "whole": used(first_ms=NOW_MS - 5000, first_day=DAY),
            "whole_others": [there(first_ms=NOW_MS - 60_000, first_day=DAY)]}, Reason.DURATION_OVER,
        ),
        RuleCase(
            "two days, the third", {"rules": whole(first_days=2), "whole": used(first_ms=1, first_day=DAY - 2)},
            Reason.DURATION_OVER,
        ),
        RuleCase(
            "two days, the second", {"rules": whole(first_days=2), "whole": used(first_ms=1, first_day=DAY - 1)}, OK
        ),
        RuleCase("not used yet", {"rules": whole(first_days=1, after_first_s=1)}, OK),
    ),
    "total": (
        RuleCase("ten of ten", {"rules": whole(uses_total=10), "whole": used(10)}, Reason.USED_UP,
                 {"last_station": STATION, "last_ms": NOW_MS - 5000}),
        RuleCase("nine of ten", {"rules": whole(uses_total=10), "whole": used(9)}, OK, {"remaining": 0}),
        RuleCase("six here, four there", {"rules": whole(uses_total=10), "whole": used(6), "whole_others": [there(4)]},
                 Reason.USED_UP),
        RuleCase("of the whole venue, said as such", {"rules": whole(uses_total=1), "whole": there()}, Reason.USED_UP,
                 AT_SIBLING),
        RuleCase("without the flag nobody counts", {"uses_total": 1, "whole": used(5)}, OK),
    ),
    "month": (
        RuleCase("three of three", {"rules": whole(uses_month=3), "whole": used(3)}, Reason.MONTH_LIMIT,
                 {"last_station": STATION, "last_ms": NOW_MS - 5000}),
        RuleCase("three last month", {"rules": whole(uses_month=3), "whole": used(3, month=MONTH - 1)}, OK),
        RuleCase("two of three, one there", {"rules": whole(uses_month=3), "whole": used(2),
                 "whole_others": [there(1)]}, Reason.MONTH_LIMIT),
        RuleCase("two of three", {"rules": whole(uses_month=3), "whole": used(2)}, OK, {"remaining": 0}),
    ),
    "daily": (
        RuleCase("one of one", {"rules": whole(uses_day=1), "whole": used(1)}, Reason.DAY_LIMIT,
                 {"last_station": STATION, "last_ms": NOW_MS - 5000}),
        RuleCase("one yesterday", {"rules": whole(uses_day=1), "whole": used(1, day=DAY - 1)}, OK),
        RuleCase("one there", {"rules": whole(uses_day=1), "whole_others": [there()]}, Reason.DAY_LIMIT, AT_SIBLING),
        RuleCase("a pass of four", {"rules": whole(uses_day=1), "persons": 4, "whole": used(3)}, OK,
                 {"persons": 1, "remaining": 0}),
    ),
    "group": (
        RuleCase("used here", {"usage": used()}, Reason.USED_UP,
                 {"last_station": STATION, "last_ms": NOW_MS - 5000}),
        RuleCase("one use left", {"usage": used(), "uses_per_group": 2}, OK, {"persons": 1, "remaining": 0}),
        RuleCase("the record's own number", {"usage": used(), "uses": 1, "uses_per_group": 2}, Reason.USED_UP),
        RuleCase("the rest of a family", {"usage": used(3), "persons": 4}, OK, {"persons": 1, "remaining": 0}),
        RuleCase("one at a time", {"persons": 4, "at_once": 1}, OK, {"persons": 1, "remaining": 3}),
        RuleCase("two at a time, one left", {"usage": used(3), "persons": 4, "at_once": 2}, OK, {"persons": 1}),
        RuleCase("together", {"persons": 4, "rules": TOGETHER, "at_once": 1}, OK, {"persons": 4}),
        RuleCase("together, one is missing", {"usage": used(), "persons": 4, "rules": TOGETHER},
                 Reason.USED_UP),
    ),
    "sibling": (
        RuleCase("used there", {"others": [there()]}, Reason.USED_AT_SIBLING, AT_SIBLING),
        RuleCase("used there last", {"usage": used(last_ms=NOW_MS - 9000), "others": [there()], "uses_per_group": 2},
                 Reason.USED_AT_SIBLING, AT_SIBLING),
        RuleCase("one edge, two stations", {"usage": there()}, Reason.USED_AT_SIBLING, AT_SIBLING),
    ),
    "inside": (
        RuleCase("has not left", {"rules": whole(RuleFlag.ANTI_PASSBACK, uses_per_group=1), "whole": used(**INSIDE)},
                 Reason.ALREADY_INSIDE, {"last_station": STATION, "last_ms": NOW_MS - 5000}),
        RuleCase("has left", {"rules": whole(RuleFlag.ANTI_PASSBACK), "whole": used(visit_ms=NOW_MS - 9000)}, OK),
        RuleCase("left by another edge", {"rules": whole(RuleFlag.ANTI_PASSBACK), "whole": used(**INSIDE),
                 "whole_others": [Usage(visit_ms=NOW_MS - 1)]}, OK),
        RuleCase("in by another edge", {"rules": whole(RuleFlag.ANTI_PASSBACK), "whole": used(visit_ms=NOW_MS - 9000),
                 "whole_others": [there(flags=1, visit_ms=NOW_MS - 8000)]}, Reason.ALREADY_INSIDE),
        RuleCase("of two at one moment this edge's", {"rules": whole(RuleFlag.ANTI_PASSBACK), "whole": used(**INSIDE),
                 "whole_others": [Usage(visit_ms=NOW_MS - 9000)]}, Reason.ALREADY_INSIDE),
        RuleCase("a cable car inside", {"rules": whole(RuleFlag.ANTI_PASSBACK), "whole": used(**INSIDE),
                 "station": INNER}, OK),
        RuleCase("nobody asks", {"rules": whole(), "whole": used(**INSIDE)}, OK),
    ),
    "pause": (
        RuleCase("half an hour", {"rules": whole(reentry_gap_s=1800), "whole": used(last_ms=NOW_MS - 1_799_999)},
                 Reason.TOO_SOON, {"valid_from": NOW_S + 1}),
        RuleCase("half an hour ago", {"rules": whole(reentry_gap_s=1800), "whole": used(last_ms=NOW_MS - 1_800_000)},
                 OK),
        RuleCase("by another edge", {"rules": whole(reentry_gap_s=1800), "whole_others": [there()]}, Reason.TOO_SOON,
                 {"valid_from": NOW_S + 1796}),
        RuleCase("that one came back", {"rules": whole(reentry_gap_s=1800), "whole": used(0)}, OK),
        RuleCase("inside the venue too", {"rules": whole(reentry_gap_s=1800), "whole": used(), "station": INNER},
                 Reason.TOO_SOON),
        RuleCase("no pause, and a use ahead of our clock", {"rules": whole(), "whole": used(last_ms=NOW_MS + 9)}, OK),
    ),
    "room": (
        RuleCase("full", {"room": 0}, Reason.VENUE_FULL),
        RuleCase("over full", {"room": -9}, Reason.VENUE_FULL),
        RuleCase("the last place", {"room": 1}, OK),
        RuleCase("three places for four", {"room": 3, "persons": 4}, Reason.VENUE_FULL),
        RuleCase("three places for the first of four", {"room": 3, "persons": 4, "at_once": 1}, OK),
        RuleCase("those inside need none", {"room": 0, "station": INNER}, OK),
    ),
    "day_room": (
        RuleCase("full for today", {"day_room": 0}, Reason.DAY_FULL),
        RuleCase("the last of today", {"day_room": 1}, OK),
        RuleCase("those inside need none", {"day_room": 0, "station": INNER}, OK),
    ),
}  # fmt: skip

# A situation that fails one check and then another too: the first is the reason.
ORDER: tuple[tuple[str, str], ...] = (
    ("live_code", "standing"), ("replay", "standing"), ("standing", "activation"), ("activation", "station"),
    ("station", "lane"), ("lane", "product"), ("product", "medium"), ("medium", "collected"),
    ("collected", "identity"), ("identity", "start"), ("start", "booking"), ("end", "booking"), ("booking", "slot"),
    ("slot", "date"), ("date", "day"), ("day", "hours"), ("hours", "duration"), ("duration", "total"),
    ("total", "month"), ("month", "daily"), ("daily", "group"), ("sibling", "inside"), ("group", "inside"),
    ("inside", "pause"), ("pause", "room"), ("room", "day_room"),
)  # fmt: skip


def over(*names: str) -> Callable[[Any], Any]:
    """Parametrizes a test with the cases of these checks."""
    cases = [(name, case) for name in names for case in CASES[name]]
    ids = [f"{name}: {case.name}: {case.reason.name}" for name, case in cases]
    return pytest.mark.parametrize("case", [case for _, case in cases], ids=ids)


def both(first: str, then: str) -> tuple[Situation, Reason]:
    """The first refusing cases of two checks in one, and what the first says alone."""
    one = next(case for case in CASES[first] if case.reason != OK)
    other = next(case for case in CASES[then] if case.reason != OK)
    return merged(one.situation, other.situation), one.reason


def merged(one: Situation, other: Situation) -> Situation:
    """What differs from the good situation in either. Where both do the first has it; flags are joined."""
    changes: dict[str, Any] = {}
    for part in ("record", "rules", "request"):
        good, mine, theirs = (getattr(situation, part) for situation in (GOOD, one, other))
        fields = {}
        for name in type(good).__dataclass_fields__:
            values = getattr(good, name), getattr(mine, name), getattr(theirs, name)
            fields[name] = values[1] if values[1] != values[0] else values[2]
        if part in ("record", "rules"):
            fields["flags"] = mine.flags | theirs.flags
        changes[part] = replace(good, **fields)
    for part in ("station", "device", "usage", "others", "whole", "whole_others"):
        good, mine, theirs = (getattr(situation, part) for situation in (GOOD, one, other))
        changes[part] = mine if mine != good else theirs
    return replace(GOOD, **changes)
