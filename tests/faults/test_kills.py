"""kill -9 of a real edge under load, at random moments and after each step from verifying to settling.

The boards and the people in front of them live on, so the boards' counters are the judge: who walked is in the
journal once, at the lane where he walked, and his ticket is spent by exactly that.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import verifier
from paifang.records import Device, Op, Table, live_key
from paifang.usage import WHOLE_GROUP, Usage, usage_key
from paifang.v1 import scan_pb2
from tests.support.budget import budget
from tests.support.edge_process import EdgeProcess, wait_for
from tests.support.entrance import DAILY, GROUP, TWICE, code, live_rows, ticket_rows
from tests.support.fake_cloud import FakeCloud
from tests.support.mortal import STEPS, Lives

SEED = 20261122
LANES = ("G11", "G12", "G21", "G22")
PER_LIFE = 8  # tickets that are new in a life; those before are shown again and again
AT_ONCE = 60  # tickets in the visitors' hands
BEHAVIOURS = ("walk",) * 8 + ("hesitate", "turn_back")


def rules_of(ticket: int) -> int:
    return (1, 1, TWICE, DAILY)[ticket % 4]


def may_walk(ticket: int) -> int:
    return 2 if rules_of(ticket) == TWICE else 1


class Visitor(threading.Thread):
    """Shows tickets at one lane as fast as a hand can, mostly those others show elsewhere at the same time."""

    def __init__(self, edge: EdgeProcess, lane: str, newest: list[int], seed: int) -> None:
        super().__init__(daemon=True)
        self._gate, self._scanner = _line(edge, lane, "gate"), _line(edge, lane, "qr")
        self._newest = newest
        self._chance = random.Random(seed)
        self.leave = threading.Event()

    def run(self) -> None:
        waiting = 0
        while not self.leave.wait(0.01 + self._chance.random() * 0.04):
            newest = self._newest[0]
            if waiting < 2:
                waiting = self._ask(
                    self._gate, do="person", label="x", behaviour=self._chance.choice(BEHAVIOURS),
                    after_ms=self._chance.randrange(60), transit_ms=self._chance.randrange(40), patience_ms=3_600_000,
                )["waiting"]  # fmt: skip
            else:
                waiting = self._ask(self._gate, do="tally", label="x")["waiting"]
            ticket = self._chance.randint(max(1, newest - AT_ONCE), newest)
            self._ask(self._scanner, do="present", line=code(ticket).decode())

    @staticmethod
    def _ask(control: Any, **order: Any) -> dict[str, Any]:
        control.write(json.dumps(order).encode() + b"\n")
        control.flush()
        said: dict[str, Any] = json.loads(control.readline())
        return said


def _line(edge: EdgeProcess, lane: str, end: str) -> Any:
    line = socket.socket(socket.AF_UNIX)
    line.connect(f"{edge.folder}/{lane}.{end}.s")
    return line.makefile("rwb")


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud()
    tickets = range(1, (budget(20, 10_000) + 1) * PER_LIFE + 1)
    rows = [*live_rows(), *(row for ticket in tickets for row in ticket_rows(ticket, ruleset=rules_of(ticket)))]
    for device, station in ((12, 1), (22, 2)):
        rows.append((Table.DEVICE, live_key(device), Device(station, True, f"G{device}").pack()))
    cloud.state = sorted((Op(*row) for row in rows), key=lambda op: (op.table, op.key))
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def edge(tmp_path: Path, cloud: FakeCloud) -> Iterator[EdgeProcess]:
    edge = EdgeProcess(tmp_path, cloud.enrol_address, LANES)
    edge.config.write_text(edge.config.read_text().replace("open_seconds = 2", "open_seconds = 1"))
    assert edge.command("enrol", cloud.token()).returncode == 0
    edge.plug()
    yield edge
    edge.close()


@pytest.mark.e2e
def test_killed_at_random_and_after_each_step(edge: EdgeProcess, cloud: FakeCloud) -> None:
    chance = random.Random(SEED)
    newest = [PER_LIFE]
    lives = Lives(edge.config, edge.folder / "edge.log")
    visitors = [Visitor(edge, lane, newest, SEED + n) for n, lane in enumerate(LANES)]
    first = lives.begin()
    wait_for(lambda: all(lane["state"] == "ready" for lane in (edge.health() or {"lanes": [{"state": ""}]})["lanes"]),
             "the lanes are ready")  # fmt: skip
    for visitor in visitors:
        visitor.start()
    os.kill(first, signal.SIGKILL)
    assert lives.ended() == -signal.SIGKILL
    reached: Counter[str] = Counter()
    for number in range(budget(20, 10_000)):
        newest[0] += PER_LIFE
        step = STEPS[number // 2 % len(STEPS)] if number % 2 else "-"
        pid = lives.begin(step, chance.randint(1, 3))
        if not _dies_by_itself(pid, chance.uniform(0.05, 0.6) if step == "-" else 8.0):
            os.kill(pid, signal.SIGKILL)
        else:
            reached[step] += 1
        assert lives.ended() == -signal.SIGKILL
    assert set(reached) == set(STEPS)  # each of them is a place the daemon gets to
    for visitor in visitors:
        visitor.leave.set()
        visitor.join()
    _let_settle(edge, lives)
    lives.close()
    _compare(edge, cloud)


def _dies_by_itself(pid: int, within_s: float) -> bool:
    """Whether the process is gone in time; it is its parent who buries it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.005)
    return False


def _let_settle(edge: EdgeProcess, lives: Lives) -> None:
    """One more life, with nobody presenting anything: what was open is settled, all of it told, and it stops."""
    pid = lives.begin()

    def quiet() -> bool:
        said = edge.health()
        return (
            said is not None
            and said["journal"]["backlog"] == 0
            and said["cloud"]["online"]
            and all(lane["state"] == "ready" for lane in said["lanes"])
        )

    wait_for(quiet, "everything is settled and told")
    os.kill(pid, signal.SIGTERM)
    assert lives.ended() == 0


def _compare(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """The journal in the cloud, the store, and what the boards counted: three accounts of one day."""
    assert cloud.chain_holds()
    assert cloud.changed_entries == 0
    tickets: dict[int, int] = {}  # admission -> ticket
    lanes: Counter[int] = Counter()
    walked: Counter[int] = Counter()
    settled: set[int] = set()
    outcomes: Counter[int] = Counter()
    for entry in cloud.journal():
        said = entry.presentation
        if said.decision == scan_pb2.DECISION_ADMIT:
            tickets[entry.seq] = said.entitlement_id
        if entry.HasField("settlement"):
            done = entry.settlement
            outcomes[done.outcome] += 1
            settled.add(done.admission_seq)
            lanes[done.device_id] += done.passed
            walked[tickets[done.admission_seq]] += done.passed
    assert settled == tickets.keys()  # nothing is left open for ever
    assert not {scan_pb2.OUTCOME_UNKNOWN, scan_pb2.OUTCOME_UNTICKETED} & outcomes.keys()
    assert {scan_pb2.OUTCOME_PASSED, scan_pb2.OUTCOME_RETURNED} <= outcomes.keys()
    assert all(persons <= may_walk(ticket) for ticket, persons in walked.items())
    for lane in LANES:
        assert lanes[int(lane[1:])] == edge.order(lane, "gate", do="tally")["total"], lane

    store = verifier.load("compiled").Environment(str(edge.folder / "state" / "store"), 32 << 20)
    assert store.entries(Table.OPEN) == 0
    for ticket in set(tickets.values()):
        for group, counts in ((GROUP, True), (WHOLE_GROUP, rules_of(ticket) == DAILY)):
            stored = store.get(Table.USAGE, usage_key(ticket, group))
            spent = Usage.unpack(stored).total if stored else 0
            assert spent == (walked[ticket] if counts else 0), (ticket, group)
    store.close()
