"""People inside, as this edge counts them: bodies that went in minus bodies that went out, by business day.

The venue's figure is the cloud's; this one is for the entrance's own display while the cloud is away.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

NAME = b"occupancy"  # its row in META
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

    def passed(self, persons: int, *, leaving: bool, day: int) -> Occupancy:
        """The counts after that many more bodies. A count of an earlier day is over."""
        entered, left = (self.entered, self.left) if self.day == day else (0, 0)
        return Occupancy(day, entered, left + persons) if leaving else Occupancy(day, entered + persons, left)

    def pack(self) -> bytes:
        return _PACKED.pack(self.day, self.entered, self.left)

    @classmethod
    def unpack(cls, data: bytes | None) -> Occupancy:
        """Raises struct.error on another length; None is a store that has counted nobody."""
        return cls() if data is None else cls(*_PACKED.unpack(data))
