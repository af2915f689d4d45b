"""One lane of the demo as a visitor meets it: show something to a reader, stand before the arms, walk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloud.demo import site
from cloud.demo.control import Control


class Gate:
    """Speaks to the emulators of one lane."""

    def __init__(self, control: Path, plan: site.LanePlan) -> None:
        self.plan = plan
        self._parts = {part: Control(control / plan.socket(part)) for part in ("qr", "board")}
        if plan.id_reader:
            self._parts["id"] = Control(control / plan.socket("id"))

    def part(self, part: str) -> Control:
        """The control of one emulator: "qr", "id" or "board". Raises LookupError naming what there is."""
        if part not in self._parts:
            raise LookupError(f"{self.plan.device} has no {part}; it has {', '.join(self._parts)}")
        return self._parts[part]

    def scan(self, line: bytes) -> dict[str, Any]:
        """Holds a code before the scanner, which sends it and its terminator."""
        return self.part("qr").ask(do="present", line=line.decode("ascii"))

    def raw(self, data: bytes) -> dict[str, Any]:
        """Bytes on the scanner's line as they are."""
        return self.part("qr").ask(do="raw", hex=data.hex())

    def card(self, id_number: str, name: str) -> dict[str, Any]:
        """Lays an ID card on the reader until it was read."""
        return self.part("id").ask(do="card", id_number=id_number, name=name)

    def stand(self, label: str, behaviour: str = "walk", patience_ms: int = 8000, after_ms: int = 300) -> None:
        """A body before the arms. An open credit lets it through `after_ms` later; else it loses patience."""
        self.part("board").ask(
            do="person", label=label, behaviour=behaviour, patience_ms=patience_ms, after_ms=after_ms
        )

    def tally(self, label: str = "") -> dict[str, Any]:
        """Bodies that went through and gave up, by label, and how many wait. Of one label, or of all."""
        return self.part("board").ask(do="tally", label=label)

    def state(self) -> dict[str, Any]:
        """The board's credits and counters."""
        return self.part("board").ask(do="state")
