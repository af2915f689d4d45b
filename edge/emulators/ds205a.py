"""A gate: the DS205A board on its line, and the people in front of it."""

from __future__ import annotations

import time
from typing import Any

import trio

from edge.emulators.board import Board, Side
from edge.emulators.control import Handler, Order, OrderError, field
from edge.emulators.people import BEHAVIOURS, Crowd, Person
from edge.emulators.pty import Cable


class Gate:
    """`direction`: which way its people walk. `counter`: what the board has counted before."""

    def __init__(
        self, cable: Cable, *, address: int = 1, direction: str = "left", open_seconds: float = 10.0, counter: int = 0
    ) -> None:
        if direction not in ("left", "right"):
            raise OrderError("direction is left or right")
        self._cable = cable
        self._direction = direction
        self._mute = False
        self._opened_ns = 0  # when the last open command had come, for who measures from wire to wire
        self.board = Board(address=address, open_seconds=open_seconds)
        self._side().count = counter & 0xFFFFFF
        self.crowd = Crowd(self.board, self._side)

    def _side(self) -> Side:
        return self.board.left if self._direction == "left" else self.board.right

    def received(self, data: bytes) -> None:
        if self._mute:
            return
        before = self.board.opens
        for reply in self.board.feed(data, trio.current_time()):
            self._cable.write(reply)
        if self.board.opens != before:
            self._opened_ns = time.monotonic_ns()
        self.crowd.stir()

    async def run(self) -> None:
        await self.crowd.run()

    def handlers(self) -> dict[str, Handler]:
        return {
            "person": self._person,
            "tally": self._tally,
            "state": self._state,
            "restart": self._restart,
            "mute": self._set_mute,
            "bits": self._bits,
            "free": self._free,
        }

    async def _person(self, order: Order) -> dict[str, Any]:
        behaviour = field(order, "behaviour", str, "walk")
        if behaviour not in BEHAVIOURS:
            raise OrderError(f"behaviour is one of {', '.join(BEHAVIOURS)}")
        person = Person(
            label=field(order, "label", str),
            behaviour=behaviour,
            patience_until=trio.current_time() + field(order, "patience_ms", int, 8000) / 1000,
            after_s=field(order, "after_ms", int, 300) / 1000,
            transit_s=field(order, "transit_ms", int, 0) / 1000,
        )
        self.crowd.join(person)
        if field(order, "wait", bool, False):
            await person.done.wait()
        return {"outcome": person.outcome, "waiting": self.crowd.waiting}

    async def _tally(self, order: Order) -> dict[str, Any]:
        """Of everybody, or of one label alone."""
        crowd, label = self.crowd, field(order, "label", str, "")
        return {
            "bodies": {label: crowd.bodies[label]} if label else dict(crowd.bodies),
            "total": crowd.bodies.total(),
            "waiting": crowd.waiting,
            "gave_up": {label: crowd.gave_up[label]} if label else dict(crowd.gave_up),
        }

    async def _state(self, _order: Order) -> dict[str, Any]:
        board, now = self.board, trio.current_time()
        return {
            "open": board.is_open(self._side(), now),
            "credits": self._side().credits,
            "left": board.left.count,
            "right": board.right.count,
            "opens": board.opens,
            "opened_ns": self._opened_ns,
            "refused": board.refused,
            "plugged": self._cable.plugged,
        }

    async def _restart(self, _order: Order) -> dict[str, Any]:
        self.board.restart(trio.current_time())
        self.crowd.stir()
        return {}

    async def _set_mute(self, order: Order) -> dict[str, Any]:
        self._mute = field(order, "on", bool)
        return {}

    async def _bits(self, order: Order) -> dict[str, Any]:
        self.board.fault = field(order, "fault", int, 0) & 0xFF
        self.board.alarm = field(order, "alarm", int, 0) & 0xFF
        return {}

    async def _free(self, order: Order) -> dict[str, Any]:
        """Turns for everybody from now on, or no longer does."""
        self._side().free = field(order, "on", bool)
        self.crowd.stir()
        return {}
