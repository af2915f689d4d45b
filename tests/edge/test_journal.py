"""The journal's chain: each entry holds the hash of the one before, and nothing can be taken out or changed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import journal
from edge.errors import ChainError
from edge.journal import START, Tail, Writer
from paifang.records import Table, entry_hash
from paifang.v1 import scan_pb2
from tests.support.entrance import EDGE_ID, MAP_BYTES, NOW_MS

EPOCH = b"epoch..1"


def alarm(text: str) -> scan_pb2.Alarm:
    return scan_pb2.Alarm(code="test", detail=text)


def append(environment: object, count: int, epoch: bytes = EPOCH) -> None:
    txn = environment.begin()  # type: ignore[attr-defined]
    writer = Writer(txn, EDGE_ID, epoch)
    for number in range(count):
        writer.append(NOW_MS + number, scan_pb2.CLOCK_STATE_CONFIRMED, alarm(str(number)))
    writer.finish()
    txn.commit()


def stored(environment: object) -> list[bytes]:
    return [value for _, value in environment.scan(Table.JOURNAL, b"", 1 << 20)]  # type: ignore[attr-defined]


def chain(details: list[str]) -> list[bytes]:
    entries: list[bytes] = []
    tail = START
    for detail in details:
        entry = scan_pb2.Entry(seq=tail.seq + 1, prev_hash=tail.hash, epoch=EPOCH, alarm=alarm(detail))
        entries.append(entry.SerializeToString())
        tail = Tail(tail.seq + 1, entry_hash(entries[-1]))
    return entries


def test_the_first_entry(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    append(environment, 1)
    [data] = stored(environment)
    entry = scan_pb2.Entry.FromString(data)
    assert entry == scan_pb2.Entry(
        edge_id=EDGE_ID, epoch=EPOCH, seq=1, prev_hash=bytes(32), at_ms=NOW_MS,
        clock=scan_pb2.CLOCK_STATE_CONFIRMED, alarm=alarm("0"),
    )  # fmt: skip
    assert environment.get(Table.META, b"journal.last") == (1).to_bytes(8, "big") + entry_hash(data)
    environment.close()


def test_the_chain_goes_on_over_transactions_and_epochs(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    append(environment, 3)
    append(environment, 2, epoch=b"epoch..2")
    entries = stored(environment)
    assert [scan_pb2.Entry.FromString(entry).seq for entry in entries] == [1, 2, 3, 4, 5]
    assert [scan_pb2.Entry.FromString(entry).epoch for entry in entries] == [EPOCH] * 3 + [b"epoch..2"] * 2
    assert journal.verify(entries, START) == Tail(5, entry_hash(entries[4])) == journal.stored_tail(environment)
    environment.close()


def test_an_aborted_transaction_leaves_the_chain_where_it_was(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    append(environment, 1)
    before = journal.stored_tail(environment)
    txn = environment.begin()
    writer = Writer(txn, EDGE_ID, EPOCH)
    assert writer.append(NOW_MS, 1, alarm("never")) == 2
    writer.finish()
    txn.abort()
    assert journal.stored_tail(environment) == before
    environment.close()


def test_a_store_whose_journal_was_cut_is_refused(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    append(environment, 3)
    txn = environment.begin()
    txn.delete(Table.JOURNAL, journal.seq_key(3))
    txn.commit()
    with pytest.raises(ChainError, match=r"the journal ends with entry 2, but META journal.last says 3"):
        journal.stored_tail(environment)
    environment.close()


def test_a_trimmed_journal_keeps_its_tail(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    append(environment, 3)
    before = journal.stored_tail(environment)
    txn = environment.begin()
    assert txn.delete_range(Table.JOURNAL, b"", journal.seq_key(4), 100) == 3
    txn.commit()
    assert journal.stored_tail(environment) == before
    append(environment, 1)
    [entry] = stored(environment)
    assert journal.verify([entry], before).seq == 4
    environment.close()


def test_no_journal_at_all(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    assert journal.stored_tail(environment) == START
    assert journal.verify([]) == START
    environment.close()


def test_a_tail_of_another_length_is_refused() -> None:
    with pytest.raises(ChainError, match="39 bytes, not 40"):
        Tail.unpack(bytes(39))


@given(st.lists(st.text(max_size=8), min_size=2, max_size=12), st.data())
def test_any_altered_bit_breaks_the_chain(details: list[str], data: st.DataObject) -> None:
    entries = chain(details)
    tail = journal.verify(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    bit = data.draw(st.integers(0, len(entries[place]) * 8 - 1))
    entry = bytearray(entries[place])
    entry[bit // 8] ^= 1 << bit % 8
    entries[place] = bytes(entry)
    try:
        assert journal.verify(entries, START) != tail
    except ChainError:
        return
    assert place == len(entries) - 1  # only the tail itself tells an altered last entry


@given(st.lists(st.text(max_size=8), min_size=3, max_size=12), st.data())
def test_an_entry_taken_out_or_moved_breaks_the_chain(details: list[str], data: st.DataObject) -> None:
    entries = chain(details)
    place = data.draw(st.integers(0, len(entries) - 2))
    with pytest.raises(ChainError):
        journal.verify(entries[:place] + entries[place + 1 :], START)
    entries[place], entries[place + 1] = entries[place + 1], entries[place]
    with pytest.raises(ChainError):
        journal.verify(entries, START)


def test_what_is_not_an_entry_is_named() -> None:
    with pytest.raises(ChainError, match="what follows entry 2 is not a journal entry"):
        journal.verify([*chain(["a", "b"]), b"\xff\xff"])
