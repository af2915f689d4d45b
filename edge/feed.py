"""What the cloud tells the gates, brought into the store: two streams, each batch checked before it is applied.

Urgent goes first and stays ahead; bulk starts with a snapshot when there is no cursor. A batch is of this
venue, contiguous and signed by a live feed key, or it is refused: nothing moves, an alarm is journalled, and the
stream is asked for again after a pause. The rows and the cursor become durable in one transaction, then acked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import trio

from edge import cursors, keyring, sweep
from edge.clock import Clock
from edge.committer import Committer
from edge.cursors import BULK, NAMES, TITLES, URGENT, Cursor
from edge.errors import FeedError, KeySetError
from edge.keyring import KeyRing
from edge.standing import Standing
from edge.uplink import CALL_TIMEOUT_S, Backoff, describe, in_thread
from edge.works import ApplyFeed, Committed, Failed, PutMeta, Rebase, Result, Work
from paifang.records import Table, feed_signing_bytes
from paifang.v1 import feed_pb2, feed_pb2_grpc

if TYPE_CHECKING:
    from edge._verify import Environment
    from paifang.v1.feed_pb2 import Stream

KEYSET = b"keyset"  # its row in META
KEYS_EVERY_S = 30.0
SILENCE_S = 15.0  # heartbeats come every second; a stream this quiet is asked for again
KEEP_EVERY_MS = 60_000  # how current revocations are is kept at least so often, for a start without the cloud


@dataclass(slots=True)
class StreamState:
    """What health shows of a stream."""

    cursor: Cursor
    online: bool = False
    error: str = "not tried yet"
    batches: int = 0  # applied since the daemon started
    rows: int = 0
    acked: int = 0
    dirty: bool = False  # applied, and not acked yet


@dataclass(slots=True)
class FeedState:
    urgent: StreamState
    bulk: StreamState
    refused: dict[str, int] = field(default_factory=dict)  # batches refused, by code
    swept: int = 0
    spared: int = 0  # not in a snapshot of a cloud that came back from a backup, and kept for that
    keys_error: str = "not tried yet"


class Feed:
    """Runs in the trio thread; gRPC waits in worker threads.

    Args:
        ready: set once the clock had a chance to be confirmed: key validity is judged by it.
        alarm: (code, detail), journalled; called once for each stretch of trouble.
        live_changed: a batch changed a rule set, station, device or the venue's settings.
        keys_changed: a newer key set is held.
        current_to: called as the bulk stream moves, with up to when the entitlements are current (Unix
            milliseconds), or 0 while they are not whole.
        standing: told how current revocations are; while it is catching up, the edge's own uses are taken too.
        heard: waits until the cloud has answered a report once more, for a while at most.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        environment: Environment,
        committer: Committer,
        keys: KeyRing,
        clock: Clock,
        *,
        edge_id: int,
        ready: trio.Event,
        alarm: Callable[[str, str], None],
        live_changed: Callable[[], None],
        keys_changed: Callable[[], None],
        current_to: Callable[[int], None],
        standing: Standing,
        heard: Callable[[], Awaitable[None]],
    ) -> None:
        self._stub = feed_pb2_grpc.FeedStub(channel)  # type: ignore[no-untyped-call]
        self._environment = environment
        self._committer = committer
        self._keys = keys
        self._clock = clock
        self._edge_id = edge_id
        self._ready = ready
        self._alarm = alarm
        self._live_changed = live_changed
        self._keys_changed = keys_changed
        self._current_to = current_to
        self._standing = standing
        self._heard = heard
        self._streams = {
            stream: StreamState(Cursor.unpack(environment.get(Table.META, name))) for stream, name in NAMES.items()
        }
        self.state = FeedState(self._streams[URGENT], self._streams[BULK])
        self._urgent_started = trio.Event()
        if self.state.urgent.cursor.started:
            self._urgent_started.set()
        self._bulk_scope = trio.CancelScope()
        self._bulk_lock = trio.Lock()  # held while a bulk batch is applied
        self._ack_wanted = trio.Event()
        self._keys_wanted = trio.Event()
        self._keys_known = trio.Event()  # asked for in this run, so that a rotated key raises no alarm
        self._kept_ms = self.state.urgent.cursor.current_to_ms
        self._tell_current()

    async def run(self) -> None:
        with trio.move_on_after(CALL_TIMEOUT_S):
            await self._ready.wait()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keys_forever)
            nursery.start_soon(self._ack_forever)
            await self._keys_known.wait()
            nursery.start_soon(self._follow, URGENT)
            while True:
                await self._urgent_started.wait()
                with trio.CancelScope() as self._bulk_scope:
                    await self._follow(BULK)

    def ask_keys(self) -> None:
        """The venue's record names a newer key set than the one held: ask for it now."""
        self._keys_wanted.set()

    # --- one stream ---------------------------------------------------------------------------------------------------

    async def _follow(self, stream: Stream) -> None:
        state = self._streams[stream]
        backoff = Backoff()
        while True:
            try:
                await self._subscribe(stream, state, backoff)
                state.error = "the cloud ended the stream"
            except FeedError as refused:
                state.error = self._refused(TITLES[stream], refused)
            except grpc.RpcError as problem:
                state.error = describe(problem)
                if isinstance(problem, grpc.Call) and problem.code() == grpc.StatusCode.FAILED_PRECONDITION:
                    # What this cursor needs is no longer kept: start anew. The stored one stays until then.
                    state.cursor = Cursor(generation=state.cursor.generation)
                    self._tell_current()
                    await self._heard()  # whether that is because the cloud came back from a backup
            except trio.TooSlowError:
                state.error = f"nothing came for {SILENCE_S:.0f} s"
            finally:
                state.online = False
            await trio.sleep(backoff.next_s())

    async def _subscribe(self, stream: Stream, state: StreamState, backoff: Backoff) -> None:
        """Follows a stream until it ends. Raises FeedError, grpc.RpcError, trio.TooSlowError."""
        if state.cursor.unswept:
            await self._sweep(state)
        call = self._stub.Subscribe(state.cursor.request(stream))
        try:
            while True:
                with trio.fail_after(SILENCE_S):
                    received = await self._receive(call)
                if received is None:
                    return
                if stream == BULK:
                    async with self._bulk_lock:
                        await self._take(stream, state, received)
                else:
                    await self._take(stream, state, received)
                state.online, state.error = True, ""
                backoff.reset()
        finally:
            call.cancel()

    async def _receive(self, call: Any) -> feed_pb2.FeedBatch | None:
        """The next batch, genuine. None: the stream ended. Raises FeedError, grpc.RpcError."""
        now_s = self._clock.now_ms() // 1000

        def receive() -> tuple[feed_pb2.FeedBatch | None, bool]:
            batch = next(call, None)
            return batch, batch is not None and self._genuine(batch, now_s)

        batch, genuine = await in_thread(receive)
        if batch is None or genuine:
            return batch
        await self._fetch_keys()  # it may be signed by a key of a set this edge has not seen yet
        if not self._genuine(batch, now_s):
            raise FeedError("feed.signature", f"no live feed key signed it (key {batch.key_id}, seq {batch.last_seq})")
        return batch

    def _genuine(self, batch: feed_pb2.FeedBatch, now_s: int) -> bool:
        """Whether a feed key that is live now signed the batch. Called in worker threads."""
        signed = feed_signing_bytes(
            venue_id=batch.venue_id, stream=batch.stream, kind=batch.kind, first_seq=batch.first_seq,
            last_seq=batch.last_seq, current_to_ms=batch.current_to_ms, generation=batch.generation,
            snapshot_end=batch.snapshot_end, ops=batch.ops,
        )  # fmt: skip
        return self._keys.verify_feed(batch.key_id, signed, batch.signature, now_s)

    async def _take(self, stream: Stream, state: StreamState, batch: feed_pb2.FeedBatch) -> None:
        """Applies one genuine batch. Raises FeedError: nothing moved."""
        after = cursors.advance(state.cursor, stream, self._keys.venue_id, batch)
        if after is None:
            return
        if batch.kind == feed_pb2.BATCH_KIND_DELTA and after.seq == state.cursor.seq:
            state.cursor = after  # a heartbeat: fresher, and nothing to keep but that, now and then
            self._tell_current()
            if stream == URGENT and after.current_to_ms >= self._kept_ms + KEEP_EVERY_MS:
                self._kept_ms = after.current_to_ms
                await self._commit(PutMeta([(NAMES[stream], after.pack())]))
            return
        if batch.kind == feed_pb2.BATCH_KIND_START:
            await self._forget_bulk()
        generation = cursors.stamp(stream, batch, self.state.bulk.cursor)
        recovering = self._standing.catching_up
        caught_up = recovering and bool(batch.snapshot_end)
        cursor = (NAMES[stream], after.pack())
        result = await self._commit(
            ApplyFeed(batch.ops, generation, self._edge_id, cursor, recovering=recovering, caught_up=caught_up)
        )
        if not isinstance(result, Committed):
            raise FeedError("feed.apply", result.reason if isinstance(result, Failed) else "the store has moved")
        state.cursor = after
        if stream == URGENT:
            self._kept_ms = after.current_to_ms
        if caught_up:
            self._standing.behind = ""
        self._tell_current()
        state.batches += 1
        state.rows += result.rows
        if result.live_changed:
            self._live_changed()
        if after.started:
            state.dirty = True
            self._ack_wanted.set()
        if batch.kind == feed_pb2.BATCH_KIND_START:
            self._urgent_started.set()
        if after.unswept:
            await self._sweep(state)

    async def start_anew(self, rebase: Rebase) -> None:
        """The store is an old copy: a snapshot is needed that is begun from now on. Raises FeedError."""
        self._bulk_scope.cancel()
        async with self._bulk_lock:
            if not isinstance(await self._commit(rebase), Committed):
                raise FeedError("feed.apply", "the store could not be marked as an old copy")
            self._standing.behind = rebase.why
            self.state.bulk.cursor = Cursor(generation=self.state.bulk.cursor.generation)
            self._tell_current()

    async def _forget_bulk(self) -> None:
        """Urgent starts anew: revocations may have been missed, so only a snapshot begun later is good enough.

        The bulk stream is cut, its cursor gone durably before START is, and it waits for START.
        """
        if self._urgent_started.is_set():
            self._urgent_started = trio.Event()
        self._bulk_scope.cancel()
        async with self._bulk_lock:
            bulk = self.state.bulk
            if not isinstance(await self._commit(PutMeta([(NAMES[BULK], None)])), Committed):
                raise FeedError("feed.apply", "the bulk cursor could not be put back")
            bulk.cursor = Cursor(generation=bulk.cursor.generation)
            self._tell_current()

    def _tell_current(self) -> None:
        bulk = self.state.bulk.cursor
        self._current_to(bulk.current_to_ms if bulk.started else 0)
        self._standing.current_to_ms = self.state.urgent.cursor.current_to_ms

    async def _sweep(self, state: StreamState) -> None:
        """After a whole snapshot: deletes entitlements it did not hold. Raises FeedError; it then goes on later."""
        generation = state.cursor.generation
        spare = self._environment.get(Table.META, sweep.SPARE) is not None
        async for rows in sweep.slices(self._environment, self._commit, generation, self._clock.now_ms, spare=spare):
            self.state.swept += 0 if spare else rows
            self.state.spared += rows if spare else 0
        swept = replace(state.cursor, unswept=False)
        rows_kept = [(NAMES[BULK], swept.pack()), (sweep.SPARE, None)]
        if isinstance(await self._commit(PutMeta(rows_kept)), Committed):
            state.cursor = swept

    async def _commit(self, work: Work) -> Result:
        """Queues a work and waits for it, through a cancel too: memory and store must agree."""
        box: list[Result] = []
        ready = trio.Event()

        def done(result: Result) -> None:
            box.append(result)
            ready.set()

        while not self._committer.submit(work, done):
            await trio.sleep(0.05)  # admissions have filled the queue
        with trio.CancelScope(shield=True):
            await ready.wait()
        return box[0]

    # --- acks and keys ------------------------------------------------------------------------------------------------

    async def _ack_forever(self) -> None:
        """Tells the cloud what is applied; many batches make one ack when it is slow."""
        backoff = Backoff()
        while True:
            await self._ack_wanted.wait()
            self._ack_wanted = trio.Event()
            for stream, state in self._streams.items():
                if not state.dirty:
                    continue
                state.dirty = False
                seq = state.cursor.seq
                ack = feed_pb2.FeedAck(
                    stream=stream, seq=seq, applied_at_ms=self._clock.now_ms(), generation=state.cursor.generation
                )
                try:
                    await in_thread(partial(self._stub.Ack, ack, timeout=CALL_TIMEOUT_S))
                    state.acked = seq
                    backoff.reset()
                except grpc.RpcError:
                    state.dirty = True
                    self._ack_wanted.set()
                    await trio.sleep(backoff.next_s())

    async def _keys_forever(self) -> None:
        """A newer key set when the venue's record names one, and now and then besides."""
        while True:
            self._keys_wanted = trio.Event()
            try:
                await self._fetch_keys()
            except grpc.RpcError as problem:
                self.state.keys_error = describe(problem)
            except FeedError as refused:
                self._refused("keys", refused)
            await trio.sleep(0.5)
            with trio.move_on_after(KEYS_EVERY_S if self._keys_known.is_set() else 0):
                await self._keys_wanted.wait()

    async def _fetch_keys(self) -> None:
        """Raises grpc.RpcError, and FeedError for a set that is not to be trusted: the one held stays."""
        request = feed_pb2.KeySetRequest(have_version=self._keys.version)
        reply = await in_thread(lambda: self._stub.GetKeySet(request, timeout=CALL_TIMEOUT_S))
        try:
            newer = bool(reply.payload) and self._keys.offer(reply.payload, reply.signature)
        except KeySetError as refused:
            self.state.keys_error = str(refused)
            if self._keys.version:
                self._keys_known.set()  # what is held goes on being good
            raise FeedError(refused.code, str(refused)) from None
        if newer:
            await self._commit(PutMeta([(KEYSET, keyring.pack_stored(reply.payload, reply.signature))]))
            self._keys_changed()
        self.state.keys_error = ""
        if self._keys.version:
            self._keys_known.set()

    def _refused(self, title: str, refused: FeedError) -> str:
        """Counts it, has it journalled; what health says of it."""
        self.state.refused[refused.code] = self.state.refused.get(refused.code, 0) + 1
        self._alarm(refused.code, f"{title}: {refused}")
        return f"{refused.code}: {refused}"
