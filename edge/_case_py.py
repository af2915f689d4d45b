"""What the twin's checks look at, and what they come to. See edge/_verify.pyi for the verdict's fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from edge.verdict import Request
from paifang.reasons import Reason
from paifang.records import Device, Record, Station
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import Usage, UsageFlag

U32_MAX = 2**32 - 1


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
    whole_key: bytes = b""
    whole_before: bytes | None = None
    whole_after: bytes = b""
    rule_flags: int = 0
    valid_from: int = 0
    valid_until: int = 0
    hours_start: int = 0
    hours_end: int = 0
    last_station: int = 0
    last_ms: int = 0
    signed_only: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class LiveState:
    """The live records of one presentation; None where one is missing or of an unknown layout."""

    ruleset: RuleSet | None
    station: Station | None
    device: Device | None


@dataclass(frozen=True, slots=True)
class Case:
    """All the rules look at, read and parsed.

    Attributes:
        group: the owner's usage in the station's exclusion group: this edge's first (empty where it has none),
            then its siblings'. Nothing at all where the station is not known.
        whole: the same of group 0; nothing at all where the rule set does not count over the whole venue.
    """

    entitlement_id: int
    record: Record
    rules: RuleSet
    station: Station | None
    device: Device | None
    request: Request
    group: tuple[Usage, ...]
    whole: tuple[Usage, ...]

    @property
    def now(self) -> int:
        """Unix seconds."""
        return self.request.now_ms // 1000

    @property
    def inner(self) -> bool:
        """Whether nobody enters the venue by this station: it lies inside."""
        return self.station is not None and self.station.inner

    def has(self, flag: RuleFlag) -> bool:
        return bool(self.rules.flags & flag)


# What one check says: Reason.OK where it passes, None where nothing asks for it, else what it refuses with.
Said = Reason | None


Subject = TypeVar("Subject")


def nothing(_: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One check of docs/gate.md's list. `tells` are the verdict's facts that its refusal adds."""

    number: int
    name: str
    says: Callable[[Subject], Said]
    tells: Callable[[Subject], dict[str, Any]] = nothing


def first_miss(checks: Iterable[Check[Subject]], subject: Subject) -> tuple[Check[Subject], Reason] | None:
    """The first check that fails, and with what."""
    for check in checks:
        said = check.says(subject)
        if said is not None and said != Reason.OK:
            return check, said
    return None


def refuse(reason: Reason, kind: int, **facts: Any) -> Verdict:
    return Verdict(False, int(reason), kind, **facts)


def latest(usages: Iterable[Usage]) -> Usage | None:
    """The one used last, the first of equals; a use that came back is none."""
    return max((usage for usage in usages if usage.total), key=lambda usage: usage.last_ms, default=None)


def inside(whole: Iterable[Usage]) -> bool:
    """Whether the latest that is known of the owner's comings and goings is a coming; the first of equals counts."""
    visit = max(whole, key=lambda usage: usage.visit_ms, default=Usage())
    return bool(visit.flags & UsageFlag.INSIDE)


def overflows(usage: Usage) -> bool:
    return max(usage.revision, usage.total, usage.month_count, usage.day_count) > U32_MAX


_Layout = TypeVar("_Layout", covariant=True)


class Unpacks(Protocol[_Layout]):
    @classmethod
    def unpack(cls, data: bytes) -> _Layout: ...


def parse(layout: Unpacks[_Layout], data: bytes) -> _Layout | None:
    """The value, or None where its layout is not known here."""
    try:
        return layout.unpack(data)
    except ValueError:
        return None
