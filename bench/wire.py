"""From a scanner's bytes on the wire to the barrier's open command on the wire: 40 lanes, 50 scans a second each.

Real ptys, drivers, lanes, the compiled core, one committer with fsync; warm; 50,000 entitlements of unlimited uses.
The barriers have no passage sensor, so each use is settled in the transaction that reserves it. The load is a
process of its own (`bench.wire_load`), as a room full of scanners would be; latency counts from the intended send
time, and a scan that opens nothing counts as ten seconds. Against: the same load on a program that answers every
scan with an open command and does nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import trio

from bench.results import Result
from bench.wire_load import PERSONS
from edge import verifier
from edge.admission import Admissions
from edge.committer import Committer
from edge.config import LaneConfig, PortConfig
from edge.drivers.ds205a import Command, command
from edge.entrance import LaneRunner
from edge.verdict import Moment
from paifang import passes
from paifang.records import Device, Record, Station, Table, entitlement_key, live_key
from paifang.rulesets import RuleSet
from paifang.v1 import scan_pb2

LANES, RATE = 40, 50
ENTITLEMENTS = 50_000
ROUNDS, WARM_S, SECONDS = 3, 1.0, 4.0
SWITCH_INTERVAL = 1e-4  # as in the daemon
MOMENT = Moment(1_790_000_000_000, 739_800, 202609, scan_pb2.CLOCK_STATE_CONFIRMED, 600)
Report = dict[str, float]
Peer = Callable[[Path, trio.Nursery], Awaitable[None]]


def wire_to_wire() -> Iterator[Result]:
    """Rounds of the entrance and of the bare answerer, interleaved."""
    root = Path(os.environ.get("PAIFANG_VAR", "var"))  # not /tmp, which may be memory
    root.mkdir(parents=True, exist_ok=True)
    core = verifier.load("compiled")
    entrance: list[Report] = []
    bare: list[Report] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-wire-", dir=root) as name:
            folder = Path(name)
            environment = core.Environment(f"{folder}/store", 1 << 30)
            (folder / "lines.json").write_text(json.dumps(_fill(environment)))
            gc.collect()
            gc.freeze()
            for _ in range(ROUNDS):
                bare.append(trio.run(_round, folder, _answer_all))
                entrance.append(trio.run(_round, folder, _entrance(core, environment)))
            environment.close()
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
    for part in ("p99_ms", "p50_ms"):
        value = statistics.median(report[part] for report in entrance)
        against = statistics.median(report[part] for report in bare)
        name = "wire_to_wire" if part == "p99_ms" else "wire_to_wire_p50"
        n = int(min(report["opened"] for report in entrance))
        yield Result(name, value, "ms", "bare answer over the same ptys", against, value / against, n)


async def _round(folder: Path, peer: Peer) -> Report:
    """Starts the load, then what it is put on; the load's report."""
    argv = [sys.executable, "-m", "bench.wire_load", str(folder), str(RATE), str(WARM_S), str(SECONDS)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdout.readline()
        async with trio.open_nursery() as nursery:
            await peer(folder, nursery)
            load.stdin.write("go\n")
            load.stdin.flush()
            report: Report = json.loads(await trio.to_thread.run_sync(load.stdout.readline))
            nursery.cancel_scope.cancel()
    return report


def _entrance(core: ModuleType, environment: Any) -> Peer:
    async def start(folder: Path, nursery: trio.Nursery) -> None:
        token = trio.lowlevel.current_trio_token()
        committer = Committer(environment, edge_id=1, deliver=token.run_sync_soon)
        admissions = Admissions(
            environment, core.Verifier(environment, bytes(32)), committer, decide=core.decide, moment=lambda: MOMENT
        )
        committer.start()
        runners = [
            LaneRunner(_lane(folder, number), environment, admissions, lambda: MOMENT) for number in range(LANES)
        ]
        for runner in runners:
            nursery.start_soon(runner.run)
        nursery.start_soon(_stop_at_end, committer)
        with trio.fail_after(20):
            while any(runner.status().state != scan_pb2.LANE_STATE_READY for runner in runners):
                await trio.sleep(0.05)

    return start


async def _stop_at_end(committer: Committer) -> None:
    try:
        await trio.sleep_forever()
    finally:
        committer.stop()


async def _answer_all(folder: Path, nursery: trio.Nursery) -> None:
    """The least that could stand there: reads a line, tells the barrier of its lane to open."""

    async def lane(number: int, lines: list[str]) -> None:
        opens = {line.encode(): command(1, Command.OPEN_LEFT, n + 1) for n, line in enumerate(lines)}
        scanner = os.open(folder / f"scanner{number}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        gate = os.open(folder / f"gate{number}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            part = b""
            while True:
                await trio.lowlevel.wait_readable(scanner)
                *whole, part = (part + os.read(scanner, 4096)).split(b"\r")
                for line in whole:
                    os.write(gate, opens[line])
        finally:
            os.close(scanner)
            os.close(gate)

    for number, lines in enumerate(json.loads((folder / "lines.json").read_text())):
        nursery.start_soon(lane, number, lines)
    await trio.sleep(0.2)


def _lane(folder: Path, number: int) -> LaneConfig:
    return LaneConfig(
        device=f"G{number}",
        name=f"G{number}",
        readers=(PortConfig("line", str(folder / f"scanner{number}"), 115200),),
        barrier=PortConfig("ds205a", str(folder / f"gate{number}"), 115200),
        passage="none",
    )


def _fill(environment: Any) -> list[list[str]]:
    """The store's records; the passes each lane is shown, of 1 to 100 persons."""
    chance = random.Random(1)
    rows = [
        (Table.RULESET, live_key(1), RuleSet(uses_per_group=0).pack()),
        (Table.STATION, live_key(1), Station(1, True, False, (1,)).pack()),
        *((Table.DEVICE, live_key(n + 1), Device(1, True, f"G{n}").pack()) for n in range(LANES)),
    ]
    shown: list[list[str]] = [[] for _ in range(LANES)]
    chosen = set(chance.sample(range(ENTITLEMENTS), LANES * PERSONS))
    taken = 0
    for at, entitlement_id in enumerate(sorted(chance.getrandbits(62) for _ in range(ENTITLEMENTS))):
        persons = taken % PERSONS + 1 if at in chosen else 1
        claims = passes.Claims(entitlement_id, 1, 0, 0, 2**32 - 1, 0, persons, 0)
        raw = passes.assemble(1, claims, chance.randbytes(passes.SIGNATURE_BYTES))
        record = Record(1, 1, 1, 0, 2**32 - 1, passes.digest(raw), persons=persons)
        rows.append((Table.ENTITLEMENT, entitlement_key(entitlement_id), record.pack()))
        if at in chosen:
            shown[taken // PERSONS].append(passes.line(raw).decode("ascii"))
            taken += 1
    txn = environment.begin()
    for table, key, value in rows:
        txn.put(table, key, value)
    txn.commit()
    return shown


BENCHES = {"wire_to_wire": wire_to_wire}
