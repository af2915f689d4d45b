"""The whole of Paifang on one machine: what is prepared, enrolled and started, in which order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cloud.demo import child, commands, site
from cloud.demo.layout import DemoError, Layout, python
from cloud.demo.supervisor import Program, Supervisor

READY_SECONDS = 60.0


class Stack:
    """One demo's processes. Use `async with`: leaving it stops them all."""

    def __init__(self, layout: Layout, say: Callable[[str], None]) -> None:
        self.layout = layout
        self.say = say
        self.supervisor = Supervisor(layout.environment(), layout.logs, say)
        self._tasks: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None
        self._lock: IO[bytes] | None = None

    async def __aenter__(self) -> Stack:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            self._server.close()
        await self.supervisor.stop_all()
        if self._lock is not None:
            for path in (self.layout.running, self.layout.supervisor):
                path.unlink(missing_ok=True)
            self._lock.close()

    async def start(self) -> None:
        """Prepares the data, starts cloud, entrance and edge, and returns when a pass would be decided.

        Raises DemoError: a port is taken, a step failed, something did not come up in time.
        """
        layout = self.layout
        layout.ports.check()
        self._lock = layout.lock()
        layout.prepare()
        self._add_programs()
        self._server = await commands.serve(layout.supervisor, self.supervisor)
        token = layout.demo / "enrol-token"
        enrolled = (layout.edge_state / "identity" / "identity.json").exists()
        self.say("Preparing the demo venue")
        await self._step(
            "prepare", *python("-m", "cloud", "demo", "prepare", *([] if enrolled else ["--token", str(token)]))
        )
        self.supervisor.start("entrance")
        self.supervisor.start("cloud")
        self._tasks.append(asyncio.create_task(self.supervisor.watch()))
        await self._listening(layout.ports.enrol, "rpc")
        await self._listening(layout.ports.gates, "rpc")
        if not enrolled:
            self.say("Enrolling the edge")
            config = str(layout.edge_config)
            await self._step("enrol", *python("-m", "edge", "enrol", "--config", config, "--token-file", str(token)))
            token.unlink()
        self.supervisor.start("edge")
        await self._edge_ready()
        await self._listening(layout.ports.web, "web")
        layout.running.write_text(json.dumps(self.facts()))

    def start_crowd(self) -> None:
        self.supervisor.add(Program("crowd", "crowd", python("-m", "cloud", "demo", "crowd")))
        self.supervisor.start("crowd")

    async def count(self, seconds: float, visits: int, answer: Path) -> None:
        """Plays a short day and has it counted into `answer`. Raises DemoError."""
        arguments = ["--seconds", str(seconds), "--visits", str(visits), "--result", str(answer)]
        await self._step("count", *python("-m", "cloud", "demo", "count", *arguments))

    def facts(self) -> dict[str, Any]:
        """What another program needs to join in."""
        return {
            "pid": os.getpid(),
            "var": str(self.layout.var),
            "web": f"http://{self.layout.web_address}/",
            "edge_health": self.layout.edge_health,
            "ports": {name: getattr(self.layout.ports, name) for name in self.layout.ports.__slots__},
        }

    def _add_programs(self) -> None:
        layout = self.layout
        for plan in site.LANES:
            config = layout.demo / f"{plan.device.lower()}.json"
            config.write_text(json.dumps(_emulators(layout, plan)))
            argv = python("-m", "edge.emulators", "all", "--config", str(config))
            self.supervisor.add(Program(plan.device.lower(), "entrance", argv))
        self.supervisor.add(Program("rpc", "cloud", python("-m", "cloud", "rpc")))
        self.supervisor.add(Program("worker", "cloud", python("-m", "cloud", "worker")))
        self.supervisor.add(Program("web", "cloud", python("-m", "cloud", "web", "--bind", layout.web_address)))
        self.supervisor.add(Program("edge", "edge", python("-m", "edge", "run", "--config", str(layout.edge_config))))

    async def _step(self, name: str, *argv: str) -> None:
        """Runs a command to its end. Raises DemoError with its last words when it fails."""
        log = self.layout.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        process = child.start(argv, env=self.layout.environment(), log=log)
        try:
            while process.poll() is None:
                await asyncio.sleep(0.02)
        finally:
            child.send(process, signal.SIGKILL)
            process.wait()
        if process.returncode != 0:
            raise DemoError("\n".join([f"{name} failed; {log} ends with:", *child.last_lines(log, 12)]))

    async def _listening(self, port: int, name: str) -> None:
        async def open_once() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            return True

        await self._until(open_once, f"{name} does not answer on port {port}; see {self.supervisor.log(name)}")

    async def _edge_ready(self) -> None:
        async def ready() -> bool:
            health = await asyncio.to_thread(read_health, self.layout)
            return health is not None and is_ready(health)

        await self._until(
            ready, f"the edge is not ready; see {self.supervisor.log('edge')} and {self.layout.edge_health}"
        )

    async def _until(self, holds: Callable[[], Any], otherwise: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await holds():
            if time.monotonic() > deadline:
                raise DemoError(f"after {READY_SECONDS:g} s {otherwise}")
            await asyncio.sleep(0.1)


def read_health(layout: Layout) -> dict[str, Any] | None:
    """The edge's health page; None while it does not answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(layout.edge_health, timeout=2) as answer:
            health: dict[str, Any] = json.load(answer)
            return health
    except (urllib.error.URLError, OSError, ValueError):
        return None


def is_ready(health: dict[str, Any]) -> bool:
    """Every lane can serve: its devices answer and the cloud has told the edge of it."""
    return all(lane["state"] == "ready" for lane in health["lanes"])


def _emulators(layout: Layout, plan: site.LanePlan) -> list[dict[str, str]]:
    parts = [("scanner", "qr"), ("ds205a", "board"), *([("sdt", "id")] if plan.id_reader else [])]
    return [
        {"kind": kind, "link": str(layout.device(plan, part)), "control": str(layout.socket(plan, part))}
        for kind, part in parts
    ]
