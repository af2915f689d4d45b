"""A lane with real emulator processes, real ptys, the real store and committer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from edge import verifier
from edge.admission import Admissions
from edge.committer import Committer
from edge.config import LaneConfig, PortConfig
from edge.entrance import LaneRunner
from edge.lane_actions import Show
from paifang.records import Table
from paifang.usage import Usage, usage_key
from paifang.v1 import scan_pb2
from tests.support.entrance import EDGE_ID, GROUP, MAP_BYTES, PEPPER, fill, live_rows, moment, ticket_rows


class Remote:
    """The control socket of one emulator."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(5)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rw", encoding="utf-8")

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """The reply; must be ok."""
        reply = self.try_ask({"do": do, **more})
        assert reply["ok"], reply
        return reply

    def try_ask(self, order: Any) -> dict[str, Any]:
        self._file.write(json.dumps(order) + "\n")
        self._file.flush()
        reply: dict[str, Any] = json.loads(self._file.readline())
        return reply

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextmanager
def emulators(folder: Path, **options: dict[str, Any]) -> Iterator[dict[str, Remote]]:
    """A process with emulators: name -> {"kind": .., options}. Links are folder/name, sockets folder/name.ctl."""
    config = folder / "emulators.json"
    config.write_text(
        json.dumps(
            [
                {"link": str(folder / name), "control": str(folder / f"{name}.ctl"), **given}
                for name, given in options.items()
            ]
        )
    )
    argv = [sys.executable, "-m", "edge.emulators", "all", "--config", str(config)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            remotes = {name: Remote(folder / f"{name}.ctl") for name in options}
            yield remotes
            for remote in remotes.values():
                remote.close()
        finally:
            process.terminate()
            process.wait(5)


async def eventually(look: Callable[[], Any], seconds: float = 8.0) -> Any:
    """Polls until `look` gives something true; its value. Fails when it does not in time."""
    with trio.move_on_after(seconds):
        while not (seen := look()):
            await trio.sleep(0.005)
        return seen
    raise AssertionError(f"not within {seconds} s; last seen {look()!r}")


@dataclass(slots=True)
class Post:
    """A lane at work, and what it wrote."""

    runner: LaneRunner
    environment: Any
    admissions: Admissions
    shown: list[Show]

    @property
    def state(self) -> int:
        return self.runner.status().state

    def entries(self, body: str) -> list[Any]:
        rows = self.environment.scan(Table.JOURNAL, b"", 1 << 20)
        entries = [scan_pb2.Entry.FromString(row) for _, row in rows]
        return [getattr(entry, body) for entry in entries if entry.WhichOneof("body") == body]

    def outcomes(self) -> list[int]:
        return [settlement.outcome for settlement in self.entries("settlement")]

    def causes(self) -> list[str]:
        return [change.cause for change in self.entries("lane_change")]

    def decisions(self) -> Counter[int]:
        return Counter(presentation.decision for presentation in self.entries("presentation"))

    def refusals(self) -> list[int]:
        """Reasons of the presentations that were refused."""
        refused = [one for one in self.entries("presentation") if one.decision == scan_pb2.DECISION_REFUSE]
        return [one.reason for one in refused]

    def used(self, ticket: int) -> int:
        """Its uses, as committed as `entries` tells them: `get` may still see the state before the last commit."""
        key = usage_key(ticket, GROUP)
        rows = self.environment.scan(Table.USAGE, key, 1, prefix=key)
        return Usage.unpack(rows[0][1]).total if rows else 0

    async def ready(self) -> None:
        await eventually(lambda: self.state == scan_pb2.LANE_STATE_READY)


def lane_config(folder: Path, device: str = "G11", readers: tuple[str, ...] = ("scanner",), **more: Any) -> LaneConfig:
    kinds = {"scanner": "line", "id": "sdt"}
    return LaneConfig(
        device=device,
        name=device,
        readers=tuple(PortConfig(kinds[name], str(folder / name), 115200) for name in readers),
        barrier=PortConfig("ds205a", str(folder / "gate"), 19200, more.pop("barrier", {})),
        **{"open_seconds": 0.5, "poll_ms": 20, **more},
    )


@asynccontextmanager
async def entrance(store: Path, *configs: LaneConfig, tickets: dict[int, dict[str, int]]) -> AsyncIterator[list[Post]]:
    """Lanes over one store; `tickets`: number -> ruleset, persons. Leaving is a clean stop."""
    core = verifier.load("compiled")
    environment = core.Environment(str(store), MAP_BYTES)
    if not environment.entries(Table.STATION):
        fill(environment, live_rows())
        for number, more in tickets.items():
            fill(environment, ticket_rows(number, **more))
    token = trio.lowlevel.current_trio_token()
    committer = Committer(environment, edge_id=EDGE_ID, deliver=token.run_sync_soon)
    checker = core.Verifier(environment, PEPPER)
    admissions = Admissions(environment, checker, committer, decide=core.decide, moment=moment)
    committer.start()
    posts = []
    try:
        async with trio.open_nursery() as nursery:
            for config in configs:
                shown: list[Show] = []
                runner = LaneRunner(config, environment, admissions, moment, display=shown.append)
                posts.append(Post(runner, environment, admissions, shown))
                nursery.start_soon(runner.run)
            yield posts
            nursery.cancel_scope.cancel()
    finally:
        committer.stop()
        environment.close()
