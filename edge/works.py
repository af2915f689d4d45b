"""What the committer writes. A work knows its rank and how to write itself inside a transaction.

Here: what a work is, how it is answered, and the works that are not about people (edge.use_works has those).

`write` runs in the committer's thread and must leave nothing behind when it answers Conflict. It may run
again, from the start, when the group it was in had to be split: nothing of the run before may matter to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from edge import standing, uses
from edge.journal import ACKED, Body, Tail, Writer, seq_key
from edge.verdict import Moment
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import WriteTxn

ADMISSION, NOTE, FEED, TRIM = range(4)  # ranks, first served first
TRIM_ROWS = 1024  # a transaction; admissions do not wait for a long queue's trimming


@dataclass(frozen=True, slots=True)
class Committed:
    """Durable. `seq` is the work's journal entry, or the journal's last where it made none.

    `rows` and `live_changed` are what a feed batch changed: see WriteTxn.apply. `again` asks for the same
    work to be run once more: it did a part.
    """

    seq: int
    rows: int = 0
    live_changed: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """The usage moved since the verdict: nothing was written, decide again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Not durable, and nothing of it is in the store."""

    reason: str


Result = Committed | Conflict | Failed
CONFLICT = Conflict()


class Work(Protocol):
    """Anything the committer can write. Other rooms may bring their own."""

    rank: ClassVar[int]

    def write(self, txn: WriteTxn, journal: Writer) -> Result: ...


@dataclass(frozen=True, slots=True)
class Note:
    """A journal entry and nothing else: a refusal, a go-ahead, a lane's change, an alarm, a boot."""

    rank: ClassVar[int] = NOTE
    body: Body
    moment: Moment

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        return Committed(journal.append(self.moment.now_ms, self.moment.clock, self.body))


@dataclass(frozen=True, slots=True)
class PutMeta:
    """Rows of META: name -> bytes, None deletes."""

    rank: ClassVar[int] = NOTE
    rows: Sequence[tuple[bytes, bytes | None]]

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        for name, value in self.rows:
            if value is None:
                txn.delete(Table.META, name)
            else:
                txn.put(Table.META, name, value)
        return Committed(journal.seq)


@dataclass(frozen=True, slots=True)
class ApplyFeed:
    """A feed batch that was checked, and where the feed then stands, in one transaction of its own.

    `recovering`: the edge's own uses in it are taken too, which a feed never touches otherwise. `caught_up`: it is
    the last batch that was needed for that.
    """

    rank: ClassVar[int] = FEED
    ops: bytes
    generation: int
    edge_id: int
    cursor: tuple[bytes, bytes]  # its name in META and its new value
    recovering: bool = False
    caught_up: bool = False

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        rows, live_changed = txn.apply(self.ops, self.generation, self.edge_id)
        if self.recovering:
            standing.take_own(txn, self.ops, self.edge_id)
        if self.caught_up:
            txn.delete(Table.META, standing.BEHIND)
        txn.put(Table.META, *self.cursor)
        return Committed(journal.seq, rows, live_changed)


@dataclass(frozen=True, slots=True)
class Trim:
    """Notes up to where the cloud has acknowledged, and forgets entries up to `until`, a slice at a time."""

    rank: ClassVar[int] = TRIM
    acked_seq: int
    until: int  # at most acked_seq

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        txn.put(Table.META, ACKED, seq_key(self.acked_seq))
        end = min(self.until, self.acked_seq, journal.seq) + 1
        deleted = txn.delete_range(Table.JOURNAL, bytes(8), seq_key(end), TRIM_ROWS)
        return Committed(journal.seq, again=deleted == TRIM_ROWS)


@dataclass(frozen=True, slots=True)
class Rebase:
    """The store is an old copy: what it wrote is not the last. Its journal goes on at `tail`, far above; it is
    behind until a snapshot is whole; nobody can tell any more who walked on the uses it holds open."""

    rank: ClassVar[int] = ADMISSION
    why: str  # edge.standing's
    tail: Tail
    before: int  # uses reserved before this entry are doubtful
    forget: Sequence[bytes]  # rows of META: the cursors of what has to come anew

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        for key, row in txn.scan(Table.OPEN, b"", 1 << 20):
            if key < seq_key(self.before):
                txn.put(Table.OPEN, key, uses.pack(uses.unpack(row)._replace(counter=None)))
        for name in self.forget:
            txn.delete(Table.META, name)
        txn.put(Table.META, standing.BEHIND, self.why.encode())
        journal.go_on_from(self.tail)
        return Committed(journal.seq)
