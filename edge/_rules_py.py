"""The twin's rules: pure functions over (record, rule set, live state, usage, request). Oracle of the compiled ones.

CHECKS is the list of docs/gate.md from the rotating code's replay on, in its order; the first that fails is the
reason. What comes before (is it readable, whose is it) is in `_credentials_py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from edge import _counts_py as counts
from edge import _windows_py as windows
from edge._case_py import (
    Case,
    Check,
    LiveState,
    Said,
    Verdict,
    first_miss,
    inside,
    latest,
    overflows,
    parse,
    refuse,
)
from edge.verdict import NO_LIMIT, Identity, Request
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, Record, RecordFlag, State, Station
from paifang.rotating import step_of
from paifang.rulesets import Activation, RuleFlag, RuleSet
from paifang.usage import WHOLE_GROUP, Usage, usage_key

_STANDING = {
    State.ACTIVE: Reason.OK,
    State.REVOKED: Reason.REVOKED,
    State.REFUNDED: Reason.REFUNDED,
    State.LOCKED: Reason.LOCKED,
    State.FROZEN: Reason.FROZEN,
}

# --- 4 rotating code --------------------------------------------------------------------------------------------------


def live_code_shown(case: Case) -> Said:
    if not case.record.flags & RecordFlag.ROTATING:
        return None
    return Reason.LIVE_CODE_NEEDED if case.request.kind == CredentialKind.PASS else Reason.OK


def not_replayed(case: Case) -> Said:
    """A step works once, except again at the lane it was used at: for the rest of a group."""
    if case.request.step == NO_LIMIT:
        return None
    last = latest((*case.group, *case.whole))
    if last is None or step_of(last.last_ms) < case.request.step or last.last_device == case.request.device_id:
        return Reason.OK
    return Reason.REPLAYED


# --- 6 standing, 7 activation -----------------------------------------------------------------------------------------


def stands(case: Case) -> Said:
    return _STANDING[case.record.state]


def activated(case: Case) -> Said:
    if case.rules.activation == Activation.NONE:
        return None
    return Reason.OK if case.record.flags & RecordFlag.ACTIVATED else Reason.NOT_ACTIVATED


# --- 8 place ----------------------------------------------------------------------------------------------------------


def station_open(case: Case) -> Said:
    return Reason.OK if case.station is not None and case.station.enabled else Reason.STATION_CLOSED


def lane_open(case: Case) -> Said:
    device = case.device
    good = device is not None and device.enabled and device.station_id == case.request.station_id
    return Reason.OK if good else Reason.LANE_CLOSED


def station_allowed(case: Case) -> Said:
    good = case.station is not None and case.record.product_class in case.station.products
    return Reason.OK if good else Reason.WRONG_STATION


def lane_allowed(case: Case) -> Said:
    """A lane may verify just some of its station's products (S-19)."""
    if case.device is None or case.device.products is None:
        return None
    return Reason.OK if case.record.product_class in case.device.products else Reason.WRONG_LANE


# --- 9 medium, 10 identity --------------------------------------------------------------------------------------------


def medium_allowed(case: Case) -> Said:
    kind = case.request.kind
    return Reason.OK if 0 <= kind < 16 and case.rules.media >> kind & 1 else Reason.MEDIUM_NOT_ALLOWED


def collected(case: Case) -> Said:
    if not case.has(RuleFlag.COLLECT_FIRST):
        return None
    return Reason.OK if case.record.flags & RecordFlag.COLLECTED else Reason.NOT_COLLECTED


def identity_matches(case: Case) -> Said:
    if not case.has(RuleFlag.IDENTITY):
        return None
    if case.request.kind == CredentialKind.ID_NUMBER or case.request.identity == Identity.MATCHES:
        return Reason.OK
    return Reason.IDENTITY_NEEDED if case.request.identity == Identity.NONE else Reason.IDENTITY_OTHER


# --- the list ---------------------------------------------------------------------------------------------------------

CHECKS: tuple[Check[Case], ...] = (
    Check(4, "live_code", live_code_shown),
    Check(4, "replay", not_replayed, counts.tell_any),
    Check(6, "standing", stands),
    Check(7, "activation", activated),
    Check(8, "station", station_open),
    Check(8, "lane", lane_open),
    Check(8, "product", station_allowed),
    Check(8, "lane_product", lane_allowed),
    Check(9, "medium", medium_allowed),
    Check(9, "collected", collected),
    Check(10, "identity", identity_matches),
    Check(11, "start", windows.not_too_early),
    Check(11, "end", windows.not_expired),
    Check(11, "booking", windows.booked),
    Check(11, "slot", windows.slot_not_over),
    Check(11, "date", windows.on_its_dates),
    Check(11, "day", windows.on_its_days),
    Check(11, "hours", windows.within_its_hours, windows.tell_hours),
    Check(11, "duration", windows.within_its_duration),
    Check(12, "total", counts.total_left, counts.tell_whole),
    Check(12, "month", counts.month_left, counts.tell_whole),
    Check(12, "daily", counts.day_left, counts.tell_whole),
    Check(12, "group", counts.group_left_here, counts.tell_group),
    Check(13, "sibling", counts.not_used_at_sibling, counts.tell_group),
    Check(13, "inside", counts.not_inside, counts.tell_whole),
    Check(13, "pause", counts.not_too_soon, counts.tell_again),
    Check(14, "room", counts.room_in_venue),
    Check(14, "day_room", counts.room_today),
)


# --- judging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """Usage values of one counter: this edge's (None where it has none) and its siblings'."""

    own: bytes | None
    others: list[bytes]

    def usages(self) -> tuple[Usage, ...]:
        """Raises ValueError where one is of a layout not known here."""
        own = Usage() if self.own is None else Usage.unpack(self.own)
        return (own, *(Usage.unpack(other) for other in self.others))


class Counters(Protocol):
    """Where the usage of a counter owner is found."""

    def of_group(self, owner_id: int, group_id: int) -> Stored: ...
    def of_whole(self, owner_id: int) -> Stored: ...


def record_facts(entitlement_id: int, record: Record, rules: RuleSet | None = None) -> dict[str, Any]:
    """What a verdict tells of a record, whatever the rules say of it."""
    return {
        "entitlement_id": entitlement_id,
        "owner_id": record.owner_id or entitlement_id,
        "product_class": record.product_class,
        "ruleset_id": record.ruleset_id,
        "rule_flags": int(rules.flags) if rules else 0,
        "valid_from": windows.starts(record, rules),
        "valid_until": windows.ends(record, rules),
    }


def read_case(
    entitlement_id: int, record: Record, live: LiveState, counters: Counters, request: Request
) -> tuple[Case | None, dict[str, Any]]:
    """All the rules look at (None where it cannot be read), and what a verdict tells whatever they say."""
    rules, station = live.ruleset, live.station
    facts = record_facts(entitlement_id, record, rules)
    if station is not None:
        facts["group_id"] = station.group_id
    if rules is None or record.persons == 0:
        return None, facts
    owner = facts["owner_id"]
    group = whole = None
    if station is not None:
        group = counters.of_group(owner, station.group_id)
        facts |= {"usage_key": usage_key(owner, station.group_id), "usage_before": group.own}
    if rules.flags & RuleFlag.WHOLE:
        whole = counters.of_whole(owner)
        facts |= {"whole_key": usage_key(owner, WHOLE_GROUP), "whole_before": whole.own}
    try:
        return Case(
            entitlement_id, record, rules, station, live.device, request,
            group.usages() if group else (), whole.usages() if whole else (),
        ), facts  # fmt: skip
    except ValueError:
        return None, facts


def judge(
    entitlement_id: int, record: Record, live: LiveState, counters: Counters, request: Request, tag: bytes = b""
) -> Verdict:
    """The verdict on a known record at a station that verifies."""
    case, facts = read_case(entitlement_id, record, live, counters, request)
    facts["tag"] = tag
    if case is None:
        return refuse(Reason.UNKNOWN, request.kind, **facts)
    missed = first_miss(CHECKS, case)
    if missed is not None:
        check, reason = missed
        return refuse(reason, request.kind, **(facts | check.tells(case)))
    return _admit(case, facts)


def _admit(case: Case, facts: dict[str, Any]) -> Verdict:
    request = case.request
    persons = counts.persons_now(case)
    group, whole = _after(case, persons)
    if any(usage is not None and overflows(usage) for usage in (group, whole)):
        return refuse(Reason.UNKNOWN, request.kind, **facts)
    return Verdict(
        True, int(Reason.OK), request.kind, persons=persons, remaining=counts.remaining(case),
        usage_after=group.pack() if group else b"", whole_after=whole.pack() if whole else b"", **facts,
    )  # fmt: skip


def _after(case: Case, persons: int) -> tuple[Usage | None, Usage | None]:
    """This edge's records of the group and of the whole venue once the persons are in."""
    request = case.request
    now: dict[str, int] = {
        "station": request.station_id, "device": request.device_id, "now_ms": request.now_ms,
        "day": request.day, "month": request.month,
    }  # fmt: skip
    group = case.group[0].spend(persons, **now) if case.group else None
    enters = case.has(RuleFlag.ANTI_PASSBACK) and not case.inner
    whole = case.whole[0].enter(persons, inside=enters, **now) if case.whole else None
    return group, whole


# --- exits ------------------------------------------------------------------------------------------------------------


def let_out(station: Station, request: Request, **facts: Any) -> Verdict:
    """An exit refuses nobody."""
    return Verdict(
        True, int(Reason.LEAVING), request.kind, leaving=True, group_id=station.group_id,
        **({"persons": 1} | facts),
    )  # fmt: skip


def leave(
    entitlement_id: int, record: Record, rules: RuleSet | None, station: Station, counters: Counters,
    request: Request, tag: bytes = b"",
) -> Verdict:  # fmt: skip
    """A known record at an exit: its visit is closed, where one is open."""
    facts = record_facts(entitlement_id, record, rules) | {"tag": tag, "persons": record.persons or 1}
    if rules is not None and rules.flags & RuleFlag.WHOLE and rules.flags & RuleFlag.ANTI_PASSBACK:
        whole = counters.of_whole(facts["owner_id"])
        facts |= {"whole_key": usage_key(facts["owner_id"], WHOLE_GROUP), "whole_before": whole.own}
        facts["whole_after"] = _left(whole, request)
    return let_out(station, request, **facts)


def _left(whole: Stored, request: Request) -> bytes:
    """The record of the whole venue once its owner is out; b"" where they were not in, or nobody can tell."""
    try:
        usages = whole.usages()
    except ValueError:
        return b""
    after = usages[0].leave(now_ms=request.now_ms)
    return after.pack() if inside(usages) and not overflows(after) else b""


# --- the rules alone --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Given:
    """Counters of one owner, as they were handed in."""

    group: Stored
    whole: Stored

    def of_group(self, owner_id: int, group_id: int) -> Stored:
        return self.group

    def of_whole(self, owner_id: int) -> Stored:
        return self.whole


def decide(
    record: bytes, ruleset: bytes, station: bytes, device: bytes, own: bytes | None, others: list[bytes],
    whole: bytes | None, whole_others: list[bytes], entitlement_id: int, request: Request,
) -> Verdict:  # fmt: skip
    """The rules alone, over bytes. See edge/_verify.pyi."""
    parsed, place, rules = parse(Record, record), parse(Station, station), parse(RuleSet, ruleset)
    counters = _Given(Stored(own, others), Stored(whole, whole_others))
    if place is not None and place.exit:
        if parsed is None:
            return let_out(place, request, entitlement_id=entitlement_id)
        return leave(entitlement_id, parsed, rules, place, counters, request)
    if parsed is None:
        return refuse(Reason.UNKNOWN, request.kind, entitlement_id=entitlement_id)
    return judge(entitlement_id, parsed, LiveState(rules, place, parse(Device, device)), counters, request)
