"""The twin is the oracle: on any data the compiled core gives the same verdict, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from edge import verifier
from edge.verdict import NO_LIMIT, Request
from paifang import base45, passes, records, rotating, short_codes
from paifang.records import (
    CredentialKind,
    Device,
    Op,
    PublicKey,
    Record,
    RecordFlag,
    State,
    Station,
    Table,
    VenueSettings,
)
from paifang.rulesets import Activation, Hours, RuleFlag, RuleSet, Span
from paifang.usage import Usage, others_key, usage_key
from tests.support.budget import budget
from tests.support.gatekit import (
    CLAIMS,
    DAY,
    ENTITLEMENT,
    GROUP,
    KEY_ID,
    LANE,
    LINE,
    MINUTE,
    MONTH,
    NOW_MS,
    NOW_S,
    OWN_EDGE,
    PASS_KEY,
    PEPPER,
    PRODUCT,
    RAW,
    RECORD,
    RULES,
    SIBLING,
    SIGNER,
    STATION,
    fields,
    index_op,
    sign,
)  # fmt: skip

CORES = [verifier.load(name) for name in verifier.MODULES]
ID_NUMBER = b"11010119900307663X"

u16 = st.integers(0, 2**16 - 1)
u32 = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1), st.just(2**32 - 1))
near_now = st.one_of(st.integers(NOW_S - 2, NOW_S + 2), u32)
few = st.one_of(st.integers(0, 4), u32)


def mostly(good: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Good in nine of ten: a record that fails the first check says nothing of the later ones."""
    return st.integers(0, 9).flatmap(lambda n: other if n == 9 else st.just(good))


places = mostly(STATION, st.sampled_from([SIBLING, 0, 2**32 - 1]))
lanes = mostly(LANE, st.sampled_from([LANE + 1, 0, 2**32 - 1]))
records_ = st.builds(
    Record,
    revision=u32, ruleset_id=mostly(RULES, st.just(RULES + 1)), product_class=mostly(PRODUCT, st.just(9)),
    not_before=mostly(0, near_now), not_after=mostly(2**32 - 1, near_now), digest=st.just(RECORD.digest),
    state=mostly(State.ACTIVE, st.sampled_from(State)), persons=st.one_of(st.integers(1, 5), mostly(1, u16)),
    uses=few, slot_from=mostly(0, near_now), slot_to=mostly(0, near_now), zones=u16,
    owner_id=st.sampled_from([0, 0, 77, 2**64 - 1]),
    flags=st.one_of(st.just(0), st.just(14), st.integers(0, 255)).map(RecordFlag),
)  # fmt: skip
near_day = st.one_of(st.integers(DAY - 2, DAY + 2), u32)
near_minute = st.one_of(st.integers(MINUTE - 2, MINUTE + 2), u16)
masks = mostly(0, st.integers(0, 255))
spans = st.builds(Span, first=near_day, last=near_day)
some_spans = st.lists(spans, max_size=3).map(tuple)
rule_sets = st.builds(
    RuleSet, uses_per_group=few, media=mostly(0xFFFF, u16),
    flags=st.one_of(st.just(0), st.just(64), st.just(96), st.integers(0, 511), u16).map(RuleFlag),
    uses_total=few, uses_month=few, uses_day=few, at_once=st.one_of(st.integers(0, 3), u16),
    reentry_gap_s=mostly(0, few), early_s=few, late_s=few, after_first_s=mostly(0, few),
    first_days=mostly(0, st.integers(0, 3)), activation=mostly(Activation.NONE, st.sampled_from(Activation)),
    days=masks,
    hours=mostly((), st.lists(st.builds(Hours, start=near_minute, end=near_minute, days=masks), max_size=4).map(tuple)),
    dates=mostly((), some_spans), blackout=mostly((), some_spans),
)  # fmt: skip
products = st.lists(st.sampled_from([PRODUCT, 0, 9, 70_000, 2**32 - 1]), max_size=5).map(tuple)
stations = st.builds(
    Station, group_id=mostly(GROUP, st.sampled_from([0, 2**32 - 1])), enabled=mostly(True, st.just(False)),
    exit=mostly(False, st.just(True)), products=mostly((PRODUCT,), products), inner=mostly(False, st.just(True)),
)  # fmt: skip
devices = st.builds(
    Device, station_id=mostly(STATION, st.just(SIBLING)), enabled=mostly(True, st.just(False)),
    identifier=st.text(max_size=8), products=mostly(None, st.none() | products),
)  # fmt: skip
any_ms = st.integers(-(2**63), 2**63 - 1)
usages = st.builds(
    Usage, revision=u32, total=few, month=st.sampled_from([MONTH, MONTH - 1, 0]), month_count=few,
    day=st.sampled_from([DAY, DAY - 1, 0]), day_count=few, last_station=st.sampled_from([STATION, SIBLING]),
    last_device=u32, last_ms=st.one_of(st.integers(NOW_MS - 2, NOW_MS + 2), st.integers(-(2**63), 2**63 - 1)),
    flags=st.integers(0, 255), first_ms=st.one_of(st.just(0), st.integers(NOW_MS - 4000, NOW_MS), any_ms),
    first_day=st.one_of(st.just(0), near_day), visit_ms=st.one_of(st.just(0), st.integers(NOW_MS - 2, NOW_MS), any_ms),
)  # fmt: skip
times = mostly(NOW_MS, st.one_of(
    st.integers(NOW_MS - 2500, NOW_MS + 2500), st.integers(-5000, 5000), st.integers(-(2**63), 2**63 - 1)
))  # fmt: skip
kinds = mostly(1, st.integers(-1, 17))


@st.composite
def damaged(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> bytes:
    """Packed values, one in ten of them with a byte changed, cut off or added."""
    data = bytearray(draw(values).pack())
    match draw(st.integers(0, 29)):
        case 29:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        case 28:
            del data[draw(st.integers(0, len(data) - 1)) :]
        case 27:
            data += draw(st.binary(min_size=1, max_size=4))
    return bytes(data)


rooms = mostly(NO_LIMIT, st.integers(-2, 4))
requests = st.builds(
    Request, kind=kinds, station_id=places, device_id=st.sampled_from([LANE, 0, 2**32 - 1]), now_ms=times,
    day=st.sampled_from([DAY, DAY, 0, 2**32 - 1]), month=st.sampled_from([MONTH, 0]),
    minute=st.one_of(st.just(MINUTE), u16), day_kind=mostly(0, st.integers(0, 4)), identity=st.integers(0, 2),
    room=rooms, day_room=rooms,
    step=mostly(NO_LIMIT, st.one_of(st.integers(NOW_S // 15 - 1, NOW_S // 15 + 1), u32)),
)  # fmt: skip
used_by = st.none() | damaged(usages)
used_by_others = st.lists(damaged(usages), max_size=3)


@given(st.tuples(
    damaged(records_), damaged(rule_sets), damaged(stations), damaged(devices), used_by, used_by_others,
    used_by, used_by_others, st.sampled_from([ENTITLEMENT, 0, 2**64 - 1]), requests,
))  # fmt: skip
@settings(max_examples=budget(600, 100_000), deadline=None)
def test_the_rules_decide_alike(arguments: tuple[Any, ...]) -> None:
    compiled, twin = (fields(core.decide(*arguments)) for core in CORES)
    assert compiled == twin


def mutate(line: bytes, draw: st.DrawFn) -> bytes:
    at = draw(st.integers(0, len(line) - 1))
    match draw(st.integers(0, 4)):
        case 0:
            return line[:at] + bytes((draw(st.integers(0, 255)),)) + line[at + 1 :]
        case 1:
            return line[:at] + bytes((draw(st.sampled_from(base45.ALPHABET)),)) + line[at + 1 :]
        case 2:
            return line[:at] + line[at + 1 :]
        case 3:
            return line[:at] + draw(st.binary(min_size=1, max_size=3)) + line[at:]
        case _:
            return line[:at]


CODE = b"7K3MQ0ZW4T9"
CODE = next(code for last in short_codes.ALPHABET if (code := short_codes.normalise(CODE + last.encode())))
SPACED = b"-".join((CODE[:4], CODE[4:8].lower(), CODE[8:])).replace(b"0", b"o")
TYPED = [
    b"04a200910f", b" 04A200910F\n", b"04A2009", CODE, SPACED, CODE[:-1], b"PM1:M000123", b"PM1:", b"PM1:" + b"m" * 65,
]  # fmt: skip
UNSEEN = replace(CLAIMS, entitlement_id=5, issued_at=NOW_S)
DAY_KEYS = [bytes((number,)) * 32 for number in range(4)]  # of DAY - 1, DAY, DAY + 1, and of nobody


def live_line(raw: bytes, step: int, day_key: bytes) -> bytes:
    return rotating.line(raw, rotating.pass_key(day_key, passes.digest(raw)), step * 15_000)


LIVE_LINE = live_line(RAW, NOW_S // 15, DAY_KEYS[1])
STRANGERS_LIVE_LINE = live_line(sign(CLAIMS, signer=SigningKey(bytes(32))), NOW_S // 15, DAY_KEYS[1])


@st.composite
def credentials(draw: st.DrawFn) -> tuple[int, bytes]:
    """What readers may deliver: good passes, passes of strangers, damaged ones, codes, numbers, noise."""
    kind = draw(st.sampled_from([CredentialKind.LINE] * 4 + [*CredentialKind, -1, 8]))
    match draw(st.integers(0, 15)):
        case 1:
            data = mutate(LINE, draw)
        case 12:
            data = draw(st.sampled_from([LIVE_LINE, STRANGERS_LIVE_LINE, LIVE_LINE[:-1], b"PR1:" + LINE[4:]]))
        case 13:
            step = draw(st.integers(NOW_S // 15 - 3, NOW_S // 15 + 3))
            data = live_line(draw(st.sampled_from([RAW, sign(UNSEEN)])), step, draw(st.sampled_from(DAY_KEYS)))
        case 14:
            kind = draw(st.sampled_from([kind, CredentialKind.CARD_UID]))
            data = draw(st.sampled_from(TYPED))
        case 2:
            claims = replace(CLAIMS, entitlement_id=draw(st.sampled_from([1, ENTITLEMENT, 2**63 - 1])))
            data = passes.line(sign(claims, key_id=draw(st.sampled_from([KEY_ID, 8, 9, 65_535]))))
        case 3:
            raw = bytearray(RAW)
            raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
            data = passes.line(bytes(raw))
        case 4:
            kind = CredentialKind.ID_NUMBER
            data = draw(st.sampled_from([ID_NUMBER, ID_NUMBER.lower(), b" " + ID_NUMBER + b"\n"]))
        case 8:
            data = b"OTA-000017"
        case 5:
            data = draw(st.binary(max_size=200))
        case 6:
            data = b"PF1:" + base45.encode(draw(st.binary(max_size=110)))
        case 7:
            data = draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)).encode()
        case _:
            data = LINE
    return int(kind), data


OPENS = {
    CredentialKind.ID_NUMBER: ID_NUMBER, CredentialKind.CHANNEL: b"OTA-000017", CredentialKind.SHORT: CODE,
    CredentialKind.MEMBER: b"M000123", CredentialKind.CARD_UID: b"04A200910F",
}  # fmt: skip
venues = damaged(st.builds(
    VenueSettings, time_zone=st.just("Asia/Shanghai"), day_start_minutes=st.just(0), stations=st.just({}),
    holidays=st.dictionaries(near_day, st.tuples(st.integers(0, 4), st.just("节"), st.just("day")), max_size=2),
    signed_only=mostly({PRODUCT: (RULES, 5)}, st.dictionaries(u16, st.tuples(u32, u32), max_size=2)),
)).filter(bool)  # fmt: skip


@st.composite
def stores(draw: st.DrawFn) -> dict[str, Any]:
    """The feed's rows and the edge's own: up to four entitlements behind one ID number and one channel code."""
    ops: list[Op] = []
    for number in {ENTITLEMENT, *draw(st.sets(st.sampled_from([1, 2, 3])))} - draw(
        mostly(set(), st.just({ENTITLEMENT}))
    ):
        ops.append(Op(Table.ENTITLEMENT, records.entitlement_key(number), draw(records_).pack()))
        for kind, value in OPENS.items():
            if draw(mostly(True, st.just(False))):
                ops.append(index_op(kind, value, number))
        for edge, group in draw(st.lists(st.tuples(st.integers(1, 3), st.sampled_from([GROUP, 0])), max_size=3)):
            ops.append(Op(Table.OTHERS, others_key(number, group, edge), draw(usages).pack()))
    ops.append(Op(Table.RULESET, records.live_key(RULES), draw(rule_sets).pack()))
    ops.append(Op(Table.STATION, records.live_key(STATION), draw(stations).pack()))
    ops.append(Op(Table.DEVICE, records.live_key(LANE), draw(devices).pack()))
    for day, key in zip((DAY - 1, DAY, DAY + 1), DAY_KEYS, strict=False):
        if draw(mostly(True, st.just(False))):
            ops.append(Op(Table.DAYKEY, records.live_key(day), key))
    for venue in draw(st.lists(venues, max_size=2)):
        ops.append(Op(Table.VENUE, records.live_key(draw(st.integers(1, 3))), venue))
    owners = draw(
        st.lists(st.tuples(st.sampled_from([ENTITLEMENT, 1, 77]), st.sampled_from([GROUP, 0])), max_size=3, unique=True)
    )
    killed = draw(st.booleans())
    return {
        "ops": records.pack_ops(ops),
        "usage": {usage_key(*owner): draw(damaged(usages)) for owner in owners},
        "inflight": {usage_key(*owner): draw(damaged(usages)) for owner in owners if draw(st.booleans())},
        "set": {
            "skew_ms": draw(st.sampled_from([0, 0, 4_999, 5_000, 60_000, -1])),
            "current_to_ms": draw(st.sampled_from([0, NOW_MS - 200, NOW_MS + 9, 2**62])),
            "signed_room": draw(st.integers(-1, 2)),
        },
        "keys": [PASS_KEY, replace(PASS_KEY, key_id=8, killed=killed), PublicKey(9, bytes(SIGNER.verify_key), 0, 5)],
    }


companions = mostly(b"", st.sampled_from([ID_NUMBER, b" " + ID_NUMBER.lower(), b"1", b" ", b"9" * 65]))
presentations = st.lists(
    st.tuples(credentials(), st.tuples(places, lanes), times, companions, st.tuples(rooms, rooms)),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    opened = [core.Environment(str(tmp_path_factory.mktemp("store")), 1 << 24) for core in CORES]
    yield opened
    for environment in opened:
        environment.close()


class TestFullStores:
    def fill(self, environment: Any, store: dict[str, Any]) -> None:
        txn = environment.begin()
        for table in Table:
            txn.delete_range(table, b"", b"\xff" * 30, 9999)
        txn.apply(store["ops"], 1, OWN_EDGE)
        for key, value in store["usage"].items():
            txn.put(Table.USAGE, key, value)
        txn.commit()

    @given(stores(), presentations)
    @settings(max_examples=budget(100, 10_000), deadline=None)
    def test_check_alike(self, environments: list[Any], store: dict[str, Any], presented: list[Any]) -> None:
        said = []
        for core, environment in zip(CORES, environments, strict=True):
            self.fill(environment, store)
            checker = core.Verifier(environment, PEPPER)
            checker.set_pass_keys([(k.key_id, k.public, k.not_before, k.not_after, k.killed) for k in store["keys"]])
            checker.inflight.update(store["inflight"])
            for name, value in store["set"].items():
                setattr(checker, name, value)
            said.append([
                fields(checker.check(kind, data, *place, now_ms, DAY, MONTH, MINUTE, companion, *room))
                for (kind, data), place, now_ms, companion, room in presented
            ])  # fmt: skip
        assert said[0] == said[1]


@pytest.fixture(scope="module")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    opened = [core.Environment(str(tmp_path_factory.mktemp("store")), 1 << 24) for core in CORES]
    checkers = []
    for core, environment in zip(CORES, opened, strict=True):
        txn = environment.begin()
        ops = [
            Op(Table.ENTITLEMENT, records.entitlement_key(ENTITLEMENT), RECORD.pack()),
            Op(Table.RULESET, records.live_key(RULES), RuleSet().pack()),
            Op(Table.STATION, records.live_key(STATION), Station(GROUP, True, False, (PRODUCT,)).pack()),
            Op(Table.DEVICE, records.live_key(LANE), Device(STATION, True, "lane-1").pack()),
        ]
        txn.apply(records.pack_ops(ops), 1, OWN_EDGE)
        txn.commit()
        checker = core.Verifier(environment, PEPPER)
        checker.set_pass_keys([(KEY_ID, PASS_KEY.public, PASS_KEY.not_before, PASS_KEY.not_after, False)])
        checkers.append(checker)
    yield checkers
    for environment in opened:
        environment.close()


class TestMutations:
    """Any one byte or character changed is never the same pass, and never anybody's crash."""

    def verdicts(self, checkers: list[Any], line: bytes) -> list[dict[str, Any]]:
        return [fields(checker.check(0, line, STATION, LANE, NOW_MS, DAY, MONTH, MINUTE)) for checker in checkers]

    def test_the_pass_itself_is_admitted(self, checkers: list[Any]) -> None:
        assert [verdict["admit"] for verdict in self.verdicts(checkers, LINE)] == [True, True]

    @pytest.mark.parametrize("at", range(len(RAW)))
    def test_no_byte_can_change(self, checkers: list[Any], at: int) -> None:
        for value in range(0, 256, budget(5, 1)):
            if value != RAW[at]:
                compiled, twin = self.verdicts(checkers, passes.line(RAW[:at] + bytes((value,)) + RAW[at + 1 :]))
                assert not compiled["admit"]
                assert compiled == twin

    @given(st.data())
    @settings(max_examples=budget(300, 30_000), deadline=None)
    def test_no_character_can_change(self, checkers: list[Any], data: st.DataObject) -> None:
        line = mutate(LINE, data.draw)
        assume(line != LINE)
        compiled, twin = self.verdicts(checkers, line)
        assert not compiled["admit"]
        assert compiled == twin

    @given(size=st.one_of(st.integers(0, 300), st.integers(0, 1 << 20)), seed=st.binary(min_size=1, max_size=40))
    @settings(max_examples=budget(40, 400), deadline=None)
    def test_garbage_of_any_length_is_refused_alike(self, checkers: list[Any], size: int, seed: bytes) -> None:
        for garbage in ((seed * (size // len(seed) + 1))[:size], b"PF1:" + (seed * (size // len(seed) + 1))[:size]):
            compiled, twin = self.verdicts(checkers, garbage)
            assert not compiled["admit"]
            assert compiled == twin


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=40).map(base45.encode)))
@settings(max_examples=budget(400, 50_000), deadline=None)
def test_base45_decodes_alike(text: bytes) -> None:
    said: list[Any] = []
    for core in CORES:
        try:
            said.append(core.base45_decode(text))
        except ValueError as problem:
            said.append(str(problem))
    assert said[0] == said[1]


def test_both_say_what_they_are() -> None:
    assert [core.IMPLEMENTATION for core in CORES] == ["compiled", "twin"]
