"""The line and the cloud in trouble: cut anywhere, out of order, without its database, out of yesterday's backup."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import trio

from edge import sweep, verifier
from edge.cursors import SPARED
from edge.works import PutMeta
from paifang.records import Op, Record, State, Table, entitlement_key
from paifang.v1 import feed_pb2
from tests.support.budget import budget
from tests.support.fake_cloud import BULK, URGENT, FakeCloud
from tests.support.linked_edge import linked_edge, until
from tests.support.tcp_proxy import Proxy


@pytest.fixture
def core() -> ModuleType:
    return verifier.load("compiled")


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud().start()
    yield cloud
    cloud.stop()


def grant(number: int, revision: int = 1, state: State = State.ACTIVE) -> Op:
    record = Record(revision, 1, 5, 0, 2**32 - 1, bytes(16), state=state)
    return Op(Table.ENTITLEMENT, entitlement_key(number), record.pack())


async def test_cut_at_any_byte_and_resumed(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """In the handshake, in a snapshot, in a row, in an upload: in the end everything is there, and once."""
    chance = random.Random(20261122)
    cloud.state = [grant(number) for number in range(1, 401)]
    proxy = Proxy(cloud.gates_address)
    cuts = budget(10, 400)
    async with linked_edge(core, tmp_path, cloud.identity(), address=proxy.address) as edge:
        sold, noted = 1000, 0
        for number in range(cuts):
            proxy.cut_after(chance.choice((chance.randrange(1, 6000), chance.randrange(6000, 60_000))))
            while proxy.cuts <= number:
                sold += 1
                cloud.state = [*cloud.state, grant(sold)]  # a snapshot that begins from now on holds it
                cloud.publish(chance.choice((BULK, URGENT)), grant(sold))
                edge.note(str(noted := noted + 1))
                await trio.sleep(0.005)
        expected = set(range(1, 401)) | set(range(1001, sold + 1))
        await until(lambda: edge.held() == expected, 60)
        await until(lambda: edge.uplink.state.acked == noted, 60)
        assert (edge.feed.state.refused, edge.alarms) == ({}, [])
    proxy.close()
    assert cloud.changed_entries == 0
    assert cloud.chain_holds()
    assert len(cloud.entries) == noted


async def test_batches_out_of_order_are_refused(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    held: list[feed_pb2.FeedBatch] = []

    def swap(batch: feed_pb2.FeedBatch) -> list[feed_pb2.FeedBatch]:
        """The second of two batches comes before the first."""
        if batch.stream != URGENT or not batch.ops or len(held) == 2:
            return [batch]
        held.append(batch)
        return held[::-1] if len(held) == 2 else []

    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.tamper = swap
        cloud.publish(URGENT, grant(7, 1))
        await until(lambda: len(held) == 1)
        cloud.publish(URGENT, grant(7, 2, State.REVOKED))
        await until(lambda: edge.feed.state.urgent.cursor.seq == 2)
        assert edge.record(7).state == State.REVOKED
        assert edge.codes() == {"feed.gap"}


async def test_a_revocation_overtakes_the_backlog(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    grants, at_once = budget(20_000, 500_000), 500
    async with linked_edge(core, tmp_path, cloud.identity(), uplink=False) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        for first in range(1, grants, at_once):
            cloud.publish(BULK, *(grant(number) for number in range(first, first + at_once)))
        await until(lambda: edge.environment.entries(Table.ENTITLEMENT) > at_once)
        cloud.publish(URGENT, grant(grants, 2, State.REVOKED))
        await until(lambda: edge.record(grants) is not None and edge.record(grants).revision == 2, 120)
        behind = grants - edge.environment.entries(Table.ENTITLEMENT)
        await until(lambda: edge.environment.entries(Table.ENTITLEMENT) == grants, 600)
        assert edge.record(grants).state == State.REVOKED  # the grant itself came later, and lost
    assert behind > 0


async def test_the_clouds_database_is_gone_for_a_while(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started and edge.uplink.state.online)
        cloud.database_gone = True
        await until(lambda: not edge.uplink.state.online and not edge.feed.state.urgent.online)
        assert "the database is not available" in edge.uplink.state.error
        for number in range(300):
            edge.note(str(number))
        cloud.publish(URGENT, grant(5))
        await until(lambda: edge.committer.last_seq == 300)
        cloud.database_gone = False
        await until(lambda: edge.uplink.state.acked == 300 and edge.held() == {5})
        assert edge.alarms == []
    assert cloud.chain_holds()


async def test_the_cloud_comes_back_from_yesterdays_backup(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """It gets its journal again, and what was sold since the backup is still good at the gate."""
    cloud.state = [grant(1), grant(2), grant(3)]
    async with linked_edge(core, tmp_path, cloud.identity(), keep_s=3600) as edge:
        await until(lambda: edge.held() == {1, 2, 3} and not edge.feed.state.bulk.cursor.unswept)
        edge.note("before the backup")
        await until(lambda: edge.uplink.state.acked == 1)
        backup = dict(cloud.entries)
        for number in range(30):
            edge.note(str(number))
        cloud.publish(BULK, grant(4))
        await until(lambda: edge.uplink.state.acked == 31 and edge.held() == {1, 2, 3, 4})
        cloud.stop()
        cloud.go_back_to(backup)
        cloud.restores, cloud.rows[BULK] = 1, []
        cloud.state = [grant(1, 1_000_001), grant(2, 1_000_001, State.REVOKED)]  # 3 had ended, 4 is not known any more
        cloud.trimmed = {URGENT: 1_000_000, BULK: 1_000_000}
        cloud.rows = {stream: [b""] * 1_000_000 for stream in (URGENT, BULK)}
        assert edge.restores[-1] == 0
        edge.committer.submit(PutMeta([(sweep.SPARE, b"1")]))  # as edge.witness does when it hears of a restore
        cloud.start()
        await until(lambda: len(cloud.entries) == 31)
        await until(lambda: edge.feed.state.spared == 2 and not edge.feed.state.bulk.cursor.unswept)
        assert edge.record(2).state == State.REVOKED
        assert edge.held() == {1, 2, 3, 4}
        assert {number for number in edge.held() if edge.record(number).generation == SPARED} == {3, 4}
        assert edge.codes() == {"cloud.restored"}
        assert edge.uplink.state.sent_again == 30
        assert edge.restores[-1] == 1
    assert cloud.changed_entries == 0
    assert cloud.chain_holds()
