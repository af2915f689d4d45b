"""A claim across entrances: three etcd members with TLS on this machine, over loopback.

Data: 2,000 owners a round that nobody has used, claimed one after the other as one lane does, each from the call to
the answer; keys are created, leases are there. Warm: members elected, connections open. Against etcd's own "create if
absent" of the same bytes in the same transaction, through bare gRPC: what is ours is the rest. `claim_3_admit` is a
whole admission with its claim, durable at the edge too, against one that needs no claim; somebody walks on each, which
is told to etcd beside the next.
The members flush to the disk under PAIFANG_VAR (else ./var).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import trio

from bench.results import Result, percentile
from edge import verifier
from edge.admission import Admissions, Presented
from edge.claim_ledger import Ledger
from edge.claims import LOCAL, Answer, Claim, Claims, Outcome, Reach, Sight, State, new_event
from edge.claims_etcd import EtcdClaims
from edge.committer import Committer
from edge.etcd_client import Cluster
from edge.verdict import Credential, Moment, Place
from paifang import passes
from paifang.etcd import rpc_pb2, rpc_pb2_grpc
from paifang.records import CredentialKind, Device, Record, Station, Table, entitlement_key, live_key
from paifang.rulesets import RuleSet
from paifang.usage import Usage
from paifang.v1 import scan_pb2
from tests.support import etcd

ROUNDS = 5
CLAIMS, ADMISSIONS = 2000, 500  # a round
TIMEOUT_S = 5.0
VENUE, EDGE = 1, 1
HERE, THERE = Place(1, 1), Place(2, 2)  # of one exclusion group
MOMENT = Moment(1_790_000_000_000, 739_800, 202609, scan_pb2.CLOCK_STATE_CONFIRMED, 600)
DAY = 20_900  # until which the keys are kept
SWITCH_INTERVAL = 1e-4  # as in the daemon


class Figures:
    """p99 of each round in milliseconds, and all medians."""

    def __init__(self) -> None:
        self.p50s: list[float] = []
        self.p99s: list[float] = []

    def take(self, times_ns: list[int]) -> None:
        self.p50s.append(percentile(times_ns, 0.5) / 1e6)
        self.p99s.append(percentile(times_ns, 0.99) / 1e6)


def claims() -> Iterator[Result]:
    root = Path(os.environ.get("PAIFANG_VAR", "var")).absolute()  # not /tmp, which may be memory
    root.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PAIFANG_ETCD_DIR", str(root))
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    figures = {name: Figures() for name in ("claim", "create", "shared", "local")}
    try:
        with etcd.cluster() as members, tempfile.TemporaryDirectory(prefix="bench-claims-", dir=root) as folder:
            trio.run(_measure, members, Path(folder), figures)
    finally:
        sys.setswitchinterval(before)
    for name, ours, theirs, against, n in (
        ("claim_3", "claim", "create", "etcd create if absent", CLAIMS),
        ("claim_3_admit", "shared", "local", "the same without a claim", ADMISSIONS),
    ):
        p50, base = statistics.median(figures[ours].p50s), statistics.median(figures[theirs].p50s)
        yield Result(f"{name}_p50", p50, "ms", f"{against}, p50", base, p50 / base, n)
        p99, base = statistics.median(figures[ours].p99s), statistics.median(figures[theirs].p99s)
        yield Result(name, p99, "ms", f"{against}, p99", base, p99 / base, n)


async def _measure(members: etcd.Etcd, folder: Path, figures: dict[str, Figures]) -> None:
    core = verifier.load("compiled")
    environment = core.Environment(str(folder / "store"), 1 << 28)
    lines = _fill(environment, 2 * ROUNDS * ADMISSIONS)
    identity = members.identity(EDGE, VENUE)
    token = trio.lowlevel.current_trio_token()
    committer = Committer(environment, edge_id=EDGE, deliver=token.run_sync_soon)
    cluster = Cluster(identity, members.addresses, TIMEOUT_S)
    reach = Reach(["HERE"])
    reach.look(environment)
    site = EtcdClaims(
        Ledger(cluster, venue_id=VENUE, edge_id=EDGE, now_s=lambda: MOMENT.now_ms // 1000), environment, committer,
        reach, edge_id=EDGE, store_id=bytes(8), alarm=lambda *_: None, healed=lambda: None,
    )  # fmt: skip
    committer.start()
    create = _creator(members)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(site.run)
        while site.state is not State.QUORUM:
            await trio.sleep(0.01)
        await _times(50, lambda n: _claim(site, 1 << 60 | n))  # warm
        for round_ in range(ROUNDS):
            first = (round_ + 1) * CLAIMS
            figures["create"].take(await trio.to_thread.run_sync(create, first))
            figures["claim"].take(await _times(CLAIMS, lambda n, first=first: _claim(site, first + n)))  # type: ignore[misc]
            for name, claims in (("local", LOCAL), ("shared", site)):
                taken = [lines.pop() for _ in range(ADMISSIONS)]
                figures[name].take(await _admissions(core, environment, committer, claims, taken))
        nursery.cancel_scope.cancel()
    await trio.to_thread.run_sync(committer.stop)
    cluster.close()
    environment.close()


async def _times(count: int, act: Callable[[int], Awaitable[None]]) -> list[int]:
    """Nanoseconds of each."""
    times = []
    for n in range(count):
        start = time.perf_counter_ns()
        await act(n)
        times.append(time.perf_counter_ns() - start)
    return times


async def _claim(site: EtcdClaims, owner_id: int) -> None:
    arrived = trio.Event()
    answers: list[Answer] = []

    def done(answer: Answer) -> None:
        answers.append(answer)
        arrived.set()

    after = {1: Usage(1, 1).pack()}
    claim = Claim(new_event(), Sight(owner_id, {}, {}), 1, after, DAY)
    site.take(claim, done)
    await arrived.wait()
    assert answers[0].outcome is Outcome.WON, answers
    site.over(claim)


async def _admissions(
    core: Any, environment: Any, committer: Committer, claims: Claims, lines: list[bytes]
) -> list[int]:
    verify = core.Verifier(environment, bytes(32))
    gate = Admissions(environment, verify, committer, decide=core.decide, moment=lambda: MOMENT, claims=claims)

    async def admit(n: int) -> None:
        arrived = trio.Event()

        def done(presented: Presented) -> None:
            assert presented.use is not None, presented.reason.name
            gate.settle(presented.use, passed=1, returned=0, outcome=scan_pb2.OUTCOME_PASSED, moment=MOMENT)
            arrived.set()

        shown = Credential(CredentialKind.LINE, lines[n], time.monotonic_ns())
        gate.present(shown, HERE, MOMENT, counter=1, assume_passed=False, done=done)
        await arrived.wait()

    return await _times(len(lines), admit)


def _creator(members: etcd.Etcd) -> Callable[[int], list[int]]:
    """etcd alone: the same bytes, created where there is no such key. In a thread of its own, as trio waits."""
    identity = members.identity(EDGE, VENUE)
    credentials = grpc.ssl_channel_credentials(identity.authority_pem, identity.key_pem, identity.certificate_pem)
    stub = rpc_pb2_grpc.KVStub(grpc.secure_channel(members.addresses[0], credentials))  # type: ignore[no-untyped-call]
    value = bytes(140)  # about what one owner's key holds

    def create(first: int) -> list[int]:
        times = []
        for n in range(first, first + CLAIMS):
            key = b"/bench/%016x" % n
            request = rpc_pb2.TxnRequest(
                compare=[rpc_pb2.Compare(target=rpc_pb2.Compare.MOD, key=key, mod_revision=0)],
                success=[rpc_pb2.RequestOp(request_put=rpc_pb2.PutRequest(key=key, value=value))],
                failure=[rpc_pb2.RequestOp(request_range=rpc_pb2.RangeRequest(key=key))],
            )
            start = time.perf_counter_ns()
            assert stub.Txn(request, timeout=TIMEOUT_S).succeeded
            times.append(time.perf_counter_ns() - start)
        return times

    return create


def _fill(environment: Any, count: int) -> list[bytes]:
    """Two stations of one group, the other one another edge's, and tickets of one use; the passes as read."""
    rows = [(Table.RULESET, live_key(1), RuleSet().pack())]
    for place, name in ((HERE, "HERE"), (THERE, "THERE")):
        rows.append((Table.STATION, live_key(place.station_id), Station(1, True, False, (1,)).pack()))
        rows.append((Table.DEVICE, live_key(place.device_id), Device(place.station_id, True, name).pack()))
    lines = []
    for entitlement_id in range(1 << 40, (1 << 40) + count):
        claims = passes.Claims(entitlement_id, 1, 0, 0, 2**32 - 1, 0, 1, 0)
        raw = passes.assemble(1, claims, bytes(passes.SIGNATURE_BYTES))
        rows.append(
            (
                Table.ENTITLEMENT,
                entitlement_key(entitlement_id),
                Record(1, 1, 1, 0, 2**32 - 1, passes.digest(raw)).pack(),
            )
        )
        lines.append(passes.line(raw))
    txn = environment.begin()
    for table, key, value in rows:
        txn.put(table, key, value)
    txn.commit()
    return lines


BENCHES = {"claims": claims}
