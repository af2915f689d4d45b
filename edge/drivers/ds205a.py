"""The DS205A-type swing and flap gate board (RS-485, 8 bytes out, 18 bytes back).

The bus is half duplex and an answer does not say which command it answers, so one command is on its way at a
time. An open command that got no answer is asked about (status) before it is sent again: if the counter has
moved, the board had taken it, and a second one would let a second body through.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from edge.drivers.base import NS_PER_MS, BarrierEvent, Closed, Online, Opened, OpenFailed, Send, Status
from edge.drivers.frames import FrameBuffer, complement_sum

REPLY_BYTES = 18
COUNTER_MODULUS = 1 << 24
EXECUTED = 0x55


class Command(IntEnum):
    STATUS = 0x10
    RESET_LEFT_COUNT = 0x20
    RESET_RIGHT_COUNT = 0x21
    RESTART = 0x35
    OPEN_LEFT = 0x80
    HOLD_LEFT = 0x81
    OPEN_RIGHT = 0x82
    HOLD_RIGHT = 0x83
    CLOSE = 0x84
    FORBID_LEFT = 0x88
    FORBID_RIGHT = 0x89
    RELEASE = 0x8F


def command(address: int, code: int, d0: int = 0, d1: int = 0, d2: int = 0) -> bytes:
    """The 8 bytes of a command."""
    body = bytes((0x7E, 0x00, address, code, d0, d1, d2))
    return body + bytes((complement_sum(body),))


@dataclass(frozen=True, slots=True)
class Ds205aOptions:
    """Attributes:
    address: the board's on its bus.
    direction: left or right: which way this lane lets people in.
    strict: an answer with a wrong check byte is noise. Off for boards that compute it otherwise.
    reply_ms: how long to wait for an answer.
    try_ms: how long an open or close command is repeated until the board takes it.
    missed: unanswered commands in a row after which the board is offline.
    """

    address: int = 1
    direction: str = "left"
    strict: bool = True
    reply_ms: int = 80
    try_ms: int = 1000
    missed: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 255:
            raise ValueError("address is 0 to 255")
        if self.direction not in ("left", "right"):
            raise ValueError(f"direction is left or right, not {self.direction!r}")
        if self.reply_ms < 10 or self.try_ms < self.reply_ms or self.missed < 1:
            raise ValueError("reply_ms is at least 10, try_ms at least reply_ms, missed at least 1")


@dataclass(slots=True)
class _Job:
    """An open or close command to be repeated until the board takes it. `counter`: before it was sent."""

    opens: bool
    command: bytes
    begun_ns: int
    counter: int | None
    not_before_ns: int = 0
    tries: int = 0
    ask_first: bool = False  # whether the board took it already, before it is sent again
    refused: bool = False  # the board answered, and said no


class Ds205aBarrier:
    counter_modulus: int | None = COUNTER_MODULUS

    def __init__(self, options: Ds205aOptions, poll_ms: int) -> None:
        self._options = options
        self._poll_ns = poll_ms * NS_PER_MS
        self._left = options.direction == "left"
        self._status = command(options.address, Command.STATUS)
        self._frames = FrameBuffer(b"\x7f", lambda _buffer, _at: REPLY_BYTES, self._sound, limit=REPLY_BYTES)
        self._waiting = False  # for an answer
        self._asked_job = False  # the answer waited for is the job's, not a status
        self._sent_ns = 0
        self._job: _Job | None = None
        self._counter: int | None = None
        self._missed = 0
        self._up = False
        self.timeouts = 0

    def counts(self) -> dict[str, int]:
        return {
            "noise_bytes": self._frames.noise_bytes,
            "bad_checks": self._frames.bad_checks,
            "timeouts": self.timeouts,
        }

    def due_ns(self, now_ns: int) -> int:
        if self._waiting:
            return self._sent_ns + self._options.reply_ms * NS_PER_MS
        if self._job is not None:
            return self._job.not_before_ns
        return self._sent_ns + self._poll_ns

    def connected(self, now_ns: int) -> list[BarrierEvent]:
        self._missed = 0
        return [self._send_status(now_ns)]

    def disconnected(self) -> None:
        self._frames.clear()
        self._waiting = False
        self._job = None
        self._up = False

    def open(self, persons: int, now_ns: int) -> list[BarrierEvent]:
        if not self._up:
            return [OpenFailed("the board is offline")]
        code = Command.OPEN_LEFT if self._left else Command.OPEN_RIGHT
        return self._begin(True, command(self._options.address, code, min(persons, 255)), now_ns)

    def close(self, now_ns: int) -> list[BarrierEvent]:
        return self._begin(False, command(self._options.address, Command.CLOSE), now_ns)

    def feed(self, data: bytes, now_ns: int) -> list[BarrierEvent]:
        events: list[BarrierEvent] = []
        for frame in self._frames.feed(data):
            self._answered(frame, now_ns, events)
        return events

    def tick(self, now_ns: int) -> list[BarrierEvent]:
        events: list[BarrierEvent] = []
        if self._waiting:
            if now_ns - self._sent_ns < self._options.reply_ms * NS_PER_MS:
                return events
            self._timed_out(events)
        job = self._job
        if job is not None and now_ns - job.begun_ns > self._options.try_ms * NS_PER_MS:
            self._job = None
            if job.opens:
                events.append(OpenFailed("the board refused" if job.refused else "the board did not answer"))
        self._next(now_ns, events)
        return events

    def _begin(self, opens: bool, data: bytes, now_ns: int) -> list[BarrierEvent]:
        """Replaces the job in hand: the newest order is the one meant."""
        self._job = _Job(opens, data, now_ns, self._counter)
        # The answer to the job replaced is on its way; it counts as a status.
        self._asked_job = False
        events: list[BarrierEvent] = []
        if not self._waiting:
            self._next(now_ns, events)
        return events

    def _next(self, now_ns: int, events: list[BarrierEvent]) -> None:
        """Sends what is due, if the bus is free."""
        job = self._job
        if job is not None and job.ask_first:
            job.ask_first = False
            events.append(self._send_status(now_ns))
        elif job is not None and now_ns >= job.not_before_ns:
            job.tries += 1
            self._asked_job = True
            events.append(self._send(job.command, now_ns))
        elif now_ns - self._sent_ns >= self._poll_ns:
            events.append(self._send_status(now_ns))

    def _timed_out(self, events: list[BarrierEvent]) -> None:
        self._waiting = False
        self._frames.clear()
        self.timeouts += 1
        self._missed += 1
        if self._job is not None and self._asked_job:
            self._job.ask_first = self._job.opens
        if self._missed >= self._options.missed and self._up:
            self._up = False
            self._job = None
            events.append(Online(False))

    def _answered(self, frame: bytes, now_ns: int, events: list[BarrierEvent]) -> None:
        self._missed = 0
        if not self._up:
            self._up = True
            events.append(Online(True))
        counter = int.from_bytes(frame[6:9] if self._left else frame[9:12], "big")
        self._counter = counter
        if self._waiting:
            self._waiting = False
            self._job_answered(frame[13] == EXECUTED, counter, now_ns, events)
            self._asked_job = False
        events.append(Status(counter, frame[3], frame[5]))
        if self._job is not None and not self._waiting:
            self._next(now_ns, events)

    def _job_answered(self, executed: bool, counter: int, now_ns: int, events: list[BarrierEvent]) -> None:
        job = self._job
        if job is None:
            return
        if not self._asked_job:
            # A status asked about an open command that got no answer: a moved counter says it was taken.
            if job.opens and job.tries and counter != job.counter:
                self._job = None
                events.append(Opened(counter, first_try=False))
            return
        if not executed:
            job.refused = True
            job.not_before_ns = now_ns + self._options.reply_ms * NS_PER_MS
            return
        self._job = None
        events.append(Opened(counter, first_try=job.tries == 1) if job.opens else Closed())

    def _send_status(self, now_ns: int) -> Send:
        self._asked_job = False
        return self._send(self._status, now_ns)

    def _send(self, data: bytes, now_ns: int) -> Send:
        self._waiting = True
        self._sent_ns = now_ns
        return Send(data)

    def _sound(self, frame: bytes) -> bool:
        if frame[2] != self._options.address:
            return False
        return not self._options.strict or (sum(frame) + 1) & 0xFF == 0
