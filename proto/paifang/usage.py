"""Usage: what one edge knows of the uses of one counter owner. Layouts as in paifang.records.

A counter owner (an entitlement, or the card behind a shared pool) has one record for each exclusion group it was
used in, and, where its rule set counts over the whole venue (RuleFlag.WHOLE), one more under group 0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntFlag

WHOLE_GROUP = 0  # the group number of the record that counts over all groups

USAGE_VERSION = 2
# version flags - revision total month month_count day day_count last_station last_device last_ms
# first_ms visit_ms first_day
_USAGE = struct.Struct("<BBHIIIIIIIIqqqI")
_USAGE_1 = struct.Struct("<BBHIIIIIIIIq")  # the same without the last three: read, never written


class UsageFlag(IntFlag):
    INSIDE = 1  # of a record of group 0: the owner entered at `visit_ms` and has not left since


@dataclass(frozen=True, slots=True)
class Usage:
    """Uses of one counter owner at one exclusion group, as one edge knows them. Counted in persons.

    `total` includes what is reserved and not yet settled. `month` is yyyymm and `day` the proleptic
    ordinal of the business day the two counts belong to; a count of another month or day reads as 0.
    `first_ms` and `first_day` are the first use of all this edge has seen, `visit_ms` the last time the owner
    went in or out; 0 where there is none. They are kept in records of group 0 only.
    """

    revision: int = 0
    total: int = 0
    month: int = 0
    month_count: int = 0
    day: int = 0
    day_count: int = 0
    last_station: int = 0
    last_device: int = 0
    last_ms: int = 0
    flags: int = 0
    first_ms: int = 0
    first_day: int = 0
    visit_ms: int = 0

    def pack(self) -> bytes:
        return _USAGE.pack(
            USAGE_VERSION, self.flags, 0, self.revision, self.total, self.month, self.month_count,
            self.day, self.day_count, self.last_station, self.last_device, self.last_ms,
            self.first_ms, self.visit_ms, self.first_day,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> Usage:
        """Raises ValueError on another length or version; a record of version 1 has no first use and no visit."""
        first_ms = visit_ms = first_day = 0
        if len(data) == _USAGE.size and data[0] == USAGE_VERSION:
            (_, flags, _, revision, total, month, month_count, day, day_count, station, device, ms,
             first_ms, visit_ms, first_day) = _USAGE.unpack(data)  # fmt: skip
        elif len(data) == _USAGE_1.size and data[0] == 1:
            _, flags, _, revision, total, month, month_count, day, day_count, station, device, ms = _USAGE_1.unpack(
                data
            )
        else:
            raise ValueError("not a usage record of this version")
        return cls(
            revision, total, month, month_count, day, day_count, station, device, ms, flags,
            first_ms, first_day, visit_ms,
        )  # fmt: skip

    def spend(self, persons: int, *, station: int, device: int, now_ms: int, day: int, month: int) -> Usage:
        """The record of a group after `persons` more uses now."""
        return replace(
            self,
            revision=self.revision + 1,
            total=self.total + persons,
            month=month,
            month_count=(self.month_count if self.month == month else 0) + persons,
            day=day,
            day_count=(self.day_count if self.day == day else 0) + persons,
            last_station=station,
            last_device=device,
            last_ms=now_ms,
        )

    def enter(
        self, persons: int, *, station: int, device: int, now_ms: int, day: int, month: int, inside: bool
    ) -> Usage:
        """The record of group 0 after `persons` more uses now; `inside`: the owner is then within the venue."""
        spent = self.spend(persons, station=station, device=device, now_ms=now_ms, day=day, month=month)
        if not spent.first_ms:
            spent = replace(spent, first_ms=now_ms, first_day=day)
        return replace(spent, flags=spent.flags | UsageFlag.INSIDE, visit_ms=now_ms) if inside else spent

    def leave(self, *, now_ms: int) -> Usage:
        """The record of group 0 after its owner left the venue."""
        return replace(self, revision=self.revision + 1, flags=self.flags & ~int(UsageFlag.INSIDE), visit_ms=now_ms)

    def give_back(self, persons: int, *, day: int, month: int, at_ms: int = 0, before: Usage | None = None) -> Usage:
        """The record after `persons` reserved uses of that day and month came back. Never below zero.

        Args:
            at_ms: when they were reserved, where *all* of that admission's came back: then nobody went in, and
                unless somebody was admitted since, when and where the owner was last seen is what it was before.
                The first use stays the first while a later one stands.
            before: the record before the reservation; None where there was none.
        """
        back = replace(
            self,
            revision=self.revision + 1,
            total=max(0, self.total - persons),
            month_count=max(0, self.month_count - persons) if self.month == month else self.month_count,
            day_count=max(0, self.day_count - persons) if self.day == day else self.day_count,
        )
        if not at_ms:
            return back
        was = before or Usage()
        if self.last_ms == at_ms:
            back = replace(back, last_station=was.last_station, last_device=was.last_device, last_ms=was.last_ms)
        if not back.total:
            back = replace(back, first_ms=0, first_day=0)
        elif self.first_ms == at_ms and back.total <= was.total:
            back = replace(back, first_ms=was.first_ms, first_day=was.first_day)
        if self.visit_ms == at_ms:
            back = replace(back, flags=was.flags, visit_ms=was.visit_ms)
        return back


USAGE_BYTES = _USAGE.size
USAGE_1_BYTES = _USAGE_1.size


def usage_key(owner_id: int, group_id: int) -> bytes:
    return owner_id.to_bytes(8, "big") + group_id.to_bytes(4, "big")


def others_key(owner_id: int, group_id: int, edge_id: int) -> bytes:
    return usage_key(owner_id, group_id) + edge_id.to_bytes(4, "big")
