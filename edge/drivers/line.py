"""A serial code scanner that sends one line a code: the driver to copy when you write another."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.drivers.base import NEVER_NS, NS_PER_MS, Online, ReaderEvent
from edge.verdict import Credential
from paifang.records import CredentialKind

STX, ETX = b"\x02", b"\x03"
_TERMINATORS = {
    "any": re.compile(rb"[\r\n]"),
    "cr": re.compile(rb"\r"),
    "lf": re.compile(rb"\n"),
    "crlf": re.compile(rb"\r\n"),
    "tab": re.compile(rb"\t"),
    "stx_etx": re.compile(ETX),
    "gap": None,
}
# ISO/IEC 15424: "]", the symbology's letter, a modifier. "]" is in no alphabet of ours.
_AIM = re.compile(rb"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How a scanner was set up.

    Attributes:
        terminator: any (CR or LF), cr, lf, crlf, tab, stx_etx, or gap: silence ends a line.
        prefix, suffix: text the scanner puts around each code; taken off where present.
        strip_aim: take off an AIM identifier such as `]Q1`.
        max_length: bytes of a line; a longer one is dropped and counted.
        duplicate_ms: the same line again within this time is the scanner's double fire.
        gap_ms: the silence that ends a line under terminator gap.
        stale_ms: a half line older than this was torn off; the next bytes begin a new one.
    """

    terminator: str = "any"
    prefix: str = ""
    suffix: str = ""
    strip_aim: bool = True
    max_length: int = 512
    duplicate_ms: int = 300
    gap_ms: int = 50
    stale_ms: int = 1000

    def __post_init__(self) -> None:
        if self.terminator not in _TERMINATORS:
            raise ValueError(f"terminator is one of {', '.join(_TERMINATORS)}, not {self.terminator!r}")
        if not 1 <= self.max_length <= 4096:
            raise ValueError("max_length is 1 to 4096 bytes")
        if self.gap_ms < 1 or self.stale_ms < 1 or self.duplicate_ms < 0:
            raise ValueError("gap_ms and stale_ms are at least 1, duplicate_ms at least 0")


class LineReader:
    """Lines in, credentials out. Never keeps more than `max_length` bytes and what one feed brought."""

    def __init__(self, options: LineOptions) -> None:
        self._options = options
        self._end = _TERMINATORS[options.terminator]
        self._framed = options.terminator == "stx_etx"
        self._prefix = options.prefix.encode()
        self._suffix = options.suffix.encode()
        # CRLF, prefix, suffix and AIM identifier do not count towards max_length.
        self._room = options.max_length + len(self._prefix) + len(self._suffix) + 4
        self._part = b""
        self._part_ns = 0
        self._skipping = False  # inside an over-long line: everything up to its end is dropped
        self._last = b""
        self._last_ns = 0
        self.over_long = 0
        self.torn = 0
        self.duplicates = 0

    def counts(self) -> dict[str, int]:
        return {"over_long": self.over_long, "torn": self.torn, "duplicates": self.duplicates}

    def due_ns(self, now_ns: int) -> int:
        return now_ns + (NEVER_NS if self._end is not None else self._options.gap_ms * NS_PER_MS // 2)

    def connected(self, now_ns: int) -> list[ReaderEvent]:
        return [Online(True)]

    def disconnected(self) -> None:
        self._part = b""
        self._skipping = False

    def feed(self, data: bytes, now_ns: int) -> list[ReaderEvent]:
        self._drop_stale(now_ns)
        if self._end is None:
            self._keep(data, now_ns)
            return []
        # CR and LF of one CRLF may come apart, so an end is looked for across the seam.
        pieces = self._end.split(self._part + data if self._part else data)
        self._part = b""
        events: list[ReaderEvent] = []
        for piece in pieces[:-1]:
            self._finish(piece, now_ns, events)
        self._keep(pieces[-1], now_ns)
        return events

    def tick(self, now_ns: int) -> list[ReaderEvent]:
        events: list[ReaderEvent] = []
        quiet = now_ns - self._part_ns >= self._options.gap_ms * NS_PER_MS
        if self._end is None and quiet and (self._part or self._skipping):
            piece, self._part = self._part, b""
            self._finish(piece, self._part_ns, events)
        return events

    def _keep(self, piece: bytes, now_ns: int) -> None:
        """Holds the unfinished end of the stream; gives up on a line that is already too long."""
        if not piece:
            return
        self._part_ns = now_ns
        self._part += piece
        if not self._skipping and len(self._part) > self._room:
            self._skipping = True
            self.over_long += 1
        if self._skipping:
            # The first half of a CRLF must stay, or the over-long line would swallow the next.
            self._part = b"\r" if self._options.terminator == "crlf" and piece.endswith(b"\r") else b""

    def _drop_stale(self, now_ns: int) -> None:
        if (self._part or self._skipping) and now_ns - self._part_ns > self._options.stale_ms * NS_PER_MS:
            self.torn += not self._skipping
            self._part = b""
            self._skipping = False

    def _finish(self, piece: bytes, now_ns: int, events: list[ReaderEvent]) -> None:
        """One line is complete."""
        if self._skipping:
            self._skipping = False
            return
        if self._framed:
            _, found, piece = piece.rpartition(STX)
            if not found:
                self.torn += 1
                return
        line = piece.strip(b"\r\n\0").removeprefix(self._prefix).removesuffix(self._suffix)
        if self._options.strip_aim and _AIM.match(line):
            line = line[3:]
        if not line:
            return
        if len(line) > self._options.max_length:
            self.over_long += 1
            return
        since = now_ns - self._last_ns
        if line == self._last and since < self._options.duplicate_ms * NS_PER_MS:
            self.duplicates += 1
            return
        self._last = line
        self._last_ns = now_ns
        events.append(Credential(CredentialKind.LINE, line, now_ns))
