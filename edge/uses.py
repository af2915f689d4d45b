"""Uses as the store holds them: the OPEN table's rows, and what the rules still leave of a use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import msgpack

from edge.journal import seq_key
from edge.occupancy import NAME as OCCUPANCY
from edge.occupancy import Occupancy
from edge.verdict import Identity, OpenUse, Request
from paifang.records import CredentialKind, Device, Record, Table, entitlement_key, live_key
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import WHOLE_GROUP, usage_key

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict, WriteTxn

_PAGE = 256  # rows read at a time
_MANY = 1 << 20


def pack(use: OpenUse) -> bytes:
    """A row of OPEN."""
    packed: bytes = msgpack.packb(use)
    return packed


def unpack(data: bytes) -> OpenUse:
    """Rows of an earlier version have fewer fields."""
    return OpenUse(*msgpack.unpackb(data))


def all_open(environment: Environment) -> list[OpenUse]:
    """Every use found reserved and not settled, oldest first. Trio thread."""
    found: list[OpenUse] = []
    while True:
        rows = environment.scan(Table.OPEN, seq_key(found[-1].admission_seq + 1) if found else b"", _PAGE)
        if not rows:
            return found
        found += [unpack(row) for _, row in rows]


def open_after(txn: WriteTxn, seq: int) -> list[OpenUse]:
    """The open uses of admissions later than `seq`, as a transaction sees them; they are as few as lanes."""
    return [unpack(row) for _, row in txn.scan(Table.OPEN, seq_key(seq + 1), _MANY)]


def left(txn: WriteTxn, use: OpenUse, decide: Callable[..., Verdict]) -> tuple[int, int]:
    """Persons the rules would still admit on this use's entitlement, by the stored usage and live state; its
    rule set's flags.

    One admitted on its signature, whose record has not come yet, is judged by what its pass says, as it was then.
    Judged at the admission's own instant, and asking only what may have changed since: a window that closed while
    a visitor stood in the arm is not his fault. Where everything is unlimited, the persons of the use.
    """
    station = station_id(txn, use.device_id)
    record = txn.get(Table.ENTITLEMENT, entitlement_key(use.entitlement_id)) or use.unseen or None
    found = txn.get(Table.STATION, live_key(station))
    device = txn.get(Table.DEVICE, live_key(use.device_id))
    if record is None or found is None or device is None:
        return 0, 0
    rules = txn.get(Table.RULESET, live_key(Record.unpack(record).ruleset_id))
    if rules is None:
        return 0, 0
    spent, whole = usage_key(use.owner_id, use.group_id), usage_key(use.owner_id, WHOLE_GROUP)
    request = Request(
        CredentialKind.ID_NUMBER, station, use.device_id, use.at_ms, use.day, use.month, 0, identity=Identity.MATCHES
    )
    verdict = decide(
        record, _counting(rules), found, device, txn.get(Table.USAGE, spent), _others(txn, spent),
        txn.get(Table.USAGE, whole), _others(txn, whole), use.entitlement_id, request,
    )  # fmt: skip
    if not verdict.admit:
        return 0, 0
    return (verdict.persons + verdict.remaining if verdict.remaining >= 0 else use.persons), verdict.rule_flags


def _others(txn: WriteTxn, key: bytes) -> list[bytes]:
    return [value for _, value in txn.scan(Table.OTHERS, key, _PAGE, prefix=key)]


@lru_cache(maxsize=256)
def _counting(rules: bytes) -> bytes:
    """A rule set without what was found good when the use was admitted, and without what asks for a whole group."""
    kept = RuleSet.unpack(rules)
    return replace(
        kept, flags=kept.flags & ~(RuleFlag.TOGETHER | RuleFlag.BOOK_FIRST | RuleFlag.COLLECT_FIRST), media=0xFFFF,
        days=0, hours=(), dates=(), blackout=(),
    ).pack()  # fmt: skip


def station_id(txn: WriteTxn, device_id: int) -> int:
    """Where a device stands now; 0 where the cloud has not said."""
    device = txn.get(Table.DEVICE, live_key(device_id))
    return _station_of(device) if device is not None else 0


def count_walked(txn: WriteTxn, persons: int, *, leaving: bool, day: int) -> None:
    """Counts bodies that went into the venue or out of it."""
    counts = Occupancy.unpack(txn.get(Table.META, OCCUPANCY))
    txn.put(Table.META, OCCUPANCY, counts.passed(persons, leaving=leaving, day=day).pack())


@lru_cache(maxsize=256)  # live records are few and change rarely; passages are many
def _station_of(device: bytes) -> int:
    return Device.unpack(device).station_id
