"""Looks a whole store through: every page that holds a row, every row's layout, the journal's chain.

A damaged file can crash or hang whoever reads it, so a process of its own does: this module, run as a program, with
py-lmdb, read-only and without locks. It takes seconds for a million records, so it is done where there is a reason:
`paifang edge doctor`, and the start after the store was at fault or the daemon did not last (edge.suspicion).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lmdb
import msgpack

from edge import journal, uses
from edge._store_common import DATABASES, KEY_BYTES, MAX_DATABASES
from edge.errors import ChainError
from edge.journal import Tail
from paifang import records
from paifang.records import Table
from paifang.rulesets import RuleSet
from paifang.usage import Usage

LONGEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Found:
    """`problem`: the first thing wrong, "" where all is well. `rows`: of each table."""

    problem: str
    rows: dict[str, int]


def look_through(path: Path) -> Found:
    """Reads a store in a process of its own; nobody should be writing it. A reader that dies found a broken one."""
    argv = [sys.executable, "-m", "edge.scrub", str(path)]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return Found(f"it could not be read within {LONGEST_S:.0f} s", {})
    if done.returncode < 0:
        return Found(f"who reads it dies of {signal.Signals(-done.returncode).name}", {})
    try:
        said = json.loads(done.stdout)
        return Found(str(said["problem"]), dict(said["rows"]))
    except (ValueError, KeyError, TypeError):
        return Found(done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or "it cannot be read", {})


# How the value of a row is read; raises where it is none.
_LAYOUTS: dict[Table, Callable[[bytes], object]] = {
    Table.ENTITLEMENT: records.Record.unpack,
    Table.OTHERS: Usage.unpack,
    Table.RULESET: RuleSet.unpack,
    Table.STATION: records.Station.unpack,
    Table.DEVICE: records.Device.unpack,
    Table.VENUE: records.VenueSettings.unpack,
    Table.USAGE: Usage.unpack,
    Table.OPEN: uses.unpack,
}
_KEYS = {**KEY_BYTES, Table.USAGE: 12, Table.JOURNAL: 8, Table.OPEN: 8}


def _scrub(path: str) -> Found:
    rows: dict[str, int] = {}
    try:
        store = lmdb.open(path, readonly=True, lock=False, create=False, max_dbs=MAX_DATABASES, lib_version=0)
        with store.begin() as txn:
            for number, name in DATABASES.items():
                try:
                    database = store.open_db(name, txn, create=False)
                except lmdb.NotFoundError:  # of an earlier version
                    continue
                table = Table(number)
                cursor = txn.cursor(database)
                rows[name.decode()] = _table(table, iter(cursor))
                said = txn.stat(database)["entries"]
                if said != rows[name.decode()]:
                    raise ValueError(f"table {table.name} holds {rows[name.decode()]} rows and says {said}")
            last = txn.get(journal.LAST, db=store.open_db(DATABASES[Table.META], txn, create=False))
            entries = txn.cursor(store.open_db(DATABASES[Table.JOURNAL], txn, create=False))
            _chain(Tail.unpack(last), iter(entries))
    except (
        lmdb.Error,
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
        ChainError,
        msgpack.UnpackException,
    ) as problem:
        return Found(f"{type(problem).__name__}: {problem}", rows)
    return Found("", rows)


def _table(table: Table, rows: Iterator[tuple[bytes, bytes]]) -> int:
    """How many rows there are. Raises ValueError at the first that is none, or is out of order."""
    read, before, count = _LAYOUTS.get(table), b"", 0
    for key, value in rows:
        if table in _KEYS and len(key) != _KEYS[table]:
            raise ValueError(f"a key of {len(key)} bytes in table {table.name}")
        if count and key <= before:
            raise ValueError(f"table {table.name} is out of order at {key.hex()}")
        if read is not None:
            try:
                read(value)
            except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException) as problem:
                raise ValueError(f"row {key.hex()} of table {table.name}: {problem}") from None
        before = key
        count += 1
    return count


def _chain(last: Tail, rows: Iterator[tuple[bytes, bytes]]) -> None:
    """Raises ChainError. Numbers may be missing where entries of a broken store were lost; the chain begins anew."""
    tail: Tail | None = None
    for key, raw in rows:
        seq = int.from_bytes(key, "big")
        anew = tail is not None and seq > tail.seq + 1
        tail = journal.verify([raw], Tail(seq - 1, bytes(32)) if anew else tail)
        if tail.seq != seq:
            raise ChainError(f"entry {tail.seq} is stored as {seq}")
    begins = last.hash == journal.START.hash
    if tail is not None and tail != last and not (begins and tail.seq < last.seq):
        raise ChainError(f"the journal ends with entry {tail.seq}, but META journal.last says {last.seq}")


if __name__ == "__main__":
    found = _scrub(sys.argv[1])
    print(json.dumps({"problem": found.problem, "rows": found.rows}))
