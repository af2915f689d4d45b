"""Talks to the demo's emulators: shows a line to a lane's scanner and sends somebody to walk through.

Outside a demo settings.EMULATORS_CONTROL is None and none of this is offered.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from django.conf import settings

from cloud.core.errors import DomainError

TIMEOUT_S = 2.0
LONGEST_REPLY = 65536
PATIENCE_MS = 8000  # how long the body waits for the barrier


def control() -> Path | None:
    """The folder of the emulators' sockets; None outside a demo."""
    folder: Path | None = settings.EMULATORS_CONTROL
    return folder if folder and folder.is_dir() else None


def has_lane(identifier: str) -> bool:
    """Whether the demo plays this lane."""
    folder = control()
    return bool(folder) and _scanner(folder, identifier).exists()


def present(identifier: str, line: str, *, label: str) -> None:
    """Shows `line` to the lane's scanner; a body called `label` waits at its barrier and walks once it opens.

    Raises:
        DomainError: "demo.no_lane" where the demo does not play the lane, "demo.silent" where an emulator fails.
    """
    folder = control()
    if folder is None or not _scanner(folder, identifier).exists():
        raise DomainError("demo.no_lane", "演示中没有此通道。", "The demo does not play this lane.", "lane")
    person = {"do": "person", "label": label, "behaviour": "walk", "patience_ms": PATIENCE_MS, "after_ms": 300}
    _ask(folder / f"{identifier.lower()}-board.sock", person)
    _ask(_scanner(folder, identifier), {"do": "present", "line": line})


def _scanner(folder: Path, identifier: str) -> Path:
    # An identifier is typed by people: only its last part may name a file.
    return folder / f"{Path(identifier.lower()).name}-qr.sock"


def _ask(path: Path, request: dict[str, Any]) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            reply = json.loads(_line(connection))
    except (OSError, ValueError) as problem:
        raise _silent(path, str(problem)) from None
    if not isinstance(reply, dict) or not reply.get("ok"):
        raise _silent(path, str(reply.get("error", "")) if isinstance(reply, dict) else "")


def _line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        more = connection.recv(4096)
        if not more or len(received) > LONGEST_REPLY:
            raise ValueError("no whole line came back")
        received += more
    return received


def _silent(path: Path, why: str) -> DomainError:
    return DomainError(
        "demo.silent",
        f"演示设备 {path.stem} 没有应答（{why}）。演示是否仍在运行？",
        f"The demo's device {path.stem} did not answer ({why}). Is the demo still running?",
        "lane",
    )
