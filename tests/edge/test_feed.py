"""The feed against a cloud that sends the truth, and against one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio
from nacl.signing import SigningKey

from edge.cursors import SPARED
from paifang.records import Device, Op, Record, State, Station, Table, entitlement_key, live_key, pack_ops
from paifang.v1 import feed_pb2
from tests.support.fake_cloud import BULK, DELTA, SLICE, SNAPSHOT, START, URGENT, VENUE, FakeCloud
from tests.support.linked_edge import linked_edge, until


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud().start()
    yield cloud
    cloud.stop()


def entitlement(number: int, revision: int = 1, state: State = State.ACTIVE) -> Op:
    record = Record(revision, 1, 5, 0, 2**32 - 1, bytes(16), state=state)
    return Op(Table.ENTITLEMENT, entitlement_key(number), record.pack())


async def test_a_new_store_takes_start_snapshot_and_deltas(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    cloud.state = [entitlement(number) for number in range(1, 101)]
    cloud.publish(BULK, entitlement(100))
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: len(edge.held()) == 100 and edge.feed.state.bulk.cursor.started)
        assert edge.record(1).generation == 101
        cloud.publish(BULK, entitlement(200))
        cloud.publish(URGENT, entitlement(7, 2, State.REVOKED))
        await until(lambda: 200 in edge.held() and edge.record(7).state == State.REVOKED)
        assert edge.record(200).generation == 101
        await until(lambda: {(ack.stream, ack.seq) for ack in cloud.acks} >= {(URGENT, 1), (BULK, 2)})
        before = edge.feed.state.urgent.cursor.current_to_ms
        await until(lambda: edge.feed.state.urgent.cursor.current_to_ms > before)
    assert edge.alarms == []


async def test_the_next_start_goes_on_from_the_stored_cursors(
    core: ModuleType, tmp_path: Path, cloud: FakeCloud
) -> None:
    cloud.state = [entitlement(1)]
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.urgent.cursor.started)
        cloud.publish(URGENT, entitlement(1, 2, State.LOCKED))
        await until(lambda: edge.record(1) is not None and edge.record(1).state == State.LOCKED)
        await until(lambda: edge.feed.state.bulk.cursor.started and not edge.feed.state.bulk.cursor.unswept)
    cloud.subscribed.clear()
    cloud.publish(BULK, entitlement(2))
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.held() == {1, 2})
    asked = sorted((ask.stream, ask.has_cursor, ask.cursor) for ask in cloud.subscribed)
    assert asked == [(URGENT, True, 1), (BULK, True, 0)]


async def test_how_current_the_entitlements_are_is_told_from_the_first_moment(
    core: ModuleType, tmp_path: Path, cloud: FakeCloud
) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        assert edge.current_to == [0]  # nothing is whole yet
        await until(lambda: edge.current_to[-1] > 0)
        told = edge.current_to[-1]
        await until(lambda: edge.current_to[-1] > told)  # a heartbeat
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        assert edge.current_to[0] > 0  # as the store has it


async def test_a_live_record_is_told_to_the_verifier(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        told = edge.live_changes
        cloud.publish(BULK, entitlement(1))
        await until(lambda: edge.held() == {1})
        assert edge.live_changes == told
        cloud.publish(URGENT, Op(Table.STATION, live_key(1), Station(3, True, False, (5,)).pack()))
        cloud.publish(URGENT, Op(Table.DEVICE, live_key(11), Device(1, True, "G11").pack()))
        await until(lambda: edge.environment.get(Table.DEVICE, live_key(11)) is not None)
        assert edge.live_changes > told


def _flipped(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    batch.ops = pack_ops([entitlement(666)])
    return [batch]


def _foreign_venue(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    batch.venue_id = VENUE + 1
    return [cloud.seal(batch)]


def _other_stream(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    batch.stream = BULK if batch.stream == URGENT else URGENT
    return [cloud.seal(batch)]


def _gap(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    batch.first_seq += 1
    batch.last_seq += 1
    return [cloud.seal(batch)]


def _freshness_lied(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    batch.current_to_ms += 3_600_000
    return [batch]


def _foreign_key(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    return [cloud.seal(batch, SigningKey.generate())]


def _started_again(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    return [cloud.batch(batch.stream, START, 0, 1000)]


def _snapshot_unasked(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    return [cloud.batch(batch.stream, SNAPSHOT, 0, 1000, generation=10_000, ops=batch.ops)]


def _torn(batch: feed_pb2.FeedBatch, cloud: FakeCloud) -> list[feed_pb2.FeedBatch]:
    batch.ops = batch.ops[:-1]
    return [cloud.seal(batch)]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_flipped, "feed.signature"),
        (_foreign_key, "feed.signature"),
        (_freshness_lied, "feed.signature"),
        (_foreign_venue, "feed.venue"),
        (_other_stream, "feed.stream"),
        (_gap, "feed.gap"),
        (_started_again, "feed.start"),
        (_torn, "feed.apply"),
    ],
)
async def test_a_bad_batch_is_refused_and_the_true_one_taken_later(
    core: ModuleType, tmp_path: Path, cloud: FakeCloud, spoil: Any, code: str
) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        spoilt = 0

        def tamper(batch: feed_pb2.FeedBatch) -> list[feed_pb2.FeedBatch]:
            nonlocal spoilt
            if batch.stream == URGENT and batch.ops and spoilt < 2:
                spoilt += 1
                return spoil(batch, cloud)
            return [batch]

        cloud.tamper = tamper
        cloud.publish(URGENT, entitlement(5))
        await until(lambda: spoilt == 2)
        await until(lambda: edge.feed.state.urgent.cursor.seq == 1)
        assert edge.held() == {5}
        assert edge.codes() == {code}
        assert edge.feed.state.refused == {code: 2}
        assert edge.feed.state.urgent.cursor.current_to_ms <= cloud.now_ms()


async def test_a_snapshot_nobody_asked_for_is_refused(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.tamper = lambda batch: _snapshot_unasked(batch, cloud) if batch.stream == BULK and batch.ops else [batch]
        cloud.publish(BULK, entitlement(5))
        await until(lambda: "feed.snapshot" in edge.codes())
        cloud.tamper = lambda batch: [batch]
        await until(lambda: edge.feed.state.bulk.cursor.seq == 1)
        assert edge.held() == {5}


async def test_a_replayed_batch_changes_nothing(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    kept: list[feed_pb2.FeedBatch] = []

    def tamper(batch: feed_pb2.FeedBatch) -> list[feed_pb2.FeedBatch]:
        if batch.stream != URGENT or not batch.ops:
            return [batch]
        kept.append(batch)
        return [kept[0], batch, kept[0]]

    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.tamper = tamper
        cloud.publish(URGENT, entitlement(5))
        await until(lambda: edge.held() == {5})
        cloud.publish(URGENT, Op(Table.ENTITLEMENT, entitlement_key(5), None))
        await until(lambda: edge.feed.state.urgent.cursor.seq == 2)
        fresh = edge.feed.state.urgent.cursor.current_to_ms
        await until(lambda: edge.feed.state.urgent.cursor.current_to_ms > fresh)
        assert edge.held() == set()
        assert edge.alarms == []


async def test_a_revocation_overtakes_the_ticket_it_revokes(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """The urgent stream is ahead: what comes later in bulk has a lower revision and loses."""
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.publish(URGENT, entitlement(9, 2, State.REVOKED))
        await until(lambda: edge.held() == {9})
        cloud.publish(BULK, entitlement(9, 1))
        await until(lambda: edge.feed.state.bulk.cursor.seq == 1)
        assert edge.record(9).state == State.REVOKED
        assert edge.record(9).revision == 2


async def test_a_revocation_during_the_first_snapshot_survives_it(
    core: ModuleType, tmp_path: Path, cloud: FakeCloud
) -> None:
    """It came before any generation was known, and the snapshot holds an older revision: the sweep spares it."""
    cloud.state = [entitlement(number) for number in range(1, 4)]
    gate = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hold(batch: feed_pb2.FeedBatch) -> list[feed_pb2.FeedBatch]:
        if batch.kind == SNAPSHOT:
            trio.from_thread.run(gate.wait, trio_token=token)
        return [batch]

    cloud.tamper = hold
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.urgent.cursor.started)
        cloud.publish(URGENT, entitlement(2, 2, State.REVOKED))
        await until(lambda: edge.held() == {2})
        assert edge.record(2).generation == SPARED
        gate.set()
        await until(lambda: edge.feed.state.bulk.cursor.started and not edge.feed.state.bulk.cursor.unswept)
        assert edge.held() == {1, 2, 3}
        assert edge.record(2).state == State.REVOKED


async def test_a_cut_snapshot_goes_on_where_it_stopped(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    cloud.state = [entitlement(number) for number in range(1, 10 * SLICE + 1)]
    cloud.cut_after = 3
    seen: list[int] = []

    def count(batch: feed_pb2.FeedBatch) -> list[feed_pb2.FeedBatch]:
        if batch.kind == SNAPSHOT:
            seen.append(len(batch.ops))
        return [batch]

    cloud.tamper = count
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: len(edge.held()) == 10 * SLICE and edge.feed.state.bulk.cursor.started)
        assert {edge.record(number).generation for number in edge.held()} == {101}
    asked = [ask for ask in cloud.subscribed if ask.stream == BULK]
    assert asked[0].generation == 0
    assert asked[1].generation == 101
    assert asked[1].after_table == Table.ENTITLEMENT
    assert asked[1].after_key == entitlement_key(3 * SLICE)
    assert len(seen) == 10  # no slice came twice


async def test_an_unfinished_snapshot_goes_on_after_a_restart(
    core: ModuleType, tmp_path: Path, cloud: FakeCloud
) -> None:
    cloud.state = [entitlement(number) for number in range(1, 5 * SLICE + 1)]
    cloud.cut_after = 2
    cloud.tamper = lambda batch: [batch] if cloud.cut_after is not None or batch.kind != SNAPSHOT else []
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: len(edge.held()) == 2 * SLICE)
    cloud.tamper = lambda batch: [batch]
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        assert edge.feed.state.bulk.cursor.after == (Table.ENTITLEMENT, entitlement_key(2 * SLICE))
        await until(lambda: len(edge.held()) == 5 * SLICE and edge.feed.state.bulk.cursor.started)
        assert {edge.record(number).generation for number in edge.held()} == {101}


async def test_a_cursor_too_old_takes_a_snapshot_and_sweeps(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    cloud.state = [entitlement(number) for number in range(1, 2001)]
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: len(edge.held()) == 2000 and edge.feed.state.bulk.cursor.started)
    cloud.state = [entitlement(number) for number in range(1500, 2101)]
    cloud.publish(BULK, entitlement(3000))
    cloud.publish(BULK, entitlement(2100))
    cloud.trimmed[BULK] = 2
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.held() == set(range(1500, 2101)))
        await until(lambda: not edge.feed.state.bulk.cursor.unswept)
        assert edge.feed.state.swept == 1499
        assert edge.feed.state.bulk.cursor.seq == 2
        assert edge.feed.state.bulk.cursor.generation == 102


async def test_a_lost_urgent_cursor_renews_bulk_as_well(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """Revocations may have been missed: what was known is not trusted before a snapshot begun afterwards."""
    cloud.state = [entitlement(number) for number in (1, 2)]
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.held() == {1, 2} and edge.feed.state.bulk.cursor.started)
    cloud.state = [entitlement(1, 2, State.REVOKED), entitlement(3)]
    cloud.publish(URGENT, entitlement(1, 2, State.REVOKED))
    cloud.trimmed[URGENT] = 1
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.held() == {1, 3} and edge.record(1).state == State.REVOKED)
        await until(lambda: edge.feed.state.bulk.cursor.generation == 102 and edge.feed.state.bulk.cursor.started)
        assert edge.feed.state.urgent.cursor.seq == 1
        assert edge.alarms == []  # bulk was cut and begun again, not refused


async def test_a_rotated_feed_key_raises_no_alarm(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.feed_key = SigningKey.generate()
        cloud.feed_keys = (cloud.public(2, cloud.feed_key),)
        cloud.keyset_version = 2
        cloud.publish(URGENT, entitlement(5))
        await until(lambda: edge.held() == {5})
        assert edge.keys.version == 2
        assert edge.alarms == []


async def test_a_key_set_of_another_root_is_refused(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    identity = cloud.identity()
    async with linked_edge(core, tmp_path, identity) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.root = cloud.feed_key = SigningKey.generate()
        cloud.feed_keys = (cloud.public(2, cloud.feed_key),)
        cloud.keyset_version = 2
        cloud.publish(URGENT, entitlement(5))
        await until(lambda: "keyset" in edge.codes())
        assert edge.keys.version == 1
        assert edge.held() == set()


async def test_the_cloud_goes_and_comes(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity()) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started)
        cloud.stop()
        await until(lambda: not edge.feed.state.urgent.online and not edge.feed.state.bulk.online)
        cloud.publish(URGENT, entitlement(5))
        cloud.start()
        await until(lambda: edge.held() == {5})
        assert edge.alarms == []


async def test_heartbeats_do_not_write(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity(), uplink=False) as edge:
        await until(lambda: edge.feed.state.bulk.cursor.started and not edge.feed.state.bulk.cursor.unswept)
        groups, fresh = edge.committer.groups, edge.feed.state.bulk.cursor.current_to_ms
        await until(lambda: edge.feed.state.bulk.cursor.current_to_ms > fresh + 200)
        assert edge.committer.groups == groups


def test_the_fake_speaks_the_wire_kinds() -> None:
    assert (DELTA, SNAPSHOT, START) == (1, 2, 3)
