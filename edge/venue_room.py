"""How many more the venue has room for: at once, and on one business day.

Counted are the bodies of all edges and the persons who were told to go in and have not been seen yet. Stations
inside the venue count neither way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from edge.committer import Committer
from edge.occupancy import ELSEWHERE, Occupancy
from edge.occupancy import NAME as OWN
from edge.verdict import NO_LIMIT, OpenUse
from edge.works import PutMeta
from paifang.records import Table, VenueSettings

if TYPE_CHECKING:
    from edge._verify import Environment

KEEP_EVERY_MS = 10_000  # the other edges' counts are written at most so often


class RoomState(IntEnum):
    """As EdgeStatus.room_state."""

    ROOM = 0
    WARNING = 1
    FULL = 2
    DAY_FULL = 3


ALARMS = {
    RoomState.WARNING: "venue.filling",
    RoomState.FULL: "venue.full",
    RoomState.DAY_FULL: "venue.day_full",
}


class VenueRoom:
    """Belongs to the trio thread."""

    def __init__(self, environment: Environment, committer: Committer, found: Iterable[OpenUse]) -> None:
        self._environment = environment
        self._committer = committer
        self._elsewhere = self._kept = Occupancy.unpack(environment.get(Table.META, ELSEWHERE))
        self._keep_at_ms = 0
        self._awaited: dict[int, OpenUse] = {}
        self._coming: Counter[int] = Counter()  # persons of those, by business day
        self._deciding = 0  # persons of admissions on their way to the disk
        for use in found:
            self._await(use)
        self.capacity = 0
        self.day_capacity = 0
        self._warn_permille = 1000
        self._state = RoomState.ROOM

    def use_settings(self, settings: VenueSettings) -> None:
        self.capacity, self.day_capacity = settings.capacity, settings.day_capacity
        self._warn_permille = settings.warn_permille

    # --- counting -----------------------------------------------------------------------------------------------------

    def told(self, elsewhere: Occupancy, now_ms: int) -> None:
        """What the cloud says the other edges have counted."""
        self._elsewhere = elsewhere
        if elsewhere != self._kept and now_ms >= self._keep_at_ms:
            self._keep_at_ms = now_ms + KEEP_EVERY_MS
            if self._committer.submit(PutMeta([(ELSEWHERE, elsewhere.pack())])):
                self._kept = elsewhere

    def own(self) -> Occupancy:
        """What this edge has counted."""
        return Occupancy.unpack(self._environment.get(Table.META, OWN))

    def counts(self, day: int) -> Occupancy:
        """Bodies of all edges on a business day."""
        return self.own().on(day).plus(self._elsewhere)

    def reserve(self, persons: int) -> None:
        """They may go in once it is on the disk."""
        self._deciding += persons

    def release(self, persons: int, use: OpenUse | None) -> None:
        """What `reserve` was told of is decided; `use` is then awaited, where it was admitted and can be seen."""
        self._deciding -= persons
        if use is not None:
            self._await(use)

    def settled(self, use: OpenUse) -> None:
        """A use's bodies are counted, or will not come."""
        awaited = self._awaited.pop(use.admission_seq, None)
        if awaited is not None:
            self._coming[awaited.day] -= awaited.persons

    def _await(self, use: OpenUse) -> None:
        if not use.leaving and not use.inner:
            self._awaited[use.admission_seq] = use
            self._coming[use.day] += use.persons

    # --- room ---------------------------------------------------------------------------------------------------------

    def left(self, day: int) -> tuple[int, int]:
        """Persons there is room for now, and still today; NO_LIMIT where the venue sets none."""
        if not self.capacity and not self.day_capacity:
            return NO_LIMIT, NO_LIMIT
        counts = self.counts(day)
        coming = self._coming[day] + self._deciding
        return (
            max(0, self.capacity - counts.inside - coming) if self.capacity else NO_LIMIT,
            max(0, self.day_capacity - counts.entered - coming) if self.day_capacity else NO_LIMIT,
        )

    def state(self, day: int) -> RoomState:
        room, day_room = self.left(day)
        if day_room == 0:
            return RoomState.DAY_FULL
        if room == 0:
            return RoomState.FULL
        near = self._near(room, self.capacity) or self._near(day_room, self.day_capacity)
        return RoomState.WARNING if near else RoomState.ROOM

    def _near(self, room: int, capacity: int) -> bool:
        return room != NO_LIMIT and (capacity - room) * 1000 >= capacity * self._warn_permille

    def watch(self, day: int, alarm: Callable[[str, str], None]) -> RoomState:
        """Raises an alarm where the state has got worse since the last look."""
        before, self._state = self._state, self.state(day)
        if self._state > before:
            counts = self.counts(day)
            alarm(ALARMS[self._state], f"{counts.inside} inside, {counts.entered} let in today")
        return self._state
