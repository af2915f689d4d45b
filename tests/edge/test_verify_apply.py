"""WriteTxn.apply: the feed's operations, revisions, generations, and everything malformed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import verifier
from paifang import records
from paifang.records import Device, Op, Record, Station, Table, VenueSettings, pack_ops
from paifang.rulesets import RULESET_BYTES, Hours, RuleSet, Span
from paifang.usage import USAGE_1_BYTES, Usage, others_key
from tests.support.budget import budget
from tests.support.gatekit import ENTITLEMENT, GROUP, OTHER_EDGE, OWN_EDGE, PRODUCT, RECORD


def of_version_1(usage: Usage) -> bytes:
    """The layout before this one: read, never written."""
    return b"\1" + usage.pack()[1:USAGE_1_BYTES]


KEY = records.entitlement_key(ENTITLEMENT)
RULES = RuleSet().pack()
FULL_RULES = RuleSet(hours=(Hours(1, 2),) * 64, dates=(Span(1, 2),) * 64, blackout=(Span(3, 4),) * 64).pack()
DAY_KEY = bytes(range(32))
USAGE_1 = of_version_1(Usage(revision=2, total=1))
STATION = Station(GROUP, True, False, (PRODUCT, PRODUCT + 1)).pack()
DEVICE = Device(1, True, "lane-1").pack()
NARROWED = Device(1, True, "lane-1", (PRODUCT, PRODUCT + 1)).pack()
VENUE = VenueSettings("Asia/Shanghai", 0, {1: ("西门", "West gate")}).pack()
INDEX_KEY = records.index_key(4, bytes(16), ENTITLEMENT)
OTHERS_KEY = others_key(ENTITLEMENT, GROUP, OTHER_EDGE)


@pytest.fixture
def environment(core: ModuleType, tmp_path: Path) -> Iterator[Any]:
    environment = core.Environment(str(tmp_path), 1 << 24)
    yield environment
    environment.close()


def apply(environment: Any, *ops: Op, generation: int = 1) -> tuple[int, bool]:
    txn = environment.begin()
    result: tuple[int, bool] = txn.apply(pack_ops(ops), generation, OWN_EDGE)
    txn.commit()
    return result


def stored(environment: Any) -> Record:
    return Record.unpack(environment.get(Table.ENTITLEMENT, KEY))


def test_rows_of_every_table_are_written(environment: Any) -> None:
    live = records.live_key(9)
    ops = [
        Op(Table.ENTITLEMENT, KEY, RECORD.pack()), Op(Table.INDEX, INDEX_KEY, bytes(4)),
        Op(Table.OTHERS, OTHERS_KEY, Usage(total=1).pack()), Op(Table.RULESET, live, RULES),
        Op(Table.STATION, live, STATION), Op(Table.DEVICE, live, DEVICE), Op(Table.VENUE, live, VENUE),
        Op(Table.DAYKEY, live, DAY_KEY),
    ]  # fmt: skip
    assert apply(environment, *ops, generation=7) == (8, True)
    for op in ops[1:]:
        assert environment.get(op.table, op.key) == op.value
    assert stored(environment) == replace(RECORD, generation=7)
    assert apply(environment) == (0, False)


@pytest.mark.parametrize(
    ("table", "key", "value", "live"),
    [
        (Table.ENTITLEMENT, KEY, RECORD.pack(), False), (Table.INDEX, INDEX_KEY, bytes(4), False),
        (Table.OTHERS, OTHERS_KEY, Usage().pack(), False), (Table.RULESET, bytes(4), RULES, True),
        (Table.STATION, bytes(4), STATION, True), (Table.DEVICE, bytes(4), DEVICE, True),
        (Table.VENUE, bytes(4), VENUE, True), (Table.DAYKEY, bytes(4), DAY_KEY, True),
        (Table.OTHERS, OTHERS_KEY, USAGE_1, False), (Table.RULESET, bytes(4), FULL_RULES, True),
    ],
)  # fmt: skip
def test_a_row_is_written_and_deleted(environment: Any, table: Table, key: bytes, value: bytes, live: bool) -> None:
    assert apply(environment, Op(table, key, value)) == (1, live)
    assert apply(environment, Op(table, key, None)) == (1, live)
    assert environment.get(table, key) is None
    assert apply(environment, Op(table, key, None)) == (0, False)


class TestRevisions:
    def test_the_highest_wins_and_an_equal_one_is_written_again(self, environment: Any) -> None:
        def write(revision: int, generation: int, persons: int) -> int:
            record = replace(RECORD, revision=revision, persons=persons)
            return apply(environment, Op(Table.ENTITLEMENT, KEY, record.pack()), generation=generation)[0]

        assert write(5, 1, 1) == 1
        assert write(4, 2, 2) == 0
        assert (stored(environment).revision, stored(environment).generation, stored(environment).persons) == (5, 1, 1)
        assert write(5, 3, 3) == 1
        assert (stored(environment).revision, stored(environment).generation, stored(environment).persons) == (5, 3, 3)
        assert write(2**31 + 5, 4, 4) == 1
        assert write(2**31 + 4, 5, 5) == 0
        assert stored(environment).persons == 4

    def test_siblings_usage_likewise(self, environment: Any) -> None:
        for revision, total, written in ((2, 1, 1), (1, 9, 0), (2, 3, 1), (3, 4, 1)):
            row = Op(Table.OTHERS, OTHERS_KEY, Usage(revision=revision, total=total).pack())
            assert apply(environment, row) == (written, False)
        assert environment.get(Table.OTHERS, OTHERS_KEY) == Usage(revision=3, total=4).pack()

    def test_across_the_versions_of_their_layout(self, environment: Any) -> None:
        def write(value: bytes) -> int:
            return apply(environment, Op(Table.OTHERS, OTHERS_KEY, value))[0]

        assert [write(of_version_1(Usage(revision=5))), write(Usage(revision=4).pack())] == [1, 0]
        assert [write(Usage(revision=6).pack()), write(of_version_1(Usage(revision=5)))] == [1, 0]
        assert write(of_version_1(Usage(revision=6))) == 1

    def test_within_one_batch_too(self, environment: Any) -> None:
        rows = [Op(Table.ENTITLEMENT, KEY, replace(RECORD, revision=r).pack()) for r in (1, 3, 2)]
        assert apply(environment, *rows) == (2, False)
        assert stored(environment).revision == 3

    def test_other_tables_take_what_comes_last(self, environment: Any) -> None:
        apply(environment, Op(Table.INDEX, INDEX_KEY, b"\x09\0\0\0"), Op(Table.INDEX, INDEX_KEY, b"\x01\0\0\0"))
        assert environment.get(Table.INDEX, INDEX_KEY) == b"\x01\0\0\0"

    def test_a_stored_value_of_an_unknown_layout_is_replaced(self, environment: Any) -> None:
        for damaged in (b"", b"\2" + replace(RECORD, revision=99).pack()[1:], b"\1" * 200):
            txn = environment.begin()
            txn.put(Table.ENTITLEMENT, KEY, damaged)
            txn.commit()
            assert apply(environment, Op(Table.ENTITLEMENT, KEY, RECORD.pack())) == (1, False)


def test_our_own_usage_is_never_written_by_the_feed(environment: Any) -> None:
    own = others_key(ENTITLEMENT, GROUP, OWN_EDGE)
    assert apply(environment, Op(Table.OTHERS, own, Usage(revision=9).pack())) == (0, False)
    assert environment.get(Table.OTHERS, own) is None
    assert apply(environment, Op(Table.OTHERS, own, None)) == (0, False)


def raw_op(table: int, put: int, key: bytes, value: bytes) -> bytes:
    return bytes((table, put)) + len(key).to_bytes(2, "little") + len(value).to_bytes(4, "little") + key + value


GOOD_OP = raw_op(Table.ENTITLEMENT, 1, KEY, RECORD.pack())
MALFORMED = {
    "a header cut short": GOOD_OP[:7],
    "a value cut short": GOOD_OP[:-1],
    "a key cut short": GOOD_OP[:12],
    "a byte too many": GOOD_OP + b"\0",
    "a table the feed has not": raw_op(Table.USAGE, 1, KEY, Usage().pack()),
    "a journal row": raw_op(Table.JOURNAL, 1, KEY, b"entry"),
    "table 0": raw_op(0, 1, KEY, b"v"),
    "table 9": raw_op(9, 1, KEY, b"v"),
    "table 15": raw_op(15, 1, KEY, b"v"),
    "table 255": raw_op(255, 1, KEY, b"v"),
    "neither put nor delete": raw_op(Table.ENTITLEMENT, 2, KEY, RECORD.pack()),
    "a delete with a value": raw_op(Table.ENTITLEMENT, 0, KEY, b"v"),
    "a value of 4 GB": GOOD_OP[:4] + b"\xff\xff\xff\xff" + GOOD_OP[8:],
    "a key of 64 kB": GOOD_OP[:2] + b"\xff\xff" + GOOD_OP[4:],
    "an entitlement key too short": raw_op(Table.ENTITLEMENT, 1, KEY[1:], RECORD.pack()),
    "an entitlement key too long": raw_op(Table.ENTITLEMENT, 1, KEY + b"\0", RECORD.pack()),
    "an empty key": raw_op(Table.VENUE, 1, b"", VENUE),
    "an index key of another length": raw_op(Table.INDEX, 1, INDEX_KEY[1:], bytes(4)),
    "an others key of another length": raw_op(Table.OTHERS, 1, OTHERS_KEY[1:], Usage().pack()),
    "a live key of another length": raw_op(Table.DEVICE, 1, bytes(8), DEVICE),
    "a delete with a key of another length": raw_op(Table.ENTITLEMENT, 0, bytes(4), b""),
    "a record of another version": raw_op(Table.ENTITLEMENT, 1, KEY, b"\2" + RECORD.pack()[1:]),
    "a record of another length": raw_op(Table.ENTITLEMENT, 1, KEY, RECORD.pack()[:-1]),
    "an empty record": raw_op(Table.ENTITLEMENT, 1, KEY, b""),
    "an index value of another length": raw_op(Table.INDEX, 1, INDEX_KEY, bytes(5)),
    "a usage of another version": raw_op(Table.OTHERS, 1, OTHERS_KEY, b"\3" + Usage().pack()[1:]),
    "a usage of the first version's number": raw_op(Table.OTHERS, 1, OTHERS_KEY, b"\1" + Usage().pack()[1:]),
    "a usage of the first version's length": raw_op(Table.OTHERS, 1, OTHERS_KEY, b"\2" + USAGE_1[1:]),
    "an empty usage": raw_op(Table.OTHERS, 1, OTHERS_KEY, b""),
    "a usage of another length": raw_op(Table.OTHERS, 1, OTHERS_KEY, Usage().pack() + b"\0"),
    "a rule set cut short": raw_op(Table.RULESET, 1, bytes(4), RULES[: RULESET_BYTES - 1]),
    "a rule set without its rows": raw_op(Table.RULESET, 1, bytes(4), FULL_RULES[:RULESET_BYTES]),
    "a rule set whose last row is cut short": raw_op(Table.RULESET, 1, bytes(4), FULL_RULES[:-1]),
    "a rule set with more than its rows": raw_op(Table.RULESET, 1, bytes(4), FULL_RULES + bytes(8)),
    "a rule set with a row it does not count": raw_op(Table.RULESET, 1, bytes(4), RULES + bytes(6)),
    "a rule set of 65 rows": raw_op(Table.RULESET, 1, bytes(4), RULES[:43] + b"\x41\0\0" + bytes(6 * 65)),
    "a rule set with another activation": raw_op(Table.RULESET, 1, bytes(4), RULES[:42] + b"\3\0\0\0"),
    "a rule set of another version": raw_op(Table.RULESET, 1, bytes(4), b"\1" + RULES[1:]),
    "an empty rule set": raw_op(Table.RULESET, 1, bytes(4), b""),
    "a key of the day cut short": raw_op(Table.DAYKEY, 1, bytes(4), DAY_KEY[1:]),
    "a key of the day too long": raw_op(Table.DAYKEY, 1, bytes(4), DAY_KEY + b"\0"),
    "a key of the day without a day": raw_op(Table.DAYKEY, 1, b"", DAY_KEY),
    "a station cut short": raw_op(Table.STATION, 1, bytes(4), STATION[:-1]),
    "a station with more than its products": raw_op(Table.STATION, 1, bytes(4), STATION + b"\0\0\0\0"),
    "a station that counts 2**30 products": raw_op(Table.STATION, 1, bytes(4), STATION[:8] + b"\0\0\0\x40"),
    "a station of another version": raw_op(Table.STATION, 1, bytes(4), b"\2" + STATION[1:]),
    "a device cut short": raw_op(Table.DEVICE, 1, bytes(4), DEVICE[:7]),
    "a device whose name is not text": raw_op(Table.DEVICE, 1, bytes(4), DEVICE + b"\xff"),
    "a device of another version": raw_op(Table.DEVICE, 1, bytes(4), b"\3" + DEVICE[1:]),
    "a narrowed device without its products": raw_op(Table.DEVICE, 1, bytes(4), NARROWED[:15]),
    "a narrowed device whose name is not text": raw_op(Table.DEVICE, 1, bytes(4), NARROWED + b"\xff"),
    "an empty venue": raw_op(Table.VENUE, 1, bytes(4), b""),
}


@pytest.mark.parametrize("damage", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_operations_write_nothing(environment: Any, damage: bytes) -> None:
    txn = environment.begin()
    with pytest.raises(ValueError, match="feed operations"):
        txn.apply(GOOD_OP + damage, 1, OWN_EDGE)
    assert [txn.scan(table, b"", 1) for table in Table] == [[]] * len(Table)
    txn.abort()


def test_a_header_cut_short_is_told_as_that(environment: Any) -> None:
    txn = environment.begin()
    for size in range(1, 8):
        with pytest.raises(ValueError, match="cut short"):
            txn.apply(GOOD_OP + GOOD_OP[:size], 1, OWN_EDGE)
    txn.abort()


@pytest.mark.parametrize("generation", [-1, 2**32])
def test_a_generation_that_does_not_fit_is_refused(environment: Any, generation: int) -> None:
    txn = environment.begin()
    with pytest.raises(ValueError, match="generation"):
        txn.apply(GOOD_OP, generation, OWN_EDGE)
    txn.abort()


def test_a_full_map_is_told(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path / "small"), 1 << 18)
    rows = [Op(Table.ENTITLEMENT, records.entitlement_key(n), RECORD.pack()) for n in range(5000)]
    txn = environment.begin()
    with pytest.raises(core.StoreError) as caught:
        txn.apply(pack_ops(rows), 1, OWN_EDGE)
    assert caught.value.code == -30792
    txn.abort()
    assert environment.entries(Table.ENTITLEMENT) == 0
    environment.close()


some_ops = st.lists(
    st.builds(
        raw_op,
        st.sampled_from([*range(10), 16, 255]),
        st.sampled_from([0, 1, 1, 1, 2]),
        st.sampled_from([KEY, INDEX_KEY, OTHERS_KEY, others_key(ENTITLEMENT, GROUP, OWN_EDGE), bytes(4), b""]),
        st.sampled_from([
            b"", RECORD.pack(), replace(RECORD, revision=9).pack(), bytes(4), Usage().pack(),
            Usage(revision=4, total=2).pack(), RULES, FULL_RULES, STATION, STATION[:-4], DEVICE, VENUE,
            NARROWED, NARROWED[:15], DAY_KEY, USAGE_1, b"\1",
        ]),
    ),
    max_size=6,
)  # fmt: skip
matching_ops = st.lists(
    st.one_of(
        st.builds(
            lambda revision, put: raw_op(1, put, KEY, replace(RECORD, revision=revision).pack() if put else b""),
            st.integers(0, 5), st.integers(0, 1),
        ),
        st.builds(
            lambda edge, usage: raw_op(3, 1, others_key(ENTITLEMENT, GROUP, edge), usage.pack()),
            st.integers(1, 3), st.builds(Usage, revision=st.integers(0, 4), total=st.integers(0, 9)),
        ),
        st.builds(
            lambda edge, usage: raw_op(3, 1, others_key(ENTITLEMENT, GROUP, edge), of_version_1(usage)),
            st.integers(1, 3), st.builds(Usage, revision=st.integers(0, 4), total=st.integers(0, 9)),
        ),
        st.builds(lambda n, value: raw_op(5, 1, records.live_key(n), value), st.integers(0, 3), st.just(STATION)),
    ),
    max_size=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    pair = [verifier.load(name).Environment(str(tmp_path_factory.mktemp(name)), 1 << 24) for name in verifier.MODULES]
    yield pair
    for environment in pair:
        environment.close()


class TestBothAlike:
    def outcome(self, environment: Any, batches: list[bytes]) -> list[Any]:
        said: list[Any] = []
        for generation, batch in enumerate(batches, start=1):
            txn = environment.begin()
            try:
                said.append(txn.apply(batch, generation, OWN_EDGE))
                txn.commit()
            except ValueError:
                said.append("refused")
                txn.abort()
        txn = environment.begin()
        said.append([txn.scan(table, b"", 999) for table in Table])
        for table in Table:
            txn.delete_range(table, b"", b"\xff" * 30, 9999)
        txn.commit()
        return said

    @given(batches=st.lists(st.one_of(some_ops, matching_ops).map(b"".join), min_size=1, max_size=4))
    def test_on_any_operations(self, pair: list[Any], batches: list[bytes]) -> None:
        compiled, twin = (self.outcome(environment, batches) for environment in pair)
        assert compiled == twin

    @given(data=st.data())
    def test_on_damaged_operations(self, pair: list[Any], data: st.DataObject) -> None:
        batch = bytearray(b"".join(data.draw(matching_ops)) or GOOD_OP)
        for _ in range(budget(3, 6)):
            batch[data.draw(st.integers(0, len(batch) - 1))] = data.draw(st.integers(0, 255))
        del batch[data.draw(st.integers(1, len(batch))) :]
        compiled, twin = (self.outcome(environment, [bytes(batch)]) for environment in pair)
        assert compiled == twin
