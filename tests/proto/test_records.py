"""Layouts: what is packed comes back, other versions are refused, and the bytes of the wire do not drift."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang import records
from paifang.records import (
    FEED_TABLES,
    LIVE_TABLES,
    Device,
    KeySet,
    Op,
    PublicKey,
    Record,
    RecordFlag,
    State,
    Station,
    Table,
    VenueSettings,
)
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import Usage, others_key, usage_key

u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
records_ = st.builds(
    Record, revision=u32, ruleset_id=u32, product_class=u32, not_before=u32, not_after=u32,
    digest=st.binary(min_size=16, max_size=16), state=st.sampled_from(State), flags=st.integers(0, 7).map(RecordFlag),
    persons=u16, uses=u32, slot_from=u32, slot_to=u32, zones=u16, owner_id=u64,
    identity=st.binary(min_size=16, max_size=16), activated_at=u32, generation=u32,
)  # fmt: skip
usages = st.builds(
    Usage, revision=u32, total=u32, month=u32, month_count=u32, day=u32, day_count=u32, last_station=u32,
    last_device=u32, last_ms=st.integers(-(2**63), 2**63 - 1), flags=st.integers(0, 255),
)  # fmt: skip
VALUES = st.one_of(
    records_,
    usages,
    st.builds(
        RuleSet, uses_per_group=u32, flags=st.integers(0, 63).map(RuleFlag), media=u16, uses_total=u32, uses_month=u32,
        uses_day=u32, reentry_gap_s=u32, more=st.dictionaries(st.text(max_size=5), u32, max_size=3),
    ),
    st.builds(
        Station, group_id=u32, enabled=st.booleans(), exit=st.booleans(),
        products=st.sets(u32, max_size=9).map(lambda numbers: tuple(sorted(numbers))),
    ),
    st.builds(Device, station_id=u32, enabled=st.booleans(), identifier=st.text(max_size=20)),
    st.builds(
        VenueSettings, time_zone=st.text(max_size=20), day_start_minutes=st.integers(0, 1439),
        stations=st.dictionaries(u32, st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3),
    ),
)  # fmt: skip


@given(VALUES)
def test_what_is_packed_comes_back(value: Any) -> None:
    assert type(value).unpack(value.pack()) == value


def test_places_that_the_compiled_core_relies_on() -> None:
    record = Record(
        0x01020304, 0x05060708, 0x090A0B0C, 0x11121314, 0x15161718, b"d" * 16, State.FROZEN, RecordFlag(4), 0x2122,
        0x23242526, 0x191A1B1C, 0x1D1E1F20, 0x2728, 0x3132333435363738, b"i" * 16, 0x292A2B2C, 0x0D0E0F10,
    ).pack()  # fmt: skip
    assert record.hex() == (
        "0104040004030201080706050c0b0a09100f0e0d14131211181716151c1b1a19201f1e1d2221282726252423"
        + "64" * 16 + "3837363534333231" + "69" * 16 + "2c2b2a2900000000"
    )  # fmt: skip
    assert (records.RECORD_BYTES, records.RECORD_GENERATION_OFFSET) == (92, 16)
    usage = Usage(1, 2, 3, 4, 5, 6, 7, 8, -9, 255).pack()
    assert usage == bytes((1, 255, 0, 0)) + struct.pack("<8Iq", 1, 2, 3, 4, 5, 6, 7, 8, -9)
    assert RuleSet(7, RuleFlag(0x21), 0x1234, 1, 2, 3, 4).pack() == (
        bytes.fromhex("0100210034120000") + struct.pack("<5I", 7, 1, 2, 3, 4) + b"\x80"
    )
    assert Station(9, True, True, (5, 3, 5)).pack() == struct.pack("<BBxxIIII", 1, 3, 9, 2, 3, 5)
    assert Device(9, True, "道").pack() == struct.pack("<BBxxI", 1, 1, 9) + "道".encode()


@pytest.mark.parametrize(
    "value",
    [Record(1, 2, 3, 4, 5, bytes(16)), Usage(), RuleSet(), Station(1, True, False, (1, 2)), Device(1, True, "a")],
)
def test_another_version_or_length_is_refused(value: Any) -> None:
    good = value.pack()
    for bad in (b"", b"\0" + good[1:], b"\2" + good[1:], good[:7]):
        with pytest.raises(ValueError, match="not a"):
            type(value).unpack(bad)


def test_a_stations_products_are_counted() -> None:
    good = Station(1, True, False, (1, 2)).pack()
    for bad in (good[:-1], good + b"\0", good + b"\0\0\0\0"):
        with pytest.raises(ValueError, match="2 products"):
            Station.unpack(bad)


def test_a_state_of_a_later_version_reads_as_revoked() -> None:
    packed = bytearray(Record(1, 2, 3, 4, 5, bytes(16)).pack())
    packed[1] = 200
    assert Record.unpack(bytes(packed)).state is State.REVOKED


class TestUsage:
    WHEN = {"day": 738_474, "month": 202_311}

    def spend(self, usage: Usage, persons: int, **when: int) -> Usage:
        return usage.spend(persons, station=1, device=2, now_ms=3, **(self.WHEN | when))

    def test_counts_of_another_day_or_month_start_anew(self) -> None:
        first = self.spend(Usage(), 2)
        assert (first.revision, first.total, first.month_count, first.day_count) == (1, 2, 2, 2)
        second = self.spend(first, 3, day=738_475)
        assert (second.total, second.month_count, second.day_count) == (5, 5, 3)
        third = self.spend(second, 1, day=738_500, month=202_312)
        assert (third.revision, third.total, third.month_count, third.day_count) == (3, 6, 1, 1)
        assert (third.last_station, third.last_device, third.last_ms) == (1, 2, 3)

    def test_what_is_given_back_leaves_its_own_day_alone(self) -> None:
        spent = self.spend(self.spend(Usage(), 2), 3, day=738_475)
        late = spent.give_back(2, **self.WHEN)
        assert (late.revision, late.total, late.month_count, late.day_count) == (3, 3, 3, 3)
        soon = spent.give_back(2, day=738_475, month=202_311)
        assert (soon.total, soon.month_count, soon.day_count) == (3, 3, 1)

    def test_nothing_goes_below_zero(self) -> None:
        back = self.spend(Usage(), 1).give_back(5, **self.WHEN)
        assert (back.total, back.month_count, back.day_count) == (0, 0, 0)

    @given(usages.filter(lambda usage: max(usage.total, usage.day_count, usage.month_count, usage.revision) < 2**31),
           st.integers(0, 65_535))  # fmt: skip
    def test_spending_and_giving_back_keeps_the_total(self, usage: Usage, persons: int) -> None:
        spent = self.spend(usage, persons)
        assert Usage.unpack(spent.pack()) == spent
        assert spent.give_back(persons, **self.WHEN).total == usage.total


class TestOps:
    def test_they_come_back(self) -> None:
        ops = [Op(Table.ENTITLEMENT, b"k" * 8, b"value"), Op(Table.VENUE, b"", b""), Op(Table.DEVICE, b"gone", None)]
        assert list(records.unpack_ops(records.pack_ops(ops))) == ops
        assert records.pack_ops(ops[:1]).hex() == "0101080005000000" + "6b" * 8 + b"value".hex()

    @given(st.binary(max_size=60))
    def test_any_bytes_are_operations_or_a_value_error(self, data: bytes) -> None:
        try:
            ops = list(records.unpack_ops(data))
        except ValueError:
            return
        assert records.pack_ops(ops) == data

    def test_tables_of_the_edge_are_not_the_feeds(self) -> None:
        assert {t.name for t in set(Table) - FEED_TABLES} == {"USAGE", "JOURNAL", "OPEN", "META"}
        assert LIVE_TABLES < FEED_TABLES
        with pytest.raises(ValueError, match="malformed"):
            list(records.unpack_ops(records.pack_ops([Op(Table.USAGE, b"k", b"v")])))


@given(st.lists(st.tuples(u64, u32, u32), min_size=2, max_size=6))
def test_keys_sort_as_their_numbers_do(rows: list[tuple[int, int, int]]) -> None:
    assert sorted(others_key(*row) for row in rows) == [others_key(*row) for row in sorted(rows)]
    for owner, group, edge in rows:
        assert others_key(owner, group, edge).startswith(usage_key(owner, group))
        assert usage_key(owner, group).startswith(records.entitlement_key(owner))


def test_credentials_are_hashed_under_the_venues_pepper_and_kind() -> None:
    hashed = records.credential_hash(b"Jefe", ord("w"), b"hat do ya want for nothing?")  # RFC 4231, case 2
    assert hashed.hex() == "5bdcc146bf60754e6a042426089575c7"
    assert records.index_key(4, hashed, 5) == b"\4" + hashed + bytes(7) + b"\5"
    assert len({records.credential_hash(p, k, b"x") for p in (b"a", b"b") for k in (3, 4)}) == 4


def test_what_a_feed_key_signs() -> None:
    batch: dict[str, Any] = {
        "venue_id": 1, "stream": 2, "kind": 1, "first_seq": 5, "last_seq": 9, "current_to_ms": 1_700_000_000_000,
        "generation": 3, "snapshot_end": False, "ops": b"operations",
    }  # fmt: skip
    signed = records.feed_signing_bytes(**batch)
    digest = hashlib.blake2b(b"operations", digest_size=32).digest()
    assert signed == b"paifang/feed/1\0" + struct.pack("<IBBQQqQB", 1, 2, 1, 5, 9, 1_700_000_000_000, 3, 0) + digest
    others = {
        "venue_id": 2, "stream": 1, "kind": 2, "first_seq": 4, "last_seq": 8, "current_to_ms": 0,
        "generation": 4, "snapshot_end": True, "ops": b"operationS",
    }  # fmt: skip
    for name, other in others.items():
        assert records.feed_signing_bytes(**(batch | {name: other})) != signed


def test_a_key_set_comes_back() -> None:
    keys = KeySet(
        3, 1, (PublicKey(1, b"p" * 32, 0, 9), PublicKey(2, b"q" * 32, 5, 9, True)), (PublicKey(9, b"f" * 32, 0, 9),)
    )
    assert KeySet.unpack(keys.pack()) == keys


def test_entries_are_chained_by_their_own_bytes() -> None:
    assert records.entry_hash(b"entry") == hashlib.blake2b(b"entry", digest_size=32).digest()
