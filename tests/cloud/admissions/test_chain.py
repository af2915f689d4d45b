"""The sorting of a batch, on its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud.admissions.chain import Chain, judge, positions
from cloud.admissions.decode import decode
from paifang.v1 import scan_pb2
from tests.support.journal import Journal

EDGE = 7


def test_positions_are_what_most_entries_say() -> None:
    journal = Journal(EDGE, seq=9)
    raws = [journal.boot(), journal.garbage(), journal.write(seq=3, boot=scan_pb2.Boot()), journal.boot()]
    assert positions([decode(raw) for raw in raws], expected=1) == [10, 11, 12, 13]


def test_unreadable_batches_go_where_they_are_expected() -> None:
    assert positions([decode(b"\xff"), decode(b"\xfe\xff")], expected=5) == [5, 6]


@given(
    size=st.integers(1, 40),
    cuts=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=8),
    garbage=st.sets(st.integers(0, 39), max_size=5),
)
def test_any_overlapping_retries_take_each_entry_once(
    size: int, cuts: list[tuple[int, int]], garbage: set[int]
) -> None:
    """However an honest edge cuts and repeats its uploads, each readable entry is taken once, in order."""
    journal = Journal(EDGE)
    raws = [journal.garbage(bytes([255, at])) if at in garbage else journal.boot() for at in range(size)]
    chain, taken, known, acked = Chain(), [], {}, 0
    uploads = [(max(0, min(at, acked)), length) for at, length in cuts] + [(0, size)]
    for at, length in uploads:
        at = min(at, acked)
        items = [decode(raw) for raw in raws[at : at + length]]
        seqs = [at + 1 + place for place in range(len(items))]
        judged = judge(items, seqs, EDGE, chain, known)
        for item in judged.taken:
            assert item.entry is not None
            known[item.entry.epoch, item.entry.seq] = item.entry_hash
            taken.append(item.raw)
        assert {kept.why for kept in judged.aside} <= {"unreadable"}
        acked = max(acked, seqs[-1])
    assert taken == [raw for at, raw in enumerate(raws) if at not in garbage]
    assert (chain.seq, chain.last_hash) == (size, journal.last_hash)


@given(st.binary(max_size=300))
def test_decode_never_raises(raw: bytes) -> None:
    item = decode(raw)
    assert (item.entry is None) == bool(item.problem)


@given(st.data())
def test_decode_survives_any_change_of_a_byte(data: st.DataObject) -> None:
    raw = bytearray(Journal(EDGE).admit(2**62, persons=4))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    item = decode(bytes(raw))
    assert (item.entry is None) == bool(item.problem)
