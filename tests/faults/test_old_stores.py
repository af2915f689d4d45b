"""Stores that are not what this edge last wrote: out of a backup, cloned, broken. No use is sold twice for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge import verifier
from edge.standing import BROKEN, CLONED, NEW, RESTORED
from paifang.records import Op, Table
from paifang.usage import Usage, others_key, usage_key
from paifang.v1 import scan_pb2
from tests.support.edge_process import EdgeProcess, wait_for
from tests.support.entrance import GROUP, code
from tests.support.fake_cloud import BULK, EDGE, FakeCloud

UNLIMITED = 90

pytestmark = pytest.mark.e2e


def started(edge: EdgeProcess) -> EdgeProcess:
    edge.start()
    wait_for(lambda: (edge.health() or {}).get("store", {}).get("entitlements") == 41, "the snapshot")
    wait_for(lambda: edge.health()["standing"]["behind"] != NEW, "the snapshot is whole")  # type: ignore[index]
    wait_for(lambda: edge.lane("G11")["state"] == "ready", "the lane is ready")
    return edge


def caught_up(edge: EdgeProcess) -> bool:
    said = edge.health()
    return said is not None and said["standing"]["behind"] == "" and said["journal"]["backlog"] == 0


def admit(edge: EdgeProcess, *tickets: int) -> None:
    for ticket in tickets:
        assert edge.show("G11", code(ticket).decode()) == "OK"
        edge.walk("G11")


def shown(edge: EdgeProcess, ticket: int) -> str:
    return edge.show("G11", code(ticket).decode())


def know_own_uses(cloud: FakeCloud) -> None:
    """As the cloud does: what the journal says of uses is in the next snapshot, the edge's own among them."""
    newest: dict[bytes, bytes] = {}
    for entry in cloud.journal():
        for said in (entry.presentation, entry.settlement):
            if said.usage:
                newest[others_key(said.owner_id, said.group_id, EDGE)] = said.usage
    rows = [op for op in cloud.state if op.table != Table.OTHERS]
    rows += [Op(Table.OTHERS, key, usage) for key, usage in newest.items()]
    cloud.state = sorted(rows, key=lambda op: (op.table, op.key))


def alarms(cloud: FakeCloud) -> set[str]:
    return {entry.alarm.code for entry in cloud.journal() if entry.HasField("alarm")}


def spent(edge: EdgeProcess, ticket: int) -> int:
    """In the store of an edge that is not running."""
    store = verifier.load("compiled").Environment(str(edge.folder / "state" / "store"), 32 << 20)
    stored = store.get(Table.USAGE, usage_key(ticket, GROUP))
    store.close()
    return Usage.unpack(stored).total if stored else 0


def day_with_backup(edge: EdgeProcess, cloud: FakeCloud) -> Path:
    """Ticket 1 walks in, the store is copied, tickets 2 and 3 walk in; all is told. The edge is stopped."""
    started(edge)
    admit(edge, 1)
    wait_for(lambda: caught_up(edge), "all is told")
    assert edge.stop() == 0
    backup = edge.folder / "backup"
    shutil.copytree(edge.folder / "state" / "store", backup)
    started(edge)
    admit(edge, 2, 3)
    wait_for(lambda: caught_up(edge), "all is told")
    assert edge.stop() == 0
    know_own_uses(cloud)
    return backup


def restore(edge: EdgeProcess, backup: Path) -> None:
    shutil.rmtree(edge.folder / "state" / "store")
    shutil.copytree(backup, edge.folder / "state" / "store")


def test_a_store_older_than_its_witness_refuses_until_caught_up(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """With the cloud away: the file beside the store knows that more was written than is in it."""
    restore(edge, day_with_backup(edge, cloud))
    cloud.stop()
    started(edge)
    assert edge.health()["standing"]["behind"] == RESTORED  # type: ignore[index]
    assert shown(edge, 2) == "CATCHING_UP"  # spent, but the store does not know
    assert shown(edge, 4) == "CATCHING_UP"  # good, but the store cannot know
    admit(edge, UNLIMITED)
    cloud.start()
    wait_for(lambda: caught_up(edge), "it has caught up")
    assert [shown(edge, ticket) for ticket in (1, 2, 3)] == ["USED_UP"] * 3
    admit(edge, 4)
    wait_for(lambda: caught_up(edge), "all is told")
    assert edge.stop() == 0
    assert [spent(edge, ticket) for ticket in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert RESTORED in alarms(cloud)
    numbers = [entry.seq for entry in cloud.journal()]
    assert numbers[-1] > 1_000_000_000_000  # no number is used twice: the cloud takes it all


def test_the_cloud_tells_a_store_that_it_is_old(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """The whole state folder came out of the backup, so nothing on the machine knows."""
    restore(edge, day_with_backup(edge, cloud))
    (edge.folder / "state" / "witness").unlink()
    started(edge)
    wait_for(lambda: RESTORED in alarms(cloud) and caught_up(edge), "it has heard, and caught up")
    assert [shown(edge, ticket) for ticket in (1, 2, 3)] == ["USED_UP"] * 3
    admit(edge, 4)


def test_two_machines_with_one_identity_are_found(edge: EdgeProcess, cloud: FakeCloud, tmp_path: Path) -> None:
    started(edge)
    admit(edge, 1)
    wait_for(lambda: caught_up(edge), "all is told")
    twin_folder = tmp_path / "twin"
    twin_folder.mkdir()
    shutil.copytree(edge.folder / "state", twin_folder / "state")
    know_own_uses(cloud)
    twin = EdgeProcess(twin_folder, cloud.enrol_address)
    twin.plug()
    try:
        started(twin)
        wait_for(lambda: edge.health()["standing"]["behind"] == CLONED, "the first hears of the second")  # type: ignore[index]
        assert shown(edge, 4) == "CATCHING_UP"
        wait_for(lambda: CLONED in alarms(cloud), "the cloud hears of it")
        assert twin.stop() == 0
    finally:
        twin.close()
    edge.kill()
    started(edge)  # alone again, it catches up
    wait_for(lambda: caught_up(edge), "it has caught up")
    assert shown(edge, 1) == "USED_UP"
    admit(edge, 4)


def test_what_a_broken_store_had_used_comes_back(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """Ticket 1 was told long ago and is in no journal here; ticket 2 only in the broken store; both are spent."""
    edge.config.write_text(edge.config.read_text().replace("[cloud]", "journal_keep_hours = 0\n[cloud]"))
    started(edge)
    admit(edge, 1)
    wait_for(lambda: caught_up(edge), "all is told")
    know_own_uses(cloud)
    wait_for(lambda: edge.health()["journal"]["stored"] == 0, "what was told is trimmed")  # type: ignore[index]
    cloud.stop()
    admit(edge, 2)
    edge.kill()
    damage_last_entry(edge)

    edge.start()
    wait_for(lambda: edge.lane("G11")["cause"] == "not known to the cloud yet", "the new store")
    assert edge.health()["standing"]["behind"] == BROKEN  # type: ignore[index]
    cloud.start()
    wait_for(lambda: caught_up(edge) and edge.lane("G11")["state"] == "ready", "it has caught up")
    assert [shown(edge, 1), shown(edge, 2)] == ["USED_UP"] * 2
    admit(edge, 3)
    assert {BROKEN} <= alarms(cloud)
    outcomes = [entry.settlement.outcome for entry in cloud.journal() if entry.HasField("settlement")]
    assert outcomes.count(scan_pb2.OUTCOME_UNKNOWN) <= 1
    assert any(request.stream == BULK for request in cloud.subscribed)


def damage_last_entry(edge: EdgeProcess) -> None:
    """The journal's end no longer hangs together: the next start takes the store for broken."""
    store = verifier.load("compiled").Environment(str(edge.folder / "state" / "store"), 32 << 20)
    key, raw = store.last(Table.JOURNAL)
    txn = store.begin()
    txn.put(Table.JOURNAL, key, raw + b"\x50\x01")
    txn.commit()
    store.close()
