"""The second-generation resident-ID card reader (SAM/SDT frames over a serial line).

The driver asks: find a card, select it, read it. Of the 1295 bytes of a card it takes the number alone; the
photo and the address are dropped with the frame, inside this file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.drivers.base import NS_PER_MS, Online, ReaderEvent, Send, Unreadable
from edge.drivers.frames import FrameBuffer, id_number_valid, xor
from edge.verdict import Credential
from paifang.records import CredentialKind

PREAMBLE = bytes.fromhex("AAAAAA9669")
MAX_BODY = 1400  # a card with fingerprints is not asked for; one without has 1288


def request(command: int, parameter: int) -> bytes:
    """A whole host frame."""
    body = bytes((0, 3, command, parameter))
    return PREAMBLE + body + bytes((xor(body),))


FIND = request(0x20, 0x01)
SELECT = request(0x20, 0x02)
READ = request(0x30, 0x01)

FOUND, DONE = b"\0\0\x9f", b"\0\0\x90"  # SW1 SW2 SW3 of success

# Offsets and lengths in the 256 bytes of text, UTF-16LE.
_NUMBER = slice(122, 158)
_TYPE = slice(248, 250)
_PASS_NUMBER = slice(220, 238)
_RESIDENCE_OLD = re.compile(r"[A-Z]{3}\d{12}")
_PASS = re.compile(r"[A-Z0-9]{8,9}")


@dataclass(frozen=True, slots=True)
class SdtOptions:
    """Attributes:
    poll_ms: between two searches for a card; the reader needs 300.
    reply_ms, read_ms: how long to wait for an answer, and for the answer to read.
    missed: unanswered commands in a row after which the reader is offline.
    pass_number: of a Hong Kong, Macau or Taiwan residence card take the pass number, not the ID number.
    """

    poll_ms: int = 300
    reply_ms: int = 500
    read_ms: int = 2000
    missed: int = 3
    pass_number: bool = False

    def __post_init__(self) -> None:
        if self.poll_ms < 300:
            raise ValueError("poll_ms is at least 300: the reader misses cards when asked more often")
        if self.reply_ms < 50 or self.read_ms < 200 or self.missed < 1:
            raise ValueError("reply_ms is at least 50, read_ms at least 200, missed at least 1")


def number_of(text: bytes, *, pass_number: bool = False) -> str | None:
    """The document's number out of the 256 bytes of text; None where it fails its check."""
    kind = text[_TYPE].decode("utf-16-le", "replace")
    number = text[_NUMBER].decode("utf-16-le", "replace").strip(" \0").upper()
    if kind == "J" and pass_number:
        number = text[_PASS_NUMBER].decode("utf-16-le", "replace").strip(" \0").upper()
        return number if _PASS.fullmatch(number) else None
    if kind == "I" and _RESIDENCE_OLD.fullmatch(number):
        return number
    return number if id_number_valid(number) else None


class SdtReader:
    """One command is on its way at a time; an answer that never comes is given up on by `tick`."""

    def __init__(self, options: SdtOptions) -> None:
        self._options = options
        self._frames = FrameBuffer(PREAMBLE, _frame_length, _frame_sound, limit=MAX_BODY + 7)
        self._sent = b""  # the command waited for
        self._sent_ns = 0
        self._searched_ns = 0
        self._missed = 0
        self._up = False
        self._last = ""  # the card still lying there, until a search finds none
        self.unreadable = 0
        self.timeouts = 0

    def counts(self) -> dict[str, int]:
        return {
            "noise_bytes": self._frames.noise_bytes,
            "bad_checks": self._frames.bad_checks,
            "unreadable": self.unreadable,
            "timeouts": self.timeouts,
        }

    def due_ns(self, now_ns: int) -> int:
        if not self._sent:
            return self._searched_ns + self._options.poll_ms * NS_PER_MS
        patience = self._options.read_ms if self._sent == READ else self._options.reply_ms
        return self._sent_ns + patience * NS_PER_MS

    def connected(self, now_ns: int) -> list[ReaderEvent]:
        self._frames.clear()
        self._missed = 0
        return [self._search(now_ns)]

    def disconnected(self) -> None:
        self._frames.clear()
        self._sent = b""
        self._up = False
        self._last = ""

    def tick(self, now_ns: int) -> list[ReaderEvent]:
        events: list[ReaderEvent] = []
        if self._sent:
            if now_ns < self.due_ns(now_ns):
                return events
            self._sent = b""
            self._frames.clear()
            self.timeouts += 1
            self._missed += 1
            if self._up and self._missed >= self._options.missed:
                self._up = False
                events.append(Online(False))
        if now_ns - self._searched_ns >= self._options.poll_ms * NS_PER_MS:
            events.append(self._search(now_ns))
        return events

    def feed(self, data: bytes, now_ns: int) -> list[ReaderEvent]:
        events: list[ReaderEvent] = []
        for frame in self._frames.feed(data):
            if not self._sent:
                continue  # an answer that came after it was given up on
            if not self._up:
                self._up = True
                events.append(Online(True))
            self._missed = 0
            self._answered(frame, now_ns, events)
        return events

    def _answered(self, frame: bytes, now_ns: int, events: list[ReaderEvent]) -> None:
        status = frame[7:10]
        command, self._sent = self._sent, b""
        if command == FIND:
            if status == FOUND:
                events.append(self._send(SELECT, now_ns))
            else:
                self._last = ""
        elif command == SELECT:
            if status == DONE:
                events.append(self._send(READ, now_ns))
        elif status == DONE:
            self._card(frame, now_ns, events)

    def _card(self, frame: bytes, now_ns: int, events: list[ReaderEvent]) -> None:
        data = frame[10:-1]
        text_bytes, photo_bytes = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        sound = text_bytes == 256 and len(data) == 4 + text_bytes + photo_bytes
        number = number_of(data[4:260], pass_number=self._options.pass_number) if sound else None
        if number is None:
            self.unreadable += 1
            events.append(Unreadable("the card's number fails its check"))
        elif number != self._last:
            self._last = number
            events.append(Credential(CredentialKind.ID_NUMBER, number.encode(), now_ns))

    def _search(self, now_ns: int) -> Send:
        self._searched_ns = now_ns
        return self._send(FIND, now_ns)

    def _send(self, command: bytes, now_ns: int) -> Send:
        self._sent = command
        self._sent_ns = now_ns
        return Send(command)


def _frame_length(buffer: bytes, at: int) -> int | None:
    if len(buffer) < at + 7:
        return None
    body = int.from_bytes(buffer[at + 5 : at + 7], "big")
    return 7 + body if 4 <= body <= MAX_BODY else 0


def _frame_sound(frame: bytes) -> bool:
    return xor(frame[5:-1]) == frame[-1]
