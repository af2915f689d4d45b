"""What is fuzzed: every reader of foreign bytes, in both verifiers at once. A target raises where the two differ.

A target never fails on bytes that are nothing: it fails where one implementation takes what the other does not,
where the same bytes come to another verdict, and where anything but the documented error comes out.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from edge import verifier
from edge.verdict import Request
from paifang import passes, records, rotating, short_codes
from paifang.records import CredentialKind, Device, Op, Station, Table, VenueSettings
from paifang.rulesets import Hours, RuleFlag, RuleSet, Span
from paifang.usage import Usage
from tests.support.gatekit import (
    DAY,
    ENTITLEMENT,
    GOOD,
    LANE,
    LINE,
    MINUTE,
    MONTH,
    NOW_MS,
    OWN_EDGE,
    PASS_KEY,
    PEPPER,
    PRODUCT,
    RAW,
    RULES,
    STATION,
    fields,
    index_op,
)

CORES = [verifier.load(name) for name in verifier.MODULES]
DAY_KEY = bytes(range(32))
CODE = b"000000000012"
ID_NUMBER = b"11010119900307663X"
LIVE = rotating.line(RAW, rotating.pass_key(DAY_KEY, passes.digest(RAW)), NOW_MS)
VENUE = VenueSettings(
    "Asia/Shanghai",
    240,
    {STATION: ("西门", "West")},
    3,
    {DAY: (1, "国庆节", "National Day")},
    {PRODUCT: (RULES, 9)},
    5,
    9,
)
MAP_BYTES = 1 << 24


class DiffersError(AssertionError):
    """The two implementations do not say the same."""


def agree(said: list[Any], of: object) -> None:
    if said[0] != said[1]:
        raise DiffersError(f"{of!r}:\n  {CORES[0].IMPLEMENTATION}: {said[0]}\n  {CORES[1].IMPLEMENTATION}: {said[1]}")


def outcome(do: Callable[[], Any]) -> Any:
    """What comes out, a ValueError as such: the one error that foreign bytes may raise."""
    try:
        return do()
    except ValueError:
        return ValueError


@cache
def environments() -> list[Any]:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    opened = [core.Environment(str(folder / core.IMPLEMENTATION), MAP_BYTES) for core in CORES]
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for environment in opened:
        atexit.register(environment.close)
    return opened


def write(ops: bytes) -> list[Any]:
    """What applying them says in either store, where they are then all there is."""
    said = []
    for environment in environments():
        txn = environment.begin()
        for table in Table:
            txn.delete_range(table, b"", b"\xff" * 30, 9999)
        said.append(outcome(lambda txn=txn: txn.apply(ops, 1, OWN_EDGE)))
        txn.commit() if said[-1] is not ValueError else txn.abort()
    return said


@cache
def checkers() -> list[Any]:
    """Verifiers of a gate that knows one ticket by its pass, live code, ID number, card, member and short code."""
    situation = GOOD.but(rules=RuleSet(flags=RuleFlag.WHOLE, uses_per_group=0))
    rows = [
        *situation.ops(), Op(Table.DAYKEY, records.live_key(DAY), DAY_KEY),
        Op(Table.VENUE, records.live_key(1), VENUE.pack()), index_op(CredentialKind.ID_NUMBER, ID_NUMBER),
        index_op(CredentialKind.SHORT, CODE), index_op(CredentialKind.CHANNEL, b"OTA-000017"),
        index_op(CredentialKind.CARD_UID, b"04A200910F"), index_op(CredentialKind.MEMBER, b"M000123"),
    ]  # fmt: skip
    write(records.pack_ops(rows))
    made = []
    for core, environment in zip(CORES, environments(), strict=True):
        checker = core.Verifier(environment, PEPPER)
        checker.set_pass_keys([(PASS_KEY.key_id, PASS_KEY.public, 0, 2**32 - 1, False)])
        checker.current_to_ms, checker.signed_room = NOW_MS - 1, 5
        made.append(checker)
    return made


# --- the targets ------------------------------------------------------------------------------------------------------


def lines(data: bytes) -> None:
    """What a reader delivers: its first byte is the kind, a ninth kind and more are none."""
    kind, text = (data[0] % 10, data[1:]) if data else (0, b"")
    said = [fields(c.check(kind, text, STATION, LANE, NOW_MS, DAY, MONTH, MINUTE, text[:20])) for c in checkers()]
    agree(said, (kind, text))
    for read in (passes.parse_line, rotating.parse_line):
        with suppress(passes.PassError):
            read(text)
    code = short_codes.normalise(text)
    if code is not None and short_codes.normalise(code) != code:
        raise DiffersError(f"short code {text!r}")


def base45(data: bytes) -> None:
    agree([outcome(lambda core=core: core.base45_decode(data)) for core in CORES], data)


def rulesets(data: bytes) -> None:
    """A rule set as stored, over a good ticket used once."""
    parsed = outcome(lambda: RuleSet.unpack(data))
    if parsed is not ValueError and RuleSet.unpack(parsed.pack()) != parsed:
        raise DiffersError(f"rule set {data!r}")
    given = GOOD.but(usage=Usage(total=1, last_station=STATION)).arguments() | {"ruleset": data}
    agree([fields(core.decide(*given.values())) for core in CORES], data)


def usages(data: bytes) -> None:
    """One value as this edge's and a sibling's, of the group and of the whole venue; at the lane and at an exit."""
    parsed = outcome(lambda: Usage.unpack(data))
    if parsed is not ValueError and Usage.unpack(parsed.pack()) != parsed:
        raise DiffersError(f"usage {data!r}")
    flags = RuleFlag.WHOLE | RuleFlag.ANTI_PASSBACK
    rules = RuleSet(5, flags, uses_total=9, uses_month=7, uses_day=5, reentry_gap_s=1, after_first_s=9, first_days=3)
    for exits in (False, True):
        given = GOOD.but(rules=rules, station=Station(41, True, exits, (PRODUCT,))).arguments()
        for own, others in ((data, []), (None, [data]), (data, [data])):
            given |= {"own": own, "others": others, "whole": own, "whole_others": others}
            agree([fields(core.decide(*given.values())) for core in CORES], data)


def stored(data: bytes) -> None:
    """An entitlement's record, a station's or a device's, by the first byte."""
    which, value = (data[0] % 3, data[1:]) if data else (0, b"")
    for layout in (records.Record, Station, Device):
        outcome(lambda layout=layout: layout.unpack(value))
    given = GOOD.arguments() | {("record", "station", "device")[which]: value}
    agree([fields(core.decide(*given.values())) for core in CORES], data)


def venues(data: bytes) -> None:
    """A venue's settings: what the calendar and the signed-only classes then come to."""
    outcome(lambda: VenueSettings.unpack(data))
    agree(write(records.pack_ops([Op(Table.VENUE, records.live_key(1), data), *GOOD.but(days=0x7F).ops()])), data)
    checkers.cache_clear()
    said = []
    for core, environment in zip(CORES, environments(), strict=True):
        checker = core.Verifier(environment, PEPPER)
        said.append([fields(checker.check(0, LINE, STATION, LANE, NOW_MS, day, MONTH, MINUTE)) for day in (DAY, 0, 1)])
    agree(said, data)


def feeds(data: bytes) -> None:
    """A batch of the feed, applied to an empty store: what is written, and what is there then."""
    checkers.cache_clear()
    agree(write(data), data)
    agree([[environment.scan(table, b"", 99) for table in Table] for environment in environments()], data)


def requests(data: bytes) -> None:
    """Moments and places: the numbers of a question."""
    numbers = [int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little", signed=True) for at in range(0, 72, 8)]
    now_ms, day, month, minute, kind, day_kind, identity, room, step = numbers
    request = Request(
        kind % 20 - 2, STATION, LANE, now_ms, day % 2**32, month % 2**32, minute % 2**16, day_kind % 4, identity % 4,
        room % 9 - 2, room % 5 - 2, step % 2**32 - 1,
    )  # fmt: skip
    usage = Usage(total=1, last_station=STATION, last_ms=now_ms // 2, first_ms=day, first_day=3, visit_ms=5, flags=1)
    rules = RuleSet(0, RuleFlag(96), days=0x5A, reentry_gap_s=9, after_first_s=7, first_days=2, uses_day=2)
    given = GOOD.but(request=request, rules=rules, usage=usage, whole=usage).arguments()
    agree([fields(core.decide(*given.values())) for core in CORES], request)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "lines": lines, "base45": base45, "rulesets": rulesets, "usages": usages, "stored": stored, "venues": venues,
    "feeds": feeds, "requests": requests,
}  # fmt: skip


def seeds() -> dict[str, list[bytes]]:
    """The small corpus each target starts from: tests/fuzz/corpus is these."""
    full = RuleSet(
        3, RuleFlag(0x1FF), 0xFF, 9, 5, 2, 60, 2, 300, 600, 7200, 3, days=0x5F,
        hours=(Hours(600, 900), Hours(1200, 1530)), dates=(Span(DAY, DAY + 3),), blackout=(Span(1, 2),),
    )  # fmt: skip
    usage = Usage(4, 3, MONTH, 2, DAY, 1, STATION, LANE, NOW_MS - 5000, 1, NOW_MS - 9000, DAY, NOW_MS - 9000)
    return {
        "lines": [
            b"\0" + LINE, b"\0" + LIVE, b"\1" + LINE, b"\2" + LIVE, b"\0OTA-000017", b"\0PM1:M000123", b"\0" + CODE,
            b"\4" + ID_NUMBER, b"\x0504a200910f", b"\7" + CODE[:6] + b"-" + CODE[6:],
        ],
        "base45": [b"", LINE[4:], b"BB8", b":::", b"A"],
        "rulesets": [RuleSet().pack(), full.pack()],
        "usages": [usage.pack(), b"\1" + usage.pack()[1:44]],
        "stored": [
            b"\0" + GOOD.record.pack(), b"\1" + GOOD.station.pack(), b"\2" + GOOD.device.pack(),
            b"\1" + Station(0, True, True, (1, 2, 3), True).pack(),
        ],
        "venues": [VENUE.pack(), VenueSettings("Europe/Berlin", 0, {}).pack()],
        "feeds": [
            records.pack_ops(GOOD.ops()),
            records.pack_ops([
                Op(Table.ENTITLEMENT, records.entitlement_key(ENTITLEMENT), None),
                Op(Table.DAYKEY, records.live_key(DAY), DAY_KEY), Op(Table.VENUE, records.live_key(1), VENUE.pack()),
                Op(Table.OTHERS, records.entitlement_key(1) + bytes(7) + b"\2", usage.pack()),
            ]),
        ],
        "requests": [NOW_MS.to_bytes(8, "little") + DAY.to_bytes(8, "little") + bytes(56), b"\xff" * 72],
    }  # fmt: skip
