"""A serial code scanner: sends what it is told to have read."""

from __future__ import annotations

import time
from typing import Any

from edge.emulators.control import Handler, Order, OrderError, field
from edge.emulators.pty import Cable

_ENDS = {"cr": "\r", "lf": "\n", "crlf": "\r\n", "tab": "\t", "stx_etx": "\x03", "gap": ""}


class Scanner:
    """`terminator` as in the driver's option; `prefix` goes before each line (an AIM identifier, say)."""

    def __init__(self, cable: Cable, *, terminator: str = "crlf", prefix: str = "") -> None:
        if terminator not in _ENDS:
            raise OrderError(f"terminator is one of {', '.join(_ENDS)}, not {terminator!r}")
        self._cable = cable
        self._before = ("\x02" if terminator == "stx_etx" else "") + prefix
        self._after = _ENDS[terminator]

    def received(self, data: bytes) -> None:
        """A scanner in continuous mode listens to nothing."""

    def handlers(self) -> dict[str, Handler]:
        return {"present": self._present}

    async def _present(self, order: Order) -> dict[str, Any]:
        line = field(order, "line", str)
        sent_ns = time.monotonic_ns()
        if not await self._cable.send((self._before + line + self._after).encode()):
            raise OrderError("nobody reads the line: is the edge running, the cable in?")
        return {"sent_ns": sent_ns}
