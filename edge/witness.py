"""What is known of this edge's journal outside its store: a file beside it, and what the cloud says.

A store out of a backup, or a copy of another's, looks perfectly well by itself. Where the witness knows more than
the store does, the store is an old copy: its journal goes on far above, and it catches up (edge.standing). Where the
cloud holds entries of another start while this one runs, a second machine uses this edge's identity.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge import journal
from edge.cursors import BULK, NAMES
from edge.errors import FeedError
from edge.journal import Writer
from edge.standing import CLONED, RESTORED
from edge.store import beyond
from edge.sweep import SPARE
from edge.works import PutMeta, Rebase
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import Environment
    from edge.admission import Admissions
    from edge.committer import Committer
    from edge.feed import Feed
    from edge.uplink import Uplink

log = logging.getLogger(__name__)

FILE = "witness"  # in the state folder, beside the store
RESTORES = b"cloud.restores"  # its row in META: how often the cloud came back from a backup, as it last said


def read(state: Path) -> int:
    """The last entry that was seen to be durable; 0 where nothing is known."""
    try:
        return int(json.loads((state / FILE).read_text())["seq"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def write(state: Path, seq: int) -> None:
    """Replaces the file. Not synced: a witness that knows less than it could accuses nobody."""
    fresh = state / f"{FILE}.new"
    try:
        fresh.write_text(json.dumps({"seq": seq}) + "\n")
        os.replace(fresh, state / FILE)
    except OSError as problem:
        log.warning("the journal's witness was not written: %s", problem)


def check(environment: Environment, state: Path, edge_id: int) -> str:
    """Marks a store that knows less than the file; before the committer starts. What is wrong, or ""."""
    seq, known = journal.stored_tail(environment).seq, read(state)
    if known <= seq:
        return ""
    txn = environment.begin()
    try:
        writer = Writer(txn, edge_id, b"")
        Rebase(RESTORED, beyond(known), seq + 1, (NAMES[BULK],)).write(txn, writer)
        writer.finish()
        txn.commit()
    except BaseException:
        txn.abort()
        raise
    return f"entry {known} had been written, this store ends with {seq}"


class Witness:
    """Belongs to the trio thread.

    Args:
        alarm: (code, detail), journalled.
    """

    def __init__(
        self, environment: Environment, committer: Committer, admissions: Admissions, *, state: Path,
        alarm: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._environment = environment
        self._committer = committer
        self._admissions = admissions
        self._state = state
        self._alarm = alarm
        self._written = 0
        self.feed: Feed
        self.uplink: Uplink

    def note(self) -> None:
        """Once a second: how far the journal has got."""
        seq = self._committer.last_seq
        if seq != self._written:
            write(self._state, seq)
            self._written = seq

    async def contradicted(self, problem: str, told_seq: int, first: bool) -> None:
        """The cloud holds of this edge what its store never wrote."""
        standing = self._admissions.standing
        if not first:
            standing.behind = CLONED
            self._alarm(CLONED, f"{problem}: a second machine uses this edge's identity")
            return
        tail = beyond(max(told_seq, self._committer.last_seq))
        try:
            await self.feed.start_anew(Rebase(RESTORED, tail, self.uplink.first_seq, (NAMES[BULK],)))
        except FeedError as failed:
            standing.behind = RESTORED
            self._alarm(RESTORED, f"{problem}; and {failed}")
            return
        self.uplink.first_seq = tail.seq + 1
        self._admissions.doubt_open_uses()
        self._alarm(RESTORED, problem)

    def restores(self, told: int) -> None:
        """How often the cloud came back from a backup: after each time the next sweep spares what it forgot."""
        stored = self._environment.get(Table.META, RESTORES)
        if stored is not None and int.from_bytes(stored, "big") == told:
            return
        spare = [(SPARE, b"1")] if stored is not None else []
        self._committer.submit(PutMeta([(RESTORES, told.to_bytes(4, "big")), *spare]))
