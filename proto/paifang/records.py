"""Layouts of what the cloud compiles and the verifier reads. Little-endian, fixed offsets, versioned.

LMDB keys are big-endian so that they sort; values start with a layout version byte. A reader refuses a
version it does not know. Fields of later rules have their place now: zero means "no such rule".

Tables (numbers are on the wire, in feed operations):
  ENTITLEMENT  entitlement id u64                           -> Record
  INDEX        credential kind u8 | hash 16 | entitlement id u64 -> revision u32
  OTHERS       owner id u64 | group id u32 | edge id u32    -> Usage of a sibling edge (paifang.usage)
  RULESET      rule set id u32                              -> RuleSet (paifang.rulesets)
  STATION      station id u32                               -> Station
  DEVICE       device id u32                                -> Device
  VENUE        venue id u32                                 -> msgpack map (VenueSettings)
  DAYKEY       business day u32                             -> the venue's key of rotating passes, 32 bytes
Written by the edge alone:
  USAGE        owner id u64 | group id u32                  -> Usage
  JOURNAL      seq u64                                      -> serialized paifang.v1.Entry
  OPEN         admission seq u64                            -> msgpack, uses reserved and not settled
  META         name                                         -> bytes
  CLAIM        owner id u64                                 -> 8 bytes, another each time: etcd is to be told of it
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import msgpack


class Table(IntEnum):
    ENTITLEMENT = 1
    INDEX = 2
    OTHERS = 3
    RULESET = 4
    STATION = 5
    DEVICE = 6
    VENUE = 7
    DAYKEY = 8
    USAGE = 16
    JOURNAL = 17
    OPEN = 18
    META = 19
    CLAIM = 20


FEED_TABLES = frozenset(table for table in Table if table < 16)
LIVE_TABLES = frozenset({Table.RULESET, Table.STATION, Table.DEVICE, Table.VENUE, Table.DAYKEY})


class CredentialKind(IntEnum):
    """What was presented. LINE is a scanner's raw line: the verifier tells which kind it is."""

    LINE = 0
    PASS = 1
    ROTATING = 2
    CHANNEL = 3
    ID_NUMBER = 4
    CARD_UID = 5
    MEMBER = 6
    SHORT = 7


class State(IntEnum):
    """An entitlement's standing. Only ACTIVE admits."""

    ACTIVE = 0
    REVOKED = 1
    REFUNDED = 2
    LOCKED = 3  # a refund is being decided
    FROZEN = 4


class RecordFlag(IntFlag):
    ROTATING = 1
    ACTIVATED = 2
    COLLECTED = 4
    BOOKED = 8


RECORD_VERSION = 1
# version state flags revision ruleset product generation not_before not_after slot_from slot_to
# persons zones uses_granted digest owner - activated_at -
_RECORD = struct.Struct("<BBHIIIIIIIIHHI16sQ16xI4x")
RECORD_GENERATION_OFFSET = 16


@dataclass(frozen=True, slots=True)
class Record:
    """One entitlement at the gate. Times are Unix seconds; not_after and slot_to are last valid seconds."""

    revision: int
    ruleset_id: int
    product_class: int
    not_before: int
    not_after: int
    digest: bytes
    state: State = State.ACTIVE
    flags: RecordFlag = RecordFlag(0)  # noqa: RUF009 - a flag is immutable
    persons: int = 1
    uses: int = 0  # overrides the rule set's uses per group where not 0
    slot_from: int = 0
    slot_to: int = 0
    zones: int = 0
    owner_id: int = 0  # 0: the entitlement itself counts
    activated_at: int = 0
    generation: int = 0  # stamped by the edge when it applies the row

    def pack(self) -> bytes:
        return _RECORD.pack(
            RECORD_VERSION, self.state, self.flags, self.revision, self.ruleset_id, self.product_class,
            self.generation, self.not_before, self.not_after, self.slot_from, self.slot_to,
            self.persons, self.zones, self.uses, self.digest, self.owner_id, self.activated_at,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> Record:
        """Raises ValueError on another length or version. A state this version does not know reads as REVOKED."""
        if len(data) != _RECORD.size or data[0] != RECORD_VERSION:
            raise ValueError("not an entitlement record of this version")
        (_, state, flags, revision, ruleset, product, generation, not_before, not_after, slot_from, slot_to,
         persons, zones, uses, digest, owner, activated_at) = _RECORD.unpack(data)  # fmt: skip
        known = State(state) if state in State._value2member_map_ else State.REVOKED
        return cls(
            revision, ruleset, product, not_before, not_after, digest, known, RecordFlag(flags), persons,
            uses, slot_from, slot_to, zones, owner, activated_at, generation,
        )  # fmt: skip


RECORD_BYTES = _RECORD.size


STATION_VERSION = 1
_STATION = struct.Struct("<BBxxII")  # version flags group count-of-products, then u32 each


@dataclass(frozen=True, slots=True)
class Station:
    """A station's live state. `products` are the product classes it accepts, sorted.

    `inner`: it lies inside the venue, a cable car say, and nobody enters or leaves the venue by it.
    """

    group_id: int
    enabled: bool
    exit: bool
    products: tuple[int, ...]
    inner: bool = False

    def pack(self) -> bytes:
        products = sorted(set(self.products))
        flags = self.enabled | self.exit << 1 | self.inner << 2
        head = _STATION.pack(STATION_VERSION, flags, self.group_id, len(products))
        return head + struct.pack(f"<{len(products)}I", *products)

    @classmethod
    def unpack(cls, data: bytes) -> Station:
        if len(data) < _STATION.size or data[0] != STATION_VERSION:
            raise ValueError("not a station record of this version")
        _, flags, group, count = _STATION.unpack_from(data)
        if len(data) != _STATION.size + 4 * count:
            raise ValueError(f"a station record of {count} products has another length")
        products = struct.unpack_from(f"<{count}I", data, _STATION.size)
        return cls(group, bool(flags & 1), bool(flags & 2), products, bool(flags & 4))


DEVICE_VERSION = 1
DEVICE_NARROWED_VERSION = 2
# version flags count-of-products station, then u32 each (of version 2 alone), then the identifier in UTF-8
_DEVICE = struct.Struct("<BBHI")


@dataclass(frozen=True, slots=True)
class Device:
    """A lane's live state: where it belongs, whether it may work, the identifier an edge's config names it by.

    `products`: the product classes it accepts of those its station does, sorted; None: all of them. A lane that is
    not narrowed keeps the layout of version 1.
    """

    station_id: int
    enabled: bool
    identifier: str
    products: tuple[int, ...] | None = None

    def pack(self) -> bytes:
        version = DEVICE_VERSION if self.products is None else DEVICE_NARROWED_VERSION
        products = sorted(set(self.products or ()))
        head = _DEVICE.pack(version, self.enabled, len(products), self.station_id)
        return head + struct.pack(f"<{len(products)}I", *products) + self.identifier.encode()

    @classmethod
    def unpack(cls, data: bytes) -> Device:
        if len(data) < _DEVICE.size or data[0] not in (DEVICE_VERSION, DEVICE_NARROWED_VERSION):
            raise ValueError("not a device record of this version")
        version, flags, count, station = _DEVICE.unpack_from(data)
        narrowed = version == DEVICE_NARROWED_VERSION
        name_at = _DEVICE.size + 4 * count if narrowed else _DEVICE.size
        if len(data) < name_at:
            raise ValueError(f"a device record of {count} products has another length")
        products = struct.unpack_from(f"<{count}I", data, _DEVICE.size) if narrowed else None
        return cls(station, bool(flags & 1), data[name_at:].decode(), products)


class DayKind(IntEnum):
    """What the venue's calendar says of a day, beside its weekday."""

    ORDINARY = 0
    HOLIDAY = 1
    WORKDAY = 2  # a working day moved to a weekend


OUTAGE_PERSONS = 100  # admitted without a claim by one edge in one outage, where a product says nothing else


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """What a gate must know of its venue.

    An edge whose key set is older than `keyset_version` asks for the new one.

    Attributes:
        stations: id -> names (zh, en): "used at West gate 09:31".
        holidays: business day (ordinal) -> DayKind and names (zh, en), for the days that are not ordinary.
        signed_only: product class -> the rule set and how many may be admitted on a signature alone while the
            edge's records are not current.
        capacity, day_capacity: people inside at once, and let in on one business day; 0: no limit.
        warn_permille: of a capacity: from here on lanes and console warn.
        outage: product class -> persons each edge may admit without a claim while etcd has no quorum, where that is
            not OUTAGE_PERSONS; 0 refuses.
    """

    time_zone: str
    day_start_minutes: int
    stations: dict[int, tuple[str, str]]
    keyset_version: int = 0
    holidays: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    signed_only: dict[int, tuple[int, int]] = field(default_factory=dict)
    capacity: int = 0
    day_capacity: int = 0
    warn_permille: int = 900
    outage: dict[int, int] = field(default_factory=dict)

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb(
            {
                "tz": self.time_zone,
                "start": self.day_start_minutes,
                "stations": self.stations,
                "keys": self.keyset_version,
                "holidays": self.holidays,
                "signed": self.signed_only,
                "capacity": [self.capacity, self.day_capacity, self.warn_permille],
                "outage": self.outage,
            }
        )
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> VenueSettings:
        """Raises ValueError on anything but a map whose known names have values of their kind."""
        try:
            raw = msgpack.unpackb(data, strict_map_key=False, use_list=False)
            capacity, day_capacity, warn_permille = raw.get("capacity", (0, 0, 900))
            settings = cls(
                raw["tz"], raw["start"], raw["stations"], raw.get("keys", 0), raw.get("holidays", {}),
                raw.get("signed", {}), capacity, day_capacity, warn_permille, raw.get("outage", {}),
            )  # fmt: skip
            capacities = (settings.capacity, settings.day_capacity, settings.warn_permille)
            good = (
                isinstance(settings.time_zone, str)
                and all(_is_number(n) for n in (settings.day_start_minutes, settings.keyset_version, *capacities))
                and all(_is_number(n) and _are(names, str, str) for n, names in settings.stations.items())
                and all(_is_number(day) and _are(kind, int, str, str) for day, kind in settings.holidays.items())
                and all(_is_number(n) and _are(row, int, int) for n, row in settings.signed_only.items())
                and all(_is_number(n) and _is_number(persons) for n, persons in settings.outage.items())
            )
        except (KeyError, TypeError, ValueError, AttributeError, msgpack.UnpackException) as problem:
            raise ValueError(f"not a venue's settings: {problem!r}") from None
        if not good:
            raise ValueError("not a venue's settings: a value of another kind")
        return settings


def _is_number(value: object) -> bool:
    """Within 0..2**32-1. A boolean is none, though Python thinks so."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _are(row: object, *kinds: type) -> bool:
    """A row of exactly these kinds, its numbers as `_is_number` has them."""
    return (
        isinstance(row, tuple)
        and len(row) == len(kinds)
        and all(
            _is_number(cell) if kind is int else isinstance(cell, kind) for cell, kind in zip(row, kinds, strict=True)
        )
    )


def entitlement_key(entitlement_id: int) -> bytes:
    return entitlement_id.to_bytes(8, "big")


def index_key(kind: int, hashed: bytes, entitlement_id: int) -> bytes:
    return bytes((kind,)) + hashed + entitlement_key(entitlement_id)


def live_key(number: int) -> bytes:
    return number.to_bytes(4, "big")


def credential_hash(pepper: bytes, kind: int, value: bytes) -> bytes:
    """Keyed hash of a credential that is not a pass: HMAC-SHA256 under the venue's pepper, 16 bytes."""
    return hmac.digest(pepper, bytes((kind,)) + value, "sha256")[:16]


# --- feed -------------------------------------------------------------------------------------------------------------

_OP = struct.Struct("<BBHI")  # table, 1 = put / 0 = delete, key bytes, value bytes
FEED_TAG = b"paifang/feed/1\0"
_FEED_SIGNED = struct.Struct("<IBBQQqQB32s")


@dataclass(frozen=True, slots=True)
class Op:
    """One row of the feed. `value` None deletes the key."""

    table: Table
    key: bytes
    value: bytes | None


def pack_ops(ops: Iterable[Op]) -> bytes:
    parts: list[bytes] = []
    for op in ops:
        value = op.value or b""
        parts += (_OP.pack(op.table, op.value is not None, len(op.key), len(value)), op.key, value)
    return b"".join(parts)


def unpack_ops(data: bytes) -> Iterator[Op]:
    """Raises ValueError where the bytes end early or name no feed table."""
    at = 0
    while at < len(data):
        if at + _OP.size > len(data):
            raise ValueError("feed operations: cut short")
        table, put, key_bytes, value_bytes = _OP.unpack_from(data, at)
        at += _OP.size
        end = at + key_bytes + value_bytes
        if end > len(data) or table not in FEED_TABLES or put > 1 or (not put and value_bytes):
            raise ValueError("feed operations: malformed")
        yield Op(Table(table), data[at : at + key_bytes], data[at + key_bytes : end] if put else None)
        at = end


def feed_signing_bytes(
    *, venue_id: int, stream: int, kind: int, first_seq: int, last_seq: int, current_to_ms: int,
    generation: int, snapshot_end: bool, ops: bytes,
) -> bytes:  # fmt: skip
    """What a feed key signs: the tag, the batch's place and the BLAKE2b-256 of its operations."""
    digest = hashlib.blake2b(ops, digest_size=32).digest()
    return FEED_TAG + _FEED_SIGNED.pack(
        venue_id, stream, kind, first_seq, last_seq, current_to_ms, generation, snapshot_end, digest
    )


# --- keys -------------------------------------------------------------------------------------------------------------

KEYSET_TAG = b"paifang/keyset/1\0"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key: valid from not_before to not_after (Unix seconds, inclusive) unless killed."""

    key_id: int
    public: bytes
    not_before: int
    not_after: int
    killed: bool = False


@dataclass(frozen=True, slots=True)
class KeySet:
    """All keys a gate may trust. The version only rises; the venue root key signs it."""

    version: int
    venue_id: int
    pass_keys: tuple[PublicKey, ...]
    feed_keys: tuple[PublicKey, ...]

    def pack(self) -> bytes:
        def rows(keys: tuple[PublicKey, ...]) -> list[tuple[Any, ...]]:
            return [(k.key_id, k.public, k.not_before, k.not_after, k.killed) for k in keys]

        packed: bytes = msgpack.packb((self.version, self.venue_id, rows(self.pass_keys), rows(self.feed_keys)))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> KeySet:
        version, venue, passes, feeds = msgpack.unpackb(data)
        return cls(version, venue, tuple(PublicKey(*row) for row in passes), tuple(PublicKey(*row) for row in feeds))


def entry_hash(entry: bytes) -> bytes:
    """BLAKE2b-256 of a journal entry's serialized bytes: the next entry's prev_hash."""
    return hashlib.blake2b(entry, digest_size=32).digest()
