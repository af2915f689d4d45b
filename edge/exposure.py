"""Persons admitted without a claim while etcd has no quorum: how many, and how many more a product allows.

The count is written with each such admission, so that a crash does not renew what an outage may cost. It begins anew
once etcd holds all that was admitted without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgpack

from edge.committer import Committer
from edge.journal import Writer
from edge.works import ADMISSION, Committed, Result
from paifang.records import OUTAGE_PERSONS, Table

if TYPE_CHECKING:
    from edge._verify import Environment, WriteTxn

NAME = b"claims.exposed"  # its row in META


@dataclass(frozen=True, slots=True)
class Exposed:
    """Persons by product class, in this outage."""

    classes: Mapping[int, int] = field(default_factory=dict)

    def more(self, product_class: int, persons: int) -> Exposed:
        return Exposed({**self.classes, product_class: max(0, self.classes.get(product_class, 0) + persons)})

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb(dict(self.classes))
        return packed

    @classmethod
    def unpack(cls, data: bytes | None) -> Exposed:
        return cls() if data is None else cls(msgpack.unpackb(data, strict_map_key=False))


def count(txn: WriteTxn, product_class: int, persons: int) -> None:
    """So many more, in the transaction that admits them."""
    txn.put(Table.META, NAME, Exposed.unpack(txn.get(Table.META, NAME)).more(product_class, persons).pack())


@dataclass(frozen=True, slots=True)
class _Forget:
    """The outage is over. Ranked as admissions are, so that it keeps its place among them."""

    rank: ClassVar[int] = ADMISSION

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        txn.delete(Table.META, NAME)
        return Committed(journal.seq)


class Exposure:
    """Belongs to the trio thread."""

    def __init__(self, environment: Environment, committer: Committer) -> None:
        self._committer = committer
        self._caps: Mapping[int, int] = {}
        self._exposed = Exposed.unpack(environment.get(Table.META, NAME))

    @property
    def persons(self) -> int:
        """Admitted without a claim in this outage, of all products."""
        return sum(self._exposed.classes.values())

    def use_settings(self, caps: Mapping[int, int]) -> None:
        """VenueSettings.outage."""
        self._caps = caps

    def room(self, product_class: int) -> int:
        """How many more persons of one product; below zero where its share was made smaller meanwhile."""
        return self._caps.get(product_class, OUTAGE_PERSONS) - self._exposed.classes.get(product_class, 0)

    def reserve(self, product_class: int, persons: int) -> None:
        self._exposed = self._exposed.more(product_class, persons)

    def release(self, product_class: int, persons: int) -> None:
        """Reserved ones were not recorded."""
        self._exposed = self._exposed.more(product_class, -persons)

    def over(self) -> None:
        """The outage is over, and etcd holds what was admitted in it."""
        if self._exposed.classes and self._committer.submit(_Forget()):
            self._exposed = Exposed()
