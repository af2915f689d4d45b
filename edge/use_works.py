"""Uses on their way to the disk: admitted, settled, walked late, and let out. What the committer writes of people.

An entitlement counts in up to two usage records: its exclusion group's, and that of group 0 where its product
counts over the whole venue. Both are written in one transaction, with the journal's entry and the open use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from edge import claim_works, exposure, signed_only, uses
from edge.journal import Writer, seq_key
from edge.verdict import Moment, OpenUse, Place
from edge.works import ADMISSION, CONFLICT, Committed, Result
from paifang.reasons import Reason
from paifang.records import Table
from paifang.rulesets import RuleFlag
from paifang.usage import WHOLE_GROUP, Usage, usage_key
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Verdict, WriteTxn

KEEP, TOGETHER, ANTI_PASSBACK = (
    int(flag) for flag in (RuleFlag.KEEP_ON_TIMEOUT, RuleFlag.TOGETHER, RuleFlag.ANTI_PASSBACK)
)


class Admit:
    """An admission: usage, journal entry and open use, or usage and both entries where no passage is awaited.

    Conflict when a stored usage is no longer what the verdict was made from, byte for byte: a revision alone
    would not tell a give-back from the reservation it overtook.

    Attributes:
        event: names the use to the other edges it could be taken at; 0 where there is none.
        unclaimed: it was not claimed among them, for etcd had no quorum.
    """

    __slots__ = (
        "assume_passed", "counter", "decided_us", "event", "moment", "place", "unclaimed", "unseen", "use", "verdict",
    )  # fmt: skip
    rank: ClassVar[int] = ADMISSION

    def __init__(
        self, verdict: Verdict, place: Place, moment: Moment, counter: int | None, assume_passed: bool,
        decided_us: int, unseen: bytes = b"",
    ) -> None:  # fmt: skip
        self.verdict = verdict
        self.place = place
        self.moment = moment
        self.counter = counter
        self.assume_passed = assume_passed
        self.decided_us = decided_us
        self.unseen = unseen
        self.event = 0
        self.unclaimed = False
        self.use: OpenUse | None = None  # what it reserved, once written

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        verdict, moment = self.verdict, self.moment
        spent, whole = verdict.usage_after, verdict.whole_after
        if spent and txn.get(Table.USAGE, verdict.usage_key) != verdict.usage_before:
            return CONFLICT
        if whole:
            if txn.get(Table.USAGE, verdict.whole_key) != verdict.whole_before:
                return CONFLICT
            txn.put(Table.USAGE, verdict.whole_key, whole)
        if spent:
            txn.put(Table.USAGE, verdict.usage_key, spent)
        seq = journal.append(
            moment.now_ms,
            moment.clock,
            presentation(
                verdict, self.place, scan_pb2.DECISION_ADMIT, verdict.reason, self.decided_us, unclaimed=self.unclaimed
            ),
        )
        if verdict.signed_only:
            signed_only.count(txn, verdict.product_class, seq, moment.now_ms)
        if self.unclaimed:
            exposure.count(txn, verdict.product_class, verdict.persons)
        if self.event and (self.unclaimed or self.assume_passed or verdict.leaving):
            claim_works.tell(txn, verdict.owner_id)  # else etcd holds it just as it is
        flags = verdict.rule_flags
        self.use = use = OpenUse(
            seq, verdict.entitlement_id, verdict.owner_id, verdict.group_id, self.place.device_id, verdict.persons,
            self.counter, moment.day, moment.month, moment.now_ms, flags & KEEP != 0 and not verdict.leaving,
            verdict.usage_before if spent else None, bool(whole), verdict.whole_before if whole else None,
            flags & TOGETHER != 0 and not verdict.leaving, verdict.leaving, self.place.inner,
            self.unseen, self.event,
        )  # fmt: skip
        if self.assume_passed:
            settlement = _Settlement(use, scan_pb2.OUTCOME_PASSED, use.persons, usage=spent, whole=whole)
            settlement.journal(txn, journal, moment)
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
        usage, whole = _give_back(txn, use, returned) if returned else _stored(txn, use)
        if not self.passed and self.outcome != scan_pb2.OUTCOME_UNKNOWN:
            signed_only.nobody_walked(txn, use)
        txn.delete(Table.OPEN, key)
        if use.event:
            claim_works.tell(txn, use.owner_id)
        settlement = _Settlement(
            use, self.outcome, self.passed, returned=returned, usage=usage, whole=whole, recovered=self.recovered
        )
        return Committed(settlement.journal(txn, journal, self.moment))


@dataclass(frozen=True, slots=True)
class Late:
    """Bodies that went through after their use was settled without them.

    Where it came back it is taken again as far as uses are left; for the rest a case is journalled. Where it
    stayed spent (`returned` is false) nothing is taken.
    """

    rank: ClassVar[int] = ADMISSION
    use: OpenUse
    persons: int
    returned: bool
    moment: Moment
    decide: Callable[..., Verdict]

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        use, moment = self.use, self.moment
        rest = self.persons
        own = min(rest, use.persons)
        if use.event:
            claim_works.tell(txn, use.owner_id)
        if txn.get(Table.OPEN, seq_key(use.admission_seq)) is not None:  # what was settled was never written
            outcome = scan_pb2.OUTCOME_PASSED if own == use.persons else scan_pb2.OUTCOME_PARTLY
            returned = 0 if use.keep or use.together else use.persons - own
            Settle(use, outcome, own, returned, moment, recovered=False).write(txn, journal)
            rest -= own
        elif not self.returned:
            signed_only.walked_late(txn, use)
            usage, whole = _stored(txn, use)
            _Settlement(use, scan_pb2.OUTCOME_PASSED, own, usage=usage, whole=whole).journal(txn, journal, moment)
            rest -= own
        if rest and use.leaving:
            self._leave(txn, journal, rest)
        elif rest:
            self._take(txn, journal, rest)
        return Committed(journal.seq)

    def _take(self, txn: WriteTxn, journal: Writer, persons: int) -> None:
        """Spends what is left for them, and journals a case for the rest."""
        use, moment = self.use, self.moment
        usage, whole = _stored(txn, use)
        left, flags = uses.left(txn, use, self.decide)
        taken = min(persons, left)
        if taken:
            signed_only.walked_late(txn, use)
            station = uses.station_id(txn, use.device_id)
            usage = (Usage.unpack(usage) if usage else Usage()).spend(
                taken, station=station, device=use.device_id, now_ms=moment.now_ms, day=moment.day, month=moment.month
            ).pack()  # fmt: skip
            txn.put(Table.USAGE, usage_key(use.owner_id, use.group_id), usage)
            if use.whole:
                whole = (Usage.unpack(whole) if whole else Usage()).enter(
                    taken, station=station, device=use.device_id, now_ms=moment.now_ms, day=moment.day,
                    month=moment.month, inside=flags & ANTI_PASSBACK != 0 and not use.inner,
                ).pack()  # fmt: skip
                txn.put(Table.USAGE, usage_key(use.owner_id, WHOLE_GROUP), whole)
            _Settlement(use, scan_pb2.OUTCOME_LATE, taken, usage=usage, whole=whole).journal(txn, journal, moment)
        if persons > taken:
            case = _Settlement(use, scan_pb2.OUTCOME_UNTICKETED, persons - taken, usage=usage, whole=whole)
            case.journal(txn, journal, moment)

    def _leave(self, txn: WriteTxn, journal: Writer, persons: int) -> None:
        """They went out after all."""
        _, whole = _stored(txn, self.use)
        if whole:
            whole = Usage.unpack(whole).leave(now_ms=self.moment.now_ms).pack()
            txn.put(Table.USAGE, usage_key(self.use.owner_id, WHOLE_GROUP), whole)
        _Settlement(self.use, scan_pb2.OUTCOME_LATE, persons, whole=whole).journal(txn, journal, self.moment)


@dataclass(frozen=True, slots=True)
class WalkedOut:
    """Bodies that left by an exit without showing anything."""

    rank: ClassVar[int] = ADMISSION
    place: Place
    persons: int
    moment: Moment

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        place, moment = self.place, self.moment
        seen = scan_pb2.Presentation(
            device_id=place.device_id, station_id=place.station_id, decision=scan_pb2.DECISION_ADMIT,
            reason=Reason.LEAVING, persons=self.persons, leaving=True,
        )  # fmt: skip
        seq = journal.append(moment.now_ms, moment.clock, seen)
        use = OpenUse(
            seq, 0, 0, 0, place.device_id, self.persons, None, moment.day, moment.month, moment.now_ms, keep=False,
            leaving=True, inner=place.inner,
        )  # fmt: skip
        settlement = _Settlement(use, scan_pb2.OUTCOME_PASSED, self.persons)
        return Committed(settlement.journal(txn, journal, moment))


def presentation(
    verdict: Verdict, place: Place, decision: scan_pb2.Decision, reason: int, decided_us: int, *,
    unclaimed: bool = False,
) -> scan_pb2.Presentation:  # fmt: skip
    """The journal's record of what was presented. It holds no personal data: see Verdict.tag."""
    admitted = decision == scan_pb2.DECISION_ADMIT
    return scan_pb2.Presentation(
        device_id=place.device_id, station_id=place.station_id, group_id=verdict.group_id, decision=decision,
        reason=reason, credential_kind=verdict.kind, credential_tag=verdict.tag,
        entitlement_id=verdict.entitlement_id, owner_id=verdict.owner_id, product_class=verdict.product_class,
        persons=verdict.persons if admitted else 0, usage=verdict.usage_after if admitted else b"",
        decided_us=decided_us, whole_usage=verdict.whole_after if admitted else b"",
        signed_only=verdict.signed_only, leaving=verdict.leaving, unclaimed=unclaimed,
    )  # fmt: skip


class _Settlement(NamedTuple):
    """One settlement entry in the making, and the people inside with it."""

    use: OpenUse
    outcome: int
    passed: int
    returned: int = 0
    usage: bytes = b""
    whole: bytes = b""
    recovered: bool = False

    def journal(self, txn: WriteTxn, journal: Writer, moment: Moment) -> int:
        """The entry's seq."""
        use = self.use
        if self.passed and not use.inner:
            uses.count_walked(txn, self.passed, leaving=use.leaving, day=moment.day)
        settlement = scan_pb2.Settlement(
            admission_seq=use.admission_seq, outcome=cast(scan_pb2.Outcome, self.outcome), passed=self.passed,
            returned=self.returned, recovered=self.recovered, entitlement_id=use.entitlement_id,
            owner_id=use.owner_id, group_id=use.group_id, usage=self.usage, device_id=use.device_id,
            whole_usage=self.whole, leaving=use.leaving,
        )  # fmt: skip
        return journal.append(moment.now_ms, moment.clock, settlement)


def _stored(txn: WriteTxn, use: OpenUse) -> tuple[bytes, bytes]:
    """The usage records of a use as they are, of the group and of group 0; b"" where it does not count there."""
    usage = None if use.leaving else txn.get(Table.USAGE, usage_key(use.owner_id, use.group_id))
    whole = txn.get(Table.USAGE, usage_key(use.owner_id, WHOLE_GROUP)) if use.whole else None
    return usage or b"", whole or b""


def _give_back(txn: WriteTxn, use: OpenUse, returned: int) -> tuple[bytes, bytes]:
    """Writes both records after so many persons did not walk. When nobody did, nobody went in or out."""
    usage, whole = _stored(txn, use)
    nobody = returned == use.persons
    if nobody:
        _forget(txn, use, usage, whole)
    if usage:
        usage = _without(usage, use, returned, use.before, nobody=nobody)
        txn.put(Table.USAGE, usage_key(use.owner_id, use.group_id), usage)
    if whole and (nobody or not use.leaving):
        whole = _without(whole, use, returned, use.whole_before, nobody=nobody)
        txn.put(Table.USAGE, usage_key(use.owner_id, WHOLE_GROUP), whole)
    return usage, whole


def _without(usage: bytes, use: OpenUse, returned: int, before: bytes | None, *, nobody: bool) -> bytes:
    """A usage record once so many persons of a use have come back."""
    persons = 0 if use.leaving else returned
    was = None if before is None else Usage.unpack(before)
    back = Usage.unpack(usage).give_back(
        persons, day=use.day, month=use.month, at_ms=use.at_ms if nobody else 0, before=was
    )
    return back.pack()


def _forget(txn: WriteTxn, use: OpenUse, usage: bytes, whole: bytes) -> None:
    """Nobody walked on a use: what its owner reserved after it goes back to what was before it, should it come back."""
    if _is_last(usage, use.before) and _is_last(whole, use.whole_before):
        return
    for later in uses.open_after(txn, use.admission_seq):
        if later.owner_id != use.owner_id:
            continue
        before, whole_before = later.before, later.whole_before
        if before is not None and usage and later.group_id == use.group_id:
            before = _without(before, use, use.persons, use.before, nobody=True)
        if whole_before is not None and whole:
            whole_before = _without(whole_before, use, use.persons, use.whole_before, nobody=True)
        kept = later._replace(before=before, whole_before=whole_before)
        txn.put(Table.OPEN, seq_key(later.admission_seq), uses.pack(kept))


def _is_last(usage: bytes, before: bytes | None) -> bool:
    """Whether nothing was written to a record since a reservation that found it as `before`."""
    revision = 0 if before is None else Usage.unpack(before).revision
    return not usage or Usage.unpack(usage).revision == revision + 1
