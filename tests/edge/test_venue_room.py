"""How many more the venue has room for: what counts, what survives a restart, when staff are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from edge.admission import Presented
from edge.occupancy import ELSEWHERE, Occupancy
from edge.venue_room import KEEP_EVERY_MS, RoomState
from edge.verdict import NO_LIMIT
from paifang.reasons import Reason
from paifang.records import Table, VenueSettings
from paifang.v1 import scan_pb2
from tests.support.entrance import CABLE, DAY, EXIT, FREE, NOW_MS, WEST, Entrance

REFUSE = scan_pb2.DECISION_REFUSE
PASSED, RETURNED = scan_pb2.OUTCOME_PASSED, scan_pb2.OUTCOME_RETURNED


@pytest.fixture
def entrance(core: ModuleType, tmp_path: Path) -> Iterator[Entrance]:
    entrance = Entrance(core, tmp_path)
    entrance.ticket(1, ruleset=FREE, persons=3)
    yield entrance
    entrance.close()


def limited(entrance: Entrance, capacity: int = 0, day_capacity: int = 0, warn_permille: int = 900) -> None:
    settings = VenueSettings("Asia/Shanghai", 0, {}, capacity=capacity, day_capacity=day_capacity)
    entrance.admissions.room.use_settings(replace(settings, warn_permille=warn_permille))


def refused(answers: list[Presented]) -> Reason:
    [answer] = answers
    assert answer.decision == REFUSE
    return answer.reason


def test_without_limits_there_is_room(entrance: Entrance) -> None:
    entrance.admit(1)
    assert entrance.admissions.room.left(DAY) == (NO_LIMIT, NO_LIMIT)
    assert entrance.admissions.room.state(DAY) == RoomState.ROOM


def test_full_then_out_then_in(entrance: Entrance) -> None:
    limited(entrance, capacity=4)
    room = entrance.admissions.room
    use = entrance.admit(1)
    assert room.left(DAY) == (1, NO_LIMIT)  # told to go in, not seen yet
    assert refused(entrance.present(1)) == Reason.VENUE_FULL
    entrance.settle(use, PASSED, passed=3)
    entrance.settled()
    assert room.left(DAY) == (1, NO_LIMIT)
    assert refused(entrance.present(1)) == Reason.VENUE_FULL
    out = entrance.admit(1, EXIT)
    assert room.left(DAY) == (1, NO_LIMIT)  # not out yet
    entrance.settle(out, PASSED, passed=3)
    entrance.settled()
    assert room.left(DAY) == (4, NO_LIMIT)
    entrance.admit(1)


def test_the_reserved_count_before_they_are_on_the_disk_and_not_when_it_fails(entrance: Entrance) -> None:
    limited(entrance, capacity=5)
    answers = entrance.present(1)
    assert refused(entrance.present(1)) == Reason.VENUE_FULL
    entrance.trouble.commits = 1
    entrance.settled()
    assert refused(answers) == Reason.NOT_RECORDED
    assert entrance.admissions.room.left(DAY) == (5, NO_LIMIT)


def test_who_turns_back_leaves_room(entrance: Entrance) -> None:
    limited(entrance, capacity=5)
    use = entrance.admit(1)
    entrance.settle(use, RETURNED, returned=3)
    entrance.settle(use, RETURNED, returned=3)
    entrance.settled()
    assert entrance.admissions.room.left(DAY) == (5, NO_LIMIT)


def test_a_barrier_without_a_sensor_counts_at_once(entrance: Entrance) -> None:
    limited(entrance, capacity=5)
    entrance.present(1, assume_passed=True)
    entrance.settled()
    assert entrance.admissions.room.left(DAY) == (2, NO_LIMIT)


def test_a_station_inside_counts_neither_way(entrance: Entrance) -> None:
    limited(entrance, capacity=3, day_capacity=3)
    entrance.settle(entrance.admit(1, CABLE), PASSED, passed=3)
    entrance.settled()
    assert entrance.admissions.room.left(DAY) == (3, 3)


def test_the_day_is_full_though_people_leave(entrance: Entrance) -> None:
    limited(entrance, day_capacity=5)
    entrance.settle(entrance.admit(1), PASSED, passed=3)
    entrance.settle(entrance.admit(1, EXIT), PASSED, passed=3)
    entrance.settled()
    assert entrance.admissions.room.left(DAY) == (NO_LIMIT, 2)
    assert refused(entrance.present(1)) == Reason.DAY_FULL
    assert entrance.admissions.room.left(DAY + 1) == (NO_LIMIT, 5)


def test_other_edges_count_and_are_remembered(entrance: Entrance) -> None:
    limited(entrance, capacity=10, day_capacity=20)
    room = entrance.admissions.room
    room.told(Occupancy(DAY, entered=9, left=1), NOW_MS)
    entrance.settle(entrance.admit(1, EXIT), PASSED, passed=3)  # by the west gate came in who leaves here
    entrance.settled()
    assert room.counts(DAY) == Occupancy(DAY, 9, 4)
    assert room.left(DAY) == (5, 11)
    room.told(Occupancy(DAY, 10, 1), NOW_MS + KEEP_EVERY_MS - 1)  # not written so soon
    entrance.settled()
    assert room.left(DAY) == (4, 10)
    entrance.crash()
    limited(entrance, capacity=10, day_capacity=20)
    assert entrance.admissions.room.counts(DAY) == Occupancy(DAY, 9, 4)
    assert entrance.admissions.room.counts(DAY + 1) == Occupancy(DAY + 1)
    entrance.admissions.room.told(Occupancy(DAY, 10, 1), NOW_MS)
    entrance.settled()
    assert Occupancy.unpack(entrance.environment.get(Table.META, ELSEWHERE)) == Occupancy(DAY, 10, 1)


def test_what_is_open_at_a_start_still_counts(entrance: Entrance) -> None:
    entrance.admit(1)
    entrance.admit(1, EXIT)
    entrance.crash()
    limited(entrance, capacity=4)
    assert entrance.admissions.room.left(DAY) == (1, NO_LIMIT)
    [use] = entrance.admissions.open_uses(WEST.device_id)
    entrance.settle(use, RETURNED, returned=3, recovered=True)
    entrance.settled()
    assert entrance.admissions.room.left(DAY) == (4, NO_LIMIT)


def test_yesterdays_uses_take_no_room_today(entrance: Entrance) -> None:
    limited(entrance, capacity=4)
    entrance.admit(1)
    assert entrance.admissions.room.left(DAY + 1) == (4, NO_LIMIT)


def test_staff_are_told_as_it_fills_and_once(entrance: Entrance) -> None:
    limited(entrance, capacity=9, day_capacity=12, warn_permille=600)
    told: list[tuple[str, str]] = []
    states = []
    for _ in range(3):
        entrance.settle(entrance.admit(1), PASSED, passed=3)
        entrance.settled()
        for _ in range(2):
            states.append(entrance.admissions.room.watch(DAY, lambda *alarm: told.append(alarm)))
    assert states == [0, 0, RoomState.WARNING, RoomState.WARNING, RoomState.FULL, RoomState.FULL]
    for place in (EXIT, WEST):
        entrance.settle(entrance.admit(1, place), PASSED, passed=3)
        entrance.settled()
    entrance.admissions.room.watch(DAY, lambda *alarm: told.append(alarm))
    assert told == [
        ("venue.filling", "6 inside, 6 let in today"),
        ("venue.full", "9 inside, 9 let in today"),
        ("venue.day_full", "9 inside, 12 let in today"),
    ]
