"""Signed batches: whole rows, in order, honest about time."""

from __future__ import annotations

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from cloud.entitlements import keys
from cloud.entitlements.batches import CursorTooOldError, Sealer, check_cursor, delta
from cloud.entitlements.models import FeedHead, FeedRow, SigningKey
from cloud.entitlements.sequencer import number_waiting
from cloud.venues.models import Venue
from paifang.records import Op, Table, feed_signing_bytes, pack_ops, unpack_ops
from paifang.v1 import feed_pb2
from paifang.v1.feed_pb2 import BATCH_KIND_DELTA, STREAM_BULK, FeedBatch


@pytest.fixture
def sealer(venue: Venue) -> Sealer:
    keys.ensure_venue_keys(venue)
    return Sealer.of(venue)


def publish(venue: Venue, *sizes: int) -> list[Op]:
    """Rows of so many operations each, numbered; all the operations."""
    written = []
    for size in sizes:
        ops = [Op(Table.INDEX, len(written + [0] * at).to_bytes(25, "big"), b"1234") for at in range(size)]
        FeedRow.objects.create(venue=venue, stream=STREAM_BULK, ops=pack_ops(ops))
        written += ops
    number_waiting(venue)
    return written


def signed(batch: FeedBatch) -> bytes:
    return feed_signing_bytes(
        venue_id=batch.venue_id,
        stream=batch.stream,
        kind=batch.kind,
        first_seq=batch.first_seq,
        last_seq=batch.last_seq,
        current_to_ms=batch.current_to_ms,
        generation=batch.generation,
        snapshot_end=batch.snapshot_end,
        ops=batch.ops,
    )


def test_a_batch_holds_whole_rows_up_to_the_limit(venue: Venue, sealer: Sealer) -> None:
    ops = publish(venue, 100, 27, 1, 1, 128)
    first = delta(venue, sealer, STREAM_BULK, 0, current=(5, 1000))
    second = delta(venue, sealer, STREAM_BULK, first.last_seq, current=(5, 1000))
    third = delta(venue, sealer, STREAM_BULK, second.last_seq, current=(5, 1000))
    assert [(b.first_seq, b.last_seq, b.current_to_ms) for b in (first, second, third)] == [
        (1, 3, 0),
        (4, 4, 0),
        (5, 5, 1000),
    ]
    assert [*unpack_ops(first.ops), *unpack_ops(second.ops), *unpack_ops(third.ops)] == ops


def test_a_row_larger_than_the_limit_goes_alone(venue: Venue, sealer: Sealer) -> None:
    publish(venue, 1, 300, 1)
    assert [delta(venue, sealer, STREAM_BULK, at, current=(3, 1)).last_seq for at in (0, 1, 2)] == [1, 2, 3]


def test_nothing_new_is_a_heartbeat(venue: Venue, sealer: Sealer) -> None:
    publish(venue, 1)
    beat = delta(venue, sealer, STREAM_BULK, 1, current=(1, 77))
    assert (beat.kind, beat.first_seq, beat.last_seq, beat.current_to_ms, beat.ops) == (BATCH_KIND_DELTA, 2, 1, 77, b"")
    same = sealer.heartbeat(STREAM_BULK, 1, 77)
    assert same == beat


def test_the_feed_key_signs_every_field(venue: Venue, sealer: Sealer) -> None:
    publish(venue, 2)
    batch = delta(venue, sealer, STREAM_BULK, 0, current=(1, 77))
    row = SigningKey.objects.get(venue=venue, purpose=SigningKey.Purpose.FEED)
    public = VerifyKey(bytes(row.public))
    assert batch.key_id == row.key_id
    public.verify(signed(batch), batch.signature)
    changes: list[dict[str, object]] = [
        {"venue_id": batch.venue_id + 1}, {"stream": feed_pb2.STREAM_URGENT}, {"kind": feed_pb2.BATCH_KIND_SNAPSHOT},
        {"first_seq": 2}, {"last_seq": 2}, {"current_to_ms": 78}, {"generation": 1}, {"snapshot_end": True},
        {"ops": batch.ops[:-1] + b"x"},
    ]  # fmt: skip
    for change in changes:
        tampered = FeedBatch()
        tampered.CopyFrom(batch)
        for name, value in change.items():
            setattr(tampered, name, value)
        with pytest.raises(BadSignatureError):
            public.verify(signed(tampered), tampered.signature)


def test_a_cursor_that_cannot_be_continued(venue: Venue, sealer: Sealer) -> None:
    publish(venue, 1, 1, 1)
    assert (check_cursor(venue, STREAM_BULK, 0), check_cursor(venue, STREAM_BULK, 3)) == (True, False)
    with pytest.raises(CursorTooOldError, match="ahead of the last number given, 3"):
        check_cursor(venue, STREAM_BULK, 4)
    FeedRow.objects.filter(seq__lte=2).delete()
    with pytest.raises(CursorTooOldError, match="the row after 1 is gone"):
        delta(venue, sealer, STREAM_BULK, 1, current=(3, 1))
    FeedHead.objects.update(trimmed_to=2)
    with pytest.raises(CursorTooOldError, match="trimmed up to 2"):
        delta(venue, sealer, STREAM_BULK, 1, current=(3, 1))
    assert delta(venue, sealer, STREAM_BULK, 2, current=(3, 1)).last_seq == 3
