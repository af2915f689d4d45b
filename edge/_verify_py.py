"""The pure-Python twin of the compiled core: the same names, the same results over the same bytes.

It is the oracle of the tests and of the bench. Production refuses to run on it unless the configuration says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from edge._case_py import LiveState, Verdict, first_miss, parse, refuse
from edge._credentials_py import (
    PASS_CHECKS,
    SIGNED_CHECKS,
    Shown,
    as_indexed,
    is_channel_code,
    read_pass,
    recognise,
    record_of,
    verify_ed25519,
)
from edge._rules_py import Stored, decide, judge, leave, let_out, record_facts
from edge._store_common import StoreError
from edge._store_py import Environment, WriteTxn
from edge.verdict import NO_LIMIT, Identity, Request
from paifang import base45, passes, records
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, PublicKey, Record, Station, Table, VenueSettings
from paifang.rotating import DAY_KEY_BYTES
from paifang.rulesets import RuleSet
from paifang.usage import WHOLE_GROUP, usage_key

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

PUBLIC_KEY_BYTES = 32
_ALL = 2**40  # no limit on a scan


class Readable(Protocol):
    """What the twin needs of a store; the compiled core's has it too."""

    def get(self, table: int, key: bytes) -> bytes | None: ...
    def scan(
        self, table: int, start: bytes, limit: int, max_bytes: int = ..., prefix: bytes = ...
    ) -> list[tuple[bytes, bytes]]: ...


class Verifier:
    """See edge/_verify.pyi."""

    def __init__(self, environment: Readable, pepper: bytes) -> None:
        self.inflight: dict[bytes, bytes] = {}
        self.skew_ms = 0
        self.current_to_ms = 0
        self.signed_room = 0
        self._environment = environment
        self._pepper = pepper
        self._keys: dict[int, PublicKey] = {}
        self._rulesets: dict[int, RuleSet | None] = {}
        self.stations: dict[int, Station | None] = {}
        self.devices: dict[int, Device | None] = {}
        self._day_keys: dict[int, bytes] = {}
        self._day_kinds: dict[int, int] = {}
        self._signed_only: dict[int, int] = {}
        self.reload_live()

    def reload_live(self) -> None:
        def rows(table: Table) -> list[tuple[int, bytes]]:
            return [(int.from_bytes(key, "big"), value) for key, value in self._rows(table) if len(key) == 4]

        self._rulesets = {number: parse(RuleSet, value) for number, value in rows(Table.RULESET)}
        self.stations = {number: parse(Station, value) for number, value in rows(Table.STATION)}
        self.devices = {number: parse(Device, value) for number, value in rows(Table.DEVICE)}
        self._day_keys = {day: key for day, key in rows(Table.DAYKEY) if len(key) == DAY_KEY_BYTES}
        venues = rows(Table.VENUE)
        venue = parse(VenueSettings, venues[0][1]) if venues else None
        self._day_kinds = {day: row[0] for day, row in venue.holidays.items()} if venue else {}
        self._signed_only = {product: row[0] for product, row in venue.signed_only.items()} if venue else {}

    def set_pass_keys(self, keys: Iterable[tuple[int, bytes, int, int, bool]]) -> None:
        taken = [PublicKey(*key) for key in keys]
        for key in taken:
            if len(key.public) != PUBLIC_KEY_BYTES:
                raise ValueError(f"pass key {key.key_id}: a public key has 32 bytes, not {len(key.public)}")
        self._keys = {key.key_id: key for key in taken}

    def check(
        self, kind: int, data: bytes, station_id: int, device_id: int, now_ms: int, day: int, month: int, minute: int,
        companion: bytes = b"", room: int = NO_LIMIT, day_room: int = NO_LIMIT,
    ) -> Verdict:  # fmt: skip
        request = self.request(kind, station_id, device_id, now_ms, day, month, minute, room, day_room)
        station = self.stations.get(station_id)
        request, value, miss = self.recognise(request, data)
        if station is not None and station.exit:
            return self.let_out(station, value, request, miss)
        if miss is not None:
            return refuse(miss, request.kind)
        if request.kind in (CredentialKind.PASS, CredentialKind.ROTATING):
            return self._check_pass(value, request, companion)
        return self._check_indexed(value, request, companion)

    # --- what a presentation is ---------------------------------------------------------------------------------------

    def request(
        self, kind: int, station_id: int, device_id: int, now_ms: int, day: int, month: int, minute: int,
        room: int = NO_LIMIT, day_room: int = NO_LIMIT,
    ) -> Request:  # fmt: skip
        """The question, with what the venue's calendar says of the day."""
        return Request(
            int(kind), station_id, device_id, now_ms, day, month, minute,
            day_kind=self._day_kinds.get(day, 0), room=room, day_room=day_room,
        )  # fmt: skip

    def recognise(self, request: Request, data: bytes) -> tuple[Request, bytes, Reason | None]:
        """(the question with LINE resolved, the value to look up, why it is none of ours)."""
        kind, value, miss = recognise(request.kind, data)
        guessed = request.kind == CredentialKind.LINE and kind == CredentialKind.SHORT
        if guessed and is_channel_code(data) and not self.behind(kind, value):
            kind, value = int(CredentialKind.CHANNEL), data
        return replace(request, kind=kind), value, miss

    # --- passes -------------------------------------------------------------------------------------------------------

    def _check_pass(self, line: bytes, request: Request, companion: bytes) -> Verdict:
        try:
            shown, stored = self.shown(line, request)
        except passes.PassError as problem:
            return refuse(miss_of(problem), request.kind)
        tag = shown.issued.digest[:8]
        entitlement_id = shown.issued.claims.entitlement_id
        if stored is not None and shown.record is None:
            return refuse(Reason.UNKNOWN, request.kind, tag=tag, entitlement_id=entitlement_id)
        missed = first_miss(PASS_CHECKS, shown)
        if missed is not None:
            facts = {} if shown.record is None else self.facts(entitlement_id, shown.record)
            return refuse(missed[1], request.kind, tag=tag, **facts)
        record = record_to_judge(shown)
        live = self.live(record, request)
        request = self.with_step(self.with_identity(request, entitlement_id, companion), shown)
        verdict = judge(entitlement_id, record, live, self, request, tag)
        if shown.record is not None or not verdict.admit:
            return verdict
        missed = first_miss(SIGNED_CHECKS, shown)
        return replace(verdict, signed_only=True) if missed is None else refuse(missed[1], request.kind, tag=tag)

    def shown(self, line: bytes, request: Request) -> tuple[Shown, bytes | None]:
        """A pass with all that checks 2 to 5 look at, and the stored record. Raises passes.PassError."""
        issued, live = read_pass(request.kind, line)
        claims = issued.claims
        stored = self._environment.get(Table.ENTITLEMENT, records.entitlement_key(claims.entitlement_id))
        days = (request.day, request.day - 1, request.day + 1)
        shown = Shown(
            issued, None if stored is None else parse(Record, stored), self._keys.get(issued.key_id), request.now_ms,
            live, tuple(self._day_keys[day] for day in days if day in self._day_keys), self.skew_ms,
            self._signed_only.get(claims.product_class), self.current_to_ms, self.signed_room,
        )  # fmt: skip
        return shown, stored

    def facts(self, entitlement_id: int, record: Record) -> dict[str, int]:
        return record_facts(entitlement_id, record, self._rulesets.get(record.ruleset_id))

    # --- credentials behind the index ---------------------------------------------------------------------------------

    def _check_indexed(self, value: bytes, request: Request, companion: bytes) -> Verdict:
        """The admissible entitlement behind the credential that expires first, else the nearest miss."""
        best = refuse(Reason.UNKNOWN, request.kind)
        for entitlement_id in self.behind(request.kind, value):
            record = self.record(entitlement_id)
            if record is None:
                continue
            asked = self.with_identity(request, entitlement_id, companion)
            verdict = judge(entitlement_id, record, self.live(record, request), self, asked)
            if better(verdict, best):
                best = verdict
        return best

    def behind(self, kind: int, value: bytes) -> list[int]:
        """The entitlements a credential opens, by their ids."""
        prefix = bytes((kind,)) + records.credential_hash(self._pepper, kind, value)
        return [int.from_bytes(key[17:], "big") for key, _ in self._rows(Table.INDEX, prefix)]

    # --- exits --------------------------------------------------------------------------------------------------------

    def let_out(self, station: Station, value: bytes, request: Request, miss: Reason | None) -> Verdict:
        """At an exit, whatever was presented; a visit is closed where the credential says whose."""
        if miss is not None:
            return let_out(station, request)
        if request.kind in (CredentialKind.PASS, CredentialKind.ROTATING):
            return self._let_out_pass(station, value, request)
        known = [(number, record) for number in self.behind(request.kind, value) if (record := self.record(number))]
        verdicts = [
            leave(number, record, self._rulesets.get(record.ruleset_id), station, self, request)
            for number, record in known
        ]
        if len(verdicts) == 1:
            return verdicts[0]
        return next((verdict for verdict in verdicts if verdict.whole_after), let_out(station, request))

    def _let_out_pass(self, station: Station, line: bytes, request: Request) -> Verdict:
        try:
            issued, _ = read_pass(request.kind, line)
        except passes.PassError:
            return let_out(station, request)
        entitlement_id, tag = issued.claims.entitlement_id, issued.digest[:8]
        record = self.record(entitlement_id)
        if record is None or record.digest != issued.digest:
            return let_out(station, request, tag=tag)
        rules = self._rulesets.get(record.ruleset_id)
        return leave(entitlement_id, record, rules, station, self, request, tag)

    # --- what the store holds -----------------------------------------------------------------------------------------

    def record(self, entitlement_id: int) -> Record | None:
        stored = self._environment.get(Table.ENTITLEMENT, records.entitlement_key(entitlement_id))
        return None if stored is None else parse(Record, stored)

    def live(self, record: Record, request: Request) -> LiveState:
        return LiveState(
            self._rulesets.get(record.ruleset_id),
            self.stations.get(request.station_id),
            self.devices.get(request.device_id),
        )

    def with_identity(self, request: Request, entitlement_id: int, companion: bytes) -> Request:
        """The question, with what the ID card read before says of this entitlement."""
        number, miss = as_indexed(CredentialKind.ID_NUMBER, companion)
        if not number:
            return request
        hashed = records.credential_hash(self._pepper, CredentialKind.ID_NUMBER, number)
        key = records.index_key(CredentialKind.ID_NUMBER, hashed, entitlement_id)
        matches = miss is None and self._environment.get(Table.INDEX, key) is not None
        return replace(request, identity=int(Identity.MATCHES if matches else Identity.OTHER))

    def with_step(self, request: Request, shown: Shown) -> Request:
        return request if shown.live is None else replace(request, step=shown.live.step)

    def of_group(self, owner_id: int, group_id: int) -> Stored:
        key = usage_key(owner_id, group_id)
        own = self.inflight.get(key)
        if own is None:
            own = self._environment.get(Table.USAGE, key)
        return Stored(own, [value for _, value in self._rows(Table.OTHERS, key)])

    def of_whole(self, owner_id: int) -> Stored:
        return self.of_group(owner_id, WHOLE_GROUP)

    def _rows(self, table: Table, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        return self._environment.scan(table, prefix, _ALL, _ALL, prefix)


def record_to_judge(shown: Shown) -> Record:
    """The store's, or what a pass just sold says of itself."""
    return shown.record or record_of(shown.issued, shown.signed_ruleset or 0)


def miss_of(problem: passes.PassError) -> Reason:
    return Reason.UNKNOWN_FORMAT if isinstance(problem, passes.UnknownVersion) else Reason.UNREADABLE


def better(verdict: Verdict, best: Verdict) -> bool:
    """Of two entitlements behind one credential: the admissible one, the one that ends first, the nearest miss."""
    if verdict.admit != best.admit:
        return verdict.admit
    return verdict.valid_until < best.valid_until if verdict.admit else verdict.reason > best.reason


def base45_decode(text: bytes) -> bytes:
    return base45.decode(text)


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
