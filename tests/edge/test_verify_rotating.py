"""Rotating passes at the gate: the code's moment and key, the plain pass refused, a step used elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from paifang import base45, passes, rotating
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, Op, RecordFlag, State, Table, live_key
from paifang.usage import Usage, usage_key
from tests.support.gatekit import (
    CLAIMS,
    DAY,
    ENTITLEMENT,
    GOOD,
    GROUP,
    LANE,
    LINE,
    NOW_MS,
    RAW,
    SIBLING,
    STATION,
    Gate,
    sign,
)

YESTERDAYS, TODAYS, TOMORROWS = bytes(32), bytes(range(32)), bytes(range(32, 64))
STEP_MS = 15_000
STEP_START_MS = NOW_MS // STEP_MS * STEP_MS
STALE, FORGED = Reason.STALE_CODE, Reason.FORGED


def shown(at_ms: int = NOW_MS, day_key: bytes = TODAYS, raw: bytes = RAW) -> bytes:
    """What a phone shows at an instant."""
    return rotating.line(raw, rotating.pass_key(day_key, passes.digest(raw)), at_ms)


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    rotates = GOOD.but(record=replace(GOOD.record, flags=RecordFlag.ROTATING))
    gate = Gate(core, tmp_path / "store", rotates)
    keys = ((DAY - 1, YESTERDAYS), (DAY, TODAYS), (DAY + 1, TOMORROWS))
    gate.apply([Op(Table.DAYKEY, live_key(day), key) for day, key in keys])
    gate.verifier.reload_live()
    yield gate
    gate.close()


def said(gate: Gate, line: bytes, **asked: Any) -> Reason:
    return Reason(gate.present(line, **asked).reason)


def test_a_live_code_is_admitted(gate: Gate) -> None:
    verdict = gate.present(shown())
    assert (verdict.admit, verdict.kind, verdict.entitlement_id) == (True, CredentialKind.ROTATING, ENTITLEMENT)
    assert verdict.tag == passes.digest(RAW)[:8]
    assert gate.present(shown(), CredentialKind.ROTATING).admit


def test_the_plain_pass_of_a_rotating_ticket_is_not(gate: Gate) -> None:
    verdict = gate.present(LINE)
    assert (verdict.reason, verdict.kind, verdict.entitlement_id) == (
        Reason.LIVE_CODE_NEEDED, CredentialKind.PASS, ENTITLEMENT,
    )  # fmt: skip


def test_a_live_code_of_a_plain_ticket_is_as_good_if_it_proves(gate: Gate) -> None:
    gate.apply(GOOD.but(revision=2).ops())
    assert gate.present(LINE).admit
    assert gate.present(shown()).admit
    assert said(gate, shown(day_key=b"k" * 32)) is FORGED


@pytest.mark.parametrize(
    ("at_ms", "skew_ms", "reason"),
    [
        (STEP_START_MS - 1, 0, Reason.OK),
        (STEP_START_MS - STEP_MS, 0, Reason.OK),
        (STEP_START_MS - STEP_MS - 1, 0, STALE),
        (0, 0, STALE),
        (STEP_START_MS + STEP_MS - 1, 0, Reason.OK),
        (STEP_START_MS + STEP_MS, 0, STALE),
        (STEP_START_MS + STEP_MS, STEP_START_MS + STEP_MS - NOW_MS, Reason.OK),
        (STEP_START_MS + STEP_MS, STEP_START_MS + STEP_MS - NOW_MS - 1, STALE),
        (STEP_START_MS + 2 * STEP_MS, STEP_MS, STALE),
        ((2**32 - 1) * STEP_MS, 2**62, Reason.OK),
    ],
)  # fmt: skip
def test_a_code_is_good_for_its_moment(gate: Gate, at_ms: int, skew_ms: int, reason: Reason) -> None:
    gate.verifier.skew_ms = skew_ms
    assert said(gate, shown(at_ms)) is reason


def test_the_skew_never_makes_an_older_code_good(gate: Gate) -> None:
    gate.verifier.skew_ms = 3600_000
    assert said(gate, shown(STEP_START_MS - STEP_MS - 1)) is STALE


class TestKeys:
    @pytest.mark.parametrize("key", [YESTERDAYS, TODAYS, TOMORROWS])
    def test_the_days_before_and_after_count_too(self, gate: Gate, key: bytes) -> None:
        """A phone that fetched at 23:59, or whose day begins where the venue's does not."""
        assert said(gate, shown(day_key=key)) is Reason.OK

    def test_another_days_does_not(self, gate: Gate) -> None:
        assert said(gate, shown(day_key=TOMORROWS), day=DAY - 1) is FORGED
        assert said(gate, shown(day_key=YESTERDAYS), day=DAY + 1) is FORGED
        assert said(gate, shown(day_key=TODAYS), day=DAY + 1) is Reason.OK

    def test_a_code_of_no_key_of_ours_is_forged_in_its_time_and_stale_out_of_it(self, gate: Gate) -> None:
        assert said(gate, shown(day_key=b"k" * 32)) is FORGED
        assert said(gate, shown(STEP_START_MS - 2 * STEP_MS, b"k" * 32)) is STALE

    def test_without_a_key_nobody_can_tell(self, gate: Gate) -> None:
        assert said(gate, shown(), day=DAY + 5) is Reason.UNKNOWN
        assert said(gate, shown(), day=0) is Reason.UNKNOWN
        assert said(gate, shown(), day=2**32 - 1) is Reason.UNKNOWN

    def test_keys_count_once_they_are_reloaded(self, gate: Gate) -> None:
        gate.apply([Op(Table.DAYKEY, live_key(DAY), b"n" * 32)])
        assert gate.present(shown()).admit
        gate.verifier.reload_live()
        assert said(gate, shown()) is FORGED
        assert gate.present(shown(day_key=b"n" * 32)).admit

    def test_the_code_is_of_this_pass_and_step(self, gate: Gate) -> None:
        raw, step, code = RAW, NOW_MS // STEP_MS, rotating.code(
            rotating.pass_key(TODAYS, passes.digest(RAW)), NOW_MS // STEP_MS
        )  # fmt: skip
        for wrong in (code[::-1], bytes((code[0] ^ 1,)) + code[1:], code[:7] + bytes((code[7] ^ 0x80,))):
            assert said(gate, b"PR1:" + base45.encode(raw + step.to_bytes(4, "little") + wrong)) is FORGED
        assert said(gate, b"PR1:" + base45.encode(raw + (step - 1).to_bytes(4, "little") + code)) is FORGED
        assert said(gate, b"PR1:" + base45.encode(raw + step.to_bytes(4, "little") + code)) is Reason.OK


class TestLines:
    def test_a_damaged_one_is_unreadable(self, gate: Gate) -> None:
        for line in (
            b"PR1:", b"PR1:A", b"PR1:::::", b"PR1:BB8", shown()[:-1], shown()[:-2], shown()[:-3], shown()[:90],
            shown() + b"0", shown() + b"BB8", shown()[:60] + b"a" + shown()[61:], b"PR1:" + LINE[4:],
            b"PR1:" + base45.encode(bytes(12)), b"PR1:" + base45.encode(b"\1" + bytes(12)),
            b"PR1:" + b"0" * 1_000_000, b"PR1:" + b"0" * 999_999, b"PR1:" + b"0" * 171,
            b"PR1:" + base45.encode(RAW + bytes(30)), b"PR1:" + base45.encode(b"\2" + bytes(120)),
        ):  # fmt: skip
            verdict = gate.present(line)
            assert (verdict.reason, verdict.kind, verdict.tag) == (Reason.UNREADABLE, CredentialKind.ROTATING, b"")

    def test_a_pass_of_another_version_in_it_is_of_unknown_format(self, gate: Gate) -> None:
        for raw in (b"\2" + RAW[1:], b"\2"):
            assert said(gate, b"PR1:" + base45.encode(raw + bytes(12))) is Reason.UNKNOWN_FORMAT

    def test_the_longest_is_read(self, gate: Gate) -> None:
        claims = replace(CLAIMS, entitlement_id=2**63 - 1, product_class=2**16 - 1, zones=2**16 - 1, persons=127)
        line = shown(raw=sign(claims))
        assert said(gate, line) is Reason.UNKNOWN
        assert len(line) <= rotating.MAX_LINE

    def test_a_replaced_pass_in_it_is_replaced(self, gate: Gate) -> None:
        assert said(gate, shown(raw=sign(replace(CLAIMS, issued_at=1)))) is Reason.REPLACED

    def test_the_rules_go_on_behind_the_code(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=2, state=State.FROZEN).ops())
        assert said(gate, shown()) is Reason.FROZEN
        assert said(gate, shown(0)) is STALE

    def test_rotating_is_a_medium_of_its_own(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=2, media=1 << CredentialKind.PASS).ops())
        gate.verifier.reload_live()
        assert said(gate, shown()) is Reason.MEDIUM_NOT_ALLOWED
        assert gate.present(LINE).admit


class TestReplay:
    """A family of two: the step works again at its lane for the rest of them, nowhere else."""

    @pytest.fixture(autouse=True)
    def family(self, gate: Gate) -> None:
        record = replace(GOOD.record, revision=2, persons=2, flags=RecordFlag.ROTATING)
        gate.apply(GOOD.but(record=record, at_once=1).ops())
        gate.apply([Op(Table.DEVICE, live_key(LANE + 1), Device(STATION, True, "lane-2").pack())])
        gate.verifier.reload_live()

    def test_a_step_works_once_but_for_the_rest_of_a_group(self, gate: Gate) -> None:
        gate.spend(gate.present(shown()))
        verdict = gate.present(shown(), device_id=LANE + 1)
        assert (verdict.reason, verdict.last_station, verdict.last_ms) == (Reason.REPLAYED, STATION, NOW_MS)
        assert said(gate, shown(NOW_MS - STEP_MS), device_id=LANE + 1) is Reason.REPLAYED
        assert gate.present(shown()).admit
        later = NOW_MS + STEP_MS
        assert gate.present(shown(later), now_ms=later, device_id=LANE + 1).admit

    def test_one_that_is_being_written_counts_already(self, gate: Gate) -> None:
        first = gate.present(shown())
        gate.verifier.inflight[first.usage_key] = first.usage_after
        assert said(gate, shown(), device_id=LANE + 1) is Reason.REPLAYED

    def test_a_use_that_came_back_does_not_count(self, gate: Gate) -> None:
        first = gate.present(shown())
        back = Usage.unpack(first.usage_after).give_back(1, day=DAY, month=202_311, at_ms=NOW_MS)
        gate.put(Table.USAGE, first.usage_key, back.pack())
        assert gate.present(shown(), device_id=LANE + 1).admit

    def test_a_use_at_another_edge_counts(self, gate: Gate) -> None:
        use = Usage(total=1, last_station=SIBLING, last_device=99, last_ms=NOW_MS)
        gate.put(Table.OTHERS, usage_key(ENTITLEMENT, GROUP) + (2).to_bytes(4, "big"), use.pack())
        verdict = gate.present(shown())
        assert (verdict.reason, verdict.last_station) == (Reason.REPLAYED, SIBLING)
