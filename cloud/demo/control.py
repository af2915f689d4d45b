"""JSON lines over a Unix socket: how the demo talks to its emulators and to its supervisor."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

LONGEST_PATH = 107  # of a Unix socket, in bytes: the kernel's limit


class ControlError(Exception):
    """The other side is not there, did not answer in time, or said no; the message says which."""


class Control:
    """One connection, opened when first used and again after it broke. Threads may share it."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self.path = path
        self.timeout = timeout
        self._lock = threading.Lock()
        self._file: Any = None

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends one request and returns its reply. Raises ControlError."""
        with self._lock:
            try:
                if self._file is None:
                    self._file = self._connect()
                self._file.write(json.dumps(request).encode() + b"\n")
                self._file.flush()
                line = self._file.readline()
            except OSError as problem:
                self._drop()
                raise ControlError(f"{self.path.name}: {problem.strerror or problem}") from None
            if not line:
                self._drop()
                raise ControlError(f"{self.path.name}: closed the connection")
        reply: dict[str, Any] = json.loads(line)
        if not reply.get("ok"):
            raise ControlError(f"{self.path.name}: {reply.get('error', 'refused')}")
        return reply

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _connect(self) -> Any:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(str(self.path))
            return connection.makefile("rwb")
        finally:
            connection.close()  # the file keeps the connection open

    def _drop(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what was left to write has nobody to read it
                self._file.close()
            self._file = None
