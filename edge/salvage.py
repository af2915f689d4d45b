"""The journal of a broken store, carried into the store that takes its place, as far as it can be read.

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

from edge import journal
from edge._store_common import DATABASES, MAX_DATABASES
from edge.errors import ChainError
from edge.journal import Tail
from paifang.records import Table

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

    They follow each other from the first one stored, which is the first the cloud may not have acked. Neither
    that tail nor anything else but JOURNAL rows is written. Raises StoreError when there is no room.
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
            tail = after
            entries += 1
    except ChainError as problem:
        log.error("%s: its journal is good for %d entries, then: %s", broken, entries, problem)
        return Salvaged(entries, tail or journal.START)
    if tail is None:  # all was acked, or nothing could be read
        return Salvaged(0, said or journal.START, said is not None)
    return Salvaged(entries, tail, tail == said)


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
