"""Admissions on a signature alone: how many, since when, and how many more.

A pass sold seconds ago may reach the gate before its record does. Products that allow it are then admitted on the
pass's signature, up to a cap. The count begins anew once the records are current to after the last of them:
what the cloud knew by then has arrived. It is written with each admission, so that a crash does not renew the cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import msgpack

from edge.committer import Committer
from edge.journal import Writer
from edge.works import ADMISSION, Committed, Result
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import Environment, Verifier, WriteTxn

NAME = b"signed.spent"  # its row in META
NOT_CURRENT_MS = 1 << 62  # no pass is issued later: without a whole snapshot none is admitted unseen


@dataclass(frozen=True, slots=True)
class Spent:
    """Admissions by product class since the records were last current, and when the last of them was."""

    last_ms: int = 0
    classes: Mapping[int, int] = field(default_factory=dict)

    def one_more(self, product_class: int, at_ms: int) -> Spent:
        spent = self.classes.get(product_class, 0) + 1
        return Spent(max(self.last_ms, at_ms), {**self.classes, product_class: spent})

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb((self.last_ms, dict(self.classes)))
        return packed

    @classmethod
    def unpack(cls, data: bytes | None) -> Spent:
        return cls() if data is None else cls(*msgpack.unpackb(data, strict_map_key=False))


def count(txn: WriteTxn, product_class: int, at_ms: int) -> None:
    """One more, in the transaction that admits it."""
    spent = Spent.unpack(txn.get(Table.META, NAME))
    txn.put(Table.META, NAME, spent.one_more(product_class, at_ms).pack())


@dataclass(frozen=True, slots=True)
class _Forget:
    """The records are current again. Ranked as admissions are, so that it keeps its place among them."""

    rank: ClassVar[int] = ADMISSION

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        txn.delete(Table.META, NAME)
        return Committed(journal.seq)


class SignedOnly:
    """Keeps the verifier's `current_to_ms` and `signed_room` true. Belongs to the trio thread."""

    def __init__(self, environment: Environment, verifier: Verifier, committer: Committer) -> None:
        self._verifier = verifier
        self._committer = committer
        self._caps: dict[int, int] = {}
        self._spent = Spent.unpack(environment.get(Table.META, NAME))
        verifier.current_to_ms = NOT_CURRENT_MS
        self._tell()

    @property
    def spent(self) -> int:
        """Admissions since the records were last current, of all products."""
        return sum(self._spent.classes.values())

    def use_settings(self, allowed: Mapping[int, tuple[int, int]]) -> None:
        """VenueSettings.signed_only."""
        self._caps = {product: cap for product, (_, cap) in allowed.items()}
        self._tell()

    def current_to(self, current_to_ms: int) -> None:
        """Up to when the entitlement records are current; 0: they are not whole."""
        self._verifier.current_to_ms = current_to_ms or NOT_CURRENT_MS
        if self._spent.classes and current_to_ms >= self._spent.last_ms and self._committer.submit(_Forget()):
            self._spent = Spent()
            self._tell()

    def room(self, product_class: int) -> int:
        """How many more of one product. The verifier only knows whether there is room for any."""
        return self._caps.get(product_class, 0) - self._spent.classes.get(product_class, 0)

    def reserve(self, product_class: int, at_ms: int) -> None:
        self._spent = self._spent.one_more(product_class, at_ms)
        self._tell()

    def release(self, product_class: int) -> None:
        """A reserved one was not recorded."""
        spent = max(0, self._spent.classes.get(product_class, 0) - 1)
        self._spent = replace(self._spent, classes={**self._spent.classes, product_class: spent})
        self._tell()

    def _tell(self) -> None:
        self._verifier.signed_room = max((self.room(product) for product in self._caps), default=0)
