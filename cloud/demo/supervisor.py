"""Keeps the demo's processes running: starts them, reports and restarts one that dies, stops them all in order.

Everything runs in the main thread on one asyncio loop, so that each child dies with this process (child.py).
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloud.demo import child

STOP_SECONDS = 8.0  # from SIGTERM to SIGKILL
WATCH_SECONDS = 0.1
LONGEST_DELAY = 8.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `group` is the word people stop and start it by: cloud, edge, entrance, crowd."""

    name: str
    group: str
    argv: Sequence[str]


@dataclass(slots=True)
class Running:
    """A program and its process now. `wanted`: it is to be started again when it dies."""

    program: Program
    wanted: bool = False
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    delay: float = 0.5
    started_at: float = 0.0
    restart_at: float | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """All programs of one demo. `say` prints a line for the person at the terminal."""

    environment: Mapping[str, str]
    logs: Path
    say: Callable[[str], None]
    programs: dict[str, Running] = field(default_factory=dict)

    def add(self, program: Program) -> None:
        self.programs[program.name] = Running(program)

    def named(self, word: str) -> list[Running]:
        """The programs of a group, or the one of that name. Raises KeyError."""
        found = [one for one in self.programs.values() if word in (one.program.name, one.program.group)]
        if not found:
            words = {one.program.group for one in self.programs.values()} | set(self.programs)
            raise KeyError(f'nothing is called "{word}"; there are {", ".join(sorted(words))}')
        return found

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def start(self, word: str) -> None:
        """Starts what is not running."""
        for one in self.named(word):
            one.wanted = True
            if not one.alive:
                self._spawn(one)

    async def stop(self, word: str) -> None:
        """SIGTERM, then SIGKILL to what is left; returns when all are gone."""
        await self._end(self.named(word))

    def kill(self, word: str) -> None:
        """SIGKILL, as a power cut would; what died is started again as after any crash."""
        for one in self.named(word):
            if one.alive and one.process is not None:
                child.send(one.process, signal.SIGKILL)

    async def stop_all(self) -> None:
        """In reverse order of their start: who makes traffic first, who serves it last."""
        groups = list(dict.fromkeys(one.program.group for one in reversed(self.programs.values())))
        for group in groups:
            await self._end([one for one in self.programs.values() if one.program.group == group])

    async def watch(self) -> None:
        """Until cancelled: reports programs that ended by themselves and starts them again, ever more slowly."""
        while True:
            now = time.monotonic()
            for one in self.programs.values():
                if one.wanted and not one.alive:
                    self._revive(one, now)
            await asyncio.sleep(WATCH_SECONDS)

    def _revive(self, one: Running, now: float) -> None:
        if one.restart_at is None:
            assert one.process is not None
            code = one.process.returncode
            why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            if now - one.started_at > 30:
                one.delay = 0.5
            one.restart_at = now + one.delay
            log = self.log(one.program.name)
            self.say(f"{one.program.name} ended ({why}); starting it again in {one.delay:g} s; its log: {log}")
            if code > 0:
                for line in child.last_lines(log, 5):
                    self.say(f"    {line}")
            one.delay = min(one.delay * 2, LONGEST_DELAY)
        elif now >= one.restart_at:
            self._spawn(one)

    def _spawn(self, one: Running) -> None:
        one.process = child.start(one.program.argv, env=self.environment, log=self.log(one.program.name))
        one.starts += 1
        one.started_at = time.monotonic()
        one.restart_at = None

    async def _end(self, some: Sequence[Running]) -> None:
        for one in some:
            one.wanted = False
            one.restart_at = None
            if one.process is not None and one.alive:
                child.send(one.process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(one.alive for one in some) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for one in some:
            if one.process is not None:
                if one.alive:
                    self.say(f"{one.program.name} did not stop in {STOP_SECONDS:g} s and was killed")
                child.send(one.process, signal.SIGKILL)  # the group: what it may have left behind
                one.process.wait()
