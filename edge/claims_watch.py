"""Brings siblings' uses into this edge's store as etcd learns of them: all of them at the start, then each change.

With it, what an earlier run of this edge has left in etcd is found: claims that never became admissions.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from edge.claim_ledger import Ledger
from edge.claim_record import Rows, SharedUsage, is_news
from edge.claim_works import Learn, Learned
from edge.etcd_client import AnswerError, NoQuorumError
from edge.uplink import describe, in_thread
from edge.works import Work
from paifang.etcd import rpc_pb2
from paifang.records import Table
from paifang.usage import others_key

if TYPE_CHECKING:
    from edge._verify import Environment

log = logging.getLogger(__name__)

PAGE = 64  # keys looked at before the lanes get their turn
CAUGHT_UP_S = 0.001  # what takes longer to come was not waiting
NAP_S = 0.003


def news_of(environment: Environment, edge_id: int, owner_id: int, value: SharedUsage) -> Rows:
    """The siblings' records that the store does not have so."""
    found = {}
    for (group, edge), usage in value.rows.items():
        stored = environment.get(Table.OTHERS, others_key(owner_id, group, edge))
        try:
            news = is_news(usage, stored)
        except ValueError:  # a stored record of a layout not known here
            news = True
        if news and edge != edge_id:
            found[group, edge] = usage
    return found


class Watch:
    """Runs in the trio thread; a stream's next message is waited for in a worker thread.

    Args:
        commit: has a work written and waits for it.
        stale: what a key says of this edge itself that its store does not.
    """

    def __init__(
        self, ledger: Ledger, environment: Environment, commit: Callable[[Work], Awaitable[None]], *, edge_id: int,
        alarm: Callable[[str, str], None], stale: Callable[[int, SharedUsage], Learned],
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._environment = environment
        self._commit = commit
        self._edge_id = edge_id
        self._alarm = alarm
        self._stale = stale
        self._cluster_id = 0
        self._revision = 0  # up to which all is in the store; 0: nothing was read yet

    async def follow(self, *, synced: Callable[[], None]) -> None:
        """Follows until the stream ends, from where it ended the last time."""
        member = self._ledger.cluster.member
        try:
            if self._cluster_id != self._ledger.cluster_id:
                self._cluster_id, self._revision = self._ledger.cluster_id, 0
            if not self._revision:
                self._revision = await self._read_all()
                synced()
            member = self._ledger.cluster.member
            await self._follow()
        except (NoQuorumError, AnswerError):
            return
        except grpc.RpcError as problem:
            log.info("the watch at %s ended: %s", member.address, describe(problem))
            self._ledger.cluster.leave(member)

    # --- all of it ----------------------------------------------------------------------------------------------------

    async def _read_all(self) -> int:
        """Every key as of one revision; which."""
        after, revision = self._ledger.prefix, 0
        while True:
            page = await self._ledger.page(after, PAGE, revision)
            revision = revision or page.header.revision
            await self._take(page.kvs, own=True)
            if not page.more:
                return revision
            after = page.kvs[-1].key + b"\0"

    async def _take(self, pairs: Iterable[rpc_pb2.KeyValue], *, own: bool) -> None:
        """What the keys say that the store does not. `own`: of this edge too."""
        found = []
        for pair in pairs:
            try:
                owner_id, known = self._ledger.note(pair)
            except ValueError as problem:
                self._alarm("claims.unreadable", f"{pair.key.decode('ascii', 'replace')}: {problem}")
                continue
            if own:
                stale = self._stale(owner_id, known.value)
                if stale:
                    found.append(stale)
            others = news_of(self._environment, self._edge_id, owner_id, known.value)
            if others:
                found.append(Learned(owner_id, others))
        if found:
            await self._commit(Learn(found))

    # --- each change --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Raises grpc.RpcError."""
        requests: queue.SimpleQueue[rpc_pb2.WatchRequest | None] = queue.SimpleQueue()
        requests.put(self._ledger.watching(self._revision + 1))
        call: Any = self._ledger.cluster.watch(iter(requests.get, None))
        try:
            while True:
                reply = await in_thread(partial(self._next, call))
                if reply is None or reply.canceled:
                    if reply is not None and reply.compact_revision:
                        self._revision = 0  # what was missed is no longer kept: all of it again
                    return
                changes = [event.kv for event in reply.events if event.type == rpc_pb2.Event.PUT]
                await self._take(changes, own=False)
                if reply.events:
                    self._revision = reply.header.revision
        finally:
            call.cancel()
            requests.put(None)

    def _next(self, call: Any) -> rpc_pb2.WatchResponse | None:
        """The next reply with news, in a worker thread; None at the stream's end.

        What this edge put itself comes back too, with each claim. A moment later that is known and wakes nobody:
        whatever it put over it had learned.
        """
        while True:
            began = time.monotonic()
            reply: rpc_pb2.WatchResponse | None = next(call, None)
            if time.monotonic() - began > CAUGHT_UP_S:
                time.sleep(NAP_S)
            if reply is None or reply.canceled or any(map(self._ledger.is_new, reply.events)):
                return reply
            if reply.events:
                self._revision = reply.header.revision
