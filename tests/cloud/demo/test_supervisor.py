"""Real child processes: started, restarted, stopped, and gone with their supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from cloud.demo import commands
from cloud.demo.control import Control, ControlError
from cloud.demo.supervisor import Program, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"  # leaves a child in its group
FAILS = "import sys; print('the disk is gone'); sys.exit(3)"


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """On asyncio's own loop: importing trio-asyncio, as other tests do, puts another in its place."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(coroutine)


async def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        await asyncio.sleep(0.02)


def make(tmp_path: Path, **sources: str) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    supervisor = Supervisor(dict(os.environ), tmp_path, said.append)
    for name, source in sources.items():
        supervisor.add(Program(name, "cloud", [sys.executable, "-c", source]))
    return supervisor, said


def in_group(pid: int) -> set[int]:
    """Processes whose group that is."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == pid:
                    found.add(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def test_stop_ends_a_whole_process_group(tmp_path: Path) -> None:
    supervisor, said = make(tmp_path, web=PARENT)

    async def play() -> None:
        supervisor.start("web")
        process = supervisor.programs["web"].process
        assert process is not None
        await until(lambda: len(in_group(process.pid)) == 2)
        await supervisor.stop("cloud")
        await until(lambda: not in_group(process.pid))

    run(play())
    assert said == []


def test_what_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.demo.supervisor.STOP_SECONDS", 0.3)
    supervisor, said = make(tmp_path, web=STUBBORN)

    async def play() -> None:
        supervisor.start("web")
        await until(lambda: "up" in (tmp_path / "web.log").read_text())
        await supervisor.stop_all()

    run(play())
    process = supervisor.programs["web"].process
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    assert said == ["web did not stop in 0.3 s and was killed"]


def test_a_crash_is_reported_with_its_last_words_and_started_again(tmp_path: Path) -> None:
    supervisor, said = make(tmp_path, rpc=FAILS)

    async def play() -> None:
        supervisor.start("rpc")
        watch = asyncio.create_task(supervisor.watch())
        await until(lambda: supervisor.programs["rpc"].starts >= 2)
        watch.cancel()
        await supervisor.stop_all()

    run(play())
    assert said[0] == f"rpc ended (exit code 3); starting it again in 0.5 s; its log: {tmp_path / 'rpc.log'}"
    assert said[1] == "    the disk is gone"


def test_stopped_stays_stopped_until_started(tmp_path: Path) -> None:
    supervisor, _ = make(tmp_path, rpc=SLEEPER, web=SLEEPER)

    async def play() -> None:
        supervisor.start("cloud")
        watch = asyncio.create_task(supervisor.watch())
        server = await commands.serve(tmp_path / "s", supervisor)
        control = Control(tmp_path / "s")
        stopped = await asyncio.to_thread(control.ask, do="stop", what="rpc")
        assert {name: one["alive"] for name, one in stopped["programs"].items()} == {"rpc": False, "web": True}
        pid = stopped["programs"]["web"]["pid"]
        await asyncio.to_thread(control.ask, do="kill", what="web")
        await until(lambda: commands.status(supervisor)["web"]["pid"] not in (pid, None))
        status = (await asyncio.to_thread(control.ask, do="status"))["programs"]
        assert (status["rpc"]["alive"], status["web"]["starts"]) == (False, 2)
        with pytest.raises(ControlError, match='nothing is called "gates"; there are cloud, rpc, web'):
            await asyncio.to_thread(control.ask, do="stop", what="gates")
        started = await asyncio.to_thread(control.ask, do="start", what="cloud")
        assert all(one["alive"] for one in started["programs"].values())
        control.close()
        watch.cancel()
        server.close()
        await supervisor.stop_all()

    run(play())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_no_child_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, sys
from pathlib import Path
from cloud.demo.supervisor import Program, Supervisor
supervisor = Supervisor(dict(os.environ), Path({str(tmp_path)!r}), print)
supervisor.add(Program("web", "cloud", [sys.executable, "-c", {SLEEPER!r}]))
supervisor.start("web")
print(supervisor.programs["web"].process.pid, flush=True)
asyncio.run(supervisor.watch())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        supervisor.kill()
    run(until(lambda: not alive(pid)))


def alive(pid: int) -> bool:
    """Whether it runs: a zombie nobody has reaped yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
