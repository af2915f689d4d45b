"""The journal of a broken store, carried into the store that takes its place, as far as it can be read.

With it goes what the entries say of uses: each has the usage record it left behind, and an admission that no
settlement follows is a use nobody can settle by a counter any more. What the cloud had before the first of these
entries comes back from the cloud (edge.standing).

A damaged file can crash or hang whoever reads it, so a process of its own does: this module, run as a program,
with py-lmdb, read-only and without locks. The daemon takes what comes through the pipe for as long as each entry
carries the hash of the one before.
"""

from __future__ import annotations

import logging
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import lmdb

from edge import journal, standing, uses
from edge._store_common import DATABASES, MAX_DATABASES
from edge.errors import ChainError
from edge.journal import Tail
from edge.verdict import OpenUse
from paifang.records import Table
from paifang.usage import WHOLE_GROUP, usage_key
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import WriteTxn

log = logging.getLogger(__name__)

LONGEST_S = 120.0  # then what was read has to do: the lanes are waiting
_FRAME = struct.Struct(">II")  # bytes of a row's key and of its value, which follow


@dataclass(frozen=True, slots=True)
class Salvaged:
    """`entries` are in the new store, up to `tail`. `whole`: the broken store's own tail says these are all."""

    entries: int = 0
    tail: Tail = journal.START
    whole: bool = False


def carry_over(broken: Path, txn: WriteTxn) -> Salvaged:
    """Puts the readable entries of a store that nobody has open into a transaction, byte for byte.

    They follow each other from the first one stored. That tail is not written, only the entries and the uses they
    speak of. Raises StoreError when there is no room.
    """
    said: Tail | None = None
    tail: Tail | None = None
    entries = 0
    try:
        for key, value in _rows(broken):
            if key == journal.LAST:
                said = Tail.unpack(value)
                continue
            after = journal.verify([value], tail)
            if key != journal.seq_key(after.seq):
                raise ChainError(f"entry {after.seq} is stored as {key.hex()}")
            if said is not None and said.seq == after.seq and said != after:
                raise ChainError(f"entry {after.seq}, the last, is not the one that was written")
            txn.put(Table.JOURNAL, key, value)
            _remember(txn, scan_pb2.Entry.FromString(value))
            tail = after
            entries += 1
    except ChainError as problem:
        log.error("%s: its journal is good for %d entries, then: %s", broken, entries, problem)
        return Salvaged(entries, tail or journal.START)
    if tail is None:  # all was acked, or nothing could be read
        return Salvaged(0, said or journal.START, said is not None)
    return Salvaged(entries, tail, tail == said)


def _remember(txn: WriteTxn, entry: scan_pb2.Entry) -> None:
    """The usage an entry left behind, and the use it opened or settled."""
    kind = entry.WhichOneof("body")
    if kind == "settlement":
        settled = entry.settlement
        txn.delete(Table.OPEN, journal.seq_key(settled.admission_seq))
        _keep(txn, settled.owner_id, settled.group_id, settled.usage, settled.whole_usage)
    elif kind == "presentation" and entry.presentation.decision == scan_pb2.DECISION_ADMIT:
        shown = entry.presentation
        _keep(txn, shown.owner_id, shown.group_id, shown.usage, shown.whole_usage)
        # Its day is of no consequence: nothing of it is ever given back.
        use = OpenUse(
            entry.seq, shown.entitlement_id, shown.owner_id, shown.group_id, shown.device_id, shown.persons, None,
            0, 0, entry.at_ms, keep=True, whole=bool(shown.whole_usage), leaving=shown.leaving,
        )  # fmt: skip
        txn.put(Table.OPEN, journal.seq_key(entry.seq), uses.pack(use))


def _keep(txn: WriteTxn, owner_id: int, group_id: int, usage: bytes, whole: bytes) -> None:
    """Raises ChainError on a usage record of a layout that is not known: such an entry was never written here."""
    try:
        for group, record in ((group_id, usage), (WHOLE_GROUP, whole)):
            if record:
                standing.keep_newest(txn, usage_key(owner_id, group), record)
    except ValueError as problem:
        raise ChainError(f"an entry's usage cannot be read: {problem}") from None


def _rows(broken: Path) -> Iterator[tuple[bytes, bytes]]:
    """META `journal.last`, if it can be read, then the JOURNAL rows in order, until they cannot."""
    argv = [sys.executable, "-m", "edge.salvage", str(broken)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        watch = threading.Timer(LONGEST_S, reader.kill)
        watch.start()
        try:
            while len(head := reader.stdout.read(_FRAME.size)) == _FRAME.size:
                key_bytes, value_bytes = _FRAME.unpack(head)
                row = reader.stdout.read(key_bytes + value_bytes)
                if len(row) != key_bytes + value_bytes:
                    return
                yield row[:key_bytes], row[key_bytes:]
        finally:
            watch.cancel()
            reader.kill()


def _read(broken: str, out: BinaryIO) -> None:
    """The child's part. Raises lmdb.Error where the file gives no more."""

    def give(key: bytes, value: bytes) -> None:
        out.write(_FRAME.pack(len(key), len(value)) + key + value)

    store = lmdb.open(broken, readonly=True, lock=False, create=False, max_dbs=MAX_DATABASES, lib_version=0)
    with store.begin() as txn:
        last = txn.get(journal.LAST, db=store.open_db(DATABASES[Table.META], txn, create=False))
        if last is not None:
            give(journal.LAST, last)
        for key, value in txn.cursor(store.open_db(DATABASES[Table.JOURNAL], txn, create=False)):
            give(key, value)


if __name__ == "__main__":
    try:
        _read(sys.argv[1], sys.stdout.buffer)
    except lmdb.Error as problem:
        sys.exit(f"{sys.argv[1]}: {problem}")
