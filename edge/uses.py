"""Uses as the store holds them: the OPEN table's rows, and what the rules still leave of a use."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import msgpack

from edge.journal import seq_key
from edge.occupancy import NAME as OCCUPANCY
from edge.occupancy import Occupancy
from edge.verdict import OpenUse
from paifang.records import Device, Record, Station, Table, entitlement_key, live_key
from paifang.rulesets import RuleSet
from paifang.usage import usage_key

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict, WriteTxn

_PAGE = 256  # open uses read at a time


def pack(use: OpenUse) -> bytes:
    """A row of OPEN: the fields in order."""
    packed: bytes = msgpack.packb(
        (
            use.admission_seq, use.entitlement_id, use.owner_id, use.group_id, use.device_id, use.persons,
            use.counter, use.day, use.month, use.at_ms, use.keep,
        )
    )  # fmt: skip
    return packed


def unpack(data: bytes) -> OpenUse:
    return OpenUse(*msgpack.unpackb(data))


def all_open(environment: Environment) -> list[OpenUse]:
    """Every use found reserved and not settled, oldest first. Trio thread."""
    found: list[OpenUse] = []
    while True:
        rows = environment.scan(Table.OPEN, seq_key(found[-1].admission_seq + 1) if found else b"", _PAGE)
        if not rows:
            return found
        found += [unpack(row) for _, row in rows]


def left(txn: WriteTxn, use: OpenUse, decide: Callable[..., Verdict]) -> int:
    """Persons the rules would still admit on this use's entitlement, by the stored usage and live state.

    Judged at the admission's own instant: a window that closed while a visitor stood in the arm is not his
    fault. Where everything is unlimited, the persons of the use.
    """
    station = station_id(txn, use.device_id)
    record = txn.get(Table.ENTITLEMENT, entitlement_key(use.entitlement_id))
    found = txn.get(Table.STATION, live_key(station))
    device = txn.get(Table.DEVICE, live_key(use.device_id))
    if record is None or found is None or device is None:
        return 0
    rules = txn.get(Table.RULESET, live_key(Record.unpack(record).ruleset_id))
    if rules is None:
        return 0
    spent = usage_key(use.owner_id, use.group_id)
    others = [value for _, value in txn.scan(Table.OTHERS, spent, _PAGE, prefix=spent)]
    media = RuleSet.unpack(rules).media
    medium = (media & -media).bit_length() - 1  # any the product allows: it was checked when the use was admitted
    verdict = decide(
        record, rules, found, device, txn.get(Table.USAGE, spent), others,
        medium, use.entitlement_id, station, use.device_id, use.at_ms, use.day, use.month,
    )  # fmt: skip
    if not verdict.admit:
        return 0
    return verdict.persons + verdict.remaining if verdict.remaining >= 0 else use.persons


def station_id(txn: WriteTxn, device_id: int) -> int:
    """Where a device stands now; 0 where the cloud has not said."""
    device = txn.get(Table.DEVICE, live_key(device_id))
    return _station_of(device) if device is not None else 0


def count_inside(txn: WriteTxn, device_id: int, persons: int, day: int) -> None:
    """Counts bodies that went through a lane in or out, as its station says; a station inside counts neither."""
    stored = txn.get(Table.STATION, live_key(station_id(txn, device_id)))
    station = _station(stored) if stored is not None else None
    if station is not None and station.inner:
        return
    leaving = station is not None and station.exit
    counts = Occupancy.unpack(txn.get(Table.META, OCCUPANCY))
    txn.put(Table.META, OCCUPANCY, counts.passed(persons, leaving=leaving, day=day).pack())


@lru_cache(maxsize=256)  # live records are few and change rarely; passages are many
def _station_of(device: bytes) -> int:
    return Device.unpack(device).station_id


@lru_cache(maxsize=256)
def _station(station: bytes) -> Station:
    return Station.unpack(station)
