"""The bench's own arithmetic, and that its store reads as it says."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from bench import gate_store, results
from bench.results import Result
from edge import verifier
from paifang.reasons import Reason

ROW = Result("verify_digest_1m", 1.234, "us", "PyNaCl VerifyKey.verify", 72.0, 58.35, 2000)


def test_each_side_has_a_round_in_turn() -> None:
    turns: list[str] = []

    def side(name: str, figures: list[float]) -> float:
        turns.append(name)
        return figures.pop()

    ours, theirs = [5.0, 1.0, 2.0], [10.0, 30.0, 20.0]
    assert results.medians(3, lambda: side("ours", ours), lambda: side("theirs", theirs)) == [2.0, 20.0]
    assert turns == ["ours", "theirs"] * 3


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert results.percentile(list(range(100, 0, -1)), share) == value


def test_the_file_holds_what_the_table_shows(tmp_path: Path) -> None:
    file = tmp_path / "results" / "latest.json"
    results.save([ROW], file)
    assert json.loads(file.read_text()) == [
        {
            "name": "verify_digest_1m", "value": 1.234, "unit": "us", "against": "PyNaCl VerifyKey.verify",
            "against_value": 72.0, "ratio": 58.35, "n": 2000,
        }
    ]  # fmt: skip
    head, row = results.table([ROW]).splitlines()
    assert head.split() == ["name", "value", "unit", "against", "its", "value", "ratio", "n"]
    assert row.split("  ")[0] == "verify_digest_1m"
    assert row.endswith("58.4  2,000")


@pytest.mark.parametrize("name", verifier.MODULES)
def test_the_benchs_passes_read_as_they_should(name: str, tmp_path: Path) -> None:
    core: ModuleType = verifier.load(name)
    environment = gate_store.open_store(core, tmp_path)
    filled = gate_store.fill(environment, entitlements=300, known=20, unseen=5)
    check = gate_store.checker(core, environment)
    assert environment.entries(1) == 300
    assert [check(0, line, *gate_store.AT).reason for line in filled.known] == [Reason.OK] * 20
    assert [check(0, line, *gate_store.AT).reason for line in filled.unseen] == [Reason.UNKNOWN] * 5
    environment.close()
