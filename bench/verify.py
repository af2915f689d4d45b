"""The check itself: against one Ed25519 verification, against the pure twin, and with its signature.

Data: a million entitlements (bench.gate_store), 1,000 different passes shown in random order. Warm: all of them were
shown twice just before. Through the public `Verifier`, loop and call included. The twin reads a copy of the same store.
`verify_digest_1m_spread` shows 20,000 passes instead: more pages than the processor's caches and its page table
cache hold, so most of it waits for memory. `verify_digest_1m_committed` is the first check after each commit, which
has to find the newest state: what a gate pays whose every admission is committed before the next visitor.

From a small store: `verify_rules_full` is a pass that every rule is asked of, with its uses over three edges, both
counters and the ID card read before it; `verify_rotating` is a live code, whose two keyed hashes come on top.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.gate_store import AT, RULED_AT, SIGNER, Ruled, checker, fill, fill_ruled, open_store
from bench.results import Result, medians, percentile
from edge import verifier
from paifang import passes
from paifang.reasons import Reason

ENTITLEMENTS = 1_000_000
SPREAD, WARM, UNSEEN = 20_000, 1_000, 500
ROUNDS = 31  # short ones, so that the median misses what the machine's neighbours do
PYNACL = "PyNaCl VerifyKey.verify"


def verify() -> Iterator[Result]:
    """All the cases on one store, their rounds interleaved."""
    compiled, twin = verifier.load("compiled"), verifier.load("twin")
    root = Path(os.environ.get("PAIFANG_VAR", "var"))
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-verify-", dir=root) as name:
        folder = Path(name)
        environment = open_store(compiled, folder / "compiled")
        filled = fill(environment, ENTITLEMENTS, SPREAD, UNSEEN)
        environment.close()
        shutil.copytree(folder / "compiled", folder / "twin")
        environment, copy = open_store(compiled, folder / "compiled"), open_store(twin, folder / "twin")
        check, check_twin = checker(compiled, environment), checker(twin, copy)
        for line in filled.known[:WARM]:
            _expect(check(0, line, *AT).admit and check_twin(0, line, *AT).admit)
        for line in filled.unseen:
            _expect(check(0, line, *AT).reason == check_twin(0, line, *AT).reason == Reason.UNKNOWN)
        small = open_store(compiled, folder / "ruled")
        ruled = fill_ruled(small, WARM)
        check_ruled = checker(compiled, small)
        for line in ruled.ruled:
            _expect(check_ruled(0, line, *RULED_AT).admit)
        for line in ruled.rotating:
            _expect(check_ruled(0, line, *AT).admit)
        yield from _measure(environment, check, check_twin, filled.known, filled.unseen, check_ruled, ruled)
        for opened in (environment, copy, small):
            opened.close()


def _measure(
    environment: Any,
    check: Callable[..., Any],
    check_twin: Callable[..., Any],
    known: list[bytes],
    unseen: list[bytes],
    check_ruled: Callable[..., Any],
    ruled: Ruled,
) -> Iterator[Result]:
    warm = known[:WARM]
    signed = [passes.parse_line(line) for line in unseen]

    def pynacl() -> float:
        start = time.perf_counter_ns()
        for parsed in signed:
            SIGNER.verify_key.verify(parsed.signed, parsed.signature)
        return (time.perf_counter_ns() - start) / len(signed) / 1000

    digest_us, spread_us, committed_us, twin_us, full_us, rules_us, rotating_us, pynacl_us = medians(
        ROUNDS,
        lambda: _each_us(check, warm),
        lambda: _each_us(check, known),
        lambda: _committed_us(environment, check, warm),
        lambda: _each_us(check_twin, warm[:200]),
        lambda: _each_us(check, unseen),
        lambda: _ruled_us(check_ruled, ruled.ruled),
        lambda: _each_us(check_ruled, ruled.rotating),
        pynacl,
    )
    n = len(warm)
    yield Result("verify_digest_1m", digest_us, "us", PYNACL, pynacl_us, pynacl_us / digest_us, n)
    yield Result("verify_digest_1m_spread", spread_us, "us", PYNACL, pynacl_us, pynacl_us / spread_us, len(known))
    yield Result("verify_digest_1m_committed", committed_us, "us", PYNACL, pynacl_us, pynacl_us / committed_us, n)
    yield Result("verify_digest_twin", digest_us, "us", "the pure-Python twin", twin_us, twin_us / digest_us, n)
    yield Result("verify_full", full_us, "us", PYNACL, pynacl_us, full_us / pynacl_us, len(unseen))
    yield Result("verify_rules_full", rules_us, "us", PYNACL, pynacl_us, pynacl_us / rules_us, len(ruled.ruled))
    yield Result("verify_rotating", rotating_us, "us", PYNACL, pynacl_us, pynacl_us / rotating_us, len(ruled.rotating))


def _each_us(check: Callable[..., Any], lines: list[bytes]) -> float:
    """The mean of the third pass: the first ones find the caches as another side has left them."""
    station, device, now_ms, day, month, minute = AT
    for _ in range(3):
        start = time.perf_counter_ns()
        for line in lines:
            check(0, line, station, device, now_ms, day, month, minute)
        taken = time.perf_counter_ns() - start
    return taken / len(lines) / 1000


def _ruled_us(check: Callable[..., Any], lines: list[bytes]) -> float:
    station, device, now_ms, day, month, minute, companion, room, day_room = RULED_AT
    for _ in range(3):
        start = time.perf_counter_ns()
        for line in lines:
            check(0, line, station, device, now_ms, day, month, minute, companion, room, day_room)
        taken = time.perf_counter_ns() - start
    return taken / len(lines) / 1000


def _committed_us(environment: Any, check: Callable[..., Any], lines: list[bytes]) -> float:
    """The median, each check timed alone; the clock's own time is taken off."""
    station, device, now_ms, day, month, minute = AT
    clock, taken, idle = time.perf_counter_ns, [], []
    for line in lines:
        txn = environment.begin()
        txn.commit()  # nothing written: ends the snapshot without a flush
        start = clock()
        check(0, line, station, device, now_ms, day, month, minute)
        taken.append(clock() - start)
        start = clock()
        idle.append(clock() - start)
    return (percentile(taken, 0.5) - percentile(idle, 0.5)) / 1000


def _expect(fact: bool) -> None:
    if not fact:
        raise RuntimeError("the bench's own passes do not read as they should")


BENCHES = {"verify": verify}
