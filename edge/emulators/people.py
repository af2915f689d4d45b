"""People at a gate, one behind the other. What they do is counted here, apart from the board's own counter."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from edge.emulators.board import Board, Side

BEHAVIOURS = ("walk", "hesitate", "turn_back")


@dataclass(slots=True, eq=False)
class Person:
    """Attributes:
    behaviour: walk; hesitate: steps forward only once the gate has closed again, then waits for its next
        opening; turn_back: stands in the opening until it closes, and leaves.
    patience_until: when someone still waiting for the gate goes away.
    after_s: between the gate's opening and the first step.
    transit_s: between the first step and being counted.
    """

    label: str
    behaviour: str
    patience_until: float
    after_s: float
    transit_s: float
    done: trio.Event = field(default_factory=trio.Event)
    outcome: str = "waiting"


class Crowd:
    """First come, first through: nobody overtakes who stands in front.

    The tally counts bodies that walked through an open gate, by label: the judge of what really happened.
    """

    def __init__(self, board: Board, side: Callable[[], Side]) -> None:
        self._board = board
        self._side = side
        self._queue: deque[Person] = deque()
        self._stirred = trio.Event()
        self.bodies: Counter[str] = Counter()
        self.gave_up: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def join(self, person: Person) -> None:
        self._queue.append(person)
        self.stir()

    def stir(self) -> None:
        """The gate may have changed: look again."""
        self._stirred.set()
        self._stirred = trio.Event()

    async def run(self) -> None:
        while True:
            while not self._queue:
                await self._stirred.wait()
            person = self._queue[0]
            person.outcome = await self._approach(person)
            self._queue.popleft()
            (self.bodies if person.outcome == "walked" else self.gave_up)[person.label] += 1
            person.done.set()

    async def _approach(self, person: Person) -> str:
        """Until the person is through or has gone away."""
        hesitant = person.behaviour == "hesitate"
        while await self._gate_is(True, person.patience_until):
            if person.behaviour == "turn_back":
                await self._gate_is(False, math.inf)
                return "turned_back"
            if hesitant:
                await self._gate_is(False, math.inf)
                hesitant = False
            else:
                await trio.sleep(person.after_s)
            if self._board.enter(self._side(), trio.current_time()):
                await trio.sleep(person.transit_s)
                self._board.leave(self._side())
                return "walked"
        return "gave_up"

    async def _gate_is(self, is_open: bool, until: float) -> bool:
        """Waits for the gate to stand open, or shut; False when it did not by `until`."""
        while self._board.is_open(self._side(), trio.current_time()) is not is_open:
            now = trio.current_time()
            if now >= until:
                return False
            wake = until if is_open else min(until, max(self._board.open_until, now + 0.001))
            with trio.move_on_at(wake):
                await self._stirred.wait()
        return True
