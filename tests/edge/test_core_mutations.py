"""Take any check out of the compiled core, and a test of the verifier fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from paifang.reasons import Reason
from tests.support import core_mutants
from tests.support.budget import LONG


def test_every_reason_has_a_check_to_remove() -> None:
    sources = {
        name: (core_mutants.ROOT / "edge" / name).read_text(encoding="utf-8") for name in core_mutants.SOURCES
    }  # fmt: skip
    _, mutants = core_mutants.mutate(sources)
    said = " ".join(mutant.says for mutant in mutants)
    assert [
        reason.name for reason in Reason if reason not in core_mutants.NOT_CHECKED and reason.name not in said
    ] == []


@pytest.mark.skipif(not LONG, reason="compiles the core anew and runs its tests a hundred times: make test-long")
def test_no_check_can_be_removed_unnoticed(tmp_path: Path) -> None:
    mutants = core_mutants.build(tmp_path)
    assert core_mutants.survivors(tmp_path, mutants) == []
