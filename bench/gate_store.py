"""The stores that the verifier's benches read: a million entitlements, of which some thousand have real passes.

Ids are random, as the cloud's are. Each pass is really signed and really encoded; the other records carry random
digests. Around them 200 rule sets and 30 stations of 40 products each. `fill_ruled` fills a small store with
entitlements that every rule is asked of, and with rotating ones.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from paifang import passes, rotating
from paifang.passes import Claims
from paifang.records import (
    RECORD_BYTES,
    CredentialKind,
    Device,
    Op,
    Record,
    RecordFlag,
    Station,
    Table,
    credential_hash,
    entitlement_key,
    index_key,
    live_key,
    pack_ops,
)
from paifang.rulesets import Activation, Hours, RuleFlag, RuleSet, Span
from paifang.usage import WHOLE_GROUP, Usage, others_key, usage_key

MAP_SIZE = 1 << 30
STATION, DEVICE, PRODUCT, RULES, GROUP, KEY_ID = 5, 6, 7, 3, 9, 1
SIGNER = SigningKey(bytes(range(32)))
NOW_MS = 1_790_000_000_000
DAY, MONTH, MINUTE = 739_800, 202609, 790
AT = (STATION, DEVICE, NOW_MS, DAY, MONTH, MINUTE)
PEPPER = bytes(32)
_BATCH = 10_000
_ROW = struct.Struct("<BBHI8s")


# Every rule there is, and a visit that it lets pass.
ALL_RULES, PLAIN_RULES = 1, 2
ID_NUMBER = b"11010119900307663X"
RULED_AT = (*AT, ID_NUMBER, 1000, 1000)
DAY_KEY = bytes(range(32))
EVERYTHING = RuleSet(
    uses_per_group=9, uses_total=99, uses_month=31, uses_day=5, reentry_gap_s=600, at_once=2, early_s=900, late_s=900,
    after_first_s=864_000, first_days=9, activation=Activation.DESK, days=0x7F,
    flags=RuleFlag.WHOLE | RuleFlag.ANTI_PASSBACK | RuleFlag.IDENTITY | RuleFlag.COLLECT_FIRST | RuleFlag.BOOK_FIRST,
    hours=(Hours(480, 720), Hours(780, 1080)), dates=(Span(DAY - 30, DAY - 20), Span(DAY - 9, DAY + 9)),
    blackout=(Span(DAY + 1, DAY + 1), Span(DAY + 3, DAY + 3)),
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Ruled:
    """Lines of passes that every rule is asked of (at RULED_AT), and of live codes of rotating ones (at AT)."""

    ruled: list[bytes]
    rotating: list[bytes]


def fill_ruled(environment: Any, entitlements: int) -> Ruled:
    """So many of each kind. The ruled ones were used yesterday, here and at two other edges."""
    chance = random.Random(20261123)
    ids = sorted({chance.getrandbits(62) for _ in range(2 * entitlements)})
    raws = {number: _signed(number) for number in ids}
    ruled = set(chance.sample(ids, entitlements))
    now_s = NOW_MS // 1000
    done = RecordFlag.ACTIVATED | RecordFlag.COLLECTED | RecordFlag.BOOKED
    yesterday = Usage(
        revision=2, total=2, month=MONTH, month_count=2, day=DAY - 1, day_count=2, last_station=STATION,
        last_device=DEVICE, last_ms=NOW_MS - 86_400_000, first_ms=NOW_MS - 86_400_000, first_day=DAY - 1,
        visit_ms=NOW_MS - 80_000_000,
    ).pack()  # fmt: skip
    hashed = credential_hash(PEPPER, CredentialKind.ID_NUMBER, ID_NUMBER)
    ops, used = [Op(Table.DAYKEY, live_key(DAY), DAY_KEY), *_live()], []
    ops += [Op(Table.RULESET, live_key(ALL_RULES), EVERYTHING.pack())]
    for number in ids:
        rules, flags = (ALL_RULES, done) if number in ruled else (PLAIN_RULES, RecordFlag.ROTATING)
        record = Record(1, rules, PRODUCT, 0, 2**32 - 1, passes.digest(raws[number]), flags=flags, persons=2)
        if number in ruled:
            record = replace(record, slot_from=now_s - 600, slot_to=now_s + 600)
            ops.append(Op(Table.INDEX, index_key(CredentialKind.ID_NUMBER, hashed, number), bytes(4)))
            for group in (GROUP, WHOLE_GROUP):
                used.append((usage_key(number, group), yesterday))
                ops += [Op(Table.OTHERS, others_key(number, group, edge), yesterday) for edge in (2, 3)]
        ops.append(Op(Table.ENTITLEMENT, entitlement_key(number), record.pack()))
    txn = environment.begin()
    txn.apply(pack_ops(ops), 1, 1)
    for key, value in used:
        txn.put(Table.USAGE, key, value)
    txn.commit()
    lines = [passes.line(raws[number]) for number in ruled]
    live = [
        rotating.line(raw, rotating.pass_key(DAY_KEY, passes.digest(raw)), NOW_MS)
        for number, raw in raws.items()
        if number not in ruled
    ]
    chance.shuffle(live)
    return Ruled(lines, live)


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
