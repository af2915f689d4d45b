"""A small gate for the verifier's tests: keys, one good pass with its record, the live records around it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from nacl.signing import SigningKey

from edge.verdict import Request
from paifang import passes, records
from paifang.passes import Claims
from paifang.records import CredentialKind, Device, Op, PublicKey, Record, Station, Table
from paifang.rulesets import RuleSet
from paifang.usage import WHOLE_GROUP, Usage, others_key, usage_key

PEPPER = b"the venue's pepper of these tests"
KEY_ID = 7
SIGNER = SigningKey(bytes(range(32)))
PASS_KEY = PublicKey(KEY_ID, bytes(SIGNER.verify_key), 1_500_000_000, 2_000_000_000)

NOW_S = 1_700_050_000
NOW_MS = NOW_S * 1000 + 123
DAY = 738_839  # 15 November 2023
MONTH = 202_311
MINUTE = 1206  # the wall clock in Shanghai, 20:06; a Wednesday
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
    "persons", "remaining", "usage_key", "usage_before", "usage_after", "whole_key", "whole_before", "whole_after",
    "rule_flags", "valid_from", "valid_until", "hours_start", "hours_end", "last_station", "last_ms", "signed_only",
    "leaving",
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
    """Everything the rules look at, good unless changed. `but(...)` changes some of it.

    `usage` and `others` are the exclusion group's, `whole` and `whole_others` those of group 0.
    """

    record: Record = RECORD
    rules: RuleSet = RuleSet()  # noqa: RUF009 - frozen
    station: Station = Station(GROUP, True, False, (PRODUCT,))  # noqa: RUF009 - frozen
    device: Device = Device(STATION, True, "lane-1")  # noqa: RUF009 - frozen
    usage: Usage | None = None
    others: list[Usage] = field(default_factory=list)
    whole: Usage | None = None
    whole_others: list[Usage] = field(default_factory=list)
    entitlement_id: int = ENTITLEMENT
    request: Request = Request(CredentialKind.PASS, STATION, LANE, NOW_MS, DAY, MONTH, MINUTE)  # noqa: RUF009 - frozen

    def but(self, **changes: Any) -> Situation:
        """A copy; names of a record's, a rule set's or a request's fields change those."""
        changed: dict[str, Any] = {}
        for part in ("record", "rules", "request"):
            value = changes.pop(part, getattr(self, part))
            of_part = {name: changes.pop(name) for name in list(changes) if hasattr(value, name)}
            changed[part] = replace(value, **of_part)
        return replace(self, **changed, **changes)

    def decide(self, core: ModuleType) -> Any:
        return core.decide(*self.arguments().values())

    def arguments(self) -> dict[str, Any]:
        """What `decide` takes, by its names."""
        return {
            "record": self.record.pack(), "ruleset": self.rules.pack(), "station": self.station.pack(),
            "device": self.device.pack(), "own": None if self.usage is None else self.usage.pack(),
            "others": [usage.pack() for usage in self.others],
            "whole": None if self.whole is None else self.whole.pack(),
            "whole_others": [usage.pack() for usage in self.whole_others],
            "entitlement_id": self.entitlement_id, "request": self.request,
        }  # fmt: skip

    @property
    def owner_id(self) -> int:
        return self.record.owner_id or self.entitlement_id

    def ops(self) -> list[Op]:
        """The feed's rows of it; siblings' usage comes from edges 2, 3, ..."""
        rows = [
            Op(Table.ENTITLEMENT, records.entitlement_key(self.entitlement_id), self.record.pack()),
            Op(Table.RULESET, records.live_key(self.record.ruleset_id), self.rules.pack()),
            Op(Table.STATION, records.live_key(self.request.station_id), self.station.pack()),
            Op(Table.DEVICE, records.live_key(self.request.device_id), self.device.pack()),
        ]
        for group, others in ((self.station.group_id, self.others), (WHOLE_GROUP, self.whole_others)):
            for edge, usage in enumerate(others, start=OTHER_EDGE):
                rows.append(Op(Table.OTHERS, others_key(self.owner_id, group, edge), usage.pack()))
        return rows

    def used(self) -> dict[bytes, bytes]:
        """The edge's own rows of the USAGE table."""
        own = ((self.station.group_id, self.usage), (WHOLE_GROUP, self.whole))
        return {usage_key(self.owner_id, group): usage.pack() for group, usage in own if usage is not None}


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
        for key, value in situation.used().items():
            self.put(Table.USAGE, key, value)
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

    def present(self, data: bytes, kind: int = CredentialKind.LINE, now_ms: int = NOW_MS, **asked: Any) -> Any:
        """A verdict at the good place and time, but for what is given: arguments of `check` by their names."""
        place = {"station_id": STATION, "device_id": LANE, "day": DAY, "month": MONTH, "minute": MINUTE}
        return self.verifier.check(int(kind), data, now_ms=now_ms, **(place | asked))

    def spend(self, verdict: Any) -> None:
        """What an admission writes."""
        for key, value in ((verdict.usage_key, verdict.usage_after), (verdict.whole_key, verdict.whole_after)):
            if value:
                self.put(Table.USAGE, key, value)

    def close(self) -> None:
        self.environment.close()
