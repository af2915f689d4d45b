"""Frozen values that pass between the edge's rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from paifang.records import CredentialKind


@dataclass(frozen=True, slots=True)
class Credential:
    """What a reader read. `data` is a scanner's line without its terminator, an ID number in ASCII, ..."""

    kind: CredentialKind
    data: bytes = field(repr=False)  # may be personal: it is in no log
    read_ns: int  # monotonic, when its last byte was readable
    typed: bool = False  # by hand, so that it may be a guess


@dataclass(frozen=True, slots=True)
class Moment:
    """A trusted instant and the venue's calendar at it. Made by `edge.clock`, passed into everything."""

    now_ms: int  # Unix milliseconds
    day: int  # proleptic ordinal of the business day
    month: int  # yyyymm of the business day
    clock: int  # paifang.v1 ClockState
    minute: int  # of the wall clock, from the midnight the business day is named after: 01:30 may be 1530


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was presented. `exit`, `inner`: what the station is, as records.Station has it."""

    station_id: int
    device_id: int
    exit: bool = False
    inner: bool = False


class Identity(IntEnum):
    """What an ID card read at the lane just before says of the credential presented now."""

    NONE = 0  # none was read
    MATCHES = 1  # it is the holder's: the index has it for this entitlement
    OTHER = 2


NO_LIMIT = -1


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, where and when: what the pure rules need beside the stored bytes.

    Attributes:
        kind: CredentialKind, LINE resolved.
        day_kind: records.DayKind of the business day, as the venue's calendar has it.
        room, day_room: persons the venue has room for now, and still today; NO_LIMIT where it sets none.
        step: of a rotating pass whose code was found good; NO_LIMIT for every other credential.
    """

    kind: int
    station_id: int
    device_id: int
    now_ms: int
    day: int
    month: int
    minute: int
    day_kind: int = 0
    identity: int = Identity.NONE
    room: int = NO_LIMIT
    day_room: int = NO_LIMIT
    step: int = NO_LIMIT


class OpenUse(NamedTuple):
    """A reserved use whose passage is not settled: one row of the OPEN table, its fields in order.

    A tuple, for two of them are made for each person who walks in.

    Attributes:
        admission_seq: seq of the admitting journal entry.
        owner_id, group_id: the usage record that was spent.
        persons: reserved and not yet settled.
        counter: the board's counter before it was told to open; None where the barrier has none.
        keep: the product keeps a use nobody walked through.
        before, whole_before: the usage records before the reservation, of the group and of group 0; None where
            there was none.
        whole: the record of group 0 was spent too, or, when leaving, written.
        together: the persons go at once or not at all, so those who did not walk do not come back.
        leaving: let out at an exit: no use was spent.
        inner: at a station inside the venue, where nobody enters or leaves it.
        unseen: admitted on a signature alone: the record its pass stands for, packed; else b"".
        event: names the reservation to the other edges; 0 where the owner is used at this edge alone.
    """

    admission_seq: int
    entitlement_id: int
    owner_id: int
    group_id: int
    device_id: int
    persons: int
    counter: int | None
    day: int
    month: int
    at_ms: int
    keep: bool
    before: bytes | None = None
    whole: bool = False
    whole_before: bytes | None = None
    together: bool = False
    leaving: bool = False
    inner: bool = False
    unseen: bytes = b""
    event: int = 0
