"""An exit lane lets everybody out and counts who goes; it sends nobody away while its barrier works."""

from __future__ import annotations

import pytest

from edge.drivers.base import Closed, Opened, Status
from edge.lane import Lane
from edge.lane_actions import Alarm, Changed, Close, Late, Open, Present, Show, WalkedOut
from edge.lane_wait import EXIT_PLACES
from edge.passages import Settle
from edge.verdict import Credential, OpenUse
from paifang.reasons import Reason
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2
from tests.edge.test_lane import DECIDING, OPEN, PASSED, READY, RETURNED, SETTINGS, A, B, C, admitted, turned_away
from tests.edge.test_lane import use_of as entry_use


def use_of(counter: int | None = 100, *, persons: int = 1, seq: int = 1) -> OpenUse:
    return OpenUse(seq, 50 + seq, 50 + seq, 3, 11, persons, counter, 739_800, 202609, 0, False, leaving=True)


def ready() -> Lane:
    lane = Lane(SETTINGS)
    lane.known(True, exit_lane=True)
    lane.reader_online(True, 0)
    lane.barrier_online(True, 0)
    lane.barrier(Status(100), 0)
    assert lane.state == READY
    return lane


@pytest.mark.spec("S-18")
def test_bodies_nobody_presented_anything_for_are_counted_out() -> None:
    lane = ready()
    assert lane.barrier(Status(102), 10) == [WalkedOut(2)]
    assert lane.barrier(Status(102), 20) == []


def test_a_credential_opens_and_who_follows_is_counted_too() -> None:
    lane, use = ready(), use_of()
    assert lane.scanned(A, 1000) == [Present(A, 100), Changed(DECIDING, "")]
    answer = admitted(A, use)
    assert lane.presented(answer, 1001) == [Open(1), Show(answer.reason, True, 1), Changed(OPEN, "")]
    lane.barrier(Opened(100, True), 1002)
    lane.barrier(Status(100), 1002)
    assert lane.barrier(Status(103), 2000) == [Settle(use, 1, 0, PASSED), WalkedOut(2), Changed(READY, "")]


def test_what_cannot_be_read_is_let_out_too() -> None:
    lane = ready()
    nothing = Credential(CredentialKind.LINE, b"", 7_000_000)
    assert lane.unreadable(7) == [Present(nothing, 100), Changed(DECIDING, "")]


def test_everybody_has_a_turn_however_long_it_takes() -> None:
    lane = ready()
    lane.scanned(A, 0)
    assert lane.scanned(B, 1) == []
    assert lane.scanned(C, 2) == []
    assert lane.presented(admitted(A, None), 90_000)[2:] == [Present(B, 100), Changed(OPEN, "")]
    assert lane.presented(admitted(B, None), 90_001)[2:] == [Present(C, 100)]


def test_a_reader_gone_wild_does_not_fill_the_memory() -> None:
    lane = ready()
    shown = [Credential(CredentialKind.LINE, b"%d" % number, 0) for number in range(EXIT_PLACES + 2)]
    answers = [lane.scanned(one, 1) for one in shown]
    assert answers[:-1] == [[Present(shown[0], 100), Changed(DECIDING, "")]] + [[]] * EXIT_PLACES
    assert answers[-1] == turned_away(shown[-1], Reason.BUSY)


def test_with_the_barrier_gone_it_cannot_open() -> None:
    lane = ready()
    lane.scanned(A, 0)
    lane.scanned(B, 1)
    gone = lane.barrier_online(False, 2)
    assert gone[:2] == turned_away(B, Reason.OUT_OF_ORDER)
    assert lane.scanned(C, 3) == turned_away(C, Reason.OUT_OF_ORDER)


def test_who_comes_while_it_starts_waits_for_the_first_reading() -> None:
    lane = Lane(SETTINGS)
    lane.recover([use_of()])
    lane.known(True, exit_lane=True)
    lane.reader_online(True, 0)
    lane.barrier_online(True, 0)
    assert lane.scanned(A, 0) == []
    assert lane.barrier(Status(100), 0) == [Close()]
    lane.barrier(Closed(), 10)
    actions = lane.barrier(Status(100), 10)
    assert actions[0] == Settle(use_of(), 0, 1, RETURNED, recovered=True)
    assert Present(A, 100) in actions


def test_out_after_its_time_is_the_same_visitor() -> None:
    lane, use = ready(), use_of()
    lane.scanned(A, 1000)
    lane.presented(admitted(A, use), 1001)
    lane.barrier(Opened(100, True), 1002)
    lane.tick(9100)
    lane.barrier(Closed(), 9110)
    assert lane.barrier(Status(100), 9110)[0] == Settle(use, 0, 1, RETURNED)
    assert lane.barrier(Status(102), 9500) == [Late(use, 1), WalkedOut(1)]


def test_a_station_made_an_entry_again_raises_alarms_for_bodies() -> None:
    lane = ready()
    lane.known(True)
    assert lane.barrier(Status(101), 10) == [Alarm("lane.unticketed", "1 passed without a use")]
    assert lane.scanned(A, 20)[0] == Present(A, 101)
    assert lane.presented(admitted(A, entry_use(101)), 21)[0] == Open(1)
    assert lane.state == scan_pb2.LANE_STATE_OPEN
