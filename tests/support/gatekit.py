"""A small gate for the verifier's tests: keys, one good pass with its record, the live records around it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from nacl.signing import SigningKey

from paifang import passes, records
from paifang.passes import Claims
from paifang.records import CredentialKind, Device, Op, PublicKey, Record, Station, Table
from paifang.rulesets import RuleSet
from paifang.usage import Usage, others_key, usage_key

PEPPER = b"the venue's pepper of these tests"
KEY_ID = 7
SIGNER = SigningKey(bytes(range(32)))
PASS_KEY = PublicKey(KEY_ID, bytes(SIGNER.verify_key), 1_500_000_000, 2_000_000_000)

NOW_S = 1_700_050_000
NOW_MS = NOW_S * 1000 + 123
DAY = 738_474
MONTH = 202_311
STATION, SIBLING, LANE = 21, 22, 31
GROUP, PRODUCT, RULES = 41, 51, 61
OWN_EDGE, OTHER_EDGE = 1, 2
ENTITLEMENT = 0x1122334455667788

CLAIMS = Claims(
    entitlement_id=ENTITLEMENT, product_class=PRODUCT, issued_at=NOW_S - 90_000, not_before=NOW_S - 50_000,
    not_after=NOW_S + 36_399, zones=1, persons=1, flags=0,
)  # fmt: skip

FIELDS = (
    "admit", "reason", "kind", "tag", "entitlement_id", "owner_id", "group_id", "product_class", "ruleset_id",
    "persons", "remaining", "usage_key", "usage_before", "usage_after", "rule_flags", "valid_from", "valid_until",
    "last_station", "last_ms",
)  # fmt: skip


def fields(verdict: Any) -> dict[str, Any]:
    """All of a verdict, to compare with another implementation's."""
    return {name: getattr(verdict, name) for name in FIELDS}


def sign(claims: Claims, *, key_id: int = KEY_ID, signer: SigningKey = SIGNER) -> bytes:
    """The raw pass."""
    return passes.assemble(key_id, claims, signer.sign(passes.signed_bytes(key_id, claims)).signature)


RAW = sign(CLAIMS)
LINE = passes.line(RAW)

RECORD = Record(
    revision=1, ruleset_id=RULES, product_class=PRODUCT, not_before=CLAIMS.not_before,
    not_after=CLAIMS.not_after, digest=passes.digest(RAW),
)  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """Everything the rules look at, good unless changed. `but(...)` changes some of it."""

    record: Record = RECORD
    rules: RuleSet = RuleSet()  # noqa: RUF009 - frozen
    station: Station = Station(GROUP, True, False, (PRODUCT,))  # noqa: RUF009 - frozen
    device: Device = Device(STATION, True, "lane-1")  # noqa: RUF009 - frozen
    usage: Usage | None = None
    others: list[Usage] = field(default_factory=list)
    kind: int = CredentialKind.PASS
    entitlement_id: int = ENTITLEMENT
    station_id: int = STATION
    device_id: int = LANE
    now_ms: int = NOW_MS

    def but(self, **changes: Any) -> Situation:
        """A copy; names of a record's or rule set's fields change those."""
        of_record = {name: changes.pop(name) for name in list(changes) if hasattr(self.record, name)}
        of_rules = {name: changes.pop(name) for name in list(changes) if hasattr(self.rules, name)}
        situation = replace(self, **changes)
        return replace(
            situation, record=replace(situation.record, **of_record), rules=replace(situation.rules, **of_rules)
        )

    def decide(self, core: ModuleType) -> Any:
        return core.decide(
            self.record.pack(), self.rules.pack(), self.station.pack(), self.device.pack(),
            None if self.usage is None else self.usage.pack(), [usage.pack() for usage in self.others],
            int(self.kind), self.entitlement_id, self.station_id, self.device_id, self.now_ms, DAY, MONTH,
        )  # fmt: skip

    def ops(self) -> list[Op]:
        """The feed's rows of it; siblings' usage comes from edges 2, 3, ..."""
        owner = self.record.owner_id or self.entitlement_id
        rows = [
            Op(Table.ENTITLEMENT, records.entitlement_key(self.entitlement_id), self.record.pack()),
            Op(Table.RULESET, records.live_key(self.record.ruleset_id), self.rules.pack()),
            Op(Table.STATION, records.live_key(self.station_id), self.station.pack()),
            Op(Table.DEVICE, records.live_key(self.device_id), self.device.pack()),
        ]
        for edge, usage in enumerate(self.others, start=OTHER_EDGE):
            rows.append(Op(Table.OTHERS, others_key(owner, self.station.group_id, edge), usage.pack()))
        return rows


GOOD = Situation()


def index_op(kind: int, value: bytes, entitlement_id: int = ENTITLEMENT, pepper: bytes = PEPPER) -> Op:
    hashed = records.credential_hash(pepper, kind, value)
    return Op(Table.INDEX, records.index_key(kind, hashed, entitlement_id), (1).to_bytes(4, "little"))


class Gate:
    """A store and its verifier, of one implementation."""

    def __init__(self, core: ModuleType, path: Path, situation: Situation = GOOD, map_size: int = 1 << 24) -> None:
        self.core = core
        self.environment = core.Environment(str(path), map_size)
        self.apply(situation.ops())
        if situation.usage is not None:
            owner = situation.record.owner_id or situation.entitlement_id
            self.put(Table.USAGE, usage_key(owner, situation.station.group_id), situation.usage.pack())
        self.verifier = core.Verifier(self.environment, PEPPER)
        self.set_keys(PASS_KEY)

    def set_keys(self, *keys: PublicKey) -> None:
        self.verifier.set_pass_keys([(k.key_id, k.public, k.not_before, k.not_after, k.killed) for k in keys])

    def apply(self, ops: list[Op], generation: int = 1) -> tuple[int, bool]:
        txn = self.environment.begin()
        result: tuple[int, bool] = txn.apply(records.pack_ops(ops), generation, OWN_EDGE)
        txn.commit()
        return result

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        txn = self.environment.begin()
        txn.put(table, key, value)
        txn.commit()

    def present(self, data: bytes, kind: int = CredentialKind.LINE, now_ms: int = NOW_MS, **place: int) -> Any:
        station, device = place.get("station_id", STATION), place.get("device_id", LANE)
        return self.verifier.check(int(kind), data, station, device, now_ms, DAY, MONTH)

    def close(self) -> None:
        self.environment.close()
