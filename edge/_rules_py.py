"""The twin's rules: pure functions over (record, rule set, live state, usage, request). Oracle of the compiled ones.

Checks 5 to 13 of docs/gate.md, in their order; the first that fails is the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paifang.reasons import Reason
from paifang.records import Device, Record, State, Station
from paifang.rulesets import RULESET_BYTES, RULESET_VERSION, RuleSet
from paifang.usage import Usage, usage_key

U32_MAX = 2**32 - 1
UNLIMITED = -1

_STANDING = {
    State.REVOKED: Reason.REVOKED,
    State.REFUNDED: Reason.REFUNDED,
    State.LOCKED: Reason.LOCKED,
    State.FROZEN: Reason.FROZEN,
}

# (owner id, group id) -> this edge's usage value, the siblings' usage values
UsageOf = Callable[[int, int], tuple[bytes | None, list[bytes]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """See edge/_verify.pyi."""

    admit: bool
    reason: int
    kind: int
    tag: bytes = b""
    entitlement_id: int = 0
    owner_id: int = 0
    group_id: int = 0
    product_class: int = 0
    ruleset_id: int = 0
    persons: int = 0
    remaining: int = 0
    usage_key: bytes = b""
    usage_before: bytes | None = None
    usage_after: bytes = b""
    rule_flags: int = 0
    valid_from: int = 0
    valid_until: int = 0
    last_station: int = 0
    last_ms: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, where and when: the arguments of `check` that every candidate shares."""

    kind: int
    station_id: int
    device_id: int
    now_ms: int
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class LiveState:
    """The live records of one presentation; None where one is missing or of an unknown layout."""

    ruleset: RuleSet | None
    station: Station | None
    device: Device | None


def parse_record(data: bytes) -> Record | None:
    try:
        return Record.unpack(data)
    except ValueError:
        return None


def parse_ruleset(data: bytes) -> RuleSet | None:
    """The fixed head alone: what later rules keep in the tail is not this version's to judge."""
    if len(data) <= RULESET_BYTES or data[0] != RULESET_VERSION:
        return None
    return RuleSet.unpack(data[:RULESET_BYTES] + b"\x80")


def parse_station(data: bytes) -> Station | None:
    try:
        return Station.unpack(data)
    except ValueError:
        return None


def parse_device(data: bytes) -> Device | None:
    try:
        return Device.unpack(data)
    except ValueError:
        return None


def refuse(reason: Reason, kind: int, **facts: Any) -> Verdict:
    return Verdict(False, int(reason), kind, **facts)


def record_facts(entitlement_id: int, record: Record) -> dict[str, Any]:
    """What a verdict tells of a record, whatever the rules say of it."""
    return {
        "entitlement_id": entitlement_id,
        "owner_id": record.owner_id or entitlement_id,
        "product_class": record.product_class,
        "ruleset_id": record.ruleset_id,
        "valid_from": max(record.not_before, record.slot_from),
        "valid_until": min(record.not_after, record.slot_to) if record.slot_to else record.not_after,
    }


def judge(record: Record, live: LiveState, usage_of: UsageOf, request: Request, facts: dict[str, Any]) -> Verdict:
    """The verdict on a known record. `facts` are what is known so far; they go into the verdict."""
    rules, station, kind = live.ruleset, live.station, request.kind
    if rules is None or record.persons == 0:
        return refuse(Reason.UNKNOWN, kind, **facts)
    facts["rule_flags"] = int(rules.flags)
    if station is not None:
        facts["group_id"] = station.group_id
    miss = _standing(record) or _place(record, live, request) or _medium(rules, kind) or _window(facts, request)
    if miss or station is None:
        return refuse(miss or Reason.STATION_CLOSED, kind, **facts)
    return _uses(record, rules, station, usage_of, request, facts)


def _standing(record: Record) -> Reason | None:
    return _STANDING.get(record.state)


def _place(record: Record, live: LiveState, request: Request) -> Reason | None:
    if live.station is None or not live.station.enabled:
        return Reason.STATION_CLOSED
    if live.device is None or not live.device.enabled or live.device.station_id != request.station_id:
        return Reason.LANE_CLOSED
    return None if record.product_class in live.station.products else Reason.WRONG_STATION


def _medium(rules: RuleSet, kind: int) -> Reason | None:
    return None if 0 <= kind < 16 and rules.media >> kind & 1 else Reason.MEDIUM_NOT_ALLOWED


def _window(facts: dict[str, Any], request: Request) -> Reason | None:
    now = request.now_ms // 1000
    if now < facts["valid_from"]:
        return Reason.TOO_EARLY
    return Reason.EXPIRED if now > facts["valid_until"] else None


def _uses(
    record: Record, rules: RuleSet, station: Station, usage_of: UsageOf, request: Request, facts: dict[str, Any]
) -> Verdict:
    owner, group = facts["owner_id"], station.group_id
    stored, siblings = usage_of(owner, group)
    facts |= {"usage_key": usage_key(owner, group), "usage_before": stored}
    try:
        own = Usage() if stored is None else Usage.unpack(stored)
        others = [Usage.unpack(sibling) for sibling in siblings]
    except ValueError:
        return refuse(Reason.UNKNOWN, request.kind, **facts)
    used = own.total + sum(other.total for other in others)
    limit = (record.uses or rules.uses_per_group) * record.persons
    if limit and used >= limit:
        last = max((u for u in (own, *others) if u.total), key=lambda u: u.last_ms)  # the first of equals
        elsewhere = last.last_station != request.station_id
        facts |= {"last_station": last.last_station, "last_ms": last.last_ms}
        return refuse(Reason.USED_AT_SIBLING if elsewhere else Reason.USED_UP, request.kind, **facts)
    persons = min(record.persons, limit - used) if limit else record.persons
    after = own.spend(
        persons, station=request.station_id, device=request.device_id,
        now_ms=request.now_ms, day=request.day, month=request.month,
    )  # fmt: skip
    if max(after.revision, after.total, after.month_count, after.day_count) > U32_MAX:
        return refuse(Reason.UNKNOWN, request.kind, **facts)
    remaining = limit - used - persons if limit else UNLIMITED
    return Verdict(
        True, int(Reason.OK), request.kind, persons=persons, remaining=remaining, usage_after=after.pack(), **facts
    )


def decide(
    record: bytes, ruleset: bytes, station: bytes, device: bytes, usage: bytes | None, others: list[bytes],
    kind: int, entitlement_id: int, station_id: int, device_id: int, now_ms: int, day: int, month: int,
) -> Verdict:  # fmt: skip
    """The rules alone, over bytes. See edge/_verify.pyi."""
    parsed = parse_record(record)
    if parsed is None:
        return refuse(Reason.UNKNOWN, kind, entitlement_id=entitlement_id)
    live = LiveState(parse_ruleset(ruleset), parse_station(station), parse_device(device))
    request = Request(kind, station_id, device_id, now_ms, day, month)
    return judge(parsed, live, lambda _owner, _group: (usage, others), request, record_facts(entitlement_id, parsed))
