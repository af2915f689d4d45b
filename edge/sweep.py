"""After a whole snapshot: entitlements it did not hold are deleted, a slice at a time. Usage stays for ever.

Not where the cloud came back from a backup: what was sold since is known to the gates alone. Those records are spared
until they end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import trio

from edge import cursors
from edge.errors import FeedError
from edge.journal import Writer
from edge.works import FEED, Committed, Result, Work
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import Environment, WriteTxn

ROWS = 512
SPARE = b"sweep.spare"  # its row in META: the next sweep deletes nothing


@dataclass(frozen=True, slots=True)
class Sweep:
    """Deletes those of the records that the snapshot of `generation` did not hold; judged again in here."""

    rank: ClassVar[int] = FEED
    keys: list[bytes]
    generation: int
    now_s: int
    spare: bool = False

    def write(self, txn: WriteTxn, journal: Writer) -> Result:
        rows = 0
        for key in self.keys:
            record = txn.get(Table.ENTITLEMENT, key)
            if record is None or not cursors.is_stale(record, self.generation, self.now_s):
                continue
            if self.spare:
                txn.put(Table.ENTITLEMENT, key, cursors.spared(record))
            else:
                txn.delete(Table.ENTITLEMENT, key)
            rows += 1
        return Committed(journal.seq, rows)


async def slices(
    environment: Environment,
    commit: Callable[[Work], Awaitable[Result]],
    generation: int,
    now_ms: Callable[[], int],
    *,
    spare: bool = False,
) -> AsyncIterator[int]:
    """Sweeps the whole table; how many records each slice deleted, or spared. Lanes have their turn in between.

    Raises:
        FeedError: the store did not take one; the sweep can begin again at any time.
    """
    key = b""
    while True:
        now_s = now_ms() // 1000
        rows = environment.scan(Table.ENTITLEMENT, key, ROWS)
        stale = [key for key, record in rows if cursors.is_stale(record, generation, now_s)]
        if stale:
            result = await commit(Sweep(stale, generation, now_s, spare))
            if not isinstance(result, Committed):
                raise FeedError("feed.apply", "old records could not be swept")
            yield result.rows
        if len(rows) < ROWS:
            return
        key = rows[-1][0] + b"\0"
        await trio.lowlevel.checkpoint()
