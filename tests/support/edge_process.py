"""A real edge: `python -m edge run` as a process, its lanes' devices emulated in another one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(reached: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"in {seconds:.0f} s not: {what}"
        time.sleep(0.02)


class EdgeProcess:
    """One edge with lanes "G11" ... in a folder of its own; `id_readers`: those that read ID cards too."""

    def __init__(
        self, folder: Path, enrol_address: str, devices: Sequence[str] = ("G11",), id_readers: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.devices = devices
        self.id_readers = id_readers
        self.http = f"127.0.0.1:{free_port()}"
        self.config = folder / "edge.toml"
        self.config.write_text(self._toml(enrol_address))
        self.process: subprocess.Popen[str] | None = None
        self._emulators: subprocess.Popen[str] | None = None

    def _toml(self, enrol_address: str) -> str:
        lines = ["[edge]", 'name = "test"', 'state = "state"', "map_size_mb = 32", "allow_twin = true"]
        lines += [f'http = "{self.http}"', "[cloud]", f'enrol = "{enrol_address}"']
        for device in self.devices:
            lines += ["[[lane]]", f'device = "{device}"', "open_seconds = 2", "debounce_seconds = 0.5", "poll_ms = 30"]
            lines += ["[[lane.reader]]", 'driver = "line"', f'port = "{self.folder}/{device}.qr"']
            lines += ["options = { duplicate_ms = 0 }"]  # a test may show the same code at once again
            if device in self.id_readers:
                lines += ["[[lane.reader]]", 'driver = "sdt"', f'port = "{self.folder}/{device}.id"']
            lines += ["[lane.barrier]", 'driver = "ds205a"', f'port = "{self.folder}/{device}.gate"']
        return "\n".join(lines) + "\n"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`paifang edge ARGUMENTS --config ...`, to its end."""
        line = [sys.executable, "-m", "edge", *arguments, "--config", str(self.config)]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=30)

    def start(self) -> None:
        """Starts the daemon and waits until it answers."""
        log = (self.folder / "edge.log").open("a")
        line = [sys.executable, "-m", "edge", "run", "--config", str(self.config)]
        self.process = subprocess.Popen(line, cwd=ROOT, stderr=log, text=True)
        log.close()
        wait_for(lambda: self.health() is not None or self.process.poll() is not None, "the edge answers")
        assert self.process.poll() is None, self.log()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code

    def log(self) -> str:
        return (self.folder / "edge.log").read_text()

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=2) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as problem:
            return problem.code, problem.read()

    def health(self) -> dict[str, Any] | None:
        try:
            said: dict[str, Any] = json.loads(self.get("/health")[1])
        except OSError:
            return None
        return said

    def lane(self, device: str) -> dict[str, Any]:
        """A lane as the health page has it."""
        said = self.health()
        assert said is not None
        [found] = [lane for lane in said["lanes"] if lane["device"] == device]
        return dict(found)

    # --- the devices --------------------------------------------------------------------------------------------------

    def plug(self) -> None:
        """Starts the devices."""
        setups = []
        for device in self.devices:
            ends = [("scanner", "qr"), ("ds205a", "gate")]
            if device in self.id_readers:
                ends.append(("sdt", "id"))
            for kind, end in ends:
                path = f"{self.folder}/{device}.{end}"
                setups.append({"kind": kind, "link": path, "control": f"{path}.s"})
        file = self.folder / "emulators.json"
        file.write_text(json.dumps(setups))
        line = [sys.executable, "-m", "edge.emulators", "all", "--config", str(file)]
        self._emulators = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._emulators.stdout is not None
        assert "ready" in self._emulators.stdout.readline()

    def order(self, device: str, end: str, **order: Any) -> dict[str, Any]:
        """One order to a device and its answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(f"{self.folder}/{device}.{end}.s")
            line.sendall(json.dumps(order).encode() + b"\n")
            said: dict[str, Any] = json.loads(line.makefile().readline())
        assert said["ok"], said
        return said

    def show(self, device: str, line: str) -> str:
        """Holds a code before a lane's scanner; the reason it is answered with."""
        return self._answered(device, "qr", do="present", line=line)

    def card(self, device: str, id_number: str) -> str:
        """Lays an ID card on a lane's reader; the reason it is answered with."""
        return self._answered(device, "id", do="card", id_number=id_number, name="张三")

    def _answered(self, device: str, end: str, **order: Any) -> str:
        before = self.lane(device)["last_at"]
        self.order(device, end, **order)
        wait_for(lambda: self.lane(device)["last_at"] != before, f"{device} decides")
        return str(self.lane(device)["last_reason"])

    def walk(self, device: str, bodies: int = 1) -> None:
        """So many walk through a barrier that is open, and the lane is ready for the next."""
        before = self.order(device, "gate", do="tally")["total"]
        for _ in range(bodies):
            self.order(device, "gate", do="person", label="x", behaviour="walk", after_ms=10)
        wait_for(lambda: self.order(device, "gate", do="tally")["total"] == before + bodies, f"{bodies} walk {device}")
        wait_for(lambda: self.lane(device)["state"] == "ready", f"{device} is ready again")

    def close(self) -> None:
        """Ends what still runs."""
        if self.process is not None:
            self.kill()
        if self._emulators is not None:
            self._emulators.terminate()
            self._emulators.communicate(timeout=10)
        for name in os.listdir(self.folder):
            if name.endswith(".s"):
                (self.folder / name).unlink(missing_ok=True)
