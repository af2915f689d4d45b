"""A store as it lies on the disk, read beside the running daemon or without one: what is in it, and its journal.

With py-lmdb, in a process that is not the daemon: LMDB's own reader table keeps the two apart.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lmdb

from edge import journal, keyring, standing, uses, witness
from edge._store_common import DATABASES, MAX_DATABASES
from edge.cursors import NAMES, TITLES, Cursor
from edge.errors import EdgeError, KeySetError
from edge.journal import Tail
from paifang.records import KeySet, Table, entry_hash

CLOCK_MARK, KEYSET = b"clock.mark", b"keyset"


class InspectError(EdgeError):
    """The store cannot be read as it is: there is none, or it is broken."""

    code = "inspect"


class Reading:
    """One moment of a store."""

    def __init__(self, store: Any, txn: Any) -> None:
        self._store, self._txn = store, txn

    def _table(self, table: Table) -> Any | None:
        try:
            return self._store.open_db(DATABASES[table], self._txn, create=False)
        except lmdb.NotFoundError:  # of an earlier version
            return None

    def rows(self, table: Table) -> int:
        found = self._table(table)
        return 0 if found is None else int(self._txn.stat(found)["entries"])

    def meta(self, name: bytes) -> bytes | None:
        value: bytes | None = self._txn.get(name, db=self._table(Table.META))
        return value

    def scan(self, table: Table, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        found = self._table(table)
        if found is None:
            return
        with self._txn.cursor(found) as cursor:
            if cursor.set_range(start):
                yield from cursor


@contextmanager
def reading(state: Path) -> Iterator[Reading]:
    """Raises InspectError."""
    path = state / "store"
    if not (path / "data.mdb").exists():
        raise InspectError(f"{path} holds no store yet: the first `paifang edge run` makes it")
    try:
        store = lmdb.open(str(path), readonly=True, create=False, max_dbs=MAX_DATABASES, lib_version=0)
        try:
            with store.begin() as txn:
                yield Reading(store, txn)
        finally:
            store.close()
    except lmdb.Error as problem:
        raise InspectError(f"the store in {path} cannot be read: {problem}. See `paifang edge doctor`") from None


def inspect(state: Path) -> dict[str, Any]:
    """What is in the store, for people and programs. No personal data."""
    with reading(state) as store:
        tail = Tail.unpack(store.meta(journal.LAST))
        first = next(store.scan(Table.JOURNAL), None)
        acked = store.meta(journal.ACKED)
        mark = store.meta(CLOCK_MARK)
        behind = store.meta(standing.BEHIND)
        return {
            "state": str(state),
            "tables": {name.decode(): store.rows(Table(number)) for number, name in DATABASES.items()},
            "journal": {
                "first": int.from_bytes(first[0], "big") if first else None,
                "last": tail.seq,
                "acked": int.from_bytes(acked, "big") if acked else 0,
                "witness": witness.read(state),
            },
            "cursors": {TITLES[stream]: _cursor(store.meta(name)) for stream, name in NAMES.items()},
            "open_uses": [_use(raw) for _, raw in store.scan(Table.OPEN)],
            "behind": behind.decode("ascii", "replace") if behind else "",
            "clock_mark": _iso(int.from_bytes(mark, "big")) if mark else None,
            "keyset_version": _keyset(store.meta(KEYSET)),
        }


def export(state: Path, into: Path, *, everything: bool) -> tuple[int, str]:
    """Writes journal entries to a file, one JSON object a line: those the cloud has not acked, or all.

    Returns how many there are, and what is wrong with the chain after the last of them, "" where nothing is. The file
    is readable by its owner only. `python -m cloud takejournal` reads it.
    """
    count, problem = 0, ""
    tail: Tail | None = None
    with reading(state) as store:
        acked = store.meta(journal.ACKED)
        start = 0 if everything or acked is None else int.from_bytes(acked, "big") + 1
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            for key, raw in store.scan(Table.JOURNAL, journal.seq_key(start)):
                seq = int.from_bytes(key, "big")
                anew = tail is not None and seq > tail.seq + 1
                if not problem:
                    problem, tail = _follows(raw, Tail(seq - 1, bytes(32)) if anew else tail, seq)
                line = {"seq": seq, "hash": entry_hash(raw).hex(), "raw": base64.b64encode(raw).decode()}
                file.write(json.dumps(line) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
    return count, problem


def _follows(raw: bytes, tail: Tail | None, seq: int) -> tuple[str, Tail | None]:
    try:
        return "", journal.verify([raw], tail)
    except EdgeError as problem:
        return f"entry {seq}: {problem}", None


def _cursor(stored: bytes | None) -> dict[str, Any]:
    cursor = Cursor.unpack(stored)
    return {
        "seq": cursor.seq if cursor.started else None,
        "generation": cursor.generation,
        "current_to": _iso(cursor.current_to_ms) if cursor.current_to_ms else None,
    }


def _use(raw: bytes) -> dict[str, Any]:
    use = uses.unpack(raw)
    return {
        "admission": use.admission_seq, "device": use.device_id, "persons": use.persons, "counter": use.counter,
        "at": _iso(use.at_ms),
    }  # fmt: skip


def _keyset(stored: bytes | None) -> int:
    """0 where there is none, or none that can be read."""
    if stored is None:
        return 0
    try:
        return KeySet.unpack(keyring.unpack_stored(stored)[0]).version
    except (KeySetError, ValueError, TypeError):
        return 0


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def told(said: dict[str, Any]) -> str:
    """For people."""
    book, tables = said["journal"], said["tables"]
    lines = [
        f"state     {said['state']}" + (f", BEHIND: {said['behind']}" if said["behind"] else ""),
        "rows      " + ", ".join(f"{name} {count}" for name, count in tables.items() if count),
        f"journal   {book['first'] or '-'} .. {book['last']}, acked {book['acked']}, witness {book['witness']}",
        f"clock     confirmed up to {said['clock_mark'] or 'never'}",
        f"keys      set {said['keyset_version']}",
    ]
    for stream, cursor in said["cursors"].items():
        place = "not begun" if cursor["seq"] is None else f"row {cursor['seq']}, current to {cursor['current_to']}"
        lines.append(f"{stream:<9} {place}")
    for use in said["open_uses"]:
        lines.append(f"open use  admission {use['admission']} at device {use['device']}, {use['persons']} persons")
    return "\n".join(lines)
