"""The `paifang` command only passes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from paifang import cli


@pytest.mark.parametrize(
    ("asked", "started"),
    [
        (["demo", "run", "--web-port", "9000"], ["-m", "cloud", "demo", "run", "--web-port", "9000"]),
        (["present", "WEST-1", "PF1:X"], ["-m", "cloud", "demo", "present", "WEST-1", "PF1:X"]),
        (["edge", "status"], ["-m", "edge", "status"]),
        (["cloud", "migrate"], ["-m", "cloud", "migrate"]),
    ],
)
def test_the_first_word_picks_the_module(asked: list[str], started: list[str]) -> None:
    assert cli.command_line(asked) == started


def test_an_unknown_word_is_named_and_exits_2() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "paifang.cli", "gate"], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 2
    assert 'there is no command "gate"' in ran.stderr
    assert ran.stdout == ""


def test_help_lists_every_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "paifang.cli"], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0
    for word in cli.COMMANDS:
        assert f"  paifang {word}" in ran.stdout
