"""The store that the verifier's benches read: a million entitlements, of which some thousand have real passes.

Ids are random, as the cloud's are. Each pass is really signed and really encoded; the other records carry random
digests. Around them 200 rule sets and 30 stations of 40 products each.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from paifang import passes
from paifang.passes import Claims
from paifang.records import RECORD_BYTES, Device, Op, Record, Station, Table, entitlement_key, live_key, pack_ops
from paifang.rulesets import RuleSet

MAP_SIZE = 1 << 30
STATION, DEVICE, PRODUCT, RULES, GROUP, KEY_ID = 5, 6, 7, 3, 9, 1
SIGNER = SigningKey(bytes(range(32)))
NOW_MS = 1_790_000_000_000
DAY, MONTH, MINUTE = 739_800, 202609, 790
AT = (STATION, DEVICE, NOW_MS, DAY, MONTH, MINUTE)
PEPPER = bytes(32)
_BATCH = 10_000
_ROW = struct.Struct("<BBHI8s")


@dataclass(frozen=True, slots=True)
class Filled:
    """Lines of passes that the store holds, and of genuine ones that it has never seen."""

    known: list[bytes]
    unseen: list[bytes]


def fill(environment: Any, entitlements: int, known: int, unseen: int) -> Filled:
    """Writes through `apply`, as the feed does, in key order."""
    chance = random.Random(20261122)
    ids = sorted({chance.getrandbits(62) for _ in range(entitlements)})
    real = {number: _signed(number) for number in chance.sample(ids, known)}
    txn = environment.begin()
    txn.apply(pack_ops(_live()), 1, 1)
    head = Record(1, RULES, PRODUCT, 0, 2**32 - 1, bytes(16)).pack()
    before, after = head[:44], head[60:]
    rows: list[bytes] = []
    for number in ids:
        digest = passes.digest(real[number]) if number in real else chance.randbytes(16)
        op = _ROW.pack(Table.ENTITLEMENT, 1, 8, RECORD_BYTES, entitlement_key(number))
        rows += (op, before, digest, after)
        if len(rows) >= 4 * _BATCH:
            txn.apply(b"".join(rows), 1, 1)
            rows.clear()
    txn.apply(b"".join(rows), 1, 1)
    txn.commit()
    strangers = [passes.line(_signed(2**62 + chance.getrandbits(61))) for _ in range(unseen)]
    lines = [passes.line(raw) for raw in real.values()]
    chance.shuffle(lines)
    return Filled(lines, strangers)


def checker(core: Any, environment: Any) -> Callable[..., Any]:
    """`Verifier.check` of that store; the arguments after the line are AT."""
    verifier = core.Verifier(environment, PEPPER)
    verifier.set_pass_keys([(KEY_ID, bytes(SIGNER.verify_key), 0, 2**32 - 1, False)])
    check: Callable[..., Any] = verifier.check
    return check


def open_store(core: Any, folder: Path) -> Any:
    return core.Environment(str(folder), MAP_SIZE)


def _live() -> list[Op]:
    rules = RuleSet().pack()
    station = Station(GROUP, True, False, tuple(range(40))).pack()
    return [
        *(Op(Table.RULESET, live_key(number), rules) for number in range(1, 201)),
        *(Op(Table.STATION, live_key(number), station) for number in range(1, 31)),
        Op(Table.DEVICE, live_key(DEVICE), Device(STATION, True, "G1").pack()),
    ]


def _signed(number: int) -> bytes:
    claims = Claims(number, PRODUCT, NOW_MS // 1000 - 90_000, NOW_MS // 1000 - 9_000, 2**32 - 1, 1, 1, 0)
    return passes.assemble(KEY_ID, claims, SIGNER.sign(passes.signed_bytes(KEY_ID, claims)).signature)
