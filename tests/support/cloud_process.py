"""Runs `python -m cloud ...` over the test's own database, as a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from urllib.parse import quote

from django.conf import settings
from django.db import connection

DEADLINE_S = 30.0


def environment(folder: Path) -> dict[str, str]:
    """What makes a process share this test's database and secrets."""
    var = folder / "var"
    if not var.exists():
        var.mkdir()
        shutil.copytree(settings.SECRETS, var / "secrets")
        if connection.vendor == "sqlite":
            (var / "paifang.sqlite3").symlink_to(connection.settings_dict["NAME"])
    found = {name: value for name, value in os.environ.items() if not name.startswith("PAIFANG_")}
    found |= {"PAIFANG_VAR": str(var), "PYTHONUNBUFFERED": "1"}
    if connection.vendor == "postgresql":
        to = connection.settings_dict
        user, password = quote(to["USER"]), quote(to["PASSWORD"])
        found["PAIFANG_DATABASE_URL"] = f"postgresql://{user}:{password}@{to['HOST']}:{to['PORT']}/{to['NAME']}"
    return found


class CloudProcess:
    """Lines of stdout and stderr can be waited for; leaving the `with` block ends the process."""

    def __init__(self, folder: Path, *arguments: str, module: str = "cloud", **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment(folder) | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            self._lines.put(line)

    def __enter__(self) -> CloudProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_for(self, text: str) -> str:
        """The first line not waited for yet that contains `text`."""
        while True:
            try:
                line = self._lines.get(timeout=DEADLINE_S)
            except Empty:
                raise AssertionError(f"{text!r} never came; it said:\n{''.join(self.said)}") from None
            if text in line:
                return line

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)


class Rpc(CloudProcess):
    """The gates' server on free ports, ready."""

    def __init__(self, folder: Path, *, enrol: str = "127.0.0.1:0", gates: str = "127.0.0.1:0") -> None:
        super().__init__(folder, "rpc", "--enrol", enrol, "--gates", gates)
        try:
            words = dict(word.split("=") for word in self.wait_for("ready enrol=").split()[1:])
        except BaseException:
            self.kill()
            raise
        self.enrol_address = f"127.0.0.1:{words['enrol']}"
        self.gates_address = f"127.0.0.1:{words['gates']}"
