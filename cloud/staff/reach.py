"""Where at a venue somebody may do something: all over it, or at some stations only (S-09)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True, slots=True)
class Reach:
    """`stations` counts only where `everywhere` does not hold. Nothing: an empty set."""

    everywhere: bool = False
    stations: frozenset[int] = field(default_factory=frozenset)

    def covers(self, station_id: int | None) -> bool:
        """Whether it reaches a station; what belongs to none is within reach of those who are not limited."""
        return self.everywhere or (station_id is not None and station_id in self.stations)

    def includes(self, other: Reach) -> bool:
        """Whether nothing the other reaches is beyond this."""
        return self.everywhere or (not other.everywhere and other.stations <= self.stations)

    def narrow(self, rows: Rows, path: str) -> Rows:
        """The rows whose station, by this lookup path, is within reach."""
        return rows if self.everywhere else rows.filter(**{f"{path}__in": sorted(self.stations)})

    def __or__(self, other: Reach) -> Reach:
        if self.everywhere or other.everywhere:
            return EVERYWHERE
        return Reach(stations=self.stations | other.stations)


EVERYWHERE = Reach(everywhere=True)
NOWHERE = Reach()
