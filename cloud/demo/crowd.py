"""The crowd: people queue at the lanes, show what they have, walk in, hesitate or turn back."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cloud.demo.control import ControlError
from cloud.demo.gate import Gate
from cloud.demo.visits import Visit

TRIES = 3  # how often somebody with a good pass comes back to the gate


@dataclass(frozen=True, slots=True)
class Pace:
    """How people behave, in milliseconds.

    Attributes:
        walk: from the open arms to the far side, each body.
        patience: how long a body stands before shut arms after showing something.
        open: how long the barrier waits for a body (the lanes' open_seconds).
        glance: how often somebody looks whether the bodies are through.
        between: between one visitor's leaving and the next one's stepping up.
    """

    walk: int
    patience: int
    open: int
    glance: int
    between: int


class Queue:
    """People waiting for a lane of their group; a lane takes the first it can serve."""

    def __init__(self) -> None:
        self._waiting: deque[Visit] = deque()
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    def join(self, visit: Visit) -> None:
        with self._changed:
            self._waiting.append(visit)
            self._changed.notify_all()

    def take(self, serves: Callable[[Visit], bool]) -> Visit | None:
        """Waits for one. None: the queue is closed. What was taken is `done` later."""
        with self._changed:
            while not self._closed:
                for visit in self._waiting:
                    if serves(visit):
                        self._waiting.remove(visit)
                        self._inside += 1
                        return visit
                self._changed.wait()
            return None

    def done(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._waiting)

    def wait_empty(self, seconds: float) -> bool:
        """Whether everybody was served within that time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._inside, seconds)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Crowd:
    """Plays visits at lanes, one thread a lane.

    Attributes:
        presented: what was shown, by kind.
        waits_ns: from a code's sending to its barrier's open command, by the emulators' clocks.
    """

    def __init__(self, gates: Iterable[Gate], groups: dict[str, str], pace: Pace, say: Callable[[str], None]) -> None:
        self.queue = Queue()
        self.presented: Counter[str] = Counter()
        self.waits_ns: list[int] = []
        self._groups = groups  # station key -> exclusion group
        self._pace = pace
        self._say = say
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._serve, args=(gate,), name=gate.plan.device, daemon=True) for gate in gates
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _serve(self, gate: Gate) -> None:
        group = self._groups[gate.plan.station]

        def serves(visit: Visit) -> bool:
            return visit.group == group and (visit.card is None or gate.plan.id_reader)

        while (visit := self.queue.take(serves)) is not None:
            try:
                walked = self._attend(gate, visit)
            except ControlError as problem:
                self._say(f"{gate.plan.device}: {problem}; {visit.kind} tries again")
                time.sleep(1)
                self.queue.join(visit)
            else:
                if walked and visit.then is not None:
                    self.queue.join(visit.then)
                elif visit.good and not walked and visit.tries < TRIES:
                    self.queue.join(visit.again())
            self.queue.done()
            time.sleep(self._pace.between / 1000)

    def _attend(self, gate: Gate, visit: Visit) -> int:
        """One visit from showing to leaving; how many bodies went through."""
        before = gate.tally(visit.label)
        patience = self._pace.patience
        if visit.behaviour == "hesitate":
            patience += 2 * self._pace.open
        sent_ns = self._show(gate, visit)
        for _ in range(visit.bodies):
            gate.stand(visit.label, visit.behaviour, patience, self._pace.walk)
        if visit.behaviour == "hesitate" and self._until(lambda: _credits(gate) > 0, self._pace.patience):
            self._until(lambda: _credits(gate) == 0, self._pace.open * 2)
            self._show(gate, visit)
        # As long as they may stand, and walk one after the other.
        limit = patience + visit.bodies * (self._pace.walk + 1000) + self._pace.open
        self._until(lambda: _left(gate.tally(visit.label), before, visit.label) >= visit.bodies, limit)
        self._until(lambda: _credits(gate) == 0, self._pace.open * 2)
        opened_ns = int(gate.state()["opened_ns"])
        if sent_ns and opened_ns > sent_ns and visit.behaviour != "hesitate":
            with self._lock:
                self.waits_ns.append(opened_ns - sent_ns)
        return _count(gate.tally(visit.label), "bodies", visit.label) - _count(before, "bodies", visit.label)

    def _show(self, gate: Gate, visit: Visit) -> int:
        """When its last byte was sent; 0 for a card, which the reader asks for in its own time."""
        reply = (
            gate.card(*visit.card) if visit.card is not None else gate.scan(visit.shown(time.time_ns() // 1_000_000))
        )
        with self._lock:
            self.presented[visit.kind] += 1
        return int(reply.get("sent_ns", 0))

    def _until(self, holds: Callable[[], bool], milliseconds: float) -> bool:
        deadline = time.monotonic() + milliseconds / 1000
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(self._pace.glance / 1000)
        return True


def _credits(gate: Gate) -> int:
    return int(gate.state()["credits"])


def _count(tally: dict[str, Any], part: str, label: str) -> int:
    return int(tally[part].get(label, 0))


def _left(now: dict[str, Any], before: dict[str, Any], label: str) -> int:
    """Bodies of this label that went through or gave up since."""
    return sum(_count(now, part, label) - _count(before, part, label) for part in ("bodies", "gave_up"))
