"""What every driver offers. A driver is a sans-IO state machine: bytes and time in, events out.

`now_ns` is always `time.monotonic_ns()`, read by the caller. A driver never sleeps, never opens anything and
never raises on bytes from the wire: what it cannot use it drops and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.verdict import Credential

NS_PER_MS = 1_000_000
NEVER_NS = 3600 * 1000 * NS_PER_MS  # added to now: nothing is due


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the port, now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Online:
    """The device answers, or no longer does. A device that never talks unasked is online while its port is."""

    up: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something was presented that the reader could not make a credential of."""

    cause: str


@dataclass(frozen=True, slots=True)
class Status:
    """What a barrier reported.

    Attributes:
        counter: bodies passed in the lane's direction, as the board counts (it wraps at the driver's
            `counter_modulus`); None where the barrier cannot count.
        fault, alarm: the board's own bits, raw; their meaning differs by board.
    """

    counter: int | None
    fault: int = 0
    alarm: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """The board took the open command. `first_try`: the very first command was answered, so `counter` was read
    before anybody could walk on it."""

    counter: int | None
    first_try: bool


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The board did not take the open command within its time, or said no."""

    cause: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The board took the close command."""


ReaderEvent = Credential | Online | Unreadable | Send
BarrierEvent = Status | Opened | OpenFailed | Closed | Online | Send


class Device(Protocol):
    """What the port's shell needs of reader and barrier alike."""

    def due_ns(self, now_ns: int) -> int:
        """By when `tick` is to be called next, as things stand."""

    def counts(self) -> dict[str, int]:
        """What was dropped and why, since the start: for metrics."""


class Reader(Device, Protocol):
    def connected(self, now_ns: int) -> list[ReaderEvent]:
        """The port is open (again)."""

    def disconnected(self) -> None:
        """The port is gone; forget what was half read."""

    def feed(self, data: bytes, now_ns: int) -> list[ReaderEvent]: ...

    def tick(self, now_ns: int) -> list[ReaderEvent]: ...


class Barrier(Device, Protocol):
    counter_modulus: int | None  # the counter's wrap; None where there is no counter

    def connected(self, now_ns: int) -> list[BarrierEvent]: ...

    def disconnected(self) -> None:
        """The port is gone: commands not answered yet are dropped, never sent late."""

    def feed(self, data: bytes, now_ns: int) -> list[BarrierEvent]: ...

    def tick(self, now_ns: int) -> list[BarrierEvent]: ...

    def open(self, persons: int, now_ns: int) -> list[BarrierEvent]:
        """Lets `persons` (>= 1) through in the lane's direction. Ends in Opened or OpenFailed, or in Online(False)."""

    def close(self, now_ns: int) -> list[BarrierEvent]:
        """Takes back what was not used. Ends in Closed where the board answers."""
