"""Layouts: what is packed comes back, other versions are refused, and the bytes of the wire do not drift."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from typing import Any, ClassVar

import msgpack
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
from paifang.usage import others_key, usage_key

u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
records_ = st.builds(
    Record, revision=u32, ruleset_id=u32, product_class=u32, not_before=u32, not_after=u32,
    digest=st.binary(min_size=16, max_size=16), state=st.sampled_from(State), flags=st.integers(0, 7).map(RecordFlag),
    persons=u16, uses=u32, slot_from=u32, slot_to=u32, zones=u16, owner_id=u64,
    activated_at=u32, generation=u32,
)  # fmt: skip
names = st.tuples(st.text(max_size=5), st.text(max_size=5))
VALUES = st.one_of(
    records_,
    st.builds(
        Station, group_id=u32, enabled=st.booleans(), exit=st.booleans(), inner=st.booleans(),
        products=st.sets(u32, max_size=9).map(lambda numbers: tuple(sorted(numbers))),
    ),
    st.builds(Device, station_id=u32, enabled=st.booleans(), identifier=st.text(max_size=20)),
    st.builds(
        VenueSettings, time_zone=st.text(max_size=20), day_start_minutes=st.integers(0, 1439),
        stations=st.dictionaries(u32, names, max_size=3), keyset_version=u32, capacity=u32, day_capacity=u32,
        holidays=st.dictionaries(u32, st.tuples(u32, st.text(max_size=5), st.text(max_size=5)), max_size=3),
        signed_only=st.dictionaries(u32, st.tuples(u32, u32), max_size=3), warn_permille=u32,
        outage=st.dictionaries(u32, u32, max_size=3),
    ),
)  # fmt: skip


@given(VALUES)
def test_what_is_packed_comes_back(value: Any) -> None:
    assert type(value).unpack(value.pack()) == value


def test_places_that_the_compiled_core_relies_on() -> None:
    record = Record(
        0x01020304, 0x05060708, 0x090A0B0C, 0x11121314, 0x15161718, b"d" * 16, State.FROZEN, RecordFlag(4), 0x2122,
        0x23242526, 0x191A1B1C, 0x1D1E1F20, 0x2728, 0x3132333435363738, 0x292A2B2C, 0x0D0E0F10,
    ).pack()  # fmt: skip
    assert record.hex() == (
        "0104040004030201080706050c0b0a09100f0e0d14131211181716151c1b1a19201f1e1d2221282726252423"
        + "64" * 16 + "3837363534333231" + "00" * 16 + "2c2b2a2900000000"
    )  # fmt: skip
    assert (records.RECORD_BYTES, records.RECORD_GENERATION_OFFSET) == (92, 16)
    assert Station(9, True, True, (5, 3, 5)).pack() == struct.pack("<BBxxIIII", 1, 3, 9, 2, 3, 5)
    assert Station(9, False, False, (), inner=True).pack() == struct.pack("<BBxxII", 1, 4, 9, 0)
    assert Device(9, True, "道").pack() == struct.pack("<BBxxI", 1, 1, 9) + "道".encode()
    assert Device(9, False, "道", (7, 3, 7)).pack() == struct.pack("<BBHIII", 2, 0, 2, 9, 3, 7) + "道".encode()
    assert Device(9, True, "a", ()).pack() == struct.pack("<BBHI", 2, 1, 0, 9) + b"a"


@pytest.mark.parametrize(
    "value",
    [Record(1, 2, 3, 4, 5, bytes(16)), Station(1, True, False, (1, 2)), Device(1, True, "a", (1,))],
)
def test_another_version_or_length_is_refused(value: Any) -> None:
    good = value.pack()
    for bad in (b"", b"\0" + good[1:], b"\3" + good[1:], good[:7]):
        with pytest.raises(ValueError, match="not a"):
            type(value).unpack(bad)


def test_a_stations_products_are_counted() -> None:
    good = Station(1, True, False, (1, 2)).pack()
    for bad in (good[:-1], good + b"\0", good + b"\0\0\0\0"):
        with pytest.raises(ValueError, match="2 products"):
            Station.unpack(bad)


def test_a_lanes_products_are_counted_and_its_name_comes_after_them() -> None:
    good = Device(1, True, "ab", (1, 2)).pack()
    assert Device.unpack(good + b"c") == Device(1, True, "abc", (1, 2))
    assert Device.unpack(good[:-2]) == Device(1, True, "", (1, 2))
    with pytest.raises(ValueError, match="2 products"):
        Device.unpack(good[:-3])
    assert Device.unpack(b"\1" + good[1:4] + good[4:8] + b"ab") == Device(1, True, "ab"), "version 1 has none"


def test_a_state_of_a_later_version_reads_as_revoked() -> None:
    packed = bytearray(Record(1, 2, 3, 4, 5, bytes(16)).pack())
    packed[1] = 200
    assert Record.unpack(bytes(packed)).state is State.REVOKED


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
        assert {t.name for t in set(Table) - FEED_TABLES} == {"USAGE", "JOURNAL", "OPEN", "META", "CLAIM"}
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


class TestVenueSettings:
    GOOD: ClassVar = {"tz": "Asia/Shanghai", "start": 240, "stations": {1: ["西门", "West"]}}

    def test_of_an_earlier_cloud(self) -> None:
        assert VenueSettings.unpack(msgpack.packb(self.GOOD)) == VenueSettings(
            "Asia/Shanghai", 240, {1: ("西门", "West")}
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"tz": 8}, {"start": -1}, {"start": True}, {"stations": []}, {"stations": {"1": ["a", "b"]}},
            {"stations": {1: ["a"]}}, {"keys": "2"}, {"holidays": {1: 1}}, {"holidays": {1: [1, "a", b"b"]}},
            {"holidays": {2**32: [1, "a", "b"]}}, {"signed": {1: [2]}}, {"signed": {1: [2, 3, 4]}},
            {"signed": {1: [-2, 3]}}, {"capacity": [1, 2, 3, 4]}, {"capacity": 5}, {"capacity": [None]},
        ],
    )  # fmt: skip
    def test_a_value_of_another_kind_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="not a venue's settings"):
            VenueSettings.unpack(msgpack.packb(self.GOOD | wrong))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_settings_or_a_value_error(self, data: bytes) -> None:
        with contextlib.suppress(ValueError):
            VenueSettings.unpack(data)

    @pytest.mark.parametrize("data", [b"", b"\xc0", b"\x90", b"\x81\x80\x01", b"\x80\x00", b"\xdf\xff\xff\xff\xff"])
    def test_what_is_no_map_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError):
            VenueSettings.unpack(data)
