"""The pure-Python twin of the compiled core: the same names, the same results over the same bytes.

It is the oracle of the tests and of the bench. Production refuses to run on it unless the configuration says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import nacl.bindings
import nacl.exceptions

from edge._rules_py import (
    LiveState,
    Request,
    Verdict,
    decide,
    judge,
    parse_device,
    parse_record,
    parse_ruleset,
    parse_station,
    record_facts,
    refuse,
)
from edge._store_common import StoreError
from edge._store_py import Environment, WriteTxn
from paifang import base45, passes, records
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, PublicKey, Station, Table
from paifang.rulesets import RuleSet
from paifang.usage import usage_key

__all__ = [
    "IMPLEMENTATION",
    "Environment",
    "StoreError",
    "Verdict",
    "Verifier",
    "WriteTxn",
    "base45_decode",
    "decide",
    "self_test",
    "verify_ed25519",
]

IMPLEMENTATION = "twin"

MAX_TEXT = 1024  # a longer line is noise, whatever it says
MAX_CODE = 64
_ALL = 2**40  # no limit on a scan
_CHANNEL_CODE = re.compile(rb"[A-Za-z0-9-]{6,64}")
_PRINTABLE = re.compile(rb"[ -~]+")
_INDEXED = frozenset(
    {
        CredentialKind.CHANNEL,
        CredentialKind.ID_NUMBER,
        CredentialKind.CARD_UID,
        CredentialKind.MEMBER,
        CredentialKind.SHORT,
    }
)


class Verifier:
    """See edge/_verify.pyi."""

    def __init__(self, environment: Environment, pepper: bytes) -> None:
        self.inflight: dict[bytes, bytes] = {}
        self._environment = environment
        self._pepper = pepper
        self._keys: dict[int, PublicKey] = {}
        self._rulesets: dict[int, RuleSet | None] = {}
        self._stations: dict[int, Station | None] = {}
        self._devices: dict[int, Device | None] = {}
        self.reload_live()

    def reload_live(self) -> None:
        def rows(table: Table) -> list[tuple[int, bytes]]:
            return [(int.from_bytes(key, "big"), value) for key, value in self._rows(table) if len(key) == 4]

        self._rulesets = {number: parse_ruleset(value) for number, value in rows(Table.RULESET)}
        self._stations = {number: parse_station(value) for number, value in rows(Table.STATION)}
        self._devices = {number: parse_device(value) for number, value in rows(Table.DEVICE)}

    def set_pass_keys(self, keys: Iterable[tuple[int, bytes, int, int, bool]]) -> None:
        taken = [PublicKey(*key) for key in keys]
        for key in taken:
            if len(key.public) != nacl.bindings.crypto_sign_PUBLICKEYBYTES:
                raise ValueError(f"pass key {key.key_id}: a public key has 32 bytes, not {len(key.public)}")
        self._keys = {key.key_id: key for key in taken}

    def check(
        self, kind: int, data: bytes, station_id: int, device_id: int, now_ms: int, day: int, month: int
    ) -> Verdict:
        kind, data, miss = _recognise(int(kind), data)
        if miss is not None:
            return refuse(miss, kind)
        request = Request(kind, station_id, device_id, now_ms, day, month)
        return self._check_pass(data, request) if kind == CredentialKind.PASS else self._check_indexed(data, request)

    def _check_pass(self, line: bytes, request: Request) -> Verdict:
        try:
            presented = passes.parse_line(line)
        except passes.PassError as problem:
            miss = Reason.UNKNOWN_FORMAT if isinstance(problem, passes.UnknownVersion) else Reason.UNREADABLE
            return refuse(miss, request.kind)
        tag = presented.digest[:8]
        entitlement_id = presented.claims.entitlement_id
        stored = self._environment.get(Table.ENTITLEMENT, records.entitlement_key(entitlement_id))
        if stored is None:
            return refuse(self._signature_miss(presented, request.now_ms // 1000), request.kind, tag=tag)
        record = parse_record(stored)
        if record is None:
            return refuse(Reason.UNKNOWN, request.kind, tag=tag, entitlement_id=entitlement_id)
        facts = record_facts(entitlement_id, record) | {"tag": tag}
        if record.digest != presented.digest:
            return refuse(Reason.REPLACED, request.kind, **facts)
        return judge(record, self._live(record, request), self._usage_of, request, facts)

    def _signature_miss(self, presented: passes.Pass, now: int) -> Reason:
        """Why a pass the cache has never seen does not admit."""
        key = self._keys.get(presented.key_id)
        if key is None:
            return Reason.KEY_UNKNOWN
        if key.killed or not key.not_before <= now <= key.not_after:
            return Reason.KEY_DEAD
        genuine = verify_ed25519(key.public, presented.signed, presented.signature)
        return Reason.UNKNOWN if genuine else Reason.FORGED

    def _check_indexed(self, value: bytes, request: Request) -> Verdict:
        """The admissible entitlement behind the credential that expires first, else the nearest miss."""
        prefix = bytes((request.kind,)) + records.credential_hash(self._pepper, request.kind, value)
        best = refuse(Reason.UNKNOWN, request.kind)
        for key, _ in self._rows(Table.INDEX, prefix):
            verdict = self._check_entitlement(int.from_bytes(key[17:], "big"), request)
            if _better(verdict, best):
                best = verdict
        return best

    def _check_entitlement(self, entitlement_id: int, request: Request) -> Verdict:
        stored = self._environment.get(Table.ENTITLEMENT, records.entitlement_key(entitlement_id))
        record = None if stored is None else parse_record(stored)
        if record is None:
            return refuse(Reason.UNKNOWN, request.kind)
        facts = record_facts(entitlement_id, record)
        return judge(record, self._live(record, request), self._usage_of, request, facts)

    def _live(self, record: records.Record, request: Request) -> LiveState:
        return LiveState(
            self._rulesets.get(record.ruleset_id),
            self._stations.get(request.station_id),
            self._devices.get(request.device_id),
        )

    def _usage_of(self, owner_id: int, group_id: int) -> tuple[bytes | None, list[bytes]]:
        key = usage_key(owner_id, group_id)
        own = self.inflight.get(key)
        if own is None:
            own = self._environment.get(Table.USAGE, key)
        return own, [value for _, value in self._rows(Table.OTHERS, key)]

    def _rows(self, table: Table, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        return self._environment.scan(table, prefix, _ALL, _ALL, prefix)


def _better(verdict: Verdict, best: Verdict) -> bool:
    if verdict.admit != best.admit:
        return verdict.admit
    return verdict.valid_until < best.valid_until if verdict.admit else verdict.reason > best.reason


def _recognise(kind: int, data: bytes) -> tuple[int, bytes, Reason | None]:
    """(kind with LINE resolved, the value to look up, why it is none of ours)."""
    if kind == CredentialKind.LINE and _CHANNEL_CODE.fullmatch(data):
        return int(CredentialKind.CHANNEL), data, None
    if kind in (CredentialKind.LINE, CredentialKind.PASS):
        if data.startswith(passes.PREFIX):
            return int(CredentialKind.PASS), data, None
        printable = len(data) <= MAX_TEXT and _PRINTABLE.fullmatch(data)
        return kind, data, Reason.UNKNOWN_FORMAT if printable else Reason.UNREADABLE
    if kind not in _INDEXED:
        return kind, data, Reason.UNKNOWN_FORMAT
    if kind == CredentialKind.ID_NUMBER:
        data = data.strip().upper()
    return kind, data, None if 0 < len(data) <= MAX_CODE else Reason.UNREADABLE


def base45_decode(text: bytes) -> bytes:
    return base45.decode(text)


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != nacl.bindings.crypto_sign_PUBLICKEYBYTES or len(signature) != nacl.bindings.crypto_sign_BYTES:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def self_test() -> None:
    """RFC 7693's BLAKE2b is hashlib's; RFC 8032's second vector must verify, and not when altered."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    if not verify_ed25519(public, b"\x72", signature) or verify_ed25519(public, b"\x73", signature):
        raise ImportError("PyNaCl's Ed25519 does not verify RFC 8032's vectors")
    if hashlib.blake2b(b"", digest_size=16).hexdigest() != "cae66941d9efbd404e4d88758ea67670":
        raise ImportError("hashlib's BLAKE2b-128 is not RFC 7693's")


self_test()
