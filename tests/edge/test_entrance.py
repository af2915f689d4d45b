"""Whole lanes: emulator processes on ptys, drivers, state machine, store and committer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from edge.admission import Presented
from edge.lane_actions import Show
from paifang.reasons import Reason
from paifang.v1 import scan_pb2
from tests.support.entrance import TWICE, code
from tests.support.lanes import Remote, emulators, entrance, eventually, lane_config

PASSED, RETURNED, PARTLY = scan_pb2.OUTCOME_PASSED, scan_pb2.OUTCOME_RETURNED, scan_pb2.OUTCOME_PARTLY
ADMIT, REFUSE, GO_AHEAD = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE, scan_pb2.DECISION_GO_AHEAD
FAULT, OPEN, READY = scan_pb2.LANE_STATE_FAULT, scan_pb2.LANE_STATE_OPEN, scan_pb2.LANE_STATE_READY
TICKETS: dict[int, dict[str, int]] = {1: {}, 2: {}, 3: {"persons": 3}, 4: {"ruleset": TWICE}}


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[dict[str, Remote]]:
    options: dict[str, dict[str, Any]] = {
        "scanner": {"kind": "scanner"},
        "gate": {"kind": "ds205a", "counter": 0xFFFFFE},
        "id": {"kind": "sdt"},
    }
    with emulators(tmp_path, **options) as remotes:
        yield remotes


def scan(devices: dict[str, Remote], ticket: int) -> None:
    devices["scanner"].ask("present", line=code(ticket).decode())


async def test_a_visitor_walks_through(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 1)
        devices["gate"].ask("person", label="one", after_ms=10)
        await eventually(post.outcomes)
        await eventually(lambda: devices["gate"].ask("tally")["bodies"] == {"one": 1})
        assert post.outcomes() == [PASSED]
        assert post.used(1) == 1
        assert post.shown == [Show(Reason.OK, True, 1)]
        await post.ready()
        # The counter wrapped within the family: FFFFFF, 0, 1.
        scan(devices, 3)
        for _ in range(3):
            devices["gate"].ask("person", label="family", after_ms=5)
        await eventually(lambda: len(post.outcomes()) == 2)
        assert post.outcomes() == [PASSED, PASSED]
        assert devices["gate"].ask("state")["left"] == 2
        assert post.used(3) == 3
        status = post.runner.status()
        assert (status.device_id, status.presented, status.admitted) == (11, 2, 2)
        assert (status.last_decision, status.reader_online, status.barrier_online) == (ADMIT, True, True)


async def test_nobody_walks_and_the_use_comes_back(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        devices["gate"].ask("person", label="shy", behaviour="turn_back")
        scan(devices, 1)
        await eventually(post.outcomes)
        assert post.outcomes() == [RETURNED]
        assert post.used(1) == 0
        assert devices["gate"].ask("state")["credits"] == 0
        await eventually(lambda: devices["gate"].ask("tally")["gave_up"] == {"shy": 1})
        assert devices["gate"].ask("tally")["total"] == 0


async def test_who_hesitates_enters_with_the_next_opening(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        devices["gate"].ask("person", label="slow", behaviour="hesitate", after_ms=5)
        scan(devices, 1)
        await eventually(lambda: post.outcomes() == [RETURNED])
        assert devices["gate"].ask("tally")["total"] == 0
        await post.ready()
        scan(devices, 1)
        await eventually(lambda: post.outcomes() == [RETURNED, PASSED])
        assert devices["gate"].ask("tally")["bodies"] == {"slow": 1}
        assert post.used(1) == 1


async def test_a_family_walks_in_part(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 3)
        devices["gate"].ask("person", label="family", after_ms=5)
        devices["gate"].ask("person", label="family", after_ms=5)
        await eventually(post.outcomes)
        [settlement] = post.entries("settlement")
        assert (settlement.outcome, settlement.passed, settlement.returned) == (PARTLY, 2, 1)
        assert post.used(3) == 2


async def test_a_late_body_takes_its_use_again(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 1)
        devices["gate"].ask("person", label="late", after_ms=1, transit_ms=900)
        await eventually(lambda: len(post.outcomes()) == 2)
        assert post.outcomes() == [RETURNED, scan_pb2.OUTCOME_LATE]
        assert post.used(1) == 1


async def test_the_same_code_again_and_a_pass_used_up(tmp_path: Path, devices: dict[str, Remote]) -> None:
    config = lane_config(tmp_path, open_seconds=3.0)
    async with entrance(tmp_path / "store", config, tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 1)
        await eventually(lambda: post.state == OPEN)
        held = time.monotonic() + 0.35  # past the scanner's own double-fire window
        await eventually(lambda: time.monotonic() > held)
        scan(devices, 1)
        await eventually(lambda: post.decisions()[GO_AHEAD] == 1)
        scan(devices, 2)  # waits for its turn
        devices["gate"].ask("person", label="a", after_ms=1)
        devices["gate"].ask("person", label="b", after_ms=1)
        await eventually(lambda: post.outcomes() == [PASSED, PASSED])
        assert devices["gate"].ask("state")["opens"] == 2
        scan(devices, 1)
        await eventually(lambda: post.decisions()[REFUSE] == 1)
        assert post.shown[-1] == Show(Reason.USED_UP, False, 0)
        assert post.decisions() == {ADMIT: 2, GO_AHEAD: 1, REFUSE: 1}


async def test_pulled_cables_stop_one_lane_and_no_other(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    kinds: dict[str, dict[str, Any]] = {"scanner": {"kind": "scanner"}, "gate": {"kind": "ds205a"}}
    with emulators(here, **kinds) as near, emulators(there, **kinds) as far:
        configs = lane_config(here, "g11"), lane_config(there, "G21")
        async with entrance(tmp_path / "store", *configs, tickets=TICKETS) as [one, other]:
            await one.ready()
            await other.ready()
            near["scanner"].ask("unplug")
            await eventually(lambda: one.state == FAULT)
            assert one.runner.cause == "reader lost"
            near["gate"].ask("unplug")
            await eventually(lambda: one.runner.cause == "barrier lost")
            scan(far, 1)
            far["gate"].ask("person", label="x", after_ms=1)
            await eventually(lambda: other.outcomes() == [PASSED])
            near["scanner"].ask("plug")
            near["gate"].ask("plug")
            await one.ready()
            scan(near, 2)
            near["gate"].ask("person", label="y", after_ms=1)
            await eventually(lambda: one.outcomes() == [PASSED, PASSED])
            assert one.causes()[0] == "reader lost"
            assert one.causes()[-1] == "back"


async def test_a_silent_board_is_found_and_its_use_settled_later(tmp_path: Path, devices: dict[str, Remote]) -> None:
    config = lane_config(tmp_path, open_seconds=5.0, barrier={"reply_ms": 20, "try_ms": 60, "missed": 3})
    async with entrance(tmp_path / "store", config, tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 3)
        devices["gate"].ask("person", label="in", after_ms=1)
        await eventually(lambda: devices["gate"].ask("tally")["total"] == 1)
        devices["gate"].ask("mute", on=True)
        await eventually(lambda: post.state == FAULT)
        scan(devices, 1)
        await eventually(lambda: Show(Reason.OUT_OF_ORDER, False, 0) in post.shown)
        await eventually(lambda: Reason.OUT_OF_ORDER in post.refusals())
        assert post.outcomes() == []
        devices["gate"].ask("person", label="in", after_ms=1)
        devices["gate"].ask("person", label="in", after_ms=1)
        await eventually(lambda: devices["gate"].ask("tally")["total"] == 3)
        devices["gate"].ask("mute", on=False)
        await eventually(post.outcomes)
        assert post.outcomes() == [PASSED]
        assert post.used(1) == 0


async def test_a_board_that_lost_its_counter_leaves_the_use_flagged(tmp_path: Path) -> None:
    kinds: dict[str, dict[str, Any]] = {"scanner": {"kind": "scanner"}, "gate": {"kind": "ds205a", "counter": 1000}}
    with emulators(tmp_path, **kinds) as devices:
        async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
            await post.ready()
            scan(devices, 1)
            await eventually(lambda: post.state == OPEN)
            devices["gate"].ask("restart")
            await eventually(post.outcomes)
            assert post.outcomes() == [scan_pb2.OUTCOME_UNKNOWN]
            assert post.used(1) == 1
            assert [alarm.code for alarm in post.entries("alarm")] == ["barrier.restarted"]
            await post.ready()


async def test_uses_left_open_are_settled_by_the_counter(tmp_path: Path, devices: dict[str, Remote]) -> None:
    config = lane_config(tmp_path, open_seconds=5.0)
    async with entrance(tmp_path / "store", config, tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 3)
        await eventually(lambda: devices["gate"].ask("state")["credits"] == 3)
    devices["gate"].ask("person", label="in", after_ms=1)
    await eventually(lambda: devices["gate"].ask("tally")["total"] == 1)
    async with entrance(tmp_path / "store", config, tickets=TICKETS) as [post]:
        await eventually(post.outcomes)
        [settlement] = post.entries("settlement")
        assert (settlement.outcome, settlement.passed, settlement.returned) == (PARTLY, 1, 2)
        assert settlement.recovered
        assert post.used(3) == 1
        assert devices["gate"].ask("state")["credits"] == 0
        await post.ready()


async def test_noise_and_endless_lines_do_not_stop_the_lane(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        # In a thread: the emulator answers once this very lane has read it all.
        endless = partial(devices["scanner"].ask, "raw", hex=(b"A" * 1_000_000).hex())
        await trio.to_thread.run_sync(endless)
        devices["scanner"].ask("raw", hex=bytes([13, *range(14, 256), 10]).hex())
        devices["gate"].ask("raw", hex=(b"\x7f" * 300 + bytes(range(256))).hex())
        scan(devices, 1)
        devices["gate"].ask("person", label="x", after_ms=1)
        await eventually(lambda: post.outcomes() == [PASSED])
        counts = post.runner.counts()
        assert counts[str(tmp_path / "scanner")]["over_long"] == 1
        assert counts[str(tmp_path / "gate")]["noise_bytes"] > 500


async def test_an_id_card_is_read(tmp_path: Path, devices: dict[str, Remote]) -> None:
    config = lane_config(tmp_path, readers=("scanner", "id"))
    async with entrance(tmp_path / "store", config, tickets=TICKETS) as [post]:
        await post.ready()
        await eventually(lambda: post.runner.status().reader_online)
        devices["id"].ask("card", id_number="11010519491231002X", name="张三")
        await eventually(lambda: post.decisions()[REFUSE] == 1)
        assert post.shown[-1] == Show(Reason.UNKNOWN, False, 0)


async def test_a_lane_the_cloud_does_not_know_waits(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path, "G99"), tickets=TICKETS) as [post]:
        await eventually(lambda: post.runner.status().barrier_online)
        assert post.state == FAULT
        assert post.runner.cause == "not known to the cloud yet"
        scan(devices, 1)
        await eventually(lambda: post.shown)
        assert post.shown == [Show(Reason.OUT_OF_ORDER, False, 0)]


async def test_without_a_passage_sensor_the_use_is_spent_at_once(tmp_path: Path, devices: dict[str, Remote]) -> None:
    async with entrance(tmp_path / "store", lane_config(tmp_path, passage="none"), tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 1)
        scan(devices, 2)
        await eventually(lambda: devices["gate"].ask("state")["opens"] == 2)
        assert post.outcomes() == [PASSED, PASSED]
        await post.ready()


async def test_a_breakdown_inside_a_lane_restarts_it_alone(
    tmp_path: Path, devices: dict[str, Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = lane_config(tmp_path, open_seconds=30.0)
    async with entrance(tmp_path / "store", config, tickets=TICKETS) as [post]:
        await post.ready()
        scan(devices, 1)
        await eventually(lambda: post.state == OPEN)

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a bug")

        with monkeypatch.context() as patched:
            patched.setattr(post.admissions, "note_go_ahead", broken)
            held = time.monotonic() + 0.35
            await eventually(lambda: time.monotonic() > held)
            scan(devices, 1)
            await eventually(lambda: post.runner.restarts == 1)
        await eventually(post.outcomes)
        assert post.outcomes() == [RETURNED]
        assert [alarm.code for alarm in post.entries("alarm")] == ["lane.restarted"]
        await post.ready()


async def test_an_admission_answered_after_its_lane_broke_down_is_given_back(
    tmp_path: Path, devices: dict[str, Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Callable[[], None]] = []
    async with entrance(tmp_path / "store", lane_config(tmp_path), tickets=TICKETS) as [post]:
        await post.ready()
        present = post.admissions.present

        def broken(*args: Any, done: Callable[[Presented], None], **more: Any) -> None:
            present(*args, done=lambda result: answers.append(partial(done, result)), **more)
            raise RuntimeError("a bug")

        with monkeypatch.context() as patched:
            patched.setattr(post.admissions, "present", broken)
            scan(devices, 1)
            await eventually(lambda: answers and post.runner.restarts == 1)
        answers[0]()
        await eventually(post.outcomes)
        assert post.outcomes() == [RETURNED]
        assert devices["gate"].ask("state")["opens"] == 0
        await post.ready()
