"""Reasons to look the store through before it is opened again: it was at fault, or the daemon did not last.

LMDB finds a damaged page only when it comes to it, and a damaged page can end the process. So what went wrong is
kept in a file beside the store: the next start looks the whole store through (edge.scrub) and replaces it if it is
broken, instead of dying of it again.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "store.suspect"
SHORT_LIVES = 5  # starts in a row of which none lasted
LASTED_S = 30.0


def suspect(state: Path, why: str) -> None:
    """The store is at fault."""
    _write(state, why, 0)


def starts(state: Path) -> str:
    """Counts a start; why the store should be looked through, or ""."""
    try:
        said = json.loads((state / FILE).read_text())
        why, lives = str(said["why"]), int(said["lives"])
    except (OSError, ValueError, KeyError, TypeError):
        why, lives = "", 0
    if not why and lives >= SHORT_LIVES:
        why = f"{lives} starts in a row did not last {LASTED_S:.0f} s"
    _write(state, "", 1 if why else lives + 1)
    return why


def lasted(state: Path) -> None:
    """This start did."""
    (state / FILE).unlink(missing_ok=True)


def _write(state: Path, why: str, lives: int) -> None:
    fresh = state / f"{FILE}.new"
    try:
        fresh.write_text(json.dumps({"why": why, "lives": lives}) + "\n")
        os.replace(fresh, state / FILE)
    except OSError as problem:
        log.warning("what is suspected of the store was not kept: %s", problem)
