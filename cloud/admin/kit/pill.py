"""Status pills: one word for a state, with a colour and an icon, so that colour is never alone in saying it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What a colour means, everywhere in the console."""

    GOOD = "good"
    BUSY = "busy"  # something is happening now
    WARN = "warn"
    BAD = "bad"
    IDLE = "idle"  # off, over, or not known


@dataclass(frozen=True, slots=True)
class Pill:
    text: str
    tone: Tone
    icon: str
