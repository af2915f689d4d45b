"""What the committer writes for claims: what siblings did, what became of claims not used, what etcd must be told.

A row of CLAIM says that the store and etcd may not agree on an owner: etcd is then told what the store has. It is
written with whatever changed the store, so neither a crash nor the journal's trimming loses it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from edge.claim_record import Groups, Rows, is_news, revision
from edge.journal import Writer
from edge.works import ADMISSION, Committed, Result
from paifang.records import Table
from paifang.usage import Usage, others_key, usage_key

if TYPE_CHECKING:
    from edge._verify import WriteTxn


def owner_key(owner_id: int) -> bytes:
    """Of a row of CLAIM, and how the rows of an owner begin in USAGE and OTHERS."""
    return owner_id.to_bytes(8, "big")


def tell(txn: WriteTxn, owner_id: int) -> None:
    """Has etcd told of an owner, later. The value is another each time: what was told meanwhile may be old."""
    txn.put(Table.CLAIM, owner_key(owner_id), os.urandom(8))


@dataclass(frozen=True, slots=True)
class Learned:
    """What etcd knows of an owner and the store does not.

    Attributes:
        others: siblings' records; as with the feed the highest revision wins.
        own: this edge's own records that are ahead of its store's: of a claim that never became an admission, or,
            where the store is older than etcd (`adopt`), of uses it has forgotten.
        tell: etcd has to be told in any case.
    """

    owner_id: int
    others: Rows = field(default_factory=dict)
    own: Groups = field(default_factory=dict)
    adopt: bool = False
    tell: bool = False

    def __bool__(self) -> bool:
        return bool(self.others or self.own or self.tell)

    def write(self, txn: WriteTxn) -> None:
        for (group, edge), usage in self.others.items():
            key = others_key(self.owner_id, group, edge)
            if is_news(usage, _known(txn.get(Table.OTHERS, key))):
                txn.put(Table.OTHERS, key, usage)
        for group, usage in self.own.items():
            key = usage_key(self.owner_id, group)
            stored = txn.get(Table.USAGE, key)
            if revision(stored) < revision(usage):
                txn.put(Table.USAGE, key, usage if self.adopt else _beyond(stored, usage))
        if self.own or self.tell:
            tell(txn, self.owner_id)


def _known(stored: bytes | None) -> bytes | None:
    """A stored record, unless its layout is not known here."""
    if stored is not None:
        try:
            Usage.unpack(stored)
        except ValueError:
            return None
    return stored


def _beyond(stored: bytes | None, usage: bytes) -> bytes:
    """What the store has, as later than what a claim that came to nothing has told the others."""
    kept = Usage.unpack(stored) if stored is not None else Usage()
    return replace(kept, revision=Usage.unpack(usage).revision + 1).pack()


@dataclass(frozen=True, slots=True)
class Learn:
    """Takes over what etcd knows. Ranked as admissions are: one of them may wait for it."""

    rank: ClassVar[int] = ADMISSION
    owners: Iterable[Learned]

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        for learned in self.owners:
            learned.write(txn)
        return Committed(journal.seq)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A claim that was made, or may have been, and admits nobody: what the others were told is overruled."""

    rank: ClassVar[int] = ADMISSION
    owner_id: int
    claimed: Groups

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        for group, usage in self.claimed.items():
            key = usage_key(self.owner_id, group)
            stored = txn.get(Table.USAGE, key)
            latest = usage if revision(stored) < revision(usage) else stored
            assert latest is not None
            txn.put(Table.USAGE, key, _beyond(stored, latest))
        tell(txn, self.owner_id)
        return Committed(journal.seq)


@dataclass(frozen=True, slots=True)
class Told:
    """Etcd holds what the store had when the rows of CLAIM were read; those that are still the same are done."""

    rank: ClassVar[int] = ADMISSION
    rows: Mapping[bytes, bytes]

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        for key, value in self.rows.items():
            if txn.get(Table.CLAIM, key) == value:
                txn.delete(Table.CLAIM, key)
        return Committed(journal.seq)
