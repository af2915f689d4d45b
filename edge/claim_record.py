"""What etcd holds under one key: all uses of one counter owner at a site, and who has a reservation open on them.

Each edge's own usage records are in it as its store has them, so whoever reads it can decide as if the uses were his
own. An edge writes its own records and reservations only; the others' it puts back as it found them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgpack

from paifang.usage import Usage

VERSION = 1
Groups = Mapping[int, bytes]  # exclusion group -> usage record
Rows = Mapping[tuple[int, int], bytes]  # (exclusion group, edge) -> usage record


class Reservation(NamedTuple):
    """A use that is reserved and not settled. `epoch`: of the start of the edge that reserved it."""

    event: int
    edge_id: int
    epoch: bytes
    persons: int


@dataclass(frozen=True, slots=True)
class SharedUsage:
    """One key's value. `until_day`: days since 1970 until which it must be kept."""

    until_day: int = 0
    rows: Rows = field(default_factory=dict)
    reservations: tuple[Reservation, ...] = ()

    def pack(self) -> bytes:
        rows = [(group, edge, usage) for (group, edge), usage in sorted(self.rows.items())]
        packed: bytes = msgpack.packb((VERSION, self.until_day, rows, self.reservations))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> SharedUsage:
        """Raises ValueError on what is none, or has a version or usage record not known here."""
        try:
            version, until_day, rows, reservations = msgpack.unpackb(data, use_list=False)
            if version != VERSION:
                raise ValueError(f"a shared usage of version {version}")
            for _group, _edge, usage in rows:
                Usage.unpack(usage)
            return cls(
                int(until_day),
                {(int(group), int(edge)): usage for group, edge, usage in rows},
                tuple(Reservation(*one) for one in reservations),
            )
        except (TypeError, msgpack.UnpackException) as problem:
            raise ValueError(f"not a shared usage: {problem!r}") from None

    def of(self, edge_id: int) -> dict[int, bytes]:
        """One edge's own records, by group."""
        return {group: usage for (group, edge), usage in self.rows.items() if edge == edge_id}

    def news(self, edge_id: int, seen: Rows) -> dict[tuple[int, int], bytes]:
        """The other edges' records that are not what was seen of them, nor older."""
        return {key: usage for key, usage in self.rows.items() if key[1] != edge_id and is_news(usage, seen.get(key))}

    def ahead(self, edge_id: int, own: Groups) -> dict[int, bytes]:
        """Records of an edge's own that are newer than those it has itself."""
        return {group: usage for group, usage in self.of(edge_id).items() if revision(usage) > revision(own.get(group))}

    def told(self, edge_id: int, own: Groups, reservations: Iterable[Reservation], until_day: int = 0) -> SharedUsage:
        """The value after an edge has said what it has: all its records, and all its reservations."""
        mine = {(group, edge_id): usage for group, usage in own.items()}
        others = tuple(one for one in self.reservations if one.edge_id != edge_id)
        return replace(
            self, until_day=max(self.until_day, until_day), rows={**self.rows, **mine},
            reservations=(*others, *sorted(reservations)),
        )  # fmt: skip


def revision(usage: bytes | None) -> int:
    """0 where there is none."""
    return 0 if usage is None else Usage.unpack(usage).revision


def is_news(usage: bytes, seen: bytes | None) -> bool:
    """Whether a record says something else than the one seen, and is no older."""
    return usage != seen and revision(usage) >= revision(seen)
