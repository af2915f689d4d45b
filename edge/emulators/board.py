"""The DS205A board itself: commands, counters, credits, its own closing time. No I/O; time is passed in.

What the published frames leave open is decided here as a plain gate would: an open command sets how many may
walk (it does not add to what is left), the time runs anew with each body, and what is not used is forfeited.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMMAND_BYTES, REPLY_BYTES = 8, 18
COUNT_MASK = 0xFFFFFF
RESTART_S = 1.0  # a restarting board answers nothing for this long


def _complement(data: bytes) -> int:
    return ~sum(data) & 0xFF


@dataclass(slots=True)
class Side:
    """One direction of the gate. `held`: open until it is closed; `free`: built to turn for everybody."""

    count: int = 0
    credits: int = 0
    held: bool = False
    forbidden: bool = False
    free: bool = False


@dataclass(slots=True)
class Board:
    address: int = 1
    open_seconds: float = 10.0
    left: Side = field(default_factory=Side)
    right: Side = field(default_factory=Side)
    open_until: float = 0.0
    silent_until: float = 0.0
    fault: int = 0
    alarm: int = 0
    inside: int = 0  # bodies between the arms
    opens: int = 0  # open commands carried out
    refused: int = 0
    noise_bytes: int = 0
    _buffer: bytes = b""

    def feed(self, data: bytes, now: float) -> list[bytes]:
        """Replies to the commands completed by these bytes. Unsound ones get none, as from the real board."""
        self._buffer += data
        replies: list[bytes] = []
        while True:
            start = self._buffer.find(b"\x7e\x00")
            if start < 0:
                kept = 1 if self._buffer.endswith(b"\x7e") else 0
                self.noise_bytes += len(self._buffer) - kept
                self._buffer = self._buffer[len(self._buffer) - kept :]
                return replies
            self.noise_bytes += start
            self._buffer = self._buffer[start:]
            if len(self._buffer) < COMMAND_BYTES:
                return replies
            command = self._buffer[:COMMAND_BYTES]
            if _complement(command[:-1]) != command[-1]:
                self.noise_bytes += 1
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[COMMAND_BYTES:]
            if command[2] == self.address and now >= self.silent_until:
                done = self._execute(command[3], command[4], now)
                if now >= self.silent_until:
                    replies.append(self.reply(done, now))

    def _execute(self, code: int, d0: int, now: float) -> bool:
        """False where the board refuses."""
        self.settle(now)
        left, right = self.left, self.right
        match code:
            case 0x10 | 0x96:
                pass
            case 0x20:
                left.count = 0
            case 0x21:
                right.count = 0
            case 0x35:
                if d0 != 0x60:
                    return False
                self.restart(now)
            case 0x80 | 0x82:
                return self._open(left if code == 0x80 else right, d0, now)
            case 0x81 | 0x83:
                (left if code == 0x81 else right).held = True
            case 0x84:
                for side in (left, right):
                    side.credits = 0
                    side.held = False
            case 0x88 | 0x89:
                side = left if code == 0x88 else right
                side.forbidden = True
                side.credits = 0
                side.held = False
            case 0x8F:
                left.forbidden = right.forbidden = False
            case _:
                return False
        return True

    def _open(self, side: Side, persons: int, now: float) -> bool:
        if side.forbidden or not persons:
            self.refused += 1
            return False
        side.credits = persons
        self.opens += 1
        self.open_until = now + self.open_seconds
        return True

    def settle(self, now: float) -> None:
        """Forfeits what was not used in time."""
        if now >= self.open_until:
            self.left.credits = self.right.credits = 0

    def is_open(self, side: Side, now: float) -> bool:
        self.settle(now)
        return side.held or side.free or side.credits > 0

    def enter(self, side: Side, now: float) -> bool:
        """A body steps between the arms; False where they are shut."""
        if not self.is_open(side, now):
            return False
        if not (side.held or side.free):
            side.credits -= 1
            self.open_until = now + self.open_seconds
        self.inside += 1
        return True

    def leave(self, side: Side) -> None:
        """The body is through: this is what the board counts."""
        self.inside -= 1
        side.count = (side.count + 1) & COUNT_MASK

    def restart(self, now: float) -> None:
        """Loses everything but its address, and is away for a second."""
        self.left, self.right = Side(free=self.left.free), Side(free=self.right.free)
        self.open_until = 0.0
        self.silent_until = now + RESTART_S

    def reply(self, done: bool, now: float) -> bytes:
        gate = self.is_open(self.left, now) | self.is_open(self.right, now) << 1
        body = (
            bytes((0x7F, 0x01, self.address, self.fault, gate, self.alarm))
            + self.left.count.to_bytes(3, "big")
            + self.right.count.to_bytes(3, "big")
            + bytes((1 if self.inside else 0, 0x55 if done else 0xAA, 120, 0, 0))
        )
        return body + bytes((_complement(body),))
