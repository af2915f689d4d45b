"""Where the demo lives: folders and files under var, addresses, and the files its processes read."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cloud.demo import site
from cloud.demo.control import LONGEST_PATH


class DemoError(Exception):
    """The demo cannot start or go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports: web, the two of rpc, the edge's health page."""

    web: int = 8000
    enrol: int = 8443
    gates: int = 8444
    edge: int = 8470

    @classmethod
    def free(cls) -> Ports:
        """Four ports nobody listens on now."""
        sockets = [socket.socket() for _ in range(4)]
        try:
            for one in sockets:
                one.bind(("127.0.0.1", 0))
            return cls(*(one.getsockname()[1] for one in sockets))
        finally:
            for one in sockets:
                one.close()

    def check(self) -> None:
        """Raises DemoError naming the first port somebody else listens on."""
        for name in self.__slots__:
            port = getattr(self, name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise DemoError(
                        f"port {port} ({name}) is taken by another program; is the demo already running? "
                        f"Choose another with --{name}-port, as in: make run DEMO='--{name}-port {port + 1000}'"
                    ) from None


@dataclass(frozen=True, slots=True)
class Layout:
    """All paths and addresses of one demo. `open_seconds`: how long a barrier waits for a body."""

    var: Path
    ports: Ports
    open_seconds: float = 8.0

    @property
    def demo(self) -> Path:
        return self.var / "demo"

    @property
    def control(self) -> Path:
        """Control sockets of the emulators."""
        return self.demo / "control"

    @property
    def devices(self) -> Path:
        """The far ends of the serial lines: what the edge opens."""
        return self.demo / "dev"

    @property
    def logs(self) -> Path:
        return self.demo / "log"

    @property
    def supervisor(self) -> Path:
        return self.demo / "supervisor.sock"

    @property
    def running(self) -> Path:
        """Written by a running demo: its addresses, for who wants to join it."""
        return self.demo / "running.json"

    @property
    def edge_config(self) -> Path:
        return self.demo / "edge.toml"

    @property
    def edge_state(self) -> Path:
        return self.var / "edge"

    @property
    def web_address(self) -> str:
        return f"127.0.0.1:{self.ports.web}"

    @property
    def edge_health(self) -> str:
        return f"http://127.0.0.1:{self.ports.edge}/health"

    def socket(self, plan: site.LanePlan, part: str) -> Path:
        return self.control / plan.socket(part)

    def device(self, plan: site.LanePlan, part: str) -> Path:
        return self.devices / f"{plan.device.lower()}-{part}"

    def environment(self) -> dict[str, str]:
        """Of every process of the demo."""
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "cloud.settings",
            "PAIFANG_VAR": str(self.var),
            "PAIFANG_RPC_ENROL_ADDRESS": f"127.0.0.1:{self.ports.enrol}",
            "PAIFANG_RPC_GATES_ADDRESS": f"127.0.0.1:{self.ports.gates}",
            "PAIFANG_EMULATORS_CONTROL": str(self.control),
            "PYTHONUNBUFFERED": "1",
        }

    def prepare(self) -> None:
        """Makes the folders and writes the edge's configuration. Raises DemoError."""
        longest = max((self.socket(plan, "board") for plan in site.LANES), key=lambda path: len(os.fsencode(path)))
        if len(os.fsencode(longest)) > LONGEST_PATH:
            raise DemoError(
                f"{self.var} is too deep: a socket's path may have {LONGEST_PATH} bytes and {longest} has more. "
                "Point PAIFANG_VAR at a shorter folder."
            )
        for folder in (self.control, self.devices, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.edge_config.write_text(edge_toml(self), encoding="utf-8")

    def lock(self) -> IO[bytes]:
        """Holds the folder for one demo until the file is closed. Raises DemoError when another one has it."""
        self.demo.mkdir(parents=True, exist_ok=True)
        held = (self.demo / "lock").open("ab")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise DemoError(f"a demo is running in {self.var}; stop it, or point PAIFANG_VAR elsewhere") from None
        return held


def edge_toml(layout: Layout) -> str:
    """The edge's configuration for the demo's lanes."""
    lines = [
        "[edge]",
        f"name = {_text(site.EDGE_NAME)}",
        f"state = {_text(layout.edge_state)}",
        "map_size_mb = 256",
        f"http = {_text(f'127.0.0.1:{layout.ports.edge}')}",
        "",
        "[cloud]",
        f"enrol = {_text(f'127.0.0.1:{layout.ports.enrol}')}",
        f"gates = {_text(f'127.0.0.1:{layout.ports.gates}')}",
    ]
    for plan in site.LANES:
        lines += [
            "",
            "[[lane]]",
            f"device = {_text(plan.device)}",
            f"name = {_text(plan.name)}",
            f"open_seconds = {layout.open_seconds}",
            *_port("[[lane.reader]]", "line", layout.device(plan, "qr"), 9600),
        ]
        if plan.id_reader:
            lines += _port("[[lane.reader]]", "sdt", layout.device(plan, "id"), 115200)
        lines += _port("[lane.barrier]", "ds205a", layout.device(plan, "board"), 19200)
    return "\n".join(lines) + "\n"


def _port(head: str, driver: str, path: Path, baud: int) -> list[str]:
    return [head, f"driver = {_text(driver)}", f"port = {_text(path)}", f"baud = {baud}"]


def _text(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML basic string


def python(*arguments: str) -> list[str]:
    """A command line for this interpreter."""
    return [sys.executable, *arguments]


def default_var(environ: Mapping[str, str] = os.environ) -> Path:
    """PAIFANG_VAR, else ./var: the same rule as cloud/settings.py."""
    return Path(environ.get("PAIFANG_VAR", "var")).absolute()
