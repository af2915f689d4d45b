"""The commands of the demo, as a person gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.demo import ROOT, Demo


def test_present_by_hand(demo: Demo) -> None:
    ticket = demo.sell()
    first = demo.run("-m", "paifang.cli", "present", "west-3", ticket["line"])
    assert (first.returncode, first.stdout) == (0, "WEST-3: 1 of 1 went through\n")
    again = demo.run("-m", "paifang.cli", "present", "WEST-3", ticket["line"])
    assert (again.returncode, again.stdout) == (1, "WEST-3: 0 of 1 went through\n")


def test_unplug_status_and_wrong_names(demo: Demo) -> None:
    assert demo.run("-m", "cloud", "demo", "unplug", "WEST-3", "reader").returncode == 0
    assert demo.run("-m", "cloud", "demo", "plug", "WEST-3", "reader").returncode == 0
    status = demo.run("-m", "cloud", "demo", "status").stdout
    assert [line.split()[:3] for line in status.splitlines() if line.startswith("edge")] == [
        ["edge", "edge", "running"]
    ]
    wrong = demo.run("-m", "cloud", "demo", "unplug", "WEST-9", "reader")
    assert wrong.returncode == 1
    assert "there is no lane WEST-9; there are WEST-1" in wrong.stderr


def test_a_second_demo_on_the_same_ports_says_which_is_taken(demo: Demo, tmp_path: Path) -> None:
    ports = demo.layout.ports
    second = subprocess.run(
        [sys.executable, "-m", "cloud", "demo", "run", f"--web-port={ports.web}"],
        cwd=ROOT, env=demo.environment | {"PAIFANG_VAR": str(tmp_path)}, capture_output=True, text=True, timeout=60,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"port {ports.web} (web) is taken" in second.stderr


def test_a_short_day_is_counted() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "cloud", "demo", "once", "--seconds", "6", "--visits", "50"],
        cwd=ROOT, env=os.environ | {"PAIFANG_DATABASE_URL": ""}, capture_output=True, text=True, timeout=180,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr + ran.stdout
    result = json.loads(ran.stdout.splitlines()[-1])
    assert set(result) == {
        "presented", "admitted", "left", "inside", "refused", "journalled", "ingested", "double_admitted", "lost",
        "miscounted", "p50_ms", "p99_ms",
    }  # fmt: skip
    assert (result["double_admitted"], result["lost"], result["miscounted"]) == (0, 0, 0)
    assert result["journalled"] == result["ingested"] > result["admitted"] > 20
    assert result["presented"] >= 50
    assert 0 < result["p50_ms"] <= result["p99_ms"]
