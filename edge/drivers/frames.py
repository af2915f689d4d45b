"""Framing and checksums the drivers share. Pure functions, and a buffer that finds frames in a noisy stream."""

from __future__ import annotations

from collections.abc import Callable

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"


def xor(data: bytes) -> int:
    """All bytes xored: the check byte of SAM/SDT frames."""
    # Folding halves of one big integer costs a few big operations instead of one per byte.
    length = len(data)
    if length <= 16:
        result = 0
        for byte in data:
            result ^= byte
        return result
    half = (length + 1) // 2
    low = int.from_bytes(data[:half], "little")
    high = int.from_bytes(data[half:], "little")
    return xor((low ^ high).to_bytes(half, "little"))


def complement_sum(data: bytes) -> int:
    """The check byte that makes the sum of all bytes, itself included, end in FF (DS205A)."""
    return ~sum(data) & 0xFF


def id_number_valid(number: str) -> bool:
    """Whether it is 17 digits and the check character of GB 11643 (a digit or X)."""
    if len(number) != 18 or not number.isascii() or not number[:17].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _ID_WEIGHTS, strict=False))
    return _ID_CHECKS[total % 11] == number[17]


class FrameBuffer:
    """Cuts frames out of a byte stream that may be torn, glued or noisy.

    Args:
        start: the bytes a frame begins with.
        measure: given the bytes and where a start was found in them, the whole frame's length; None where
            more bytes are needed to tell; 0 where this is no frame.
        check: whether a whole frame is sound. One that is not is skipped by one byte only, since a
            sound frame may begin inside it.
        limit: most bytes kept, at least the longest frame.
    """

    def __init__(
        self, start: bytes, measure: Callable[[bytes, int], int | None], check: Callable[[bytes], bool], limit: int
    ) -> None:
        self._start = start
        self._measure = measure
        self._check = check
        self._limit = limit
        self._buffer = b""
        self.noise_bytes = 0
        self.bad_checks = 0

    def clear(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The sound frames completed by these bytes."""
        buffer = self._buffer + data if self._buffer else data
        frames: list[bytes] = []
        at = 0
        while True:
            found = buffer.find(self._start, at)
            if found < 0:
                kept = self._partial_start(buffer, at)
                self.noise_bytes += kept - at
                at = kept
                break
            self.noise_bytes += found - at
            at = found
            length = self._measure(buffer, at)
            if length is None or (length and at + length > len(buffer)):
                break
            frame = buffer[at : at + length] if length else b""
            if frame and self._check(frame):
                frames.append(frame)
                at += length
            else:
                self.bad_checks += bool(frame)
                self.noise_bytes += 1
                at += 1
        self._buffer = buffer[at:][-self._limit :]
        return frames

    def _partial_start(self, buffer: bytes, at: int) -> int:
        """Where a start cut off by the end of the buffer begins, else the buffer's end."""
        for length in range(min(len(self._start) - 1, len(buffer) - at), 0, -1):
            if buffer.endswith(self._start[:length]):
                return len(buffer) - length
        return len(buffer)
