"""Opening the edge's one store at the start: refused while another process has it, moved aside when it is broken."""

from __future__ import annotations

import errno
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edge import journal, verifier
from edge.config import EdgeConfig
from edge.errors import ChainError, StartError
from edge.journal import Tail
from edge.verifier import StoreError
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import Environment

log = logging.getLogger(__name__)

# LMDB's ways of saying that the file is not, or no longer, a database: page not found, corrupted, panic,
# version mismatch, invalid.
BROKEN = frozenset({-30797, -30796, -30795, -30794, -30793})


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that can be used. `moved_to`: where the broken one it replaces is kept, and `why` it was broken."""

    environment: Environment
    moved_to: Path | None = None
    why: str = ""


def core(config: EdgeConfig) -> ModuleType:
    """The verifier to run on. The twin stands in only where the configuration allows it. Raises StartError."""
    try:
        return verifier.load(config.verifier)
    except ImportError as problem:
        if not config.allow_twin:
            raise StartError(
                f"the compiled verifier cannot be used ({problem}). Build it (make run does), or set "
                "allow_twin = true to run on the slower twin"
            ) from problem
        log.warning("running on the twin, the compiled verifier cannot be used: %s", problem)
        return verifier.load("twin")


def open_store(module: ModuleType, state: Path, map_size_mb: int) -> Opened:
    """Opens `<state>/store`; a broken one is moved aside and an empty one takes its place.

    Raises:
        StartError: another process has it open, or the disk refuses.
    """
    path = state / "store"
    try:
        path.mkdir(parents=True, exist_ok=True)
        return Opened(_open(module, path, map_size_mb))
    except (StoreError, ChainError) as problem:
        code = getattr(problem, "code", 0)
        if code == errno.EWOULDBLOCK:
            raise StartError(
                f"{problem}. One store has one edge: stop the other, or use another state folder"
            ) from None
        if isinstance(problem, StoreError) and code not in BROKEN:
            raise StartError(f"the store in {path} cannot be opened: {problem}") from problem
        aside = state / time.strftime("store.broken-%Y%m%dT%H%M%SZ", time.gmtime())
        path.rename(aside)
        log.error("the store is broken (%s): kept in %s, a new one is filled from the cloud", problem, aside)
        return Opened(_fresh(module, path, map_size_mb), aside, str(problem))
    except OSError as problem:
        raise StartError(f"the store in {path} cannot be opened: {problem}") from problem


def _open(module: ModuleType, path: Path, map_size_mb: int) -> Environment:
    environment: Environment = module.Environment(str(path), map_size_mb << 20)
    try:
        journal.stored_tail(environment)  # the end of the chain holds together
    except BaseException:
        environment.close()
        raise
    return environment


def _fresh(module: ModuleType, path: Path, map_size_mb: int) -> Environment:
    """A store in place of a broken one. Its journal goes on far above the lost one, so the cloud sees the gap and
    takes what follows, where entries that began at 1 again would look like a cloned store's."""
    environment = _open(module, path, map_size_mb)
    txn = environment.begin()
    txn.put(Table.META, journal.LAST, Tail(int(time.time()) * 1000, bytes(32)).pack())
    txn.commit()
    return environment


def prefault(path: Path) -> int:
    """Reads the data file once so that the first scans find their pages in memory; its bytes. For a worker thread."""
    size = 0
    with (path / "data.mdb").open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while block := file.read(1 << 20):
            size += len(block)
    return size
