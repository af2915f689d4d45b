"""The store under the verifier: reads, writes, ranges, ownership, and what it does when it is full or closed."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import verifier
from edge._store_common import DATABASES
from paifang.records import Table

MAP_FULL = -30792
BAD_DBI = -30780
BAD_VALSIZE = -30781
MAP = 1 << 22


@pytest.fixture
def environment(core: ModuleType, tmp_path: Path) -> Iterator[Any]:
    environment = core.Environment(str(tmp_path / "store"), MAP)
    yield environment
    environment.close()


def put(environment: Any, table: int, *rows: tuple[bytes, bytes]) -> None:
    txn = environment.begin()
    for key, value in rows:
        txn.put(table, key, value)
    txn.commit()


def test_names_of_databases_never_change() -> None:
    assert DATABASES == {
        1: b"entitlement", 2: b"index", 3: b"others", 4: b"ruleset", 5: b"station", 6: b"device", 7: b"venue",
        8: b"daykey",
        16: b"usage", 17: b"journal", 18: b"open", 19: b"meta", 20: b"claim",
    }  # fmt: skip
    assert set(DATABASES) == set(Table)


class TestRows:
    def test_what_is_committed_is_read(self, environment: Any) -> None:
        assert environment.get(Table.META, b"k") is None
        txn = environment.begin()
        txn.put(Table.META, b"k", b"v")
        assert txn.get(Table.META, b"k") == b"v"
        assert txn.get(Table.META, b"other") is None
        assert environment.get(Table.META, b"k") is None
        txn.commit()
        assert environment.get(Table.META, b"k") == b"v"
        assert environment.get(Table.OPEN, b"k") is None

    def test_what_is_aborted_is_not_there(self, environment: Any) -> None:
        txn = environment.begin()
        txn.put(Table.META, b"k", b"v")
        txn.abort()
        txn.abort()
        assert environment.get(Table.META, b"k") is None
        put(environment, Table.META, (b"k", b"w"))
        assert environment.get(Table.META, b"k") == b"w"

    def test_a_value_is_replaced_and_deleted(self, environment: Any) -> None:
        put(environment, Table.META, (b"k", b"v"), (b"k", b""))
        assert environment.get(Table.META, b"k") == b""
        txn = environment.begin()
        assert txn.delete(Table.META, b"k") is True
        assert txn.delete(Table.META, b"k") is False
        txn.commit()
        assert environment.get(Table.META, b"k") is None

    def test_rows_are_counted_and_the_last_is_found(self, environment: Any) -> None:
        assert (environment.last(Table.JOURNAL), environment.entries(Table.JOURNAL)) == (None, 0)
        put(environment, Table.JOURNAL, *((n.to_bytes(8, "big"), b"entry %d" % n) for n in range(1, 301)))
        assert environment.entries(Table.JOURNAL) == 300
        assert environment.last(Table.JOURNAL) == ((300).to_bytes(8, "big"), b"entry 300")
        txn = environment.begin()
        txn.put(Table.JOURNAL, (301).to_bytes(8, "big"), b"entry 301")
        assert txn.last(Table.JOURNAL) == ((301).to_bytes(8, "big"), b"entry 301")
        assert txn.last(Table.OPEN) is None
        txn.abort()

    def test_a_journal_row_out_of_order_is_kept_too(self, environment: Any) -> None:
        put(environment, Table.JOURNAL, (b"b", b"1"), (b"a", b"2"), (b"b", b"3"), (b"c", b"4"))
        assert environment.scan(Table.JOURNAL, b"", 10) == [(b"a", b"2"), (b"b", b"3"), (b"c", b"4")]

    @pytest.mark.parametrize("table", [0, 9, 21, 31, 32, -1, 1000])
    def test_a_table_that_is_not_there_is_refused(self, core: ModuleType, environment: Any, table: int) -> None:
        txn = environment.begin()
        for call in (environment.get, txn.get, txn.delete):
            with pytest.raises(core.StoreError, match=f"no table {table}") as caught:
                call(table, b"k")
            assert caught.value.code == BAD_DBI
        txn.abort()

    @pytest.mark.parametrize("key", [b"", b"k" * 512])
    def test_a_key_lmdb_cannot_hold_is_refused(self, core: ModuleType, environment: Any, key: bytes) -> None:
        txn = environment.begin()
        with pytest.raises(core.StoreError) as caught:
            txn.put(Table.META, key, b"v")
        assert caught.value.code == BAD_VALSIZE
        txn.abort()


class TestScans:
    ROWS = tuple((b"%c%d" % (letter, n), b"v" * n) for letter in b"abc" for n in range(3))

    @pytest.fixture
    def reader(self, environment: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
        put(environment, Table.OPEN, *self.ROWS)
        if request.param == "environment":
            yield environment
        else:
            txn = environment.begin()
            yield txn
            txn.abort()

    both = pytest.mark.parametrize("reader", ["environment", "txn"], indirect=True)

    @both
    def test_from_a_key_on(self, reader: Any) -> None:
        assert reader.scan(Table.OPEN, b"", 99) == list(self.ROWS)
        assert reader.scan(Table.OPEN, b"b1", 99) == list(self.ROWS[4:])
        assert reader.scan(Table.OPEN, b"b11", 2) == list(self.ROWS[5:7])
        assert reader.scan(Table.OPEN, b"d", 99) == []
        assert reader.scan(Table.OPEN, b"", 0) == []
        assert reader.scan(Table.META, b"", 99) == []

    @both
    def test_within_a_prefix(self, reader: Any) -> None:
        assert reader.scan(Table.OPEN, b"", 99, prefix=b"b") == list(self.ROWS[3:6])
        assert reader.scan(Table.OPEN, b"b1", 99, prefix=b"b") == list(self.ROWS[4:6])
        assert reader.scan(Table.OPEN, b"a0", 1, prefix=b"b") == [self.ROWS[3]]
        assert reader.scan(Table.OPEN, b"c", 99, prefix=b"b") == []

    @both
    def test_within_a_budget_but_at_least_one(self, reader: Any) -> None:
        assert reader.scan(Table.OPEN, b"b2", 99, max_bytes=0) == [self.ROWS[5]]
        assert reader.scan(Table.OPEN, b"b1", 99, max_bytes=3) == list(self.ROWS[4:7])
        assert reader.scan(Table.OPEN, b"b1", 99, 4) == list(self.ROWS[4:8])

    @given(
        rows=st.dictionaries(st.binary(min_size=1, max_size=4), st.binary(max_size=9), max_size=30),
        start=st.binary(max_size=4), limit=st.integers(0, 40), max_bytes=st.integers(0, 90),
        prefix=st.binary(max_size=2),
    )  # fmt: skip
    def test_both_stores_scan_alike(
        self, tmp_path_factory: pytest.TempPathFactory, rows: dict[bytes, bytes], start: bytes, limit: int,
        max_bytes: int, prefix: bytes,
    ) -> None:  # fmt: skip
        found = []
        for name in verifier.MODULES:
            environment = verifier.load(name).Environment(str(tmp_path_factory.mktemp("store")), MAP)
            put(environment, Table.META, *rows.items())
            found.append(environment.scan(Table.META, start, limit, max_bytes, prefix))
            environment.close()
        assert found[0] == found[1]


class TestDeleteRange:
    @pytest.mark.parametrize(
        ("start", "end", "limit", "left"),
        [
            (b"", b"\xff", 9999, []),
            (b"", b"\xff", 100, range(100, 1000)),
            ((10).to_bytes(2, "big"), (990).to_bytes(2, "big"), 9999, [*range(10), *range(990, 1000)]),
            (b"\0\x0a\0", (12).to_bytes(2, "big"), 9999, [*range(11), *range(12, 1000)]),
            ((5).to_bytes(2, "big"), (5).to_bytes(2, "big"), 9999, range(1000)),
            ((5).to_bytes(2, "big"), b"\0\x05\0", 9999, [*range(5), *range(6, 1000)]),
            ((9).to_bytes(2, "big"), (5).to_bytes(2, "big"), 9999, range(1000)),
            ((9).to_bytes(2, "big"), (99).to_bytes(2, "big"), 0, range(1000)),
            ((5000).to_bytes(2, "big"), b"\xff", 9999, range(1000)),
        ],
    )
    def test_deletes_what_lies_between(self, environment: Any, start: bytes, end: bytes, limit: int, left: Any) -> None:
        put(environment, Table.JOURNAL, *((n.to_bytes(2, "big"), b"e" * 60) for n in range(1000)))
        txn = environment.begin()
        assert txn.delete_range(Table.JOURNAL, start, end, limit) == 1000 - len(left)
        txn.commit()
        assert [int.from_bytes(key, "big") for key, _ in environment.scan(Table.JOURNAL, b"", 9999)] == list(left)


class TestTransactions:
    def test_only_one_is_open_at_a_time(self, core: ModuleType, environment: Any) -> None:
        txn = environment.begin()
        with pytest.raises(core.StoreError, match="already open"):
            environment.begin()
        txn.commit()
        environment.begin().abort()

    @pytest.mark.parametrize("end", ["commit", "abort"])
    def test_an_ended_one_does_nothing_more(self, core: ModuleType, environment: Any, end: str) -> None:
        txn = environment.begin()
        getattr(txn, end)()
        other = environment.begin()
        calls = [
            lambda: txn.get(Table.META, b"k"), lambda: txn.put(Table.META, b"k", b"v"), txn.commit,
            lambda: txn.delete(Table.META, b"k"), lambda: txn.scan(Table.META, b"", 1), lambda: txn.last(Table.META),
            lambda: txn.delete_range(Table.META, b"", b"z", 1), lambda: txn.apply(b"", 1, 1),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(core.StoreError, match="has ended"):
                call()
        txn.abort()
        other.put(Table.META, b"k", b"still open")
        other.commit()
        assert environment.get(Table.META, b"k") == b"still open"

    def test_one_left_open_is_aborted(self, environment: Any) -> None:
        txn = environment.begin()
        txn.put(Table.META, b"k", b"v")
        del txn
        gc.collect()
        put(environment, Table.META, (b"other", b"w"))
        assert environment.get(Table.META, b"k") is None

    def test_closing_the_store_aborts_it(self, core: ModuleType, tmp_path: Path) -> None:
        environment = core.Environment(str(tmp_path), MAP)
        txn = environment.begin()
        txn.put(Table.META, b"k", b"v")
        environment.close()
        with pytest.raises(core.StoreError):
            txn.put(Table.META, b"k", b"v")
        with pytest.raises(core.StoreError):
            txn.commit()
        txn.abort()
        again = core.Environment(str(tmp_path), MAP)
        assert again.get(Table.META, b"k") is None
        again.close()

    def test_it_belongs_to_its_thread(self, core: ModuleType, environment: Any) -> None:
        txn = environment.begin()
        caught: list[Exception] = []

        def elsewhere() -> None:
            for call in (lambda: txn.put(Table.META, b"k", b"v"), txn.commit, txn.abort):
                try:
                    call()
                except core.StoreError as problem:
                    caught.append(problem)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert [str(problem) for problem in caught] == ["the transaction belongs to another thread"] * 3
        txn.put(Table.META, b"k", b"w")
        txn.commit()
        assert environment.get(Table.META, b"k") == b"w"

    def test_reads_go_on_while_another_thread_commits(self, environment: Any) -> None:
        put(environment, Table.META, (b"a", b"0" * 8), (b"b", b"0" * 8))
        done = threading.Event()

        def write() -> None:
            for n in range(200):
                value = b"%08d" % n
                put(environment, Table.META, (b"a", value), (b"b", value))
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        seen = []
        while not done.is_set():
            rows = dict(environment.scan(Table.META, b"", 9))
            assert rows[b"a"] == rows[b"b"]
            seen.append(environment.get(Table.META, b"a"))
        thread.join()
        assert seen == sorted(seen)
        assert environment.get(Table.META, b"a") == b"00000199"


def fill(txn: Any) -> None:
    for n in range(1000):
        txn.put(Table.JOURNAL, n.to_bytes(8, "big"), b"e" * 1000)


class TestFull:
    def test_a_full_map_is_told_by_its_code_and_loses_nothing(self, core: ModuleType, tmp_path: Path) -> None:
        environment = core.Environment(str(tmp_path), 1 << 18)
        put(environment, Table.META, (b"k", b"v"))
        txn = environment.begin()
        with pytest.raises(core.StoreError) as caught:
            fill(txn)
        assert caught.value.code == MAP_FULL
        assert "MDB_MAP_FULL" in str(caught.value)
        with pytest.raises(core.StoreError):
            txn.commit()
        assert (environment.entries(Table.JOURNAL), environment.get(Table.META, b"k")) == (0, b"v")
        put(environment, Table.META, (b"k", b"w"))
        assert environment.get(Table.META, b"k") == b"w"
        environment.close()

    def test_freed_pages_are_not_in_use(self, environment: Any) -> None:
        empty = environment.used_permille()
        put(environment, Table.JOURNAL, *((n.to_bytes(8, "big"), b"e" * 1000) for n in range(1000)))
        assert empty < 20 < 240 < environment.used_permille() < 350
        txn = environment.begin()
        txn.delete_range(Table.JOURNAL, b"", b"\xff", 1000)
        txn.commit()
        assert environment.used_permille() == empty

    def test_a_reader_does_not_keep_pages_from_being_used_again(self, environment: Any) -> None:
        for n in range(300):
            put(environment, Table.META, (b"k", b"%d" % n * 8000))
            environment.get(Table.META, b"k")
        assert environment.get(Table.META, b"k") == b"299" * 8000

    def test_both_count_the_same_pages(self, tmp_path: Path) -> None:
        counted = []
        for name in verifier.MODULES:
            environment = verifier.load(name).Environment(str(tmp_path / "one"), MAP)
            if not counted:
                put(environment, Table.INDEX, *((n.to_bytes(8, "big"), b"e" * 900) for n in range(900)))
            counted.append((environment.used_permille(), environment.entries(Table.INDEX)))
            environment.close()
        assert counted[0] == counted[1]
        assert counted[0][0] > 200
