"""Each target for a fixed number of inputs, in a process of its own: `make test-long` tries many more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge import _credentials_py, _rules_py
from paifang.reasons import Reason
from paifang.records import Op, Table, pack_ops
from tests.fuzz import targets
from tests.support.budget import budget

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).with_name("corpus")
SLOW = {"venues": 20, "feeds": 2, "usages": 2}  # so much fewer inputs


@pytest.mark.parametrize("target", list(targets.TARGETS))
def test_nothing_is_found(target: str, tmp_path: Path) -> None:
    runs = budget(1500, 1_000_000) // SLOW.get(target, 1)
    line = [sys.executable, "-m", "tests.fuzz.run", target, f"-runs={runs}", "-seed=7", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=budget(120, 7200))
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
    assert f"Done {runs} runs" in done.stderr


def test_the_corpus_is_what_the_targets_start_from() -> None:
    kept = {folder.name: [file.read_bytes() for file in sorted(folder.iterdir())] for folder in CORPUS.iterdir()}
    assert kept == targets.seeds()


def try_all(target: str, inputs: list[bytes]) -> None:
    for data in inputs:
        targets.TARGETS[target](data)


@pytest.mark.parametrize(
    ("module", "name", "target"),
    [
        (_credentials_py, "none_of_ours", "lines"),
        (_rules_py, "CHECKS", "rulesets"),
        (_rules_py, "CHECKS", "usages"),
        (_rules_py, "CHECKS", "stored"),
        (_rules_py, "CHECKS", "requests"),
    ],
)
def test_a_difference_is_found(module: object, name: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the twin made wrong, the seeds alone show it."""
    wrong = (lambda _: Reason.THROTTLED) if name == "none_of_ours" else ()
    monkeypatch.setattr(module, name, wrong)
    inputs = [*targets.seeds()[target], b"\0no code at all", b"\1", b"\0"]
    with pytest.raises(targets.DiffersError):
        try_all(target, inputs)


def test_a_value_that_only_one_side_takes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge._store_py._known_layout", lambda table, value: True)
    with pytest.raises(targets.DiffersError):
        targets.feeds(pack_ops([Op(Table.DAYKEY, bytes(4), b"short")]))
