"""The Feed service: two streams an edge, acks, the key set."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import grpc
from django.db import Error
from django.utils import timezone

from cloud.core.errors import DomainError
from cloud.entitlements import acks, batches, keys, restored, snapshot
from cloud.entitlements.batches import MAX_OPS, CursorAheadError, CursorTooOldError, Sealer
from cloud.entitlements.models import VenueSecrets
from cloud.entitlements.sequencer import STREAMS
from cloud.entitlements.snapshot import Base, Page
from cloud.rpc.calls import Calls, Context, end
from cloud.rpc.hub import Hub, Listener, VenueFeed
from cloud.rpc.peer import Peer, UnknownPeerError
from paifang.v1 import feed_pb2, feed_pb2_grpc

HEARTBEAT_S = 1.0
# A stream ends by itself now and then, so that edges spread anew over several servers.
MOST_AGE_S = 1800.0
_MAX_GENERATION = 0xFFFFFFFE


class FeedService(feed_pb2_grpc.FeedServicer):
    def __init__(self, calls: Calls, hub: Hub) -> None:
        self._calls = calls
        self._hub = hub

    async def Subscribe(  # noqa: N802 - gRPC's name
        self, request: feed_pb2.SubscribeRequest, context: Context
    ) -> AsyncGenerator[feed_pb2.FeedBatch, None]:
        """Snapshot or start where there is no cursor, then deltas and heartbeats until somebody hangs up."""
        if request.stream not in STREAMS:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"there is no stream {request.stream}")
        peer = await self._calls.peer(context)
        feed, listener = self._hub.join(peer)
        try:
            async with aclosing(self._batches(request, context, peer, feed, listener)) as batches_:
                async for batch in batches_:
                    yield batch
        except (UnknownPeerError, CursorTooOldError, DomainError, Error) as problem:
            await end(context, problem)
        finally:
            self._hub.leave(feed, listener)

    async def Ack(self, request: feed_pb2.FeedAck, context: Context) -> feed_pb2.FeedAckReply:  # noqa: N802
        def handle(peer: Peer) -> feed_pb2.FeedAckReply:
            if request.stream not in STREAMS or request.generation > _MAX_GENERATION:
                raise DomainError("ack.malformed", "确认内容无效。", "There is no such stream or generation.")
            acks.record(peer.edge, request.stream, request.seq, request.applied_at_ms, request.generation)
            return feed_pb2.FeedAckReply()

        return await self._calls.as_edge(context, handle)

    async def GetKeySet(self, request: feed_pb2.KeySetRequest, context: Context) -> feed_pb2.SignedKeySet:  # noqa: N802
        """Empty where the edge has the newest already."""

        def handle(peer: Peer) -> feed_pb2.SignedKeySet:
            version = VenueSecrets.objects.filter(venue=peer.venue).values_list("keyset_version", flat=True).first()
            if version is not None and version == request.have_version:
                return feed_pb2.SignedKeySet()
            payload, signature = keys.signed_keyset(peer.venue)
            return feed_pb2.SignedKeySet(payload=payload, signature=signature)

        return await self._calls.as_edge(context, handle)

    async def _batches(
        self, request: feed_pb2.SubscribeRequest, context: Context, peer: Peer, feed: VenueFeed, listener: Listener
    ) -> AsyncGenerator[feed_pb2.FeedBatch, None]:
        cursor = request.cursor
        if request.has_cursor:
            await self._calls.within(context, peer, lambda: _resume(peer, request))
        elif request.stream == feed_pb2.STREAM_URGENT:
            cursor = await self._calls.within(context, peer, lambda: snapshot.start(peer.venue))
            yield (await feed.sealer()).start(request.stream, cursor, 0)
        else:
            base = await self._calls.within(context, peer, lambda: _base(peer, request))
            async with aclosing(self._snapshot(request, context, peer, feed, base)) as slices:
                async for batch in slices:
                    if self._ends(listener):
                        return
                    yield batch
            cursor = base.seq
        async with aclosing(self._deltas(feed, listener, request.stream, cursor)) as deltas:
            async for batch in deltas:
                yield batch

    async def _snapshot(
        self, request: feed_pb2.SubscribeRequest, context: Context, peer: Peer, feed: VenueFeed, base: Base
    ) -> AsyncGenerator[feed_pb2.FeedBatch, None]:
        """The pages, each read while the one before it is on its way."""
        now = timezone.now()

        def read(table: int, key: bytes) -> asyncio.Task[tuple[Page, list[feed_pb2.FeedBatch]]]:
            async def make() -> tuple[Page, list[feed_pb2.FeedBatch]]:
                sealer = await feed.sealer()
                return await self._calls.within(context, peer, lambda: _page(peer, sealer, base, table, key, now))

            return asyncio.create_task(make())

        coming = read(request.after_table if request.generation else 0, request.after_key)
        try:
            while True:
                page, slices = await coming
                if not page.end:
                    coming = read(page.table, page.key)
                for batch in slices:
                    yield batch
                if page.end:
                    return
        finally:
            coming.cancel()

    async def _deltas(
        self, feed: VenueFeed, listener: Listener, stream: int, cursor: int
    ) -> AsyncGenerator[feed_pb2.FeedBatch, None]:
        ends_at = time.monotonic() + MOST_AGE_S * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, no secret
        beat_at = 0.0
        while not self._ends(listener) and time.monotonic() < ends_at:
            listener.wake.clear()
            look = feed.look
            if look is None:
                await _wait(listener.wake, HEARTBEAT_S)
            elif look.head(stream) > cursor:
                batch = await feed.delta(stream, cursor, look)
                yield batch
                cursor = batch.last_seq
                beat_at = time.monotonic() + HEARTBEAT_S
            elif time.monotonic() >= beat_at:
                yield (await feed.sealer()).heartbeat(stream, cursor, look.instant_ms)
                beat_at = time.monotonic() + HEARTBEAT_S
            else:
                await _wait(listener.wake, beat_at - time.monotonic())

    def _ends(self, listener: Listener) -> bool:
        """Whether the server stops. Raises UnknownPeerError where the stream must not go on."""
        if listener.cut:
            raise UnknownPeerError("this certificate was revoked; enrol the edge again")
        return self._hub.stopping


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(seconds, 0.001)):
            await event.wait()
    except TimeoutError:
        return


def _check(peer: Peer, stream: int, seq: int) -> None:
    """Raises CursorTooOldError. A number that was never given out says that the database was restored."""
    try:
        batches.check_cursor(peer.venue, stream, seq)
    except CursorAheadError:
        restored.noticed_ahead(peer.venue, stream, seq)
        raise


def _resume(peer: Peer, request: feed_pb2.SubscribeRequest) -> None:
    _check(peer, request.stream, request.cursor)
    acks.resumed(peer.edge, request.stream, request.cursor)


def _base(peer: Peer, request: feed_pb2.SubscribeRequest) -> Base:
    """A new snapshot, or the unfinished one the edge names."""
    if not request.generation:
        return snapshot.begin(peer.edge)
    if request.generation > _MAX_GENERATION:
        raise CursorTooOldError(f"there is no generation {request.generation}")
    _check(peer, request.stream, request.base_seq)
    return Base(request.generation, request.base_seq)


def _page(
    peer: Peer, sealer: Sealer, base: Base, table: int, key: bytes, now: datetime
) -> tuple[Page, list[feed_pb2.FeedBatch]]:
    try:
        page = snapshot.page(peer.edge, table, key, now)
    except ValueError as problem:
        raise CursorTooOldError(f"the snapshot cannot go on there: {problem}") from None
    slices = snapshot.pack(page.ops, MAX_OPS) or [b""]
    last = len(slices) - 1
    return page, [
        sealer.seal(
            feed_pb2.STREAM_BULK,
            feed_pb2.BATCH_KIND_SNAPSHOT,
            first_seq=0,
            last_seq=base.seq,
            current_to_ms=0,
            ops=ops,
            generation=base.generation,
            snapshot_end=page.end and at == last,
        )
        for at, ops in enumerate(slices)
    ]
