"""What a batch does to a cursor, without a wire."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cursors import BULK, SPARED, URGENT, Cursor, advance, is_stale, span, stamp
from edge.errors import FeedError
from paifang.records import Op, Record, Table, entitlement_key, pack_ops
from paifang.v1 import feed_pb2

VENUE = 5
AT_10 = Cursor(started=True, seq=10, generation=3, current_to_ms=1000)

seqs = st.integers(0, 2**63)
cursors = st.builds(
    Cursor, st.booleans(), seqs, seqs, seqs, st.none() | st.tuples(st.integers(0, 255), st.binary(max_size=25)),
    st.booleans(), seqs,
)  # fmt: skip


def rows(*numbers: int) -> bytes:
    return pack_ops(Op(Table.ENTITLEMENT, entitlement_key(number), None) for number in numbers)


def delta(first: int, last: int, **more: object) -> feed_pb2.FeedBatch:
    return feed_pb2.FeedBatch(
        venue_id=VENUE,
        stream=BULK,
        kind=feed_pb2.BATCH_KIND_DELTA,
        first_seq=first,
        last_seq=last,
        **more,  # type: ignore[arg-type]
    )


def snapshot(generation: int, base: int, ops: bytes, *, end: bool = False) -> feed_pb2.FeedBatch:
    return feed_pb2.FeedBatch(
        venue_id=VENUE, stream=BULK, kind=feed_pb2.BATCH_KIND_SNAPSHOT, generation=generation, last_seq=base, ops=ops,
        snapshot_end=end,
    )  # fmt: skip


def refusal(cursor: Cursor, batch: feed_pb2.FeedBatch) -> str:
    with pytest.raises(FeedError) as caught:
        advance(cursor, BULK, VENUE, batch)
    return caught.value.code


@given(cursors)
def test_stored_and_read(cursor: Cursor) -> None:
    assert Cursor.unpack(cursor.pack()) == cursor


@given(st.binary(max_size=40) | st.recursive(st.none() | seqs, st.lists, max_leaves=12).map(msgpack.packb))
def test_anything_else_is_no_cursor(data: bytes) -> None:
    assert isinstance(Cursor.unpack(data), Cursor)


def test_no_bytes_and_another_version() -> None:
    assert Cursor.unpack(None) == Cursor()
    assert Cursor.unpack(msgpack.packb((2, True, 5, 0, 0, None, False, 0))) == Cursor()


def test_contiguous_rows_move_it() -> None:
    assert advance(AT_10, BULK, VENUE, delta(11, 12, ops=rows(1), current_to_ms=2000)) == Cursor(
        started=True, seq=12, generation=3, current_to_ms=2000
    )


def test_rows_that_do_not_say_how_current_they_are() -> None:
    after = advance(AT_10, BULK, VENUE, delta(11, 12, ops=rows(1)))
    assert after is not None
    assert after.current_to_ms == 1000


@pytest.mark.parametrize(("first", "last"), [(1, 10), (10, 10), (5, 9)])
def test_rows_applied_before_change_nothing(first: int, last: int) -> None:
    assert advance(AT_10, BULK, VENUE, delta(first, last, ops=rows(1))) is None


@pytest.mark.parametrize(("first", "last"), [(12, 13), (10, 11), (1, 11), (13, 11)])
def test_a_gap_or_an_overlap_is_refused(first: int, last: int) -> None:
    ops = rows(1) if last >= first else b""
    assert refusal(AT_10, delta(first, last, ops=ops)) == "feed.gap"


def test_heartbeats() -> None:
    fresher = advance(AT_10, BULK, VENUE, delta(11, 10, current_to_ms=1500))
    assert fresher is not None
    assert (fresher.seq, fresher.current_to_ms) == (10, 1500)
    assert advance(AT_10, BULK, VENUE, delta(11, 10, current_to_ms=900)) is None
    assert advance(AT_10, BULK, VENUE, delta(10, 9, current_to_ms=1500)) is None
    assert refusal(AT_10, delta(11, 10, ops=rows(1))) == "feed.malformed"
    assert refusal(Cursor(), delta(1, 0)) == "feed.gap"


def test_a_snapshot_from_first_to_last_slice() -> None:
    first = advance(Cursor(), BULK, VENUE, snapshot(4, 20, rows(1, 2)))
    assert first == Cursor(generation=4, base_seq=20, after=(1, entitlement_key(2)))
    assert advance(first, BULK, VENUE, snapshot(4, 20, rows(1, 2))) is None
    assert advance(first, BULK, VENUE, snapshot(4, 20, rows(2, 3))) is None
    last = advance(first, BULK, VENUE, snapshot(4, 20, rows(3), end=True))
    assert last == Cursor(started=True, seq=20, generation=4, base_seq=20, unswept=True)


def test_an_empty_venue() -> None:
    assert advance(Cursor(), BULK, VENUE, snapshot(4, 0, b"", end=True)) == Cursor(
        started=True, generation=4, unswept=True
    )


def test_snapshots_that_do_not_fit() -> None:
    unfinished = Cursor(generation=4, base_seq=20, after=(1, entitlement_key(2)))
    assert refusal(AT_10, snapshot(4, 20, rows(1))) == "feed.snapshot"
    assert refusal(unfinished, snapshot(4, 21, rows(3))) == "feed.snapshot"
    assert refusal(unfinished, snapshot(3, 20, rows(3))) == "feed.snapshot"
    assert refusal(Cursor(), snapshot(0, 20, rows(3))) == "feed.malformed"
    assert refusal(Cursor(), snapshot(SPARED, 20, rows(3))) == "feed.malformed"
    assert refusal(Cursor(), snapshot(4, 20, rows(3)[:-1])) == "feed.malformed"
    newer = advance(unfinished, BULK, VENUE, snapshot(5, 30, rows(1)))
    assert newer == Cursor(generation=5, base_seq=30, after=(1, entitlement_key(1)))


def test_how_each_cursor_asks() -> None:
    asked = Cursor().request(URGENT)
    assert (asked.has_cursor, asked.generation) == (False, 0)
    asked = AT_10.request(BULK)
    assert (asked.has_cursor, asked.cursor, asked.generation) == (True, 10, 0)
    asked = Cursor(generation=4, base_seq=20, after=(1, b"k")).request(BULK)
    assert (asked.has_cursor, asked.generation, asked.base_seq, asked.after_table, asked.after_key) == (
        False, 4, 20, 1, b"k",
    )  # fmt: skip


def test_which_generation_is_stamped() -> None:
    unfinished = Cursor(generation=4, after=(1, b""))
    assert stamp(BULK, snapshot(9, 0, b""), Cursor()) == 9
    assert stamp(URGENT, delta(1, 1), Cursor(generation=3)) == SPARED
    assert stamp(URGENT, delta(1, 1), unfinished) == 4
    assert stamp(URGENT, delta(1, 1), AT_10) == 3
    assert stamp(BULK, delta(1, 1), AT_10) == 3


def test_what_a_sweep_takes() -> None:
    def record(generation: int, not_after: int = 100) -> bytes:
        return Record(1, 1, 5, 0, not_after, bytes(16), generation=generation).pack()

    assert is_stale(record(3), 4, 50)
    assert not is_stale(record(4), 4, 50)
    assert not is_stale(record(SPARED), 4, 100)
    assert is_stale(record(SPARED), 4, 101)


def test_span() -> None:
    assert span(b"") == (None, None)
    assert span(rows(3, 4, 9)) == ((1, entitlement_key(3)), (1, entitlement_key(9)))
