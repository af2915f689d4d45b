"""People inside: bodies that went in minus bodies that went out, by business day.

An edge counts its own in the transactions that settle uses. The cloud tells what the venue's other edges counted;
that is kept too, so that after a restart, and while the cloud is away, whoever is inside still counts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

NAME = b"occupancy"  # the edge's own counts, a row of META
ELSEWHERE = b"occupancy.elsewhere"  # the other edges', likewise
_PACKED = struct.Struct(">IQQ")


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Counts of one business day (its proleptic ordinal). A venue is empty when a day begins."""

    day: int = 0
    entered: int = 0
    left: int = 0

    @property
    def inside(self) -> int:
        """Never below zero: people may leave here who came in elsewhere."""
        return max(0, self.entered - self.left)

    def on(self, day: int) -> Occupancy:
        """The counts of a day: a count of another day is over."""
        return self if self.day == day else Occupancy(day)

    def passed(self, persons: int, *, leaving: bool, day: int) -> Occupancy:
        """The counts after that many more bodies."""
        now = self.on(day)
        entered, left = (0, persons) if leaving else (persons, 0)
        return Occupancy(day, now.entered + entered, now.left + left)

    def plus(self, other: Occupancy) -> Occupancy:
        """Both edges' counts of the day of this one."""
        there = other.on(self.day)
        return Occupancy(self.day, self.entered + there.entered, self.left + there.left)

    def pack(self) -> bytes:
        return _PACKED.pack(self.day, self.entered, self.left)

    @classmethod
    def unpack(cls, data: bytes | None) -> Occupancy:
        """Raises struct.error on another length; None is a store that has counted nobody."""
        return cls() if data is None else cls(*_PACKED.unpack(data))
