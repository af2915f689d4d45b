"""tests/vectors/passes.json: the cloud signs these bytes, both verifiers read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from paifang import passes
from paifang.passes import Claims
from paifang.reasons import Reason
from paifang.records import PublicKey
from tests.support.gatekit import GOOD, RECORD, Gate
from tests.vectors import make_passes

VECTORS = json.loads(make_passes.FILE.read_text(encoding="utf-8"))
DAY_TICKET = VECTORS["good"][0]
NOON_MS = 1_700_040_000_000


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    claims = Claims(**DAY_TICKET["claims"])
    record = replace(
        RECORD, digest=bytes.fromhex(DAY_TICKET["digest"]), not_before=claims.not_before, not_after=claims.not_after
    )
    gate = Gate(core, tmp_path / "store", replace(GOOD, record=record, entitlement_id=claims.entitlement_id))
    gate.set_keys(PublicKey(DAY_TICKET["key_id"], bytes.fromhex(VECTORS["public"]), 0, 2**32 - 1))
    yield gate
    gate.close()


def test_the_file_is_what_the_format_gives() -> None:
    assert make_passes.vectors() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_a_good_pass_reads_and_verifies(core: ModuleType, vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["raw"])
    assert core.base45_decode(vector["line"].encode().removeprefix(passes.PREFIX)) == raw
    parsed = passes.parse_line(vector["line"].encode())
    assert (parsed.key_id, parsed.claims) == (vector["key_id"], Claims(**vector["claims"]))
    assert parsed.digest.hex() == vector["digest"]
    assert core.verify_ed25519(bytes.fromhex(VECTORS["public"]), parsed.signed, parsed.signature)


def test_the_gate_admits_the_pass_it_holds(gate: Gate) -> None:
    verdict = gate.present(DAY_TICKET["line"].encode(), now_ms=NOON_MS)
    assert (verdict.admit, verdict.tag.hex()) == (True, DAY_TICKET["digest"][:16])


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_a_bad_pass_is_refused_with_its_reason(gate: Gate, vector: dict[str, Any]) -> None:
    verdict = gate.present(vector["line"].encode(), now_ms=NOON_MS)
    assert (verdict.admit, Reason(verdict.reason).name) == (False, vector["reason"])
