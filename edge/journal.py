"""The journal: what happened at this entrance, in order, each entry holding the hash of the one before.

An entry is stored exactly as it will travel (a serialized paifang.v1.Entry), so what is hashed, kept,
uploaded and checked in the cloud are the same bytes. The sequence is gap-free over the store's life; entries
that the cloud has acknowledged are trimmed, and META `journal.last` keeps where the chain stands.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import DecodeError

from edge.errors import ChainError
from paifang.records import Table, entry_hash
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment, WriteTxn

LAST = b"journal.last"
ACKED = b"journal.acked"  # u64: up to where the cloud has it, so that a start does not send all of it again
_LAST = struct.Struct(">Q32s")  # seq of the last entry, its hash

Body = scan_pb2.Boot | scan_pb2.Presentation | scan_pb2.Settlement | scan_pb2.LaneChange | scan_pb2.Alarm
_FIELDS: dict[type, str] = {
    scan_pb2.Boot: "boot",
    scan_pb2.Presentation: "presentation",
    scan_pb2.Settlement: "settlement",
    scan_pb2.LaneChange: "lane_change",
    scan_pb2.Alarm: "alarm",
}


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a chain stands: its last entry's seq and hash. The start of a chain is Tail(0, 32 zero bytes)."""

    seq: int
    hash: bytes

    def pack(self) -> bytes:
        return _LAST.pack(self.seq, self.hash)

    @classmethod
    def unpack(cls, data: bytes | None) -> Tail:
        """Raises ChainError when the bytes are not a tail; None is a store that has no entry yet."""
        if data is None:
            return START
        if len(data) != _LAST.size:
            raise ChainError(f"META journal.last has {len(data)} bytes, not {_LAST.size}")
        return cls(*_LAST.unpack(data))


START = Tail(0, bytes(32))


def seq_key(seq: int) -> bytes:
    """The key of an entry in the JOURNAL table, and of its use in OPEN."""
    return seq.to_bytes(8, "big")


class Writer:
    """Appends to the chain inside one write transaction.

    The tail is read from the transaction, never remembered across transactions: a failed commit
    leaves nothing to undo.
    """

    __slots__ = ("_edge_id", "_epoch", "_hash", "_start", "_txn", "seq")

    def __init__(self, txn: WriteTxn, edge_id: int, epoch: bytes) -> None:
        tail = Tail.unpack(txn.get(Table.META, LAST))
        self._txn = txn
        self._edge_id = edge_id
        self._epoch = epoch
        self._start = tail.seq
        self._hash = tail.hash
        self.seq = tail.seq

    def append(self, at_ms: int, clock: int, body: Body) -> int:
        """Stores the next entry; its seq."""
        seq = self.seq + 1
        fields: dict[str, Any] = {_FIELDS[type(body)]: body}
        entry = scan_pb2.Entry(
            edge_id=self._edge_id, epoch=self._epoch, seq=seq, prev_hash=self._hash, at_ms=at_ms,
            clock=cast(scan_pb2.ClockState, clock), **fields,
        ).SerializeToString()  # fmt: skip
        self._txn.put(Table.JOURNAL, seq.to_bytes(8, "big"), entry)
        self._hash = entry_hash(entry)
        self.seq = seq
        return seq

    def go_on_from(self, tail: Tail) -> None:
        """The next entry follows `tail`, which is beyond all that was written."""
        self.seq, self._hash = tail.seq, tail.hash

    def finish(self) -> None:
        """Writes where the chain now stands. Call once, before the commit."""
        if self.seq != self._start:
            self._txn.put(Table.META, LAST, _LAST.pack(self.seq, self._hash))


def stored_tail(environment: Environment) -> Tail:
    """Where the stored chain stands. A tail without a hash begins a new chain, beyond the entries of a lost one.

    Raises:
        ChainError: META and the journal's last row contradict each other, so this is not a store to write to.
    """
    tail = Tail.unpack(environment.get(Table.META, LAST))
    row = environment.last(Table.JOURNAL)
    if row is not None:
        seq = int.from_bytes(row[0], "big")
        begins = tail.hash == START.hash and seq < tail.seq
        if not begins and (seq != tail.seq or entry_hash(row[1]) != tail.hash):
            raise ChainError(f"the journal ends with entry {seq}, but META journal.last says {tail.seq}")
    return tail


def verify(entries: Iterable[bytes], after: Tail | None = None) -> Tail:
    """Checks that the entries follow each other, and `after` where it is given; where they end.

    Args:
        entries: serialized Entry messages in order, as stored.
        after: the chain's end before the first of them. None: the first is trusted (a trimmed journal).

    Raises:
        ChainError: names the entry that does not fit.
    """
    tail = after
    for data in entries:
        try:
            entry = scan_pb2.Entry.FromString(data)
        except DecodeError:
            raise ChainError(f"what follows entry {tail.seq if tail else '?'} is not a journal entry") from None
        if tail is not None:
            if entry.seq != tail.seq + 1:
                raise ChainError(f"entry {entry.seq} follows entry {tail.seq}")
            if entry.prev_hash != tail.hash:
                raise ChainError(f"entry {entry.seq} does not carry the hash of the entry before it")
        tail = Tail(entry.seq, entry_hash(data))
    return tail or START
