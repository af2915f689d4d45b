"""Frozen values that pass between the edge's rooms."""

from __future__ import annotations

from dataclasses import dataclass

from paifang.records import CredentialKind


@dataclass(frozen=True, slots=True)
class Credential:
    """What a reader read. `data` is a scanner's line without its terminator, an ID number in ASCII, ..."""

    kind: CredentialKind
    data: bytes
    read_ns: int  # monotonic, when its last byte was readable


@dataclass(frozen=True, slots=True)
class Moment:
    """A trusted instant and the venue's calendar at it. Made by `edge.clock`, passed into everything."""

    now_ms: int  # Unix milliseconds
    day: int  # proleptic ordinal of the business day
    month: int  # yyyymm of the business day
    clock: int  # paifang.v1 ClockState


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was presented."""

    station_id: int
    device_id: int


@dataclass(frozen=True, slots=True)
class OpenUse:
    """A reserved use whose passage is not settled: one row of the OPEN table.

    Attributes:
        admission_seq: seq of the admitting journal entry.
        owner_id, group_id: the usage record that was spent.
        persons: reserved and not yet settled.
        counter: the board's counter before it was told to open; None where the barrier has none.
        keep: the product keeps a use nobody walked through.
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
