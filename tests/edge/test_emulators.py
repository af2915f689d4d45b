"""The emulators as programs: bytes both ways over their ptys, orders over their sockets."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from edge.drivers import ds205a, sdt
from edge.emulators.board import Board
from edge.emulators.people import Crowd, Person
from tests.support.lanes import Remote, emulators

ANSWER_S = 5.0


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[dict[str, Remote]]:
    with emulators(
        tmp_path,
        scanner={"kind": "scanner", "terminator": "stx_etx", "prefix": "]Q1"},
        id={"kind": "sdt"},
        gate={"kind": "ds205a", "address": 3, "direction": "right", "open_seconds": 0.1, "counter": 0xFFFFFF},
    ) as remotes:
        yield remotes


class Line:
    """The driver's end of a pty."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, in time."""
        data = b""
        while len(data) < size:
            readable, _, _ = select.select([self.fd], [], [], ANSWER_S)
            assert readable, f"only {data!r} came"
            data += os.read(self.fd, size - len(data))
        return data

    def ask(self, command: bytes, size: int) -> bytes:
        os.write(self.fd, command)
        return self.read(size)


def test_a_scanner_sends_prefix_line_and_terminator(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line = Line(tmp_path / "scanner")
    before = time.monotonic_ns()
    assert before < devices["scanner"].ask("present", line="PF1:ABC")["sent_ns"] < time.monotonic_ns()
    assert line.read(12) == b"\x02]Q1PF1:ABC\x03"
    devices["scanner"].ask("raw", hex="00ff0d")
    assert line.read(3) == b"\x00\xff\x0d"


def test_an_id_reader_finds_selects_reads_once(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line = Line(tmp_path / "id")
    none = line.ask(sdt.FIND, 11)
    assert none == sdt.PREAMBLE + bytes.fromhex("000400008084")
    devices["id"].ask("card", id_number="11010519491231002X", name="张三")
    assert line.ask(sdt.FIND, 15) == sdt.PREAMBLE + bytes.fromhex("000800009F0000000097")
    assert line.ask(sdt.SELECT, 19) == sdt.PREAMBLE + bytes.fromhex("000C00009000000000000000009C")
    card = line.ask(sdt.READ, 1295)
    assert sdt.number_of(card[14:270]) == "11010519491231002X"
    assert line.ask(sdt.FIND, 11) == none  # lifted
    assert line.ask(sdt.request(0x11, 0xFF), 11) == sdt.PREAMBLE + bytes.fromhex("000400009094")


def test_a_card_left_lying_is_read_once(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line = Line(tmp_path / "id")
    devices["id"].ask("card", id_number="11010519491231002X", stays=True)
    line.ask(sdt.FIND, 15)
    line.ask(sdt.SELECT, 19)
    line.ask(sdt.READ, 1295)
    line.ask(sdt.FIND, 11)
    assert devices["id"].ask("state") == {"ok": True, "cards": 1, "reads": 1}
    assert devices["id"].ask("lift")["cards"] == 0


def test_a_gate_counts_its_direction_and_forfeits_credits(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line, gate = Line(tmp_path / "gate"), devices["gate"]
    status = ds205a.command(3, ds205a.Command.STATUS)
    reply = line.ask(b"\x7e\x7e\x00noise" + status, 18)
    assert reply[:3] == bytes((0x7F, 1, 3))
    assert (reply[6:9], reply[9:12], reply[13]) == (b"\0\0\0", b"\xff\xff\xff", 0x55)
    assert (sum(reply) + 1) & 0xFF == 0
    assert line.ask(ds205a.command(3, ds205a.Command.OPEN_RIGHT, 2), 18)[4] == 2
    assert gate.ask("person", label="x", after_ms=1, wait=True)["outcome"] == "walked"
    assert line.ask(status, 18)[9:12] == b"\0\0\0"  # 24 bits wrap
    deadline = time.monotonic() + ANSWER_S
    while gate.ask("state")["open"]:
        assert time.monotonic() < deadline
    assert gate.ask("state")["credits"] == 0
    assert gate.ask("person", label="y", patience_ms=20, wait=True)["outcome"] == "gave_up"
    assert gate.ask("tally") == {"ok": True, "bodies": {"x": 1}, "total": 1, "waiting": 0, "gave_up": {"y": 1}}


def test_other_addresses_and_wrong_checks_get_no_answer(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line = Line(tmp_path / "gate")
    wrong = ds205a.command(3, ds205a.Command.OPEN_RIGHT, 1)[:-1] + b"\0"
    os.write(line.fd, ds205a.command(1, ds205a.Command.OPEN_RIGHT, 1) + wrong)
    line.ask(ds205a.command(3, ds205a.Command.STATUS), 18)
    assert devices["gate"].ask("state")["opens"] == 0


def test_forbidden_and_held_open(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line, gate = Line(tmp_path / "gate"), devices["gate"]

    def order(code: ds205a.Command, d0: int = 0) -> int:
        return line.ask(ds205a.command(3, code, d0), 18)[13]

    assert order(ds205a.Command.FORBID_RIGHT) == 0x55
    assert order(ds205a.Command.OPEN_RIGHT, 1) == 0xAA
    assert order(ds205a.Command.RELEASE) == 0x55
    assert order(ds205a.Command.HOLD_RIGHT) == 0x55
    for _ in range(2):
        assert gate.ask("person", label="out", after_ms=0, wait=True)["outcome"] == "walked"
    assert order(ds205a.Command.CLOSE) == 0x55
    assert gate.ask("state")["open"] is False


def test_a_pulled_cable_is_gone_and_comes_back(tmp_path: Path, devices: dict[str, Remote]) -> None:
    line = Line(tmp_path / "scanner")
    devices["scanner"].ask("unplug")
    assert not (tmp_path / "scanner").is_symlink()
    with pytest.raises(OSError, match="Input/output"):
        os.write(line.fd, b"x")
    refused = devices["scanner"].try_ask({"do": "present", "line": "PF1:A"})
    assert refused["ok"] is False
    devices["scanner"].ask("plug")
    again = Line(tmp_path / "scanner")
    devices["scanner"].ask("present", line="A")
    assert again.read(6) == b"\x02]Q1A\x03"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([1], "an order has a do"),
        ({"do": "dance"}, "one of bits, free, mute, person"),
        ({"do": "person"}, "label is missing"),
        ({"do": "person", "label": "x", "behaviour": "fly"}, "behaviour is one of walk"),
        ({"do": "person", "label": "x", "after_ms": "soon"}, "after_ms is int"),
        ({"do": "raw", "hex": "zz"}, "non-hexadecimal"),
    ],
)
def test_wrong_orders_are_answered(devices: dict[str, Remote], order: object, said: str) -> None:
    reply = devices["gate"].try_ask(order)
    assert reply["ok"] is False
    assert said in reply["error"]
    assert devices["gate"].ask("tally")["total"] == 0


def test_one_emulator_by_the_command_line_cleans_up_after_itself(tmp_path: Path) -> None:
    link, control = tmp_path / "tty", tmp_path / "ctl"
    argv = [sys.executable, "-m", "edge.emulators", "ds205a", "--link", str(link), "--control", str(control)]
    with subprocess.Popen([*argv, "--open-seconds", "2.5"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        Remote(control).ask("state")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert not link.is_symlink()
    assert not control.exists()


# --- the crowd, on a clock that does not wait ---------------------------------------------------------------------


def person(label: str, behaviour: str = "walk", *, patience_s: float = 8.0, after_s: float = 0.3) -> Person:
    return Person(label, behaviour, trio.current_time() + patience_s, after_s, 0.0)


async def test_the_credit_of_one_lets_one_through(autojump_clock: trio.testing.MockClock) -> None:
    board = Board(open_seconds=5)
    crowd = Crowd(board, lambda: board.left)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.run)
        crowd.join(person("a"))
        crowd.join(person("b", patience_s=2))
        assert board._execute(0x80, 1, trio.current_time())
        crowd.stir()
        await trio.sleep(10)
        assert crowd.bodies == {"a": 1}
        assert crowd.gave_up == {"b": 1}
        assert board.left.count == 1
        nursery.cancel_scope.cancel()


async def test_nobody_overtakes_who_hesitates_or_turns_back(autojump_clock: trio.testing.MockClock) -> None:
    board = Board(open_seconds=5)
    crowd = Crowd(board, lambda: board.left)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.run)
        crowd.join(person("slow", "hesitate", patience_s=60))
        crowd.join(person("shy", "turn_back", patience_s=60))
        crowd.join(person("next", patience_s=60))
        totals = []
        for _ in range(4):
            board._execute(0x80, 1, trio.current_time())
            crowd.stir()
            await trio.sleep(6)
            totals.append((dict(crowd.bodies), dict(crowd.gave_up)))
        assert totals == [
            ({}, {}),
            ({"slow": 1}, {}),
            ({"slow": 1}, {"shy": 1}),
            ({"slow": 1, "next": 1}, {"shy": 1}),
        ]
        nursery.cancel_scope.cancel()


async def test_too_slow_for_the_gate_waits_for_the_next_opening(autojump_clock: trio.testing.MockClock) -> None:
    board = Board(open_seconds=1)
    crowd = Crowd(board, lambda: board.left)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.run)
        crowd.join(person("late", patience_s=5, after_s=2))
        board._execute(0x80, 1, trio.current_time())
        crowd.stir()
        await trio.sleep(10)
        assert crowd.bodies == {}
        assert crowd.gave_up == {"late": 1}
        nursery.cancel_scope.cancel()


def test_a_gate_that_turns_for_everybody(devices: dict[str, Remote]) -> None:
    gate = devices["gate"]
    gate.ask("free", on=True)
    assert gate.ask("person", label="leaving", after_ms=1, wait=True)["outcome"] == "walked"
    gate.ask("free", on=False)
    assert gate.ask("person", label="late", patience_ms=50, wait=True)["outcome"] == "gave_up"
    assert gate.ask("state")["credits"] == 0
