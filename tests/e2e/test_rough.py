"""Rough handling: cables pulled, garbage on the line, commands given twice or wrongly. No other lane minds."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.support.demo import Demo, until


@pytest.mark.parametrize("part", ["qr", "board"])
@pytest.mark.spec("S-17")
def test_an_unplugged_device_stops_its_own_lane_and_comes_back(demo: Demo, part: str) -> None:
    demo.gates["WEST-2"].part(part).ask(do="unplug")
    until(lambda: demo.lane("WEST-2")["state"], lambda state: state == "fault")
    ticket = demo.sell()
    assert demo.show("WEST-1", ticket) == 1
    demo.gates["WEST-2"].part(part).ask(do="plug")
    until(lambda: demo.lane("WEST-2")["state"], lambda state: state == "ready")
    assert demo.show("WEST-2", demo.sell()) == 1


def test_garbage_long_and_half_lines_stop_nobody(demo: Demo) -> None:
    source = random.Random(5)
    gate = demo.gates["WEST-2"]
    gate.raw(bytes(source.randrange(256) for _ in range(4000)) + b"\r")
    gate.raw(b"A" * 1_000_000)
    assert demo.show("WEST-1", demo.sell()) == 1
    gate.raw(b"\r")
    ticket = demo.sell()
    line = ticket["line"].encode()
    gate.raw(line[:30])
    gate.raw(line[30:] + b"\r\n")
    assert demo.walk("WEST-2", ticket["label"]) == 1


def test_a_second_edge_on_one_store_refuses_and_names_the_first(demo: Demo) -> None:
    first = demo.health()["edge"]["process"]
    second = demo.run("-m", "edge", "run", "--config", str(demo.layout.edge_config))
    assert second.returncode == 1
    assert str(first) in second.stderr
    assert demo.show("WEST-2", demo.sell()) == 1


def test_a_used_token_enrols_nobody_else(demo: Demo, tmp_path: Path) -> None:
    spare = demo.till.ask("token")
    config = demo.layout.edge_config.read_text()
    outcomes: list[subprocess.CompletedProcess[str]] = []
    for name in ("first", "second"):
        file = tmp_path / f"{name}.toml"
        file.write_text(config.replace(str(demo.layout.edge_state), str(tmp_path / name)))
        outcomes.append(demo.run("-m", "edge", "enrol", "--config", str(file), spare["token"]))
    demo.till.ask("retire", edge=spare["edge"])
    assert outcomes[0].returncode == 0, outcomes[0].stderr
    assert outcomes[1].returncode == 1
    assert "token" in outcomes[1].stderr
    assert not (tmp_path / "second" / "identity" / "identity.json").exists()


def test_a_wrong_configuration_is_told_with_its_line(demo: Demo, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    lines = demo.layout.edge_config.read_text().splitlines()
    at = next(n for n, text in enumerate(lines) if text.startswith("open_seconds"))
    lines[at] = 'open_seconds = "long"'
    file.write_text("\n".join(lines))
    ran = demo.run("-m", "edge", "run", "--config", str(file))
    assert ran.returncode == 2
    assert f"{file}:{at + 1}: " in ran.stderr
    assert '"open_seconds" is expected to be a number' in ran.stderr
