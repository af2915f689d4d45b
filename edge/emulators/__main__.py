"""Starts one emulator, or those of a file. SIGTERM or Ctrl-C ends it and takes its link and socket away."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import trio

from edge.emulators import control
from edge.emulators.control import Handler, Order, OrderError
from edge.emulators.ds205a import Gate
from edge.emulators.pty import Cable
from edge.emulators.scanner import Scanner
from edge.emulators.sdt import IdReader


class Emulator(Protocol):
    def received(self, data: bytes) -> None: ...

    def handlers(self) -> dict[str, Handler]: ...


KINDS: dict[str, Callable[..., Emulator]] = {"scanner": Scanner, "sdt": IdReader, "ds205a": Gate}


@dataclass(frozen=True, slots=True)
class Setup:
    """One emulator to run."""

    kind: str
    link: Path
    control: Path
    options: dict[str, Any] = field(default_factory=dict)


async def run(setup: Setup, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Plugged in and listening once started; runs until cancelled."""
    cable = Cable(setup.link, lambda data: emulator.received(data))
    emulator = KINDS[setup.kind](cable, **setup.options)

    async def unplug(_order: Order) -> dict[str, Any]:
        cable.unplug()
        return {}

    async def plug(_order: Order) -> dict[str, Any]:
        cable.plug()
        return {"device": str(setup.link.readlink())}

    async def raw(order: Order) -> dict[str, Any]:
        if not await cable.send(bytes.fromhex(control.field(order, "hex", str))):
            raise OrderError("nobody reads the line")
        return {}

    handlers = {**emulator.handlers(), "unplug": unplug, "plug": plug, "raw": raw}
    cable.plug()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cable.run)
            if isinstance(emulator, Gate):
                nursery.start_soon(emulator.run)
            await nursery.start(control.serve, setup.control, handlers)
            task_status.started()
    finally:
        cable.unplug()


async def run_all(setups: list[Setup]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            for setup in setups:
                await nursery.start(run, setup)
            print(json.dumps({"ready": [str(setup.link) for setup in setups]}), flush=True)
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


def setups_of(arguments: list[str]) -> list[Setup]:
    """Reads the command line; prints what is wrong with it and exits."""
    parser = argparse.ArgumentParser(prog="python -m edge.emulators", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    every = kinds.add_parser("all", help="several in one process")
    every.add_argument(
        "--config", type=Path, required=True, help='JSON: [{"kind": .., "link": .., "control": .., <options>}, ..]'
    )
    for name in KINDS:
        kind = kinds.add_parser(name)
        kind.add_argument("--link", type=Path, required=True, help="where the serial device is to appear")
        kind.add_argument("--control", type=Path, required=True, help="unix socket for orders")
        if name == "scanner":
            kind.add_argument("--terminator", default="crlf")
            kind.add_argument("--prefix", default="", help="sent before each line, ]Q1 say")
        if name == "ds205a":
            kind.add_argument("--address", type=int, default=1)
            kind.add_argument("--direction", default="left")
            kind.add_argument("--open-seconds", type=float, default=10.0, help="the board closes by itself after this")
            kind.add_argument("--counter", type=int, default=0, help="what the board has counted before")
    given = vars(parser.parse_args(arguments))
    if given["kind"] == "all":
        rows = json.loads(given["config"].read_text())
        return [_setup(row) for row in rows]
    return [_setup(given)]


def _setup(row: dict[str, Any]) -> Setup:
    options = {name: value for name, value in row.items() if name not in ("kind", "link", "control")}
    return Setup(row["kind"], Path(row["link"]), Path(row["control"]), options)


def main() -> int:
    trio.run(run_all, setups_of(sys.argv[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
