"""Admissions on a signature alone: which, since when, and how many more.

A pass sold seconds ago may reach the gate before its record does. Products that allow it are then admitted on the
pass's signature, up to a cap. The count begins anew once the records are current to after the last of them:
what the cloud knew by then has arrived. It is written with each admission, so that a crash does not renew the cap,
and an admission nobody walked on comes off it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgpack

from edge._credentials_py import read_pass, recognise, record_of
from edge.committer import Committer
from edge.journal import Writer
from edge.verdict import Credential, OpenUse
from edge.works import ADMISSION, Committed, Result
from paifang.records import Record, Table, entitlement_key

if TYPE_CHECKING:
    from edge._verify import Environment, Verifier, WriteTxn
    from edge.use_works import Admit

NAME = b"signed.admitted"  # its row in META
NOT_CURRENT_MS = 1 << 62  # no pass is issued later: without a whole snapshot none is admitted unseen


@dataclass(frozen=True, slots=True)
class Spent:
    """Admissions since the records were last current, by product class and each by its seq; when the last was."""

    last_ms: int = 0
    classes: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def of(self, product_class: int) -> frozenset[int]:
        return self.classes.get(product_class, frozenset())

    def plus(self, product_class: int, seq: int, at_ms: int) -> Spent:
        """One more; the same again changes nothing."""
        return Spent(max(self.last_ms, at_ms), {**self.classes, product_class: self.of(product_class) | {seq}})

    def without(self, product_class: int, seq: int) -> Spent:
        return Spent(self.last_ms, {**self.classes, product_class: self.of(product_class) - {seq}})

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb((self.last_ms, {one: sorted(seqs) for one, seqs in self.classes.items() if seqs}))
        return packed

    @classmethod
    def unpack(cls, data: bytes | None) -> Spent:
        if data is None:
            return cls()
        last_ms, classes = msgpack.unpackb(data, strict_map_key=False)
        return cls(last_ms, {one: frozenset(seqs) for one, seqs in classes.items()})


def record_told(credential: Credential, ruleset_id: int) -> bytes:
    """The record that a pass admitted on its signature stands for, as the store would have it."""
    kind, line, _ = recognise(credential.kind, credential.data)
    issued, _ = read_pass(kind, line)
    return record_of(issued, ruleset_id).pack()


def count(txn: WriteTxn, product_class: int, seq: int, at_ms: int) -> None:
    """One more, in the transaction that admits it."""
    spent = Spent.unpack(txn.get(Table.META, NAME))
    txn.put(Table.META, NAME, spent.plus(product_class, seq, at_ms).pack())


def nobody_walked(txn: WriteTxn, use: OpenUse) -> None:
    """It let nobody in, so it does not count."""
    if use.unseen:
        spent = Spent.unpack(txn.get(Table.META, NAME))
        txn.put(Table.META, NAME, spent.without(_class_of(use), use.admission_seq).pack())


def walked_late(txn: WriteTxn, use: OpenUse) -> None:
    """Somebody walked on it after all: it counts, unless its record has come meanwhile."""
    if use.unseen and txn.get(Table.ENTITLEMENT, entitlement_key(use.entitlement_id)) is None:
        count(txn, _class_of(use), use.admission_seq, use.at_ms)


def _class_of(use: OpenUse) -> int:
    return Record.unpack(use.unseen).product_class


@dataclass(frozen=True, slots=True)
class _Forget:
    """The records are current again. Ranked as admissions are, so that it keeps its place among them."""

    rank: ClassVar[int] = ADMISSION

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        txn.delete(Table.META, NAME)
        return Committed(journal.seq)


class SignedOnly:
    """Keeps the verifier's `current_to_ms` and `signed_room` true. Belongs to the trio thread.

    What counts is what the store has, and what is on its way there.
    """

    def __init__(self, environment: Environment, verifier: Verifier, committer: Committer) -> None:
        self._environment = environment
        self._verifier = verifier
        self._committer = committer
        self._caps: dict[int, int] = {}
        self._coming: list[Admit] = []
        self._forgetting = False
        verifier.current_to_ms = NOT_CURRENT_MS
        self.look()

    @property
    def spent(self) -> int:
        """Admissions since the records were last current, of all products."""
        return sum(map(len, self._spent.classes.values())) + len(self._on_their_way())

    def use_settings(self, allowed: Mapping[int, tuple[int, int]]) -> None:
        """VenueSettings.signed_only."""
        self._caps = {product: cap for product, (_, cap) in allowed.items()}
        self._tell()

    def current_to(self, current_to_ms: int) -> None:
        """Up to when the entitlement records are current; 0: they are not whole."""
        self._verifier.current_to_ms = current_to_ms or NOT_CURRENT_MS
        last_ms = max([self._spent.last_ms, *(work.moment.now_ms for work in self._coming)])
        if self.spent and current_to_ms >= last_ms and not self._forgetting:
            self._forgetting = self._committer.submit(_Forget(), self._forgotten)

    def _forgotten(self, _result: Result) -> None:
        self._forgetting = False
        self.look()

    def room(self, product_class: int) -> int:
        """How many more of one product. The verifier only knows whether there is room for any."""
        coming = sum(work.verdict.product_class == product_class for work in self._on_their_way())
        return self._caps.get(product_class, 0) - len(self._spent.of(product_class)) - coming

    def reserve(self, work: Admit) -> None:
        self._coming.append(work)
        self._tell()

    def release(self, work: Admit) -> None:
        """It was recorded, or never will be."""
        self._coming.remove(work)
        self.look()

    def look(self) -> None:
        """The store's count may have changed."""
        self._spent = Spent.unpack(self._environment.get(Table.META, NAME))
        self._tell()

    def _on_their_way(self) -> list[Admit]:
        """Admissions the store's count, as last read, does not have."""
        return [
            work
            for work in self._coming
            if work.use is None or work.use.admission_seq not in self._spent.of(work.verdict.product_class)
        ]

    def _tell(self) -> None:
        self._verifier.signed_room = max((self.room(product) for product in self._caps), default=0)
