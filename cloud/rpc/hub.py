"""One look at the database for all open streams: numbers what waits, learns the heads, wakes who has news.

An open stream costs nothing between two batches but its heartbeat; the look itself is one small query every
20 ms, whatever the number of gates. Batches are made once and shared by all streams that are at the same place.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import Error
from django_scopes import scope

from cloud.entitlements import batches, sequencer
from cloud.entitlements.batches import Sealer
from cloud.rpc.database import Database
from cloud.rpc.peer import Peer, cut_off
from cloud.venues.models import Venue
from paifang.v1 import feed_pb2

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.02
PEERS_EVERY_S = 0.1  # how often revoked certificates are looked for
AFTER_TROUBLE_S = 0.5
SEALER_AGE_S = 30.0  # a rotated key takes over by itself, at a time of its own


@dataclass(frozen=True, slots=True)
class Look:
    """What was numbered, and the instant before which every committed change is in it (Unix ms)."""

    heads: dict[int, int]  # stream -> seq
    instant_ms: int

    def head(self, stream: int) -> int:
        return self.heads.get(stream, 0)


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream."""

    peer: Peer
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False


class VenueFeed:
    """What the open streams of one venue share."""

    def __init__(self, venue: Venue, database: Database) -> None:
        self.venue = venue
        self.listeners: set[Listener] = set()
        self.look: Look | None = None
        self._database = database
        self._batches: dict[tuple[int, int], asyncio.Task[feed_pb2.FeedBatch]] = {}
        self._sealer: Sealer | None = None
        self._sealed_at = 0.0
        self._urgent_changes = 0

    def learned(self, look: Look) -> None:
        """A new look: wakes the streams when a head has moved."""
        before, self.look = self.look, look
        if before is not None and before.heads == look.heads:
            return
        self._batches.clear()
        if before is None or before.head(feed_pb2.STREAM_URGENT) != look.head(feed_pb2.STREAM_URGENT):
            self._sealer = None  # an urgent change may be that of a key
            self._urgent_changes += 1
        self.wake()

    def wake(self) -> None:
        for listener in self.listeners:
            listener.wake.set()

    async def delta(self, stream: int, after: int, look: Look) -> feed_pb2.FeedBatch:
        """The next batch after a place, made once for all who are there. Raises CursorTooOldError."""
        task = self._batches.get((stream, after))
        if task is None:
            task = asyncio.create_task(self._make(stream, after, look))
            self._batches[stream, after] = task
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done():  # a failure is not kept for the next who asks
                self._batches.pop((stream, after), None)
            raise

    async def _make(self, stream: int, after: int, look: Look) -> feed_pb2.FeedBatch:
        def make() -> feed_pb2.FeedBatch:
            with scope(venue=self.venue):
                current = (look.head(stream), look.instant_ms)
                return batches.delta(self.venue, self._signing(), stream, after, current=current)

        return await self._database.run(make)

    async def sealer(self) -> Sealer:
        """The signer of the venue's batches, not older than half a minute."""

        def make() -> Sealer:
            with scope(venue=self.venue):
                return self._signing()

        return self._fresh() or await self._database.run(make)

    def _fresh(self) -> Sealer | None:
        return self._sealer if time.monotonic() - self._sealed_at < SEALER_AGE_S else None

    def _signing(self) -> Sealer:
        """In a database thread. Not kept where an urgent change came meanwhile: it may have been read before that."""
        sealer, turn = self._fresh(), self._urgent_changes
        if sealer is None:
            begun = time.monotonic()
            sealer = Sealer.of(self.venue)
            if turn == self._urgent_changes:
                self._sealer, self._sealed_at = sealer, begun
        return sealer


class Hub:
    """Knows the open streams and looks for news while there are any."""

    def __init__(self, database: Database) -> None:
        self.stopping = False
        self._database = database
        self._looker = Database(threads=1, name="look")
        self._feeds: dict[int, VenueFeed] = {}
        self._some = asyncio.Event()

    def join(self, peer: Peer) -> tuple[VenueFeed, Listener]:
        """A stream opens. Call `leave` when it ends."""
        feed = self._feeds.get(peer.venue.pk)
        if feed is None:
            feed = self._feeds[peer.venue.pk] = VenueFeed(peer.venue, self._database)
        listener = Listener(peer)
        feed.listeners.add(listener)
        self._some.set()
        return feed, listener

    def leave(self, feed: VenueFeed, listener: Listener) -> None:
        feed.listeners.discard(listener)
        if not feed.listeners:
            self._feeds.pop(feed.venue.pk, None)
        if not self._feeds:
            self._some.clear()

    def stop(self) -> None:
        """Every stream ends by itself, now."""
        self.stopping = True
        for feed in self._feeds.values():
            feed.wake()

    async def run(self) -> None:
        """Looks until cancelled. Any other end is a fault: without looks no stream says anything."""
        peers_due = 0.0
        try:
            while True:
                await self._some.wait()
                begun = time.monotonic()
                try:
                    await self._look()
                    if begun >= peers_due:
                        await self._check_peers()
                        peers_due = begun + PEERS_EVERY_S
                except Error as problem:
                    logger.warning("cannot look for news: %s", problem)
                    await asyncio.sleep(AFTER_TROUBLE_S)
                await asyncio.sleep(max(0.0, begun + LOOK_EVERY_S - time.monotonic()))
        finally:
            self._looker.close()

    async def _look(self) -> None:
        feeds = dict(self._feeds)
        venues = [feed.venue for feed in feeds.values()]
        looks = await self._looker.run_kept(lambda: look_at(venues))
        for venue_id, look in looks.items():
            feeds[venue_id].learned(look)

    async def _check_peers(self) -> None:
        listeners = [listener for feed in self._feeds.values() for listener in feed.listeners]
        serials = list({listener.peer.serial for listener in listeners})
        cut = await self._looker.run_kept(lambda: cut_off(serials))
        for listener in listeners:
            if listener.peer.serial in cut:
                listener.cut = True
                listener.wake.set()


def look_at(venues: Iterable[Venue]) -> dict[int, Look]:
    """Numbers what waits at the venues and reads their heads."""
    # Taken first: a change committed before this instant is visible to the reads that follow.
    instant_ms = time.time_ns() // 1_000_000
    by_id = {venue.pk: venue for venue in venues}
    heads, waiting = sequencer.look(list(by_id))
    for venue_id, stream in sorted(waiting):
        with scope(venue=by_id[venue_id]):
            sequencer.number_waiting(by_id[venue_id], [stream])
    if waiting:
        heads, _ = sequencer.look(list(by_id))
    looks: dict[int, dict[int, int]] = {venue_id: {} for venue_id in by_id}
    for (venue_id, stream), seq in heads.items():
        looks[venue_id][stream] = seq
    return {venue_id: Look(streams, instant_ms) for venue_id, streams in looks.items()}
