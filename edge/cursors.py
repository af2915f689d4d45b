"""Where the edge stands in a feed stream, and what a batch does to that. Pure: no I/O, no clock.

A cursor lives in META beside the rows it speaks of and is written in the same transaction as they are, so
after any crash the stream goes on exactly where it stopped; an unfinished snapshot is resumed after its last key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgpack

from edge.errors import FeedError
from paifang.records import RECORD_GENERATION_OFFSET, Record, unpack_ops
from paifang.v1 import feed_pb2

if TYPE_CHECKING:
    from paifang.v1.feed_pb2 import Stream

URGENT = feed_pb2.STREAM_URGENT
BULK = feed_pb2.STREAM_BULK
NAMES = {URGENT: b"cursor.urgent", BULK: b"cursor.bulk"}  # rows of META
TITLES = {URGENT: "urgent", BULK: "bulk"}

# Stamped into records that an urgent batch writes while no snapshot has begun: the next sweep spares them,
# for the snapshot may hold an older revision of the same record and would then leave the stamp alone.
SPARED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one stream.

    Attributes:
        started: there is a sequence to go on from; False: START or a snapshot is needed.
        seq: last sequence applied.
        generation: of the last snapshot begun; 0 before the first.
        base_seq: bulk sequence that snapshot began at.
        after: (table, key) of the last row applied of an unfinished snapshot; None: none is unfinished.
        unswept: the snapshot is whole, records of older generations may still be there.
        current_to_ms: everything committed in the cloud before this instant has been applied.
    """

    started: bool = False
    seq: int = 0
    generation: int = 0
    base_seq: int = 0
    after: tuple[int, bytes] | None = None
    unswept: bool = False
    current_to_ms: int = 0

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb(
            (
                1, self.started, self.seq, self.generation, self.base_seq, self.after, self.unswept,
                self.current_to_ms,
            )
        )  # fmt: skip
        return packed

    @classmethod
    def unpack(cls, data: bytes | None) -> Cursor:
        """What META holds; anything unreadable is no cursor: the stream then starts anew."""
        if not data:
            return cls()
        try:
            version, started, seq, generation, base_seq, after, unswept, current_to_ms = msgpack.unpackb(data)
            after = tuple(after) if after else None
        except (ValueError, TypeError, msgpack.UnpackException):
            return cls()
        if version != 1:
            return cls()
        return cls(started, seq, generation, base_seq, after, unswept, current_to_ms)

    def request(self, stream: Stream) -> feed_pb2.SubscribeRequest:
        """How to go on from here."""
        if self.started:
            return feed_pb2.SubscribeRequest(stream=stream, has_cursor=True, cursor=self.seq)
        if self.after is None:
            return feed_pb2.SubscribeRequest(stream=stream)
        table, key = self.after
        return feed_pb2.SubscribeRequest(
            stream=stream, generation=self.generation, base_seq=self.base_seq, after_table=table, after_key=key
        )


def advance(cursor: Cursor, stream: Stream, venue_id: int, batch: feed_pb2.FeedBatch) -> Cursor | None:
    """The cursor after a batch whose signature is good. None: its rows were applied before, or it is out of date.

    Raises:
        FeedError: feed.venue, feed.stream, feed.start, feed.gap, feed.snapshot or feed.malformed.
    """
    if batch.venue_id != venue_id:
        raise FeedError("feed.venue", f"a batch of venue {batch.venue_id}; this edge belongs to venue {venue_id}")
    if batch.stream != stream:
        raise FeedError("feed.stream", f"a batch of stream {batch.stream} in stream {stream}")
    if batch.kind == feed_pb2.BATCH_KIND_START:
        return _start(cursor, stream, batch)
    if batch.kind == feed_pb2.BATCH_KIND_DELTA:
        return _delta(cursor, batch)
    if batch.kind == feed_pb2.BATCH_KIND_SNAPSHOT and stream == BULK:
        return _snapshot(cursor, batch)
    raise FeedError("feed.malformed", f"a batch of kind {batch.kind} in the {TITLES[stream]} stream")


def _start(cursor: Cursor, stream: Stream, batch: feed_pb2.FeedBatch) -> Cursor:
    if cursor.started or stream != URGENT or batch.ops:
        raise FeedError("feed.start", f"a start at {batch.last_seq} that nobody asked for")
    return Cursor(started=True, seq=batch.last_seq, current_to_ms=batch.current_to_ms)


def _delta(cursor: Cursor, batch: feed_pb2.FeedBatch) -> Cursor | None:
    if not cursor.started:
        raise FeedError("feed.gap", f"rows {batch.first_seq}..{batch.last_seq} before a start or a whole snapshot")
    if batch.last_seq < batch.first_seq:  # a heartbeat
        if batch.ops:
            raise FeedError("feed.malformed", "a heartbeat with rows")
        if batch.last_seq > cursor.seq:
            raise FeedError("feed.gap", f"a heartbeat at {batch.last_seq}, rows are held up to {cursor.seq}")
        if batch.last_seq < cursor.seq or batch.current_to_ms <= cursor.current_to_ms:
            return None
        return replace(cursor, current_to_ms=batch.current_to_ms)
    if batch.last_seq <= cursor.seq:
        return None
    if batch.first_seq != cursor.seq + 1:
        raise FeedError("feed.gap", f"rows {batch.first_seq}..{batch.last_seq} after row {cursor.seq}")
    return replace(cursor, seq=batch.last_seq, current_to_ms=max(batch.current_to_ms, cursor.current_to_ms))


def _snapshot(cursor: Cursor, batch: feed_pb2.FeedBatch) -> Cursor | None:
    if cursor.started:
        raise FeedError("feed.snapshot", f"a snapshot of generation {batch.generation} that nobody asked for")
    if not 0 < batch.generation < SPARED:
        raise FeedError("feed.malformed", f"a snapshot of generation {batch.generation}")
    going_on = cursor.after is not None and cursor.generation == batch.generation
    if going_on and cursor.base_seq != batch.last_seq:
        raise FeedError(
            "feed.snapshot", f"generation {batch.generation} began at {cursor.base_seq}, not {batch.last_seq}"
        )
    if batch.generation < cursor.generation:
        raise FeedError("feed.snapshot", f"generation {batch.generation} after {cursor.generation}")
    after = cursor.after if going_on else None
    first, last = span(batch.ops)
    if after is not None and first is not None and first <= after:
        return None
    if batch.snapshot_end:
        return Cursor(
            started=True, seq=batch.last_seq, generation=batch.generation, base_seq=batch.last_seq,
            unswept=True, current_to_ms=batch.current_to_ms,
        )  # fmt: skip
    return Cursor(generation=batch.generation, base_seq=batch.last_seq, after=last or after or (0, b""))


def span(ops: bytes) -> tuple[tuple[int, bytes] | None, tuple[int, bytes] | None]:
    """First and last (table, key) of feed operations; (None, None) when there are none. Raises FeedError."""
    first = last = None
    try:
        for op in unpack_ops(ops):
            last = (int(op.table), op.key)
            first = first or last
    except ValueError as problem:
        raise FeedError("feed.malformed", str(problem)) from None
    return first, last


def stamp(stream: Stream, batch: feed_pb2.FeedBatch, bulk: Cursor) -> int:
    """The generation that records of a batch are stamped with."""
    if batch.kind == feed_pb2.BATCH_KIND_SNAPSHOT:
        return int(batch.generation)
    if stream == URGENT and bulk.after is None and not bulk.started:
        return SPARED
    return bulk.generation


def spared(record: bytes) -> bytes:
    """An entitlement record that sweeps leave alone until it ends."""
    at = RECORD_GENERATION_OFFSET
    return record[:at] + SPARED.to_bytes(4, "little") + record[at + 4 :]


def is_stale(record: bytes, generation: int, now_s: int) -> bool:
    """Whether a sweep after the snapshot of that generation deletes this entitlement record."""
    stamped = int.from_bytes(record[RECORD_GENERATION_OFFSET : RECORD_GENERATION_OFFSET + 4], "little")
    if stamped == SPARED:
        return Record.unpack(record).not_after < now_s
    return stamped != generation
