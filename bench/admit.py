"""Durable admissions a second, and how long one takes, with 1, 16 and 256 lanes, against the disk's own flushes.

Data: 50,000 entitlements of unlimited uses with random ids, so that each admission's usage lands on another page;
warm. A lane shows a pass, is admitted once that is on the disk, and shows the next at once: a closed loop, the most
a lane can ask for. Its p99 is from presenting to hearing. Nobody walks through: settlements are not in the figure,
but for `admit_16_settled`, where each use is settled too (two entries a person).
The disk's figure: 4 KiB written over in a file beside the store and flushed (fdatasync), one after the other.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import trio

from bench.results import Result
from edge import verifier
from edge.admission import Admissions, Presented
from edge.committer import Committer
from edge.verdict import Credential, Moment, Place
from paifang import passes
from paifang.records import CredentialKind, Device, Record, Station, Table, entitlement_key, live_key
from paifang.rulesets import RuleSet
from paifang.v1 import scan_pb2

ENTITLEMENTS = 50_000
ROUNDS = 5
SECONDS = 0.8
SWITCH_INTERVAL = 1e-4  # as in the daemon
PLACE = Place(station_id=1, device_id=1)
MOMENT = Moment(1_790_000_000_000, 739_800, 202609, scan_pb2.CLOCK_STATE_CONFIRMED, 600)
# name -> lanes, whether each use is settled too
CASES = {"admit_1": (1, False), "admit_16": (16, False), "admit_256": (256, False), "admit_16_settled": (16, True)}


@dataclass(slots=True)
class Figures:
    """One median a round each: admissions a second, p99 in milliseconds; and how many admissions in all."""

    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    admitted: int = 0


def admissions() -> Iterator[Result]:
    """All cases, their rounds interleaved with each other and with the disk's."""
    root = Path(os.environ.get("PAIFANG_VAR", "var"))  # not /tmp, which may be memory
    root.mkdir(parents=True, exist_ok=True)
    core = verifier.load("compiled")
    figures = {name: Figures() for name in CASES}
    flushes: list[float] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-admit-", dir=root) as folder:
            environment = core.Environment(f"{folder}/store", 1 << 30)
            lines = _fill(environment)
            for _ in range(ROUNDS):
                flushes.append(_flushes(Path(folder, "flush")))
                for name, (lanes, settled) in CASES.items():
                    trio.run(_round, core, environment, lines, lanes, settled, figures[name])
            environment.close()
    finally:
        sys.setswitchinterval(before)
    flush = statistics.median(flushes)
    for name, figure in figures.items():
        rate, p99 = statistics.median(figure.rates), statistics.median(figure.p99s)
        n = figure.admitted // ROUNDS
        yield Result(name, rate, "admissions/s", "fdatasync/s", flush, rate / flush, n)
        yield Result(f"{name}_p99", p99, "ms", "fdatasync, mean ms", 1000 / flush, p99 * flush / 1000, n)


def _fill(environment: Any) -> list[bytes]:
    """The store's records; the passes as a scanner reads them."""
    chance = random.Random(1)
    rows = [
        (Table.RULESET, live_key(1), RuleSet(uses_per_group=0).pack()),
        (Table.STATION, live_key(PLACE.station_id), Station(1, True, False, (1,)).pack()),
        (Table.DEVICE, live_key(PLACE.device_id), Device(PLACE.station_id, True, "G1").pack()),
    ]
    lines = []
    for entitlement_id in sorted(chance.getrandbits(62) for _ in range(ENTITLEMENTS)):
        claims = passes.Claims(entitlement_id, 1, 0, 0, 2**32 - 1, 0, 1, 0)
        raw = passes.assemble(1, claims, chance.randbytes(passes.SIGNATURE_BYTES))
        record = Record(1, 1, 1, 0, 2**32 - 1, passes.digest(raw))
        rows.append((Table.ENTITLEMENT, entitlement_key(entitlement_id), record.pack()))
        lines.append(passes.line(raw))
    txn = environment.begin()
    for table, key, value in rows:
        txn.put(table, key, value)
    txn.commit()
    chance.shuffle(lines)
    return lines


def _flushes(path: Path) -> float:
    """The disk's flushes a second."""
    page = os.urandom(4096)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        for at in range(256):
            os.pwrite(descriptor, page, at * 4096)
        os.fsync(descriptor)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            os.pwrite(descriptor, page, count % 256 * 4096)
            os.fdatasync(descriptor)
            count += 1
        return count / (time.perf_counter() - start)
    finally:
        os.close(descriptor)


async def _round(
    core: ModuleType, environment: Any, lines: list[bytes], lanes: int, settled: bool, figures: Figures
) -> None:
    token = trio.lowlevel.current_trio_token()
    committer = Committer(environment, edge_id=1, deliver=token.run_sync_soon)
    verify = core.Verifier(environment, bytes(32))
    gate = Admissions(environment, verify, committer, decide=core.decide, moment=lambda: MOMENT)
    committer.start()
    latencies: list[float] = []
    passes_shown = random.Random(len(figures.rates)).choices(lines, k=1 << 16)
    at_rest, running = trio.Event(), lanes
    start = time.perf_counter()

    def show() -> None:
        shown = time.perf_counter()

        def done(presented: Presented) -> None:
            nonlocal running
            now = time.perf_counter()
            latencies.append(now - shown)
            assert presented.use is not None, presented.reason.name
            if settled:
                gate.settle(presented.use, passed=1, returned=0, outcome=scan_pb2.OUTCOME_PASSED, moment=MOMENT)
            if now - start < SECONDS:
                show()
            else:
                running -= 1
                if not running:
                    at_rest.set()

        line = passes_shown[len(latencies) % len(passes_shown)]
        credential = Credential(CredentialKind.LINE, line, time.monotonic_ns())
        gate.present(credential, PLACE, MOMENT, counter=1, assume_passed=False, done=done)

    for _ in range(lanes):
        show()
    await at_rest.wait()
    seconds = time.perf_counter() - start
    committer.stop()
    latencies.sort()
    figures.rates.append(len(latencies) / seconds)
    figures.p99s.append(latencies[len(latencies) * 99 // 100] * 1000)
    figures.admitted += len(latencies)


BENCHES = {"admit": admissions}
