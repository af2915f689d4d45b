"""The whole stack as real processes, for end-to-end tests: started, driven, cut and stopped."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from cloud.demo import site
from cloud.demo.control import Control
from cloud.demo.gate import Gate
from cloud.demo.layout import Layout, Ports
from cloud.demo.stack import read_health

ROOT = Path(__file__).resolve().parents[2]
OPEN_SECONDS = 1.5
START_SECONDS = 120.0

Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], wanted: Callable[[Seen], object] = bool, seconds: float = 20.0) -> Seen:
    """Looks until it sees what is wanted, and returns it; fails with what it saw last."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"after {seconds} s still {seen!r}"
        time.sleep(0.05)


class Till:
    """tests.support.till in a process of its own, in the stack's environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.till"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"do": do} | more), file=self._process.stdin, flush=True)
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        return reply

    def close(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()


class Demo:
    """A running stack without a crowd. Use it as a context manager.

    Attributes:
        layout: its folders and addresses.
        till: sells and looks things up in the cloud.
        gates: the lanes, by device.
        keep: leave the folder behind, for its logs.
    """

    keep = False

    def __init__(self, **environment: str) -> None:
        self.var = Path(tempfile.mkdtemp(prefix="pf-"))  # short: sockets live in it
        self.layout = Layout(self.var, Ports.free(), OPEN_SECONDS)
        self.environment = self.layout.environment() | environment
        self.gates = {plan.device: Gate(self.layout.control, plan) for plan in site.LANES}

    def __enter__(self) -> Demo:
        options = [f"--{name}-port={getattr(self.layout.ports, name)}" for name in Ports.__slots__]
        options += ["--no-crowd", f"--open-seconds={OPEN_SECONDS}"]
        self.said = self.var / "said.txt"
        with self.said.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloud", "demo", "run", *options],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        try:
            until(self._started, seconds=START_SECONDS)
        except BaseException:
            self.process.terminate()
            self.process.wait()
            print(self.said.read_text())
            raise
        self.supervisor = Control(self.layout.supervisor, timeout=60)
        self.till = Till(self.environment)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.till.close()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60)
        if kind is None and not self.keep:
            assert code == 0, self.said.read_text()
            shutil.rmtree(self.var)
        else:
            print(f"the stack's logs stay in {self.layout.logs}")

    def _started(self) -> bool:
        assert self.process.poll() is None, self.said.read_text()
        return self.layout.running.exists()

    def tell(self, do: str, what: str) -> None:
        """Stops, starts or kills a group or a program."""
        self.supervisor.ask(do=do, what=what)

    def programs(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.supervisor.ask(do="status")["programs"]
        return found

    def health(self) -> dict[str, Any]:
        """The edge's, once it answers."""
        return until(lambda: read_health(self.layout) or {})

    def lane(self, device: str) -> dict[str, Any]:
        """A lane as the edge's health page has it."""
        [found] = [lane for lane in self.health()["lanes"] if lane["device"] == device]
        return dict(found)

    def sell(self, product: str = "adult", **more: Any) -> dict[str, Any]:
        """A ticket of today the edge already knows."""
        sold = self.till.ask("issue", product=product, **more)
        self.told()
        return sold

    def sell_many(self, count: int) -> list[dict[str, Any]]:
        """That many adults' tickets."""
        sold = [self.till.ask("issue", product="adult") for _ in range(count)]
        self.told()
        return sold

    def told(self) -> None:
        """Waits until the edge has applied what the cloud has committed so far: both streams current to now."""
        now = time.time()
        until(self.health, lambda health: all(_current_to(health, name) >= now for name in ("bulk", "urgent")))

    def show(
        self, device: str, ticket: dict[str, Any], *, bodies: int = 1, behaviour: str = "walk", patience_ms: int = 900
    ) -> int:
        """Somebody shows a ticket at a lane and walks if it opens; how many bodies went through."""
        return self.attempt(device, ticket["line"].encode(), ticket["label"], bodies, behaviour, patience_ms)

    def attempt(
        self, device: str, line: bytes, label: str, bodies: int = 1, behaviour: str = "walk", patience_ms: int = 900
    ) -> int:
        gate = self.gates[device]
        gate.scan(line)
        return self.walk(device, label, bodies, behaviour, patience_ms)

    def walk(self, device: str, label: str, bodies: int = 1, behaviour: str = "walk", patience_ms: int = 900) -> int:
        """Bodies before the arms until each is through or has gone; how many went through."""
        gate = self.gates[device]
        before = gate.tally(label)
        for _ in range(bodies):
            gate.stand(label, behaviour, patience_ms, after_ms=50)
        after = until(lambda: gate.tally(label), lambda now: _left(now, label) - _left(before, label) >= bodies)
        return int(after["bodies"][label] - before["bodies"][label])

    def decided(self, ticket: dict[str, Any], count: int) -> list[list[str]]:
        """The first `count` decisions about a ticket as the cloud has them: [device, decision, reason]."""
        return until(lambda: self.till.ask("presented", label=ticket["label"])["decided"], lambda d: len(d) >= count)

    def settled(self, ticket: dict[str, Any]) -> list[list[Any]]:
        """Its admissions, all settled: [outcome, passed, returned, recovered]."""
        return until(
            lambda: self.till.ask("admissions", label=ticket["label"])["admissions"],
            lambda rows: rows and all(row[0] != "open" for row in rows),
        )

    def drained(self) -> dict[str, Any]:
        """Waits until the cloud has ingested the edge's whole journal and every use is settled; the books then."""

        def books() -> dict[str, Any]:
            written = self.health()["journal"]["last"]
            return self.till.ask("journal") | {"written": written}

        return until(books, lambda seen: seen["entries"] == seen["written"] and not seen["open"], seconds=40)

    def walked(self) -> dict[str, int]:
        """Bodies through any barrier that lets in, by label."""
        total: dict[str, int] = {}
        entrances = [gate for gate in self.gates.values() if not site.station(gate.plan.station).exit]
        for gate in entrances:
            for label, bodies in gate.tally()["bodies"].items():
                total[label] = total.get(label, 0) + bodies
        return total

    def run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command in the stack's environment."""
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            timeout=timeout, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def _left(tally: dict[str, Any], label: str) -> int:
    return int(tally["bodies"].get(label, 0)) + int(tally["gave_up"].get(label, 0))


def _current_to(health: dict[str, Any], name: str) -> float:
    told = health["feed"][name]["current_to"]
    return datetime.fromisoformat(told).timestamp() if told else 0.0
