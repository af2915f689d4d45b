"""The check beside a thread that computes without end, as a badly behaved part of the daemon would.

Data: 100,000 entitlements, 2,000 passes. Checks come one every half millisecond, so each begins with the caches and
the interpreter's lock as somebody else left them. `verify_contended` is the check alone; `verify_contended_pty` is
from just before a scanner's process writes the line into a pty to the verdict, through the serial driver (trio,
trio-asyncio, pyserial-asyncio) and the line reader. Against: the same without that thread.
"""

from __future__ import annotations

import json
import os
import pty
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trio

from bench.gate_store import AT, checker, fill, open_store
from bench.results import Result, medians, percentile
from edge import verifier
from edge.drivers.line import LineOptions, LineReader
from edge.drivers.serial import SerialPort
from edge.verdict import Credential

ENTITLEMENTS, KNOWN = 100_000, 2_000
ROUNDS = 3
CHECKS, GAP_S = 2_000, 0.0005
SCANS, SCAN_GAP_S = 400, 0.004
SWITCH_INTERVAL = 1e-4  # as in the daemon
DEADLINE_S = 30.0

# The scanner's process: argv is the pty's descriptor and the gap; lines on stdin, the instants of writing on stdout.
_SCANNER = """
import json, os, sys, time
fd, gap = int(sys.argv[1]), float(sys.argv[2])
lines = sys.stdin.buffer.read().splitlines(True)
due, sent = time.monotonic(), []
for line in lines:
    due += gap
    time.sleep(max(0, due - time.monotonic()))
    sent.append(time.monotonic_ns())
    os.write(fd, line)
print(json.dumps(sent))
"""


def contended() -> Iterator[Result]:
    core = verifier.load("compiled")
    root = Path(os.environ.get("PAIFANG_VAR", "var"))
    root.mkdir(parents=True, exist_ok=True)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-contended-", dir=root) as name:
            environment = open_store(core, Path(name, "store"))
            lines = fill(environment, ENTITLEMENTS, KNOWN, 0).known
            check = checker(core, environment)
            busy_us, idle_us, busy_pty_us, idle_pty_us = medians(
                ROUNDS,
                lambda: _beside(_busy, lambda: _check_p99_us(check, lines)),
                lambda: _check_p99_us(check, lines),
                lambda: _beside(_busy, lambda: _pty_p99_us(check, lines)),
                lambda: _pty_p99_us(check, lines),
            )
            environment.close()
    finally:
        sys.setswitchinterval(before)
    alone = "the same without the thread, p99"
    yield Result("verify_contended", busy_us, "us p99", alone, idle_us, busy_us / idle_us, CHECKS)
    yield Result("verify_contended_pty", busy_pty_us, "us p99", alone, idle_pty_us, busy_pty_us / idle_pty_us, SCANS)


def _check_p99_us(check: Callable[..., Any], lines: list[bytes]) -> float:
    clock, taken = time.perf_counter_ns, []
    for line in lines[:CHECKS]:
        time.sleep(GAP_S)
        start = clock()
        check(0, line, *AT)
        taken.append(clock() - start)
    return percentile(taken, 0.99) / 1000


def _pty_p99_us(check: Callable[..., Any], lines: list[bytes]) -> float:
    return trio.run(_scans, check, lines[:SCANS]) / 1000


async def _scans(check: Callable[..., Any], lines: list[bytes]) -> int:
    """The p99 in ns, from before the scanner's write to the verdict."""
    far, near = pty.openpty()
    tty.setraw(near)
    reader = LineReader(LineOptions(duplicate_ms=0))
    decided: list[int] = []
    up, done = trio.Event(), trio.Event()

    def on_data(data: bytes) -> None:
        for event in reader.feed(data, time.monotonic_ns()):
            if isinstance(event, Credential):
                check(0, event.data, *AT)
                decided.append(time.monotonic_ns())
        if len(decided) == len(lines):
            done.set()

    port = SerialPort(os.ttyname(near), 115_200, on_data=on_data, on_up=up.set, on_down=lambda _cause: None)
    try:
        with trio.fail_after(DEADLINE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(port.run)
                await up.wait()
                scanner = await trio.run_process(
                    [sys.executable, "-c", _SCANNER, str(far), str(SCAN_GAP_S)],
                    stdin=b"".join(line + b"\n" for line in lines), capture_stdout=True, pass_fds=(far,),
                )  # fmt: skip
                await done.wait()
                nursery.cancel_scope.cancel()
    finally:
        os.close(far)
        os.close(near)
    sent: list[int] = json.loads(scanner.stdout)
    return percentile([at - when for when, at in zip(sent, decided, strict=True)], 0.99)


def _busy(stop: threading.Event) -> None:
    count = 0
    while not stop.is_set():
        for _ in range(1000):
            count += 1


def _beside(work: Callable[[threading.Event], None], measure: Callable[[], float]) -> float:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        return measure()
    finally:
        stop.set()
        thread.join()


BENCHES = {"contended": contended}
