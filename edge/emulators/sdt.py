"""A resident-ID reader (SAM/SDT frames) and the cards laid on it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from edge.emulators.control import Handler, Order, OrderError, field
from edge.emulators.pty import Cable

PREAMBLE = bytes.fromhex("AAAAAA9669")
_PHOTO = bytes(range(256)) * 4


@dataclass(frozen=True, slots=True)
class Card:
    id_number: str
    name: str
    kind: str = ""  # "", I or J
    pass_number: str = ""
    stays: bool = False  # lies there until lifted by order

    def text(self) -> bytes:
        """The 256 bytes, UTF-16LE, blanks where nothing is said."""
        text = bytearray(" ".encode("utf-16-le") * 128)
        birth = self.id_number[6:14] if len(self.id_number) == 18 else "19900101"
        for offset, room, value in (
            (0, 30, self.name), (30, 2, "1"), (32, 4, "01"), (36, 16, birth), (52, 70, "某省某市某路一号"),
            (122, 36, self.id_number), (158, 30, "某市公安局"), (188, 16, "20200101"), (204, 16, "长期"),
            (220, 18, self.pass_number), (248, 2, self.kind),
        ):  # fmt: skip
            encoded = value.encode("utf-16-le")[:room]
            text[offset : offset + len(encoded)] = encoded
        return bytes(text)


class IdReader:
    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self._cards: deque[Card] = deque()
        self._buffer = b""
        self._read_already = False  # the card lying there: a real module finds it no more until it is lifted
        self.reads = 0

    def received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            start = self._buffer.find(PREAMBLE)
            if start < 0:
                self._buffer = self._buffer[-len(PREAMBLE) + 1 :]
                return
            self._buffer = self._buffer[start:]
            if len(self._buffer) < 10:
                return
            body, self._buffer = self._buffer[5:10], self._buffer[10:]
            if body[0] ^ body[1] ^ body[2] ^ body[3] == body[4]:
                self._answer(body[2], body[3])

    def _answer(self, command: int, parameter: int) -> None:
        present = bool(self._cards) and not self._read_already
        match command, parameter:
            case 0x11, 0xFF:
                self._reply(b"\0\0\x90")
            case 0x20, 0x01:
                self._reply(b"\0\0\x9f" + bytes(4) if present else b"\0\0\x80")
            case 0x20, 0x02:
                self._reply(b"\0\0\x90" + bytes(8) if present else b"\0\0\x81")
            case 0x30, 0x01 if present:
                card = self._cards[0]
                self._reply(b"\0\0\x90" + bytes.fromhex("01000400") + card.text() + _PHOTO)
                self.reads += 1
                if card.stays:
                    self._read_already = True
                else:
                    self._cards.popleft()
            case _:
                self._reply(b"\0\0\x41")

    def _reply(self, data: bytes) -> None:
        body = (len(data) + 1).to_bytes(2, "big") + data
        check = 0
        for byte in body:
            check ^= byte
        self._cable.write(PREAMBLE + body + bytes((check,)))

    def handlers(self) -> dict[str, Handler]:
        return {"card": self._card, "lift": self._lift, "state": self._state}

    async def _card(self, order: Order) -> dict[str, Any]:
        kind = field(order, "type", str, "")
        if kind not in ("", "I", "J"):
            raise OrderError("type is empty, I or J")
        self._cards.append(
            Card(
                field(order, "id_number", str),
                field(order, "name", str, ""),
                kind,
                field(order, "pass_number", str, ""),
                field(order, "stays", bool, False),
            )
        )
        return {"cards": len(self._cards)}

    async def _lift(self, _order: Order) -> dict[str, Any]:
        if self._cards:
            self._cards.popleft()
        self._read_already = False
        return {"cards": len(self._cards)}

    async def _state(self, _order: Order) -> dict[str, Any]:
        return {"cards": len(self._cards), "reads": self.reads}
