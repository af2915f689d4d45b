"""Claims in the real process: a walk claimed, members frozen, an admission without them, and all of it told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from edge.claim_record import SharedUsage
from paifang.etcd import rpc_pb2, rpc_pb2_grpc
from paifang.records import Op
from paifang.usage import Usage
from tests.edge.test_daemon import enrolled, ready, walk_in
from tests.support.edge_process import EdgeProcess, wait_for
from tests.support.entrance import GROUP, live_rows, ticket_rows
from tests.support.etcd import Etcd
from tests.support.fake_cloud import FakeCloud

pytestmark = pytest.mark.e2e
VENUE, EDGE = 5, 7  # as the fake cloud enrols


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud()
    rows = [*live_rows(), *(row for ticket in (1, 2, 3) for row in ticket_rows(ticket))]
    cloud.state = sorted((Op(*row) for row in rows), key=lambda op: (op.table, op.key))
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def edge(tmp_path: Path, cloud: FakeCloud, etcd: Etcd) -> Iterator[EdgeProcess]:
    edge = EdgeProcess(tmp_path, cloud.enrol_address)
    identity = etcd.identity(EDGE, VENUE)
    files = {"authority": identity.authority_pem, "certificate": identity.certificate_pem, "key": identity.key_pem}
    with edge.config.open("a") as config:
        config.write(f"[claims]\nendpoints = {etcd.addresses}\ntimeout_ms = 1000\n")
        for name, pem in files.items():
            (tmp_path / f"{name}.pem").write_bytes(pem)
            config.write(f'{name} = "{name}.pem"\n')
    yield edge
    edge.close()


def claims(edge: EdgeProcess) -> dict[str, Any]:
    said = edge.health()
    found: dict[str, Any] = said["claims"] if said is not None else {"state": "away"}
    return found


def in_etcd(etcd: Etcd, ticket: int) -> SharedUsage | None:
    identity = etcd.identity(EDGE, VENUE)
    credentials = grpc.ssl_channel_credentials(identity.authority_pem, identity.key_pem, identity.certificate_pem)
    with grpc.secure_channel(etcd.addresses[2], credentials) as channel:
        stub = rpc_pb2_grpc.KVStub(channel)  # type: ignore[no-untyped-call]
        key = b"/paifang/%d/use/%016x" % (VENUE, ticket)
        reply = stub.Range(rpc_pb2.RangeRequest(key=key), timeout=10)
    return SharedUsage.unpack(reply.kvs[0].value) if reply.kvs else None


def used(etcd: Etcd, ticket: int) -> tuple[int, int] | None:
    """Persons, and open reservations."""
    value = in_etcd(etcd, ticket)
    return None if value is None else (Usage.unpack(value.rows[GROUP, EDGE]).total, len(value.reservations))


def test_a_day_with_an_outage(edge: EdgeProcess, cloud: FakeCloud, etcd: Etcd) -> None:
    enrolled(edge, cloud).plug()
    edge.start()
    wait_for(lambda: ready(edge) and claims(edge)["state"] == "quorum", "the lane is ready and can claim")
    walk_in(edge, 1)
    assert claims(edge)["won"] == 1
    wait_for(lambda: used(etcd, 1) == (1, 0), "etcd knows that somebody walked")

    for member in etcd.members[:2]:
        member.freeze()
    walk_in(edge, 2)
    assert (claims(edge)["state"], claims(edge)["exposed"]) == ("no_quorum", 1)
    assert edge.command("status").returncode == 3
    edge.kill()
    edge.start()
    wait_for(lambda: claims(edge).get("exposed") == 1, "an outage's cost is known after a crash too")
    for member in etcd.members[:2]:
        member.thaw()
    wait_for(lambda: claims(edge)["state"] == "quorum" and claims(edge)["exposed"] == 0, "the outage is over")
    wait_for(lambda: used(etcd, 2) == (1, 0), "etcd knows what it missed")
    walk_in(edge, 3)
    codes = {entry.alarm.code for entry in cloud.journal() if entry.HasField("alarm")}
    assert {"claims.no_quorum", "claims.healed"} <= codes
    [unclaimed] = [entry.presentation for entry in cloud.journal() if entry.presentation.unclaimed]
    assert unclaimed.entitlement_id == 2
