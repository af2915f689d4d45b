"""Whether this edge may admit at all by what it knows: a store that is new or old, data that is out of date.

A use counts only where it is remembered. A store that took the place of a broken one, came out of a backup, or has a
twin somewhere does not remember all of them: until it has caught up, tickets with counted uses are refused and those
without go on. What was used here comes back with the next whole snapshot, in whose last transaction the mark that is
kept here goes (edge.works.ApplyFeed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.journal import LAST
from edge.verifier import StoreError
from paifang.reasons import Reason
from paifang.records import Op, Table, unpack_ops
from paifang.usage import Usage
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict, WriteTxn

BEHIND = b"behind"  # its row in META: why, in ASCII
NEW, BROKEN, RESTORED, CLONED = "store.new", "store.broken", "store.restored", "store.cloned"
HOUR_MS = 3_600_000


class Standing:
    """Belongs to the trio thread.

    Args:
        stale_hours: what is known of revocations may be so old at most; 0: any age.

    Attributes:
        behind: why tickets with counted uses are refused; "" while they are not.
        current_to_ms: up to when revocations are known; the feed keeps it.
    """

    def __init__(self, environment: Environment, stale_hours: float = 0.0) -> None:
        stored = environment.get(Table.META, BEHIND)
        self.behind = stored.decode("ascii", "replace") if stored else ""
        self.current_to_ms = 0
        self.stale_ms = int(stale_hours * HOUR_MS)

    @property
    def catching_up(self) -> bool:
        """A whole snapshot puts it right; where another machine uses this store's identity it does not."""
        return self.behind not in ("", CLONED)

    def out_of_date(self, now_ms: int) -> bool:
        return bool(self.stale_ms) and now_ms - self.current_to_ms > self.stale_ms

    def refuses(self, verdict: Verdict, now_ms: int) -> Reason | None:
        """Why somebody the rules would admit is not. Who leaves is never kept in."""
        if verdict.leaving:
            return None
        if self.behind and verdict.remaining >= 0:
            return Reason.CATCHING_UP
        return Reason.OUT_OF_DATE if self.out_of_date(now_ms) else None


def mark_new(environment: Environment) -> None:
    """A store without any history knows nothing of the siblings' uses yet. Before the committer starts."""
    if environment.get(Table.META, LAST) is not None or environment.get(Table.META, BEHIND) is not None:
        return
    if environment.last(Table.ENTITLEMENT) is not None:
        return
    txn = environment.begin()
    try:
        txn.put(Table.META, BEHIND, NEW.encode())
        txn.commit()
    except StoreError:
        txn.abort()
        raise


def take_own(txn: WriteTxn, ops: bytes, edge_id: int) -> None:
    """Takes back what the cloud knows of this edge's own uses; of each record the highest revision wins."""
    for op in unpack_ops(ops):
        if op.table == Table.OTHERS and op.value is not None and _of(op) == edge_id:
            keep_newest(txn, op.key[:12], op.value)


def _of(op: Op) -> int:
    return int.from_bytes(op.key[12:], "big")


def keep_newest(txn: WriteTxn, key: bytes, usage: bytes) -> None:
    stored = txn.get(Table.USAGE, key)
    if stored is None or Usage.unpack(stored).revision < Usage.unpack(usage).revision:
        txn.put(Table.USAGE, key, usage)


def contradiction(
    told: scan_pb2.JournalTail, *, epoch: bytes, first_seq: int, last_seq: int, entry_hash: bytes | None
) -> str:
    """What the cloud's copy of the journal has that this store never wrote; "" where it has nothing of the kind.

    Args:
        epoch, first_seq: of this start of the daemon, and the first entry it wrote.
        last_seq: the store's last entry, looked at after the answer came.
        entry_hash: of the store's own entry under the number told; None where it is not kept any more.
    """
    if told.seq > last_seq:
        return f"the cloud holds entry {told.seq}, this store ends with {last_seq}"
    if told.epoch != epoch and told.seq >= first_seq:
        return f"entry {told.seq} was written by another start than this one, which began with {first_seq}"
    if entry_hash is not None and told.hash != entry_hash:
        return f"entry {told.seq} in the cloud is another one than here"
    return ""
