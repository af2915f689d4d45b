"""Signed feed batches of the numbered rows, and heartbeats. Everything here is within the venue's scope."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from cloud.entitlements import keys
from cloud.entitlements.keys import Signer
from cloud.entitlements.models import FeedRow
from cloud.entitlements.sequencer import head
from cloud.venues.models import Venue
from paifang.records import feed_signing_bytes, unpack_ops
from paifang.v1 import feed_pb2

MAX_OPS = 128  # a gate applies a batch in one transaction beside its admissions


class CursorTooOldError(Exception):
    """The rows after this cursor were trimmed (or never were): only a snapshot helps."""


class CursorAheadError(CursorTooOldError):
    """The cursor is ahead of all that was numbered: the cloud's database came back from a backup."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Signs batches of one venue. Holds a key: renew it now and then (keys rotate and are killed)."""

    venue_id: int
    signer: Signer

    @classmethod
    def of(cls, venue: Venue) -> Sealer:
        return cls(venue.pk, keys.feed_signer(venue))

    def seal(
        self,
        stream: int,
        kind: int,
        *,
        first_seq: int,
        last_seq: int,
        current_to_ms: int,
        ops: bytes = b"",
        generation: int = 0,
        snapshot_end: bool = False,
    ) -> feed_pb2.FeedBatch:
        signed = feed_signing_bytes(
            venue_id=self.venue_id,
            stream=stream,
            kind=kind,
            first_seq=first_seq,
            last_seq=last_seq,
            current_to_ms=current_to_ms,
            generation=generation,
            snapshot_end=snapshot_end,
            ops=ops,
        )
        return feed_pb2.FeedBatch(
            venue_id=self.venue_id,
            stream=stream,  # type: ignore[arg-type]
            kind=kind,  # type: ignore[arg-type]
            first_seq=first_seq,
            last_seq=last_seq,
            current_to_ms=current_to_ms,
            generation=generation,
            snapshot_end=snapshot_end,
            ops=ops,
            key_id=self.signer.key_id,
            signature=self.signer.sign(signed),
        )

    def heartbeat(self, stream: int, seq: int, current_to_ms: int) -> feed_pb2.FeedBatch:
        """No rows: only says up to which instant a gate that is at `seq` knows everything."""
        return self.seal(
            stream, feed_pb2.BATCH_KIND_DELTA, first_seq=seq + 1, last_seq=seq, current_to_ms=current_to_ms
        )

    def start(self, stream: int, seq: int, current_to_ms: int) -> feed_pb2.FeedBatch:
        """Sets the cursor of a stream that had none."""
        return self.seal(stream, feed_pb2.BATCH_KIND_START, first_seq=0, last_seq=seq, current_to_ms=current_to_ms)


def delta(
    venue: Venue, sealer: Sealer, stream: int, after_seq: int, *, current: tuple[int, int], limit: int = MAX_OPS
) -> feed_pb2.FeedBatch:
    """The next batch after a cursor; a heartbeat when there is nothing more.

    A batch holds whole rows, as many as make at most `limit` operations (one row at least).

    Args:
        current: (seq, instant in Unix ms): everything committed before the instant is at or before seq. A
            batch that reaches seq says so; one that does not says 0: it cannot know how much lies between.

    Raises:
        CursorTooOldError: the rows after the cursor are gone, or the cursor is ahead of all that was numbered
            (the cloud's database was restored): the gate must take a snapshot.
    """
    parts, last = _rows(venue, stream, after_seq, limit)
    if not parts and check_cursor(venue, stream, after_seq):
        parts, last = _rows(venue, stream, after_seq, limit)  # numbered since the first look?
        if not parts:
            raise CursorTooOldError(f"the row after {after_seq} is gone")
    known_to, instant = current
    return sealer.seal(
        stream,
        feed_pb2.BATCH_KIND_DELTA,
        first_seq=after_seq + 1,
        last_seq=last,
        current_to_ms=instant if last >= known_to else 0,
        ops=b"".join(parts),
    )


def _rows(venue: Venue, stream: int, after_seq: int, limit: int) -> tuple[list[bytes], int]:
    """The operations of the rows right after a number, and the number of the last of them."""
    rows = FeedRow.objects.filter(venue=venue, stream=stream, seq__gt=after_seq).order_by("seq")
    parts: list[bytes] = []
    count, last = 0, after_seq
    for seq, ops in rows.values_list("seq", "ops")[:limit]:
        raw = bytes(ops)
        if seq != last + 1:
            break
        more = sum(1 for _ in islice(unpack_ops(raw), limit + 1))
        if parts and count + more > limit:
            break
        parts.append(raw)
        count, last = count + more, seq
    return parts, last


def check_cursor(venue: Venue, stream: int, seq: int) -> bool:
    """Whether rows follow `seq`. Raises CursorTooOldError where the stream cannot be continued from there."""
    now = head(venue, stream)
    if seq < now.trimmed_to:
        raise CursorTooOldError(f"the rows after {seq} were trimmed up to {now.trimmed_to}")
    if seq > now.seq:
        raise CursorAheadError(f"the cursor {seq} is ahead of the last number given, {now.seq}")
    return seq < now.seq
