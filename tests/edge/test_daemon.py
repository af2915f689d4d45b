"""The edge as a process: started for real, stopped, killed, started twice, and with a broken store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from paifang.reasons import Reason
from paifang.records import Op
from paifang.v1 import scan_pb2
from tests.support.edge_process import EdgeProcess, wait_for
from tests.support.entrance import code, live_rows, ticket_rows
from tests.support.fake_cloud import FakeCloud

pytestmark = pytest.mark.e2e


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud()
    rows = [*live_rows(), *(row for ticket in range(1, 21) for row in ticket_rows(ticket))]
    cloud.state = sorted((Op(*row) for row in rows), key=lambda op: (op.table, op.key))
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def edge(tmp_path: Path, cloud: FakeCloud) -> Iterator[EdgeProcess]:
    edge = EdgeProcess(tmp_path, cloud.enrol_address)
    yield edge
    edge.close()


def enrolled(edge: EdgeProcess, cloud: FakeCloud) -> EdgeProcess:
    done = edge.command("enrol", cloud.token())
    assert done.returncode == 0, done.stderr
    return edge


def ready(edge: EdgeProcess) -> bool:
    said = edge.health()
    return said is not None and said["status"] == "ok" and all(lane["state"] == "ready" for lane in said["lanes"])


def walk_in(edge: EdgeProcess, ticket: int) -> None:
    """A person with a ticket, through the gate."""
    before = edge.order("G11", "gate", do="tally")["total"]
    edge.order("G11", "gate", do="person", label=f"t{ticket}", behaviour="walk", after_ms=20)
    edge.order("G11", "qr", do="present", line=code(ticket).decode())
    wait_for(lambda: edge.order("G11", "gate", do="tally")["total"] == before + 1, f"ticket {ticket} walks in")


def refused_after(edge: EdgeProcess, *, inside: int) -> bool:
    said = edge.health()
    return said is not None and said["inside"] == inside and said["lanes"][0]["last_decision"] == "refuse"


def test_a_day_of_an_edge(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """Enrols, takes the snapshot, lets people in, tells the cloud, says how it is, and stops when told."""
    enrolled(edge, cloud).plug()
    edge.start()
    wait_for(lambda: ready(edge), "the lane is ready")
    walk_in(edge, 1)
    walk_in(edge, 2)
    edge.order("G11", "qr", do="present", line=code(1).decode())
    wait_for(lambda: refused_after(edge, inside=2), "two are inside and the third presentation is refused")

    said = edge.health()
    assert said is not None
    assert said["store"]["entitlements"] == 20
    assert said["clock"]["state"] == "confirmed"
    assert said["keys"]["version"] == 1
    assert said["feed"]["bulk"]["age_s"] < 5
    assert said["lanes"][0]["admitted"] == 2
    assert said["lanes"][0]["last_reason"] == "USED_UP"

    status = edge.command("status")
    assert status.returncode == 0
    assert status.stdout.startswith("edge 7 (test), venue 5: ok\n")
    assert f"verifier  {said['verifier']}, version 0.1.0, process {edge.process.pid}, " in status.stdout  # type: ignore[union-attr]
    assert "lane      G11 (G11): ready, reader up, barrier up, 2 of 3 admitted, last refuse USED_UP" in status.stdout
    as_json = edge.command("status", "--json")
    assert json.loads(as_json.stdout)["store"]["entitlements"] == 20

    explained = edge.command("explain", code(1).decode(), "--lane", "1", "--language", "en")
    assert (explained.returncode, explained.stdout.splitlines()[0]) == (3, "✗ Used up (120)"), explained.stderr
    assert "✗ failed: Used up" in explained.stdout
    assert edge.command("explain", code(3).decode(), "--lane", "G11").stdout.startswith("✓ 通过 (0)\n")

    metrics = edge.get("/metrics")[1].decode()
    assert 'paifang_admitted_total{device="G11"} 2.0' in metrics
    assert "paifang_clock_confirmed 1.0" in metrics
    assert edge.get("/nothing")[0] == 404

    assert edge.stop() == 0
    assert "stopping on SIGTERM" in edge.log()
    assert "Traceback" not in edge.log()
    assert edge.command("status").returncode == 1
    told = edge.command("explain", code(1).decode(), "--lane", "1", "--language", "en").stdout  # from the store itself
    assert told.splitlines()[0] == "✗ Used up (120)"
    wrong = edge.command("explain", code(1).decode(), "--lane", "1", "--at", "soon")
    assert (wrong.returncode, wrong.stderr) == (2, 'paifang edge: "soon" is no time: write it as 2026-10-01T09:30\n')

    entries = cloud.journal()
    assert entries[0].boot.verifier == said["verifier"]
    decided = [
        (entry.presentation.decision, entry.presentation.reason) for entry in entries if entry.HasField("presentation")
    ]
    assert decided == [(scan_pb2.DECISION_ADMIT, Reason.OK)] * 2 + [(scan_pb2.DECISION_REFUSE, Reason.USED_UP)]
    settled = [entry.settlement.outcome for entry in entries if entry.HasField("settlement")]
    assert settled == [scan_pb2.OUTCOME_PASSED] * 2
    assert cloud.chain_holds()


def test_a_second_edge_on_the_same_store(edge: EdgeProcess, cloud: FakeCloud) -> None:
    enrolled(edge, cloud).start()
    second = edge.command("run")
    assert second.returncode == 1
    assert f"already open by process {edge.process.pid}. One store has one edge" in second.stderr  # type: ignore[union-attr]
    assert "Traceback" not in second.stderr
    assert edge.health() is not None
    assert edge.stop() == 0


def test_killed_and_started_again(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """With the cloud away: what was admitted before the kill is still spent, told, and told once."""
    enrolled(edge, cloud).plug()
    edge.start()
    wait_for(lambda: ready(edge), "the lane is ready")
    cloud.stop()
    walk_in(edge, 1)
    edge.kill()
    edge.start()
    wait_for(lambda: edge.health()["lanes"][0]["state"] == "ready", "the lane is ready again")  # type: ignore[index]
    edge.order("G11", "qr", do="present", line=code(1).decode())
    wait_for(lambda: edge.health()["lanes"][0]["last_reason"] == "USED_UP", "the ticket is spent")  # type: ignore[index]
    walk_in(edge, 2)
    cloud.start()
    wait_for(lambda: edge.health()["journal"]["backlog"] == 0 and edge.health()["cloud"]["online"], "all is told")  # type: ignore[index]
    assert edge.stop() == 0
    admitted = [
        entry.presentation.entitlement_id
        for entry in cloud.journal()
        if entry.presentation.decision == scan_pb2.DECISION_ADMIT
    ]
    assert admitted == [1, 2]
    assert cloud.changed_entries == 0
    assert cloud.chain_holds()


def test_a_broken_store_is_moved_aside_and_filled_anew(edge: EdgeProcess, cloud: FakeCloud) -> None:
    enrolled(edge, cloud).start()
    wait_for(lambda: edge.health()["store"]["entitlements"] == 20, "the snapshot")  # type: ignore[index]
    wait_for(lambda: edge.health()["journal"]["backlog"] == 0, "the journal is in the cloud")  # type: ignore[index]
    assert edge.stop() == 0
    data = edge.folder / "state" / "store" / "data.mdb"
    size = data.stat().st_size
    data.write_bytes(os.urandom(size))

    edge.start()
    wait_for(lambda: edge.health()["store"]["entitlements"] == 20, "the snapshot again")  # type: ignore[index]
    wait_for(lambda: any(entry.alarm.code == "store.broken" for entry in cloud.journal()), "the alarm")
    assert edge.stop() == 0
    [aside] = (edge.folder / "state").glob("store.broken-*")
    assert (aside / "data.mdb").stat().st_size == size
    first, *_, last = cloud.journal()
    assert first.seq == 1
    assert last.seq > 1_000_000_000_000  # the new journal begins far above the lost one


def test_not_enrolled(edge: EdgeProcess) -> None:
    done = edge.command("run")
    assert done.returncode == 1
    assert "holds no identity: enrol this edge first" in done.stderr


def test_a_wrong_file(edge: EdgeProcess) -> None:
    edge.config.write_text(edge.config.read_text().replace("open_seconds", "open_second"))
    for command in ("run", "check-config", "status"):
        done = edge.command(command)
        assert done.returncode == 2
        assert done.stderr.startswith(f'paifang edge: {edge.config}:11: unknown key "open_second" in [lane]; expected')


def test_check_config(edge: EdgeProcess) -> None:
    done = edge.command("check-config")
    assert done.returncode == 0
    assert done.stdout == f"{edge.config}: good. Edge test, state in {edge.folder}/state, lanes G11\n"
