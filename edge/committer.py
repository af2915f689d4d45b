"""The one writer. Works queue up; whatever is queued when the writer is free becomes one durable transaction.

A group is never delayed to grow: under load it grows by itself while the one before it is on its way to
the disk. Admissions and settlements go first, then notes, in one transaction; a feed batch and a slice of
trimming each get one of their own in between, so neither can make an admission fail.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from edge import journal
from edge.verifier import StoreError
from edge.works import ADMISSION, FEED, NOTE, TRIM, Committed, Failed, Result, Work

if TYPE_CHECKING:
    from edge._verify import Environment

log = logging.getLogger(__name__)

MAP_FULL = -30792
# LMDB's ways of saying that the file is not, or no longer, a database: page not found, corrupted, panic,
# version mismatch, invalid.
BROKEN = frozenset({-30797, -30796, -30795, -30794, -30793})
ROUSE_EVERY = 32  # answers handed out before the thread is woken for what they caused

Done = Callable[[Result], None]
Queued = tuple[Work, Done | None]


class Committer:
    """Owns the writing thread.

    Args:
        environment: the store. Its write transactions belong to this committer alone.
        edge_id: named in every journal entry.
        deliver: runs a callable soon in the trio thread (`token.run_sync_soon`). Called once a group.
        max_queue: admissions, and notes, that may wait; settlements, feed batches and trims always may.

    Attributes:
        epoch: 8 random bytes of this start of the daemon, in every entry it writes.
        last_seq: the journal's last durable entry.
        failed: why the store could not be written, until it can be again; None while all is well.
        broken: why it never will be, with this environment: LMDB itself has given it up.
        groups, works: transactions committed and works in them, for the metrics.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        edge_id: int,
        deliver: Callable[[Callable[[], None]], None],
        max_queue: int = 4096,
    ) -> None:
        """Raises ChainError when the stored journal is not whole at its end."""
        self._environment = environment
        self._edge_id = edge_id
        self._deliver = deliver
        self._max_queue = max_queue
        self._queues: tuple[deque[Queued], ...] = tuple(deque() for _ in (ADMISSION, NOTE, FEED, TRIM))
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._idle = False  # the thread sleeps, or is about to
        self._answering = False  # the trio thread is handing answers out
        self._stopping = False
        self._accepting = True
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self.epoch = os.urandom(8)
        self.last_seq = journal.stored_tail(environment).seq
        self.failed: str | None = None
        self.broken = ""
        self.groups = 0
        self.works = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Takes nothing new, writes what is queued, ends the thread; the trio thread waits. May be called again."""
        self._accepting = False
        self._stopping = True
        self._wake.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def queued(self) -> int:
        """Works waiting for a transaction."""
        return sum(map(len, self._queues))

    def submit(self, work: Work, done: Done | None = None, *, always: bool = False) -> bool:
        """Queues a work; False: refused, because its queue is full or the committer is stopping.

        Thread-safe. `done` is called exactly once, in the trio thread, where True was returned. `always` is for
        a work that is bounded by others and must not be lost, like a settlement.
        """
        queue = self._queues[work.rank]
        if not self._accepting or (work.rank <= NOTE and not always and len(queue) >= self._max_queue):
            return False
        queue.append((work, done))
        if not self._answering:
            self._rouse()
        return True

    def _answer(self, answers: Sequence[tuple[Done, Result]]) -> None:
        """Hands a group's answers out, in the trio thread. What they cause at once is again one group."""
        for start in range(0, len(answers), ROUSE_EVERY):
            self._answering = True
            try:
                for done, result in answers[start : start + ROUSE_EVERY]:
                    try:
                        done(result)
                    except Exception:
                        log.exception("an answer of the committer was not taken")  # and the others still get theirs
            finally:
                self._answering = False
            if self.queued:
                self._rouse()

    def _rouse(self) -> None:
        """Wakes the thread where it sleeps. Twice does no harm."""
        if self._idle:
            self._idle = False
            self._wake.put(None)

    # --- the committer's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            if self.step():
                continue
            if self._stopping:
                return
            self._idle = True  # before the last look, so that a submit after it sees it and wakes us
            if not self.queued and not self._stopping:
                self._wake.get()
            self._idle = False

    def step(self) -> bool:
        """Writes the admissions and notes that are queued now, then one feed batch, then a slice of trimming.

        Returns:
            Whether there was anything. The thread runs it in a loop; without the thread a caller may.
        """
        admissions, notes, feeds, trims = self._queues
        group = _drain(admissions) + _drain(notes)
        if group:
            self._serve(group)
        worked = bool(group)
        for queue in (feeds, trims):
            if queue:
                self._serve([queue.popleft()])
                worked = True
        return worked

    def _serve(self, group: Sequence[Queued]) -> None:
        """Writes a group and has its answers delivered."""
        results = self._write([work for work, _ in group])
        answers: list[tuple[Done, Result]] = []
        for (work, done), result in zip(group, results, strict=True):
            if type(result) is Committed and result.again:
                self._queues[work.rank].append((work, done))
            elif done is not None:
                answers.append((done, result))
        if answers:
            try:
                self._deliver(partial(self._answer, answers))
            except RuntimeError as problem:  # the trio loop has ended: what is durable stays so
                log.warning("%d answers have nobody to go to: %s", len(answers), problem)

    def _write(self, works: Sequence[Work]) -> list[Result]:
        """One transaction if it can be, several if the store has no room or one work cannot be written."""
        try:
            return self._transact(works)
        except _WriteError as problem:
            if len(works) == 1 or not problem.divisible:
                if problem.store_failed:
                    self.failed = str(problem)
                if problem.broken:
                    self.broken = str(problem)
                log.error("%d works were not written: %s", len(works), problem, exc_info=not problem.store_failed)
                return [Failed(str(problem))] * len(works)
        first = [work for work in works if work.rank == ADMISSION]
        parts = [first, [work for work in works if work.rank != ADMISSION]]
        if not all(parts):
            parts = [[work] for work in works]
        return [result for part in parts for result in self._write(part)]

    def _transact(self, works: Sequence[Work]) -> list[Result]:
        """Writes the works in one transaction. Raises _WriteError: then nothing of them is in the store."""
        committing = False
        try:
            txn = self._environment.begin()
            try:
                writer = journal.Writer(txn, self._edge_id, self.epoch)
                results = [work.write(txn, writer) for work in works]
                writer.finish()
                committing = True
                txn.commit()
            except BaseException:
                txn.abort()
                raise
        except Exception as problem:  # whatever it was: no lane may wait for ever, and the next must be served
            raise _WriteError(problem, committing) from problem
        self.last_seq = writer.seq
        self.failed = None
        self.groups += 1
        self.works += len(works)
        return results


class _WriteError(Exception):
    """A transaction that was given up. `store_failed`: the store said no, rather than a work's own contents.

    Worth dividing when a single work may be to blame, or too much for the room that is left; not when the
    disk refused the commit, which it would do to each of them.
    """

    def __init__(self, problem: Exception, committing: bool) -> None:
        super().__init__(f"{type(problem).__name__}: {problem}")
        self.store_failed = isinstance(problem, StoreError)
        self.broken = isinstance(problem, StoreError) and problem.code in BROKEN
        self.divisible = not committing or (isinstance(problem, StoreError) and problem.code == MAP_FULL)


def _drain(queue: deque[Queued]) -> list[Queued]:
    """All that is queued now. Others may append meanwhile; only this thread takes."""
    return [queue.popleft() for _ in range(len(queue))]
