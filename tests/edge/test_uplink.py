"""The journal's way up: nothing lost, nothing twice, whatever happens to the cloud and the line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import trio

from edge import journal
from edge.clock import CONFIRMED
from edge.uplink import Backoff
from paifang.records import Table
from paifang.v1 import scan_pb2
from tests.support.fake_cloud import EDGE, FakeCloud
from tests.support.journal import Journal
from tests.support.linked_edge import MAP_BYTES, linked_edge, until
from tests.support.tcp_proxy import Proxy


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud().start()
    yield cloud
    cloud.stop()


async def test_entries_go_up_in_order_and_are_trimmed(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        for number in range(1200):
            edge.note(str(number))
        await until(lambda: edge.uplink.state.acked == 1200)
        await until(lambda: edge.environment.entries(Table.JOURNAL) == 0)
        assert edge.uplink.state.uploaded == 1200
    assert [seq for call in cloud.uploads for seq in call] == list(range(1, 1201))
    assert max(map(len, cloud.uploads)) <= 500
    assert [entry.alarm.detail for entry in cloud.journal()] == [str(number) for number in range(1200)]
    assert cloud.chain_holds()


async def test_the_cloud_is_down_and_comes_back(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        edge.note("before")
        await until(lambda: edge.uplink.state.acked == 1)
        cloud.stop()
        await until(lambda: not edge.uplink.state.online)
        for number in range(50):
            edge.note(str(number))
        await until(lambda: edge.committer.last_seq == 51)
        assert edge.uplink.state.acked == 1
        cloud.start()
        await until(lambda: edge.uplink.state.acked == 51 and edge.uplink.state.online)
    assert len(cloud.entries) == 51
    assert cloud.changed_entries == 0
    assert cloud.chain_holds()


async def test_a_lost_reply_sends_the_same_bytes_again(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    cloud.lose_replies = 2
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        edge.note("once")
        await until(lambda: edge.uplink.state.acked == 1)
    assert cloud.uploads == [[1], [1], [1]]
    assert cloud.changed_entries == 0
    assert [entry.alarm.detail for entry in cloud.journal()] == ["once"]


async def test_a_restart_goes_on_after_what_was_acked(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    identity = cloud.identity()
    async with linked_edge(core, tmp_path, identity, feed=False) as edge:
        edge.note("first")
        await until(lambda: edge.environment.entries(Table.JOURNAL) == 0 and edge.uplink.state.acked == 1)
    cloud.stop()
    async with linked_edge(core, tmp_path, identity, feed=False) as edge:
        assert edge.uplink.state.acked == 1
        edge.note("second")
        await until(lambda: edge.committer.last_seq == 2)
    cloud.uploads.clear()
    cloud.start()
    async with linked_edge(core, tmp_path, identity, feed=False) as edge:
        await until(lambda: edge.uplink.state.acked == 2)
    assert cloud.uploads == [[2]]
    assert cloud.chain_holds()


async def test_a_call_ends_where_numbers_are_missing(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """A broken store's last entries, and then the new store's own: the cloud must not take them for neighbours."""
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    txn = environment.begin()
    book = Journal(EDGE, seq=4)
    for seq in (5, 6):
        txn.put(Table.JOURNAL, journal.seq_key(seq), book.write())
    txn.put(Table.META, journal.LAST, journal.Tail(1000, bytes(32)).pack())
    txn.commit()
    environment.close()
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        edge.note("anew")
        await until(lambda: edge.uplink.state.acked == 1001)
        assert edge.uplink.state.uploaded == 3
    assert cloud.uploads == [[5, 6], [1001]]


async def test_a_frozen_peer_is_found_within_seconds(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    proxy = Proxy(cloud.gates_address)
    async with linked_edge(core, tmp_path, cloud.identity(), address=proxy.address) as edge:
        await until(lambda: edge.uplink.state.online and edge.feed.state.urgent.online)
        proxy.freeze()
        frozen = time.monotonic()
        edge.note("while frozen")
        await until(lambda: not edge.uplink.state.online and not edge.feed.state.urgent.online)
        assert time.monotonic() - frozen < 6
        proxy.thaw()
        await until(lambda: edge.uplink.state.acked == 1 and edge.feed.state.urgent.online)
    proxy.close()
    assert cloud.chain_holds()


async def test_the_clouds_time_confirms_the_clock(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    cloud.offset_ms = 90_000
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        await until(lambda: edge.clock.state == CONFIRMED)
        assert abs(edge.clock.now_ms() - cloud.now_ms()) < 1000
        await until(lambda: bool(edge.marks))
        assert abs(edge.marks[0] - cloud.now_ms()) < 5000
    assert cloud.reports


async def test_an_ack_of_what_was_never_written_is_an_alarm(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """The cloud knows more than this store: it is an old copy, and goes on being sent, not trimmed."""
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        edge.uplink._stub.Upload = lambda batch, timeout: type("Ack", (), {"acked_seq": 99})()
        edge.note("one")
        await until(lambda: "uplink.ack" in edge.codes())
        await trio.sleep(0.2)
        assert edge.uplink.state.acked == 0
        assert edge.environment.entries(Table.JOURNAL) == 1


async def test_a_stranger_is_not_spoken_to(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    """A server of another authority gets neither journal nor report."""
    identity = cloud.identity()
    stranger = FakeCloud().start()
    async with linked_edge(core, tmp_path, identity, address=stranger.gates_address, feed=False) as edge:
        edge.note("private")
        await until(lambda: edge.uplink.state.error.startswith("UNAVAILABLE"))
        await trio.sleep(0.3)
    stranger.stop()
    assert stranger.uploads == []
    assert stranger.reports == []


async def test_questions_are_answered_once_and_a_bad_one_hurts_nobody(
    core: ModuleType, tmp_path: Path, cloud: FakeCloud
) -> None:
    asked = {b"%016d" % number: credential for number, credential in enumerate((b"unheard of", b"known"))}
    cloud.questions = [scan_pb2.Question(id=key, credential=value) for key, value in asked.items()]
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        await until(lambda: cloud.answers)
        reports = len(cloud.reports)
        await until(lambda: len(cloud.reports) > reports + 1)  # asked again meanwhile, and heard once
        assert edge.asked == list(asked)
        assert edge.uplink.state.online
    assert cloud.answers == {b"%016d" % 1: scan_pb2.Explanation(id=b"%016d" % 1, admit=True)}


async def test_what_the_other_edges_counted_is_passed_on(core: ModuleType, tmp_path: Path, cloud: FakeCloud) -> None:
    async with linked_edge(core, tmp_path, cloud.identity(), feed=False) as edge:
        await until(lambda: cloud.reports)
        assert edge.elsewhere == []
        cloud.elsewhere = scan_pb2.Elsewhere(day=739_800, entered=7, left=2)
        await until(lambda: edge.elsewhere)
        assert edge.elsewhere[0] == cloud.elsewhere


def test_backoff_doubles_up_to_a_second() -> None:
    backoff = Backoff()
    assert [backoff.next_s() for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    backoff.reset()
    assert backoff.next_s() == 0.1
