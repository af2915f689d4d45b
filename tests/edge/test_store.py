"""Opening the store: a broken one is kept, and what its journal still says goes on in the new one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge import journal, store
from edge.errors import StartError
from edge.journal import Tail
from paifang.records import Table, entry_hash
from tests.support.journal import Journal

MAP_MB = 8


def written(core: ModuleType, state: Path, entries: int, change: Callable[[Any, list[bytes]], None]) -> list[bytes]:
    """A store whose journal has entries 5 .. (those before were acked), changed before it was closed."""
    book = Journal(7, seq=4, last_hash=entry_hash(b"the fourth"))
    rows = [book.write() for _ in range(entries)]
    environment = core.Environment(str(state / "store"), MAP_MB << 20)
    txn = environment.begin()
    for seq, row in enumerate(rows, 5):
        txn.put(Table.JOURNAL, journal.seq_key(seq), row)
    txn.put(Table.META, journal.LAST, Tail(4 + entries, entry_hash(rows[-1])).pack())
    change(txn, rows)
    txn.commit()
    environment.close()
    return rows


def reopened(core: ModuleType, state: Path) -> tuple[store.Opened, list[bytes], Tail]:
    """What a start finds, with the journal it then has; and that the next start finds nothing wrong."""
    opened = store.open_store(core, state, MAP_MB)
    rows = [row for _, row in opened.environment.scan(Table.JOURNAL, b"", 100)]
    tail = journal.stored_tail(opened.environment)
    opened.environment.close()
    again = store.open_store(core, state, MAP_MB)
    assert again.instead is None
    again.environment.close()
    return opened, rows, tail


def test_a_good_store_is_opened_as_it_is(core: ModuleType, tmp_path: Path) -> None:
    rows = written(core, tmp_path, 3, lambda txn, rows: None)
    opened, kept, tail = reopened(core, tmp_path)
    assert opened.instead is None
    assert (kept, tail.seq) == (rows, 7)


def test_entries_before_a_lost_end_are_taken_over_verbatim(core: ModuleType, tmp_path: Path) -> None:
    rows = written(core, tmp_path, 10, lambda txn, rows: txn.delete(Table.JOURNAL, journal.seq_key(14)))
    before = int(time.time()) * 1000
    opened, kept, tail = reopened(core, tmp_path)
    assert kept == rows[:-1]
    assert tail.seq >= before  # numbers go on far above
    assert tail.hash == bytes(32)
    assert opened.instead is not None
    assert (opened.instead.kept_in / "data.mdb").exists()
    assert not (tmp_path / "store.new").exists()
    assert "9 journal entries taken over, up to 13: what it had not told the cloud after them" in str(opened.instead)


def test_an_altered_last_entry_is_left_where_it_is(core: ModuleType, tmp_path: Path) -> None:
    def alter(txn: Any, rows: list[bytes]) -> None:
        txn.put(Table.JOURNAL, journal.seq_key(14), rows[-1] + b"\x50\x01")  # still an Entry, of another hash

    rows = written(core, tmp_path, 10, alter)
    _, kept, _ = reopened(core, tmp_path)
    assert kept == rows[:-1]


@pytest.mark.parametrize("damage", ["altered", "missing", "misplaced"])
def test_nothing_behind_a_break_is_taken_over(core: ModuleType, tmp_path: Path, damage: str) -> None:
    def alter(txn: Any, rows: list[bytes]) -> None:
        if damage == "missing":
            txn.delete(Table.JOURNAL, journal.seq_key(8))
        else:
            txn.put(Table.JOURNAL, journal.seq_key(8), b"\xff" if damage == "altered" else rows[4])
        txn.delete(Table.JOURNAL, journal.seq_key(14))

    rows = written(core, tmp_path, 10, alter)
    _, kept, _ = reopened(core, tmp_path)
    assert kept == rows[:3]


def test_a_whole_journal_goes_on_without_a_gap(
    core: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damage is in another table, so it is LMDB that cannot open the store."""
    rows = written(core, tmp_path, 10, lambda txn, rows: None)
    real, told = core.Environment, []

    def damaged(path: str, size: int) -> Any:
        if path.endswith("store") and not told:
            told.append(path)
            raise store.StoreError("MDB_CORRUPTED: Located page was wrong type", -30796)
        return real(path, size)

    monkeypatch.setattr(core, "Environment", damaged)
    opened, kept, tail = reopened(core, tmp_path)
    assert (kept, tail) == (rows, Tail(14, entry_hash(rows[-1])))
    assert opened.instead is not None
    assert "its journal is whole, 10 entries taken over" in str(opened.instead)


def test_noise_for_a_file(core: ModuleType, tmp_path: Path) -> None:
    written(core, tmp_path, 3, lambda txn, rows: None)
    (tmp_path / "store" / "data.mdb").write_bytes(b"noise" * 10_000)
    opened, kept, tail = reopened(core, tmp_path)
    assert kept == []
    assert tail.seq > 1_000_000_000_000
    assert opened.instead is not None
    assert "what its journal had not told the cloud yet is there" in str(opened.instead)


def test_a_file_that_was_cut_short(core: ModuleType, tmp_path: Path) -> None:
    """In a process of its own: to read a page that is not there is the end of it (SIGBUS)."""

    def fill(txn: Any, rows: list[bytes]) -> None:
        for number in range(2000):
            txn.put(Table.USAGE, number.to_bytes(12, "big"), bytes(48))

    written(core, tmp_path, 10, fill)
    data = tmp_path / "store" / "data.mdb"
    os.truncate(data, data.stat().st_size // 8192 * 4096)
    code = (
        "from pathlib import Path; from edge import store, verifier; "
        f"print(store.open_store(verifier.load({core.IMPLEMENTATION!r}), Path({str(tmp_path)!r}), {MAP_MB}).instead)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "MDB_CORRUPTED: Located page was wrong type; kept in store.broken-" in done.stdout


def test_a_start_cut_off_between_the_two_renames(core: ModuleType, tmp_path: Path) -> None:
    rows = written(core, tmp_path, 3, lambda txn, rows: None)
    (tmp_path / "store").rename(tmp_path / "store.new")
    _, kept, _ = reopened(core, tmp_path)
    assert kept == rows


def test_a_place_that_cannot_hold_a_store(core: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StartError, match=r"the store in .* cannot be opened"):
        store.open_store(core, tmp_path, MAP_MB)
