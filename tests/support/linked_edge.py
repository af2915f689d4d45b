"""An edge without lanes: store, committer, clock, keys, feed and uplink, linked to a FakeCloud, inside trio."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import trio

from edge.clock import Clock
from edge.committer import Committer
from edge.feed import Feed
from edge.identity import Identity
from edge.keyring import KeyRing
from edge.standing import Standing
from edge.uplink import Uplink, open_channel
from edge.verdict import Moment
from edge.works import Note
from paifang.records import Record, Table, entitlement_key
from paifang.v1 import scan_pb2

MAP_BYTES = 32 << 20


class LinkedEdge:
    """Opened on one directory; `feed` and `uplink` run when told to."""

    def __init__(
        self, core: ModuleType, path: Path, identity: Identity, address: str, token: trio.lowlevel.TrioToken,
        keep_s: float,
    ) -> None:  # fmt: skip
        self.environment = core.Environment(str(path), MAP_BYTES)
        self.committer = Committer(self.environment, edge_id=identity.edge_id, deliver=token.run_sync_soon)
        self.marks: list[int] = []
        self.clock = Clock(0, self.marks.append)
        self.keys = KeyRing(identity.root_key, identity.venue_id)
        self.alarms: list[tuple[str, str]] = []
        self.live_changes = 0
        self.key_changes = 0
        self.current_to: list[int] = []  # of the entitlements, as the feed said
        self.elsewhere: list[scan_pb2.Elsewhere] = []
        self.asked: list[bytes] = []
        self.contradictions: list[tuple[str, int, bool]] = []
        self.restores: list[int] = []
        self.standing = Standing(self.environment)
        self.channel = open_channel(identity, address)
        self.uplink = Uplink(
            self.channel, self.environment, self.committer, self.clock,
            status=lambda: scan_pb2.EdgeStatus(at_ms=self.clock.now_ms()), alarm=self._alarm,
            answer=self._answer, elsewhere=self.elsewhere.append, contradicted=self._contradicted,
            restores=self.restores.append, keep_s=keep_s,
        )  # fmt: skip
        self.feed = Feed(
            self.channel, self.environment, self.committer, self.keys, self.clock, edge_id=identity.edge_id,
            ready=self.uplink.spoken, alarm=self._alarm, live_changed=self._live, keys_changed=self._keys,
            current_to=self.current_to.append, standing=self.standing, heard=self.uplink.heard,
        )  # fmt: skip

    def _alarm(self, code: str, detail: str) -> None:
        self.alarms.append((code, detail))

    def _answer(self, question: scan_pb2.Question) -> scan_pb2.Explanation:
        """Knows only what is known as b"known"."""
        self.asked.append(question.id)
        if question.credential != b"known":
            raise RuntimeError(f"nothing is known of {question.credential!r}")
        return scan_pb2.Explanation(id=question.id, admit=True)

    async def _contradicted(self, problem: str, told_seq: int, first: bool) -> None:
        self.contradictions.append((problem, told_seq, first))

    def _live(self) -> None:
        self.live_changes += 1

    def _keys(self) -> None:
        self.key_changes += 1

    def codes(self) -> set[str]:
        return {code for code, _ in self.alarms}

    def record(self, number: int) -> Record | None:
        stored = self.environment.get(Table.ENTITLEMENT, entitlement_key(number))
        return None if stored is None else Record.unpack(stored)

    def held(self) -> set[int]:
        """The entitlements in the store."""
        return {
            int.from_bytes(key, "big") for key, _ in self.environment.scan(Table.ENTITLEMENT, b"", 1 << 20, 1 << 30)
        }

    def note(self, text: str) -> None:
        """One journal entry."""
        moment = Moment(self.clock.now_ms(), 739_800, 202609, scan_pb2.CLOCK_STATE_CONFIRMED, 600)
        assert self.committer.submit(Note(scan_pb2.Alarm(code="test", detail=text), moment))


@asynccontextmanager
async def linked_edge(
    core: ModuleType,
    path: Path,
    identity: Identity,
    *,
    address: str = "",
    feed: bool = True,
    uplink: bool = True,
    keep_s: float = 0.0,
) -> AsyncIterator[LinkedEdge]:
    """Runs one; at the end everything is stopped and the store is closed, as by a daemon's stop."""
    edge = LinkedEdge(
        core, path, identity, address or identity.gates_address, trio.lowlevel.current_trio_token(), keep_s
    )
    edge.committer.start()
    try:
        async with trio.open_nursery() as nursery:
            if uplink:
                nursery.start_soon(edge.uplink.run)
            else:
                edge.uplink.spoken.set()
            if feed:
                nursery.start_soon(edge.feed.run)
            yield edge
            nursery.cancel_scope.cancel()
    finally:
        edge.channel.close()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(edge.committer.stop)
        edge.environment.close()


async def until(reached: Callable[[], bool], seconds: float = 15.0) -> None:
    """Waits until something is true."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        await trio.sleep(0.01)
