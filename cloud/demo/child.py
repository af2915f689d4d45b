"""One process of the demo: started in a group of its own, ended with its group, never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOG_LIMIT = 4 * 1024 * 1024  # a log larger than this starts anew with its process

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def start(argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a process whose output is appended to `log`. Call it in the main thread, which outlives the child.

    The child leads a process group. On Linux the kernel kills it when this process dies, however it dies.
    """
    parent = os.getpid()

    def in_child() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=in_child,
        )


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """A signal to the process and all it started; nothing happens when they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def last_lines(log: Path, count: int) -> list[str]:
    """The end of a log."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return file.read().decode(errors="replace").splitlines()[-count:]
