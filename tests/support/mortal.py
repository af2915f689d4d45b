"""An edge made to be killed often: the real daemon, forked from a process that has everything imported already.

    python -m tests.support.mortal CONFIG

Each line on standard input, "STEP TIMES", starts one life; "pid N" and, once it is over, "ended STATUS" come back.
A life with a step other than "-" ends by SIGKILL of its own the TIMES-th time it gets there. The steps are put
around the daemon's functions here, so nothing in the product knows of them, and nobody can switch them on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge import admission, config, daemon, entrance, passages
from edge.admission import Admissions
from edge.committer import Committer
from edge.entrance import LaneRunner
from edge.lane_actions import Open
from edge.use_works import Admit, Settle

ROOT = Path(__file__).resolve().parents[2]

# Of verify - reserve - claim - commit - open - settle: where each has been done and the next has not begun.
STEPS = ("verify", "reserve", "claim", "commit", "open", "walk", "settle")


class Death:
    """Comes the `times`-th time somebody is at the step."""

    def __init__(self, times: int) -> None:
        self._left = times

    def __call__(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def mark(step: str, here: Death) -> None:
    """Puts a death after one step. The names patched are checked by each test that dies there."""
    match step:
        case "verify":  # decided, not reserved
            made: Callable[..., Any] = admission.Admit

            def admit(*given: Any) -> Any:
                here()
                return made(*given)

            admission.Admit = admit  # type: ignore[assignment, misc]
        case "reserve":
            _after(Admissions, "_reserve", here)
        case "claim":  # found free once more, in the transaction that is about to be committed
            _after(Admit, "write", here)
        case "commit":  # durable, and nobody has been told
            _after_commit(Admit, here)
        case "open":  # the barrier has its bytes
            _carried_out(Open, here)
        case "walk":  # counted, and not settled
            _carried_out(passages.Settle, here, first=True)
        case "settle":
            _after_commit(Settle, here)
        case "-":
            return
        case _:
            raise ValueError(f"there is no step {step}")


def _after(owner: type[Any], name: str, here: Death) -> None:
    done = getattr(owner, name)

    def and_die(*given: Any, **named: Any) -> Any:
        result = done(*given, **named)
        here()
        return result

    setattr(owner, name, and_die)


def _carried_out(action: type[Any], here: Death, *, first: bool = False) -> None:
    do = entrance._CARRY_OUT[action]

    def and_die(lane: LaneRunner, asked: Any) -> None:
        if first:
            here()
        do(lane, asked)
        here()

    entrance._CARRY_OUT[action] = and_die


def _after_commit(kind: type[Any], here: Death) -> None:
    write = Committer._transact

    def and_die(self: Committer, works: Sequence[Any]) -> Any:
        results = write(self, works)
        if any(isinstance(work, kind) for work in works):
            here()
        return results

    Committer._transact = and_die  # type: ignore[method-assign]


def main(file: str) -> None:
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # nothing of gRPC runs in here before the fork
    for line in sys.stdin:
        step, times = line.split()
        child = os.fork()
        if not child:
            mark(step, Death(int(times)))
            daemon.run(config.load(Path(file)))
            os._exit(0)
        print(f"pid {child}", flush=True)
        print(f"ended {os.waitpid(child, 0)[1]}", flush=True)


class Lives:
    """The other end: starts one life after the other. `log` gets what they all say."""

    def __init__(self, file: Path, log: Path) -> None:
        with log.open("a") as written:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.support.mortal", str(file)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=written, text=True,
            )  # fmt: skip

    def begin(self, step: str = "-", times: int = 1) -> int:
        """A new life's process id."""
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(f"{step} {times}\n")
        self._nursery.stdin.flush()
        return int(self._said("pid"))

    def ended(self) -> int:
        """Waits for the end of the present life: a signal's number, negative, or an exit code."""
        return os.waitstatus_to_exitcode(int(self._said("ended")))

    def _said(self, word: str) -> str:
        assert self._nursery.stdout is not None
        first, _, rest = self._nursery.stdout.readline().partition(" ")
        assert first == word, f"{word} was due, not {first!r}"
        return rest

    def close(self) -> None:
        self._nursery.kill()
        self._nursery.communicate()


if __name__ == "__main__":
    main(sys.argv[1])
