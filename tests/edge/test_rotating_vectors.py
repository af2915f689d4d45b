"""tests/vectors/rotating.json: the phone's page makes these lines, both verifiers read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from paifang import passes, rotating
from paifang.reasons import Reason
from paifang.records import CredentialKind, Op, PublicKey, RecordFlag, Table, live_key
from tests.support.gatekit import GOOD, RECORD, Gate
from tests.vectors import make_passes, make_rotating

VECTORS = json.loads(make_rotating.FILE.read_text(encoding="utf-8"))


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    """Knows the day ticket, which must be shown live, and the venue's keys of three days."""
    claims = make_passes.DAY_TICKET
    record = replace(
        RECORD, digest=passes.digest(make_passes.sign(claims)), not_before=claims.not_before,
        not_after=claims.not_after, flags=RecordFlag.ROTATING,
    )  # fmt: skip
    gate = Gate(core, tmp_path / "store", replace(GOOD, record=record, entitlement_id=claims.entitlement_id))
    gate.apply([
        Op(Table.DAYKEY, live_key(int(day)), bytes.fromhex(key)) for day, key in VECTORS["day_keys"].items()
    ])  # fmt: skip
    gate.verifier.reload_live()
    gate.set_keys(
        PublicKey(make_passes.KEY_ID, bytes(make_passes.SigningKey(make_passes.SEED).verify_key), 0, 2**32 - 1)
    )
    yield gate
    gate.close()


def test_the_file_is_what_the_format_gives() -> None:
    assert make_rotating.vectors() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_a_good_line_is_made_and_admitted(gate: Gate, vector: dict[str, Any]) -> None:
    raw, day_key = bytes.fromhex(vector["raw"]), bytes.fromhex(vector["day_key"])
    key = rotating.pass_key(day_key, passes.digest(raw))
    assert (key.hex(), rotating.code(key, vector["step"]).hex()) == (vector["pass_key"], vector["code"])
    verdict = gate.present(vector["line"].encode(), now_ms=vector["at_ms"], day=VECTORS["day"])
    assert (verdict.admit, verdict.kind) == (True, CredentialKind.ROTATING)
    assert verdict.tag == passes.digest(raw)[:8]
    assert gate.present(passes.line(raw), now_ms=vector["at_ms"]).reason == Reason.LIVE_CODE_NEEDED


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_a_bad_line_is_refused_with_its_reason(gate: Gate, vector: dict[str, Any]) -> None:
    verdict = gate.present(vector["line"].encode(), now_ms=VECTORS["now_ms"], day=VECTORS["day"])
    assert (verdict.admit, Reason(verdict.reason).name) == (False, vector["reason"])


def test_a_clock_that_may_be_behind_takes_the_step_that_may_have_begun(gate: Gate) -> None:
    line = make_rotating.line(
        make_passes.sign(make_passes.DAY_TICKET), make_rotating.DAY_KEY, VECTORS["now_ms"] + 15_000
    )
    for skew_ms, reason in ((14_999, Reason.STALE_CODE), (15_000, Reason.OK)):
        gate.verifier.skew_ms = skew_ms
        assert gate.present(line, now_ms=VECTORS["now_ms"], day=VECTORS["day"]).reason == reason


def test_a_gate_without_the_days_keys_knows_nothing_of_it(gate: Gate) -> None:
    """Offline for longer than keys were given for: that is no forgery."""
    line = VECTORS["good"][0]["line"].encode()
    assert gate.present(line, now_ms=VECTORS["now_ms"], day=VECTORS["day"] + 3).reason == Reason.UNKNOWN
    assert gate.present(line, now_ms=VECTORS["now_ms"], day=VECTORS["day"] + 2).reason == Reason.FORGED
