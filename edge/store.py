"""Opening the edge's one store at the start: refused while another process has it, replaced when it is broken.

The new store is built beside the broken one and takes its place when it is whole, so a crash in between loses
nothing: the next start finds either the broken store again or the new one.
"""

from __future__ import annotations

import errno
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edge import journal, salvage, scrub, standing, suspicion, verifier
from edge._store_common import OwnerLock
from edge.committer import BROKEN
from edge.config import EdgeConfig
from edge.errors import ChainError, StartError
from edge.journal import Tail
from edge.salvage import Salvaged
from edge.verifier import StoreError
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import Environment

log = logging.getLogger(__name__)

CORRUPTED = -30796


GAP = 1_000_000  # numbers left free at least for entries that were lost


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that can be used. `instead`: of a broken one, which is kept. `suspected`: why it was looked through."""

    environment: Environment
    instead: Broken | None = None
    suspected: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a store was replaced, where it is kept, and what of its journal is in the new one."""

    why: str
    kept_in: Path
    salvaged: Salvaged

    def __str__(self) -> str:
        told = f"{self.why}; kept in {self.kept_in.name}, filled anew from the cloud"
        if self.salvaged.whole:
            return f"{told}; its journal is whole, {self.salvaged.entries} entries taken over"
        if not self.salvaged.entries:
            return f"{told}; what its journal had not told the cloud yet is there and nowhere else"
        return (
            f"{told}; {self.salvaged.entries} journal entries taken over, up to {self.salvaged.tail.seq}: what it had "
            "not told the cloud after them is there and nowhere else"
        )


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
    """Opens `<state>/store`; a broken one is moved aside and a new one with its journal takes its place.

    Where there is a reason it is looked through first: what LMDB itself sees at the opening is little.

    Raises:
        StartError: another process has it open, or the disk refuses.
    """
    path, fresh = state / "store", state / "store.new"
    try:
        if fresh.exists() and not path.exists():  # the last start ended between two renames
            fresh.rename(path)
        path.mkdir(parents=True, exist_ok=True)
        suspected = suspicion.starts(state)
        try:
            if suspected:
                _look_through(path, suspected)
            return Opened(_open(module, path, map_size_mb), suspected=suspected)
        except (StoreError, ChainError) as problem:
            code = getattr(problem, "code", 0)
            if code == errno.EWOULDBLOCK:
                raise StartError(
                    f"{problem}. One store has one edge: stop the other, or use another state folder"
                ) from None
            if isinstance(problem, StoreError) and code not in BROKEN:
                raise
            why = str(problem)
        log.error("the store is broken (%s): a new one is made", why)
        salvaged = _build(module, path, fresh, map_size_mb)
        aside = state / time.strftime("store.broken-%Y%m%dT%H%M%SZ", time.gmtime())
        path.rename(aside)
        fresh.rename(path)
        return Opened(_open(module, path, map_size_mb), Broken(why, aside, salvaged), suspected)
    except (StoreError, ChainError, OSError) as problem:
        raise StartError(f"the store in {path} cannot be opened: {problem}") from problem


def _look_through(path: Path, suspected: str) -> None:
    """Raises StoreError where a row or page is broken. One process at a time has a store open, so nobody writes."""
    log.warning("the store is looked through: %s", suspected)
    lock = OwnerLock(str(path))
    try:
        found = scrub.look_through(path) if (path / "data.mdb").exists() else None
    finally:
        lock.release()
    if found is not None and found.problem:
        raise StoreError(found.problem, CORRUPTED)


def beyond(seq: int) -> Tail:
    """Where a journal goes on whose last entries may be lost: far above them, and as the beginning of a chain."""
    return Tail(max(int(time.time()) * 1000, seq + GAP), bytes(32))


def _open(module: ModuleType, path: Path, map_size_mb: int) -> Environment:
    environment: Environment = module.Environment(str(path), map_size_mb << 20)
    try:
        journal.stored_tail(environment)  # the end of the chain holds together
    except BaseException:
        environment.close()
        raise
    return environment


def _build(module: ModuleType, broken: Path, fresh: Path, map_size_mb: int) -> Salvaged:
    """A store in place of a broken one, with what can be read of its journal.

    Unless that is all of it, the new journal goes on far above: the cloud sees the gap and takes what follows,
    where numbers used before would look like a cloned store's.
    """
    shutil.rmtree(fresh, ignore_errors=True)
    environment = _open(module, fresh, map_size_mb)
    try:
        txn = environment.begin()
        try:
            salvaged = salvage.carry_over(broken, txn)
        except (StoreError, OSError) as problem:
            txn.abort()
            log.error("the journal of %s was not taken over: %s", broken, problem)
            txn, salvaged = environment.begin(), Salvaged()
        tail = salvaged.tail if salvaged.whole else beyond(salvaged.tail.seq)
        txn.put(Table.META, journal.LAST, tail.pack())
        txn.put(Table.META, standing.BEHIND, standing.BROKEN.encode())
        txn.commit()
    finally:
        environment.close()
    return salvaged
