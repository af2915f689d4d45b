"""What the committer writes. A work knows its rank and how to write itself inside a transaction.

`write` runs in the committer's thread and must leave nothing behind when it answers Conflict. It may run
again, from the start, when the group it was in had to be split: nothing of the run before may matter to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from edge import uses
from edge.journal import Body, Writer, seq_key
from edge.verdict import Moment, OpenUse, Place
from paifang.records import Table
from paifang.rulesets import RuleFlag
from paifang.usage import Usage, usage_key
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Verdict, WriteTxn

ADMISSION, NOTE, FEED, TRIM = range(4)  # ranks, first served first
KEEP = int(RuleFlag.KEEP_ON_TIMEOUT)
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


class Admit:
    """An admission: usage, journal entry and open use, or usage and both entries where no passage is awaited.

    Conflict when the stored usage is no longer what the verdict was made from, byte for byte: a revision
    alone would not tell a give-back from the reservation it overtook.
    """

    __slots__ = ("assume_passed", "counter", "decided_us", "moment", "place", "use", "verdict")
    rank: ClassVar[int] = ADMISSION

    def __init__(
        self, verdict: Verdict, place: Place, moment: Moment, counter: int | None, assume_passed: bool, decided_us: int
    ) -> None:
        self.verdict = verdict
        self.place = place
        self.moment = moment
        self.counter = counter
        self.assume_passed = assume_passed
        self.decided_us = decided_us
        self.use: OpenUse | None = None  # what it reserved, once written

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        verdict, moment = self.verdict, self.moment
        if txn.get(Table.USAGE, verdict.usage_key) != verdict.usage_before:
            return CONFLICT
        txn.put(Table.USAGE, verdict.usage_key, verdict.usage_after)
        seq = journal.append(
            moment.now_ms,
            moment.clock,
            presentation(verdict, self.place, scan_pb2.DECISION_ADMIT, verdict.reason, self.decided_us),
        )
        self.use = use = OpenUse(
            seq, verdict.entitlement_id, verdict.owner_id, verdict.group_id, self.place.device_id, verdict.persons,
            self.counter, moment.day, moment.month, moment.now_ms, verdict.rule_flags & KEEP != 0,
        )  # fmt: skip
        if self.assume_passed:
            _journal_settlement(
                txn, journal, use, moment, scan_pb2.OUTCOME_PASSED, usage=verdict.usage_after, passed=use.persons
            )
        else:
            txn.put(Table.OPEN, seq_key(seq), uses.pack(use))
        return Committed(seq)


@dataclass(frozen=True, slots=True)
class Settle:
    """What became of a reserved use. Usage is computed here, from the stored value, never from memory.

    A use that is settled already is left alone, so a settlement may safely come twice.
    """

    rank: ClassVar[int] = ADMISSION
    use: OpenUse
    outcome: int
    passed: int  # persons
    returned: int  # persons; of them no more comes back than is open and did not pass
    moment: Moment
    recovered: bool

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        key = seq_key(self.use.admission_seq)
        row = txn.get(Table.OPEN, key)
        if row is None:
            return Committed(journal.seq)
        use = uses.unpack(row)
        returned = min(self.returned, max(0, use.persons - self.passed))
        spent = usage_key(use.owner_id, use.group_id)
        usage = txn.get(Table.USAGE, spent)
        if returned and usage is not None:
            usage = Usage.unpack(usage).give_back(returned, day=use.day, month=use.month).pack()
            txn.put(Table.USAGE, spent, usage)
        txn.delete(Table.OPEN, key)
        seq = _journal_settlement(
            txn, journal, use, self.moment, self.outcome,
            usage=usage or b"", passed=self.passed, returned=returned, recovered=self.recovered,
        )  # fmt: skip
        return Committed(seq)


@dataclass(frozen=True, slots=True)
class Late:
    """Bodies that went through after their use was given back: it is taken again as far as uses are left.

    For the rest a case is journalled. A use that the product keeps on a time-out was never given back,
    so nothing is taken for it.
    """

    rank: ClassVar[int] = ADMISSION
    use: OpenUse
    persons: int
    moment: Moment
    decide: Callable[..., Verdict]

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        use, moment = self.use, self.moment
        rest = self.persons
        own = min(rest, use.persons)
        if txn.get(Table.OPEN, seq_key(use.admission_seq)) is not None:  # the give-back itself was never written
            outcome = scan_pb2.OUTCOME_PASSED if own == use.persons else scan_pb2.OUTCOME_PARTLY
            Settle(use, outcome, own, 0 if use.keep else use.persons - own, moment, recovered=False).write(txn, journal)
            rest -= own
        elif use.keep:
            stored = txn.get(Table.USAGE, usage_key(use.owner_id, use.group_id)) or b""
            _journal_settlement(txn, journal, use, moment, scan_pb2.OUTCOME_PASSED, usage=stored, passed=own)
            rest -= own
        if rest:
            self._take(txn, journal, rest)
        return Committed(journal.seq)

    def _take(self, txn: WriteTxn, journal: Writer, persons: int) -> None:
        """Spends what is left for them, and journals a case for the rest."""
        use, moment = self.use, self.moment
        spent = usage_key(use.owner_id, use.group_id)
        usage = txn.get(Table.USAGE, spent)
        taken = min(persons, uses.left(txn, use, self.decide))
        if taken:
            before = Usage() if usage is None else Usage.unpack(usage)
            usage = before.spend(
                taken, station=uses.station_id(txn, use.device_id), device=use.device_id,
                now_ms=moment.now_ms, day=moment.day, month=moment.month,
            ).pack()  # fmt: skip
            txn.put(Table.USAGE, spent, usage)
            _journal_settlement(txn, journal, use, moment, scan_pb2.OUTCOME_LATE, usage=usage, passed=taken)
        if persons > taken:
            _journal_settlement(
                txn, journal, use, moment, scan_pb2.OUTCOME_UNTICKETED, usage=usage or b"", passed=persons - taken
            )


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
    """A feed batch that was checked, and where the feed then stands, in one transaction of its own."""

    rank: ClassVar[int] = FEED
    ops: bytes
    generation: int
    edge_id: int
    cursor: tuple[bytes, bytes]  # its name in META and its new value

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        rows, live_changed = txn.apply(self.ops, self.generation, self.edge_id)
        txn.put(Table.META, *self.cursor)
        return Committed(journal.seq, rows, live_changed)


@dataclass(frozen=True, slots=True)
class Trim:
    """Forgets the entries the cloud has acknowledged, a slice at a time."""

    rank: ClassVar[int] = TRIM
    acked_seq: int

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        end = min(self.acked_seq, journal.seq) + 1
        deleted = txn.delete_range(Table.JOURNAL, bytes(8), seq_key(end), TRIM_ROWS)
        return Committed(journal.seq, again=deleted == TRIM_ROWS)


def presentation(
    verdict: Verdict, place: Place, decision: scan_pb2.Decision, reason: int, decided_us: int
) -> scan_pb2.Presentation:
    """The journal's record of what was presented. It holds no personal data: see Verdict.tag."""
    admitted = decision == scan_pb2.DECISION_ADMIT
    return scan_pb2.Presentation(
        device_id=place.device_id, station_id=place.station_id, group_id=verdict.group_id, decision=decision,
        reason=reason, credential_kind=verdict.kind, credential_tag=verdict.tag,
        entitlement_id=verdict.entitlement_id, owner_id=verdict.owner_id, product_class=verdict.product_class,
        persons=verdict.persons if admitted else 0, usage=verdict.usage_after if admitted else b"",
        decided_us=decided_us,
    )  # fmt: skip


def _journal_settlement(
    txn: WriteTxn, journal: Writer, use: OpenUse, moment: Moment, outcome: int, *,
    usage: bytes, passed: int, returned: int = 0, recovered: bool = False,
) -> int:  # fmt: skip
    """One settlement entry, and the people inside with it; the entry's seq."""
    if passed:
        uses.count_inside(txn, use.device_id, passed, moment.day)
    settlement = scan_pb2.Settlement(
        admission_seq=use.admission_seq, outcome=cast(scan_pb2.Outcome, outcome), passed=passed, returned=returned,
        recovered=recovered, entitlement_id=use.entitlement_id, owner_id=use.owner_id, group_id=use.group_id,
        usage=usage, device_id=use.device_id,
    )  # fmt: skip
    return journal.append(moment.now_ms, moment.clock, settlement)
