"""Every transition of a lane; then random orders of events, against what must always hold."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import passages
from edge.admission import Presented
from edge.doorway import CLOSE_MS, LATE_MS, LaneSettings
from edge.drivers.base import Closed, Opened, OpenFailed, Status
from edge.lane import Lane
from edge.lane_actions import Action, Alarm, Changed, Close, GoAhead, Late, Open, Present, Show, TurnAway
from edge.passages import Settle
from edge.verdict import Credential, OpenUse
from paifang.reasons import Reason
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2
from tests.support.budget import budget

READY, DECIDING, OPEN = scan_pb2.LANE_STATE_READY, scan_pb2.LANE_STATE_DECIDING, scan_pb2.LANE_STATE_OPEN
FAULT, OUT = scan_pb2.LANE_STATE_FAULT, scan_pb2.LANE_STATE_OUT_OF_SERVICE
PASSED, RETURNED, PARTLY = scan_pb2.OUTCOME_PASSED, scan_pb2.OUTCOME_RETURNED, scan_pb2.OUTCOME_PARTLY
KEPT, UNKNOWN = scan_pb2.OUTCOME_KEPT, scan_pb2.OUTCOME_UNKNOWN
A = Credential(CredentialKind.LINE, b"PF1:A", 0)
B = Credential(CredentialKind.LINE, b"PF1:B", 0)
C = Credential(CredentialKind.LINE, b"PF1:C", 0)
SETTINGS = LaneSettings(open_ms=8000, debounce_ms=3000)


def use_of(counter: int | None = 100, *, persons: int = 1, keep: bool = False, seq: int = 1) -> OpenUse:
    return OpenUse(seq, 50 + seq, 50 + seq, 3, 11, persons, counter, 739_800, 202609, 0, keep)


def admitted(credential: Credential, use: OpenUse | None, persons: int = 1) -> Presented:
    verdict: Any = SimpleNamespace(persons=persons)
    return Presented(scan_pb2.DECISION_ADMIT, Reason.OK, verdict, use, credential)


def refused(credential: Credential, reason: Reason = Reason.USED_UP) -> Presented:
    return Presented(scan_pb2.DECISION_REFUSE, reason, None, None, credential)


def turned_away(credential: Credential, reason: Reason) -> list[Action]:
    return [TurnAway(credential, reason), Show(reason, False, 0)]


def ready(lane_settings: LaneSettings = SETTINGS, counter: int | None = 100) -> Lane:
    lane = Lane(lane_settings)
    lane.known(True)
    lane.reader_online(True, 0)
    lane.barrier_online(True, 0)
    lane.barrier(Status(counter), 0)
    assert lane.state == READY
    return lane


def opened(use: OpenUse, now_ms: int = 1000, lane: Lane | None = None) -> Lane:
    """A lane that let `use` in at `now_ms`, and whose board acknowledged."""
    lane = lane or ready()
    lane.scanned(A, now_ms)
    lane.presented(admitted(A, use), now_ms)
    lane.barrier(Opened(use.counter, True), now_ms)
    assert lane.barrier(Status(use.counter), now_ms) == []
    return lane


# --- starting -----------------------------------------------------------------------------------------------------


def test_a_lane_is_ready_once_it_is_known_and_both_ends_answer() -> None:
    lane = Lane(SETTINGS)
    assert (lane.state, lane.cause) == (FAULT, "starting")
    assert lane.scanned(A, 0) == turned_away(A, Reason.OUT_OF_ORDER)
    assert lane.known(True) == []
    assert lane.reader_online(True, 0) == []
    assert lane.barrier_online(True, 0) == [Changed(READY, "")]
    assert lane.scanned(A, 0) == turned_away(A, Reason.OUT_OF_ORDER)  # no counter yet to start a use from
    assert lane.barrier(Status(7), 0) == []
    assert lane.scanned(A, 0) == [Present(A, 7), Changed(DECIDING, "")]


# --- one admission ------------------------------------------------------------------------------------------------


def test_admit_open_pass() -> None:
    lane, use = ready(), use_of()
    assert lane.scanned(A, 1000) == [Present(A, 100), Changed(DECIDING, "")]
    assert lane.presented(admitted(A, use), 1001) == [Open(1), Show(Reason.OK, True, 1), Changed(OPEN, "")]
    assert lane.barrier(Opened(100, True), 1002) == []
    assert lane.barrier(Status(100), 1002) == []
    assert lane.barrier(Status(101), 2000) == [Settle(use, 1, 0, PASSED), Changed(READY, "")]
    assert lane.open_uses == []


def test_a_refusal_opens_nothing() -> None:
    lane = ready()
    lane.scanned(A, 0)
    assert lane.presented(refused(A), 1) == [Show(Reason.USED_UP, False, 0), Changed(READY, "")]


@pytest.mark.parametrize(("keep", "outcome", "returned"), [(False, RETURNED, 1), (True, KEPT, 0)])
def test_nobody_walks(keep: bool, outcome: int, returned: int) -> None:
    use = use_of(keep=keep)
    lane = opened(use)
    assert lane.tick(8999) == []
    assert lane.tick(9000) == [Close()]
    assert lane.barrier(Status(100), 9001) == []  # read before the close was acknowledged
    assert lane.barrier(Closed(), 9010) == []
    assert lane.barrier(Status(100), 9010) == [Settle(use, 0, returned, outcome), Changed(READY, "")]


def test_a_close_never_acknowledged_is_settled_by_a_later_reading() -> None:
    use = use_of()
    lane = opened(use)
    lane.tick(9000)
    assert lane.barrier(Status(100), 9000 + CLOSE_MS - 1) == []
    assert lane.barrier(Status(100), 9000 + CLOSE_MS)[0] == Settle(use, 0, 1, RETURNED)


@pytest.mark.parametrize(("keep", "returned"), [(False, 2), (True, 0)])
def test_part_of_a_family_walks_and_each_gets_time(keep: bool, returned: int) -> None:
    use = use_of(persons=3, keep=keep)
    lane = opened(use)
    assert lane.barrier(Status(101), 8000) == []
    assert lane.tick(15_999) == []
    assert lane.tick(16_000) == [Close()]
    lane.barrier(Closed(), 16_010)
    assert lane.barrier(Status(101), 16_010)[0] == Settle(use, 1, returned, PARTLY)


def test_the_counter_wraps_inside_a_family() -> None:
    use = use_of(0xFFFFFF, persons=2)
    lane = opened(use, lane=ready(counter=0xFFFFFF))
    assert lane.barrier(Status(0), 2000) == []
    assert lane.barrier(Status(1), 3000)[0] == Settle(use, 2, 0, PASSED)


# --- repeated and waiting scans -----------------------------------------------------------------------------------


def test_the_same_credential_while_open_is_a_go_ahead() -> None:
    lane = opened(use_of(persons=3))
    lane.barrier(Status(101), 1500)
    answer = admitted(A, use_of(persons=3))
    again = lane.scanned(A, 3900)
    assert again == [GoAhead(answer), Show(Reason.GO_AHEAD, True, 2)]
    assert lane.scanned(A, 6900) == again  # held before the reader: within 3 s of the last
    assert lane.scanned(A, 9901 - 1) == []  # the gate has been open 8 s after the last body: it waits its turn


def test_the_same_credential_while_it_is_decided_is_nothing_new() -> None:
    lane = ready()
    lane.scanned(A, 0)
    assert lane.scanned(A, 1) == []
    lane.presented(refused(A), 2)
    assert lane.scanned(A, 3) == [Present(A, 100), Changed(DECIDING, "")]


def test_one_credential_waits_and_the_next_is_asked_to_come_again() -> None:
    use = use_of()
    lane = opened(use)
    assert lane.scanned(B, 2000) == []
    assert lane.scanned(B, 2500) == []
    assert lane.scanned(C, 2600) == turned_away(C, Reason.BUSY)
    assert lane.barrier(Status(101), 3000) == [Settle(use, 1, 0, PASSED), Present(B, 101), Changed(DECIDING, "")]


def test_who_waited_is_presented_after_a_refusal() -> None:
    lane = ready()
    lane.scanned(A, 0)
    assert lane.scanned(B, 1) == []
    assert lane.presented(refused(A), 2) == [Show(Reason.USED_UP, False, 0), Present(B, 100)]


# --- bodies nobody expects ----------------------------------------------------------------------------------------


def test_a_body_after_the_give_back_is_late() -> None:
    use = use_of(persons=2)
    lane = opened(use)
    lane.tick(9000)
    lane.barrier(Closed(), 9010)
    lane.barrier(Status(100), 9010)
    assert lane.barrier(Status(101), 9500) == [Late(use, 1)]
    assert lane.barrier(Status(103), 9600) == [Late(use, 1), Alarm("lane.unticketed", "1 passed without a use")]


def test_after_a_minute_it_is_nobodys_use() -> None:
    lane = opened(use_of())
    lane.tick(9000)
    lane.barrier(Closed(), 9010)
    lane.barrier(Status(100), 9010)
    assert lane.barrier(Status(101), 9010 + LATE_MS) == [Alarm("lane.unticketed", "1 passed without a use")]


def test_a_body_after_a_kept_use_is_its_visitor() -> None:
    use = use_of(keep=True)
    lane = opened(use)
    lane.tick(9000)
    lane.barrier(Closed(), 9010)
    lane.barrier(Status(100), 9010)
    assert lane.barrier(Status(101), 9500) == [Late(use, 1, returned=False)]


def test_a_body_before_the_board_had_the_command_is_not_this_visitor() -> None:
    lane, use = ready(), use_of()
    lane.scanned(A, 1000)
    lane.presented(admitted(A, use), 1001)
    assert lane.barrier(Status(101), 1002) == [Alarm("lane.unticketed", "1 passed without a use")]
    assert lane.barrier(Opened(102, True), 1003) == [Alarm("lane.unticketed", "1 passed without a use")]
    assert lane.barrier(Status(102), 1003) == []
    assert lane.barrier(Status(103), 1500)[0] == Settle(use, 1, 0, PASSED)


def test_a_tailgater_raises_an_alarm() -> None:
    use = use_of()
    lane = opened(use)
    lane.scanned(B, 1500)
    assert lane.barrier(Status(102), 2000) == [
        Settle(use, 1, 0, PASSED),
        Alarm("lane.unticketed", "1 passed without a use"),
        Present(B, 102),
        Changed(DECIDING, ""),
    ]


# --- trouble ------------------------------------------------------------------------------------------------------


def test_a_barrier_lost_while_open_keeps_the_use_open() -> None:
    use = use_of(persons=2)
    lane = opened(use)
    lane.scanned(B, 1500)
    assert lane.barrier_online(False, 2000) == [*turned_away(B, Reason.OUT_OF_ORDER), Changed(FAULT, "barrier lost")]
    assert lane.tick(60_000) == []
    assert lane.scanned(C, 60_000) == turned_away(C, Reason.OUT_OF_ORDER)
    assert lane.open_uses == [use]
    assert lane.barrier_online(True, 61_000) == [Changed(OPEN, "back")]
    assert lane.barrier(Status(101), 61_000) == []  # one walked meanwhile: the other gets time again
    assert lane.barrier(Status(102), 62_000)[0] == Settle(use, 2, 0, PASSED)


def test_back_too_late_it_is_closed_and_settled() -> None:
    use = use_of()
    lane = opened(use)
    lane.barrier_online(False, 2000)
    lane.barrier_online(True, 20_000)
    assert lane.barrier(Status(100), 20_000) == [Close()]
    lane.barrier(Closed(), 20_010)
    assert lane.barrier(Status(100), 20_010)[0] == Settle(use, 0, 1, RETURNED)


def test_a_short_outage_does_not_shut_the_gate() -> None:
    use = use_of()
    lane = opened(use)
    lane.barrier_online(False, 2000)
    lane.barrier_online(True, 3000)
    assert lane.barrier(Status(100), 3000) == []
    assert lane.tick(8999) == []
    assert lane.tick(9000) == [Close()]


def test_an_open_command_that_failed_gives_the_use_back() -> None:
    lane, use = ready(), use_of()
    lane.scanned(A, 1000)
    lane.presented(admitted(A, use), 1001)
    assert lane.barrier(OpenFailed("the board did not answer"), 2001) == [
        Alarm("barrier.not_opened", "the board did not answer"),
        Show(Reason.OUT_OF_ORDER, False, 0),
        Close(),
    ]
    lane.barrier(Closed(), 2010)
    assert lane.barrier(Status(100), 2010)[0] == Settle(use, 0, 1, RETURNED)


def test_unless_the_counter_moved() -> None:
    lane, use = ready(), use_of()
    lane.scanned(A, 1000)
    lane.presented(admitted(A, use), 1001)
    lane.barrier(OpenFailed("the board did not answer"), 2001)
    assert lane.barrier(Status(101), 2005)[0] == Settle(use, 1, 0, PASSED)


def test_admitted_while_the_barrier_was_lost() -> None:
    lane, use = ready(), use_of()
    lane.scanned(A, 1000)
    lane.barrier_online(False, 1001)
    assert lane.presented(admitted(A, use), 1002) == [Show(Reason.OUT_OF_ORDER, False, 0)]
    lane.barrier_online(True, 5000)
    assert lane.barrier(Status(100), 5000) == [Close()]
    lane.barrier(Closed(), 5010)
    assert lane.barrier(Status(100), 5010)[0] == Settle(use, 0, 1, RETURNED)


def test_who_was_seen_before_the_counter_was_lost_is_counted() -> None:
    use = use_of(persons=3)
    lane = opened(use)
    lane.barrier(Status(102), 1500)
    assert Settle(use, 2, 0, UNKNOWN) in lane.barrier(Status(0), 2000)
    other = opened(use_of(persons=3))
    other.barrier(Status(102), 1500)
    assert Settle(use, 2, 0, UNKNOWN) in other.barrier(Status(101), 2000)


@pytest.mark.parametrize("after", [0, 3, 99])
def test_a_counter_gone_back_leaves_the_use_spent_and_flagged(after: int) -> None:
    use = use_of()
    lane = opened(use)
    assert lane.barrier(Status(after), 2000) == [
        Alarm("barrier.restarted", "while a use was open: it stays spent"),
        Close(),
        Settle(use, 0, 0, UNKNOWN),
        Changed(READY, ""),
    ]


def test_a_counter_gone_back_while_idle_is_an_alarm() -> None:
    assert ready().barrier(Status(0), 10) == [Alarm("barrier.restarted", "its counter was reset")]


def test_raw_board_bits_are_reported_as_they_change() -> None:
    lane = ready()
    assert lane.barrier(Status(100, fault=1, alarm=0x20), 10) == [Alarm("barrier.bits", "fault 01, alarm 20")]
    assert lane.barrier(Status(100, fault=1, alarm=0x20), 20) == []


def test_reader_lost_staff_switch_and_unknown_to_the_cloud() -> None:
    lane = ready()
    assert lane.reader_online(False, 1) == [Changed(FAULT, "reader lost")]
    assert lane.reader_online(True, 2) == [Changed(READY, "back")]
    assert lane.enabled(False) == [Changed(OUT, "switched off")]
    assert lane.scanned(A, 3) == [Present(A, 100)]  # the verifier refuses it, and it is recorded
    lane.presented(refused(A, Reason.LANE_CLOSED), 4)
    assert lane.enabled(True) == [Changed(READY, "back")]
    assert lane.known(False) == [Changed(FAULT, "not known to the cloud yet")]
    assert lane.scanned(A, 5) == turned_away(A, Reason.OUT_OF_ORDER)


def test_an_unreadable_card_is_shown() -> None:
    assert ready().unreadable(0) == [Show(Reason.UNREADABLE, False, 0)]


# --- without a passage sensor -------------------------------------------------------------------------------------

BLIND = LaneSettings(open_ms=8000, debounce_ms=3000, passage=False)


def test_without_passages_the_next_visitor_need_not_wait() -> None:
    lane = ready(BLIND)
    lane.scanned(A, 0)
    assert lane.scanned(B, 1) == []
    assert lane.presented(admitted(A, None, 2), 2) == [
        Open(2),
        Show(Reason.OK, True, 2),
        Present(B, 100),
        Changed(OPEN, ""),
    ]
    assert lane.presented(admitted(B, None), 3) == [Open(1), Show(Reason.OK, True, 1)]
    assert lane.scanned(B, 1000) == [GoAhead(admitted(B, None)), Show(Reason.GO_AHEAD, True, 0)]
    assert lane.scanned(A, 1000) == [Present(A, 100)]
    lane.presented(refused(A), 1001)
    assert lane.tick(8003) == [Changed(READY, "")]


def test_without_passages_a_barrier_that_does_not_open_is_an_alarm() -> None:
    lane = ready(BLIND)
    lane.scanned(A, 0)
    lane.presented(admitted(A, None), 1)
    assert lane.barrier(OpenFailed("the board refused"), 2) == [
        Alarm("barrier.not_opened", "the board refused"),
        Show(Reason.OUT_OF_ORDER, False, 0),
        Close(),
        Changed(READY, ""),
    ]


# --- after a crash ------------------------------------------------------------------------------------------------


def recovering(*uses: OpenUse, counter: int) -> list[Action]:
    """Closes first; the reading after the close settles."""
    lane = Lane(SETTINGS)
    lane.recover(uses)
    lane.known(True)
    lane.reader_online(True, 0)
    lane.barrier_online(True, 0)
    assert lane.scanned(A, 0) == turned_away(A, Reason.OUT_OF_ORDER)
    assert lane.barrier(Status(counter), 0) == [Close()]
    lane.barrier(Closed(), 10)
    actions = lane.barrier(Status(counter), 10)
    assert actions.pop() == Changed(READY, "")
    return actions


@pytest.mark.parametrize(
    ("counter", "keep", "expected"),
    [
        (100, False, (0, 3, RETURNED)),
        (100, True, (0, 0, KEPT)),
        (101, False, (1, 2, PARTLY)),
        (103, False, (3, 0, PASSED)),
        (104, False, (3, 0, PASSED)),
        (5, False, (0, 0, UNKNOWN)),
    ],
)
def test_a_use_left_open_is_settled_by_the_counter(counter: int, keep: bool, expected: tuple[int, int, int]) -> None:
    use = use_of(persons=3, keep=keep)
    assert recovering(use, counter=counter) == [Settle(use, *expected, recovered=True)]


def test_what_was_counted_before_the_next_use_is_the_earlier_ones() -> None:
    first, second = use_of(100, seq=1), use_of(101, seq=2)
    assert recovering(second, first, counter=101) == [
        Settle(first, 1, 0, PASSED, recovered=True),
        Settle(second, 0, 1, RETURNED, recovered=True),
    ]


def test_a_use_without_counter_cannot_be_told() -> None:
    use = use_of(None)
    assert recovering(use, counter=7) == [Settle(use, 0, 0, UNKNOWN, recovered=True)]


@given(st.integers(0, (1 << 24) - 1), st.integers(0, passages.PLAUSIBLE))
def test_movement_is_the_bodies_whatever_the_wrap(before: int, bodies: int) -> None:
    assert passages.moved(before, (before + bodies) % (1 << 24), 1 << 24) == bodies


@given(st.integers(0, 50), st.integers(1, 9), st.booleans())
def test_a_settlement_never_gives_back_more_than_did_not_walk(bodies: int, persons: int, keep: bool) -> None:
    settle = passages.settlement(use_of(persons=persons, keep=keep), bodies)
    assert settle.passed == min(bodies, persons)
    assert settle.returned == (0 if keep else persons - settle.passed)


# --- any order of events ------------------------------------------------------------------------------------------


class World:
    """A lane, an honest board and a crowd, in any order. Holds what must always be true."""

    def __init__(self) -> None:
        self.lane = Lane(SETTINGS)
        self.now = 0
        self.counter = 1000
        self.credits = 0
        self.answers: list[Credential] = []  # presentations not answered yet
        self.seq = 0
        self.given: dict[int, OpenUse] = {}
        self.settled: Counter[int] = Counter()
        self.late: Counter[int] = Counter()
        self.opened = self.admitted = self.bodies = self.alarmed = 0
        self.do(self.lane.known(True))

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Present(credential, _):
                    self.answers.append(credential)
                case Open(persons):
                    self.opened += persons
                    self.credits = persons
                case Close():
                    self.credits = 0
                case Settle(use, passed, returned, outcome, _):
                    assert passed + returned <= use.persons
                    assert outcome != UNKNOWN
                    self.settled[use.admission_seq] += 1
                case Late(use, persons, _):
                    assert self.settled[use.admission_seq] == 1
                    self.late[use.admission_seq] += persons
                case Alarm("lane.unticketed", detail):
                    self.alarmed += int(detail.split()[0])
                case _:
                    pass
        assert len(self.answers) <= 1
        assert self.opened <= self.admitted
        assert all(count == 1 for count in self.settled.values())
        assert {use.admission_seq for use in self.lane.open_uses} == self.given.keys() - self.settled.keys()

    def step(self, event: str, size: int) -> None:
        lane = self.lane
        if event == "scan":
            self.do(lane.scanned((A, B, C)[size % 3], self.now))
        elif event == "answer" and self.answers:
            credential = self.answers.pop()
            if size == 0:
                self.do(lane.presented(refused(credential), self.now))
            else:
                self.seq += 1
                use = use_of(lane.counter, persons=size, seq=self.seq, keep=size == 2)
                self.given[self.seq] = use
                self.admitted += size
                self.do(lane.presented(admitted(credential, use), self.now))
        elif event == "walk" and self.credits:
            self.credits -= 1
            self.bodies += 1
            self.counter = (self.counter + 1) % (1 << 24)
        elif event == "force":
            self.bodies += 1
            self.counter = (self.counter + 1) % (1 << 24)
        elif event == "status":
            self.do(lane.barrier(Status(self.counter), self.now))
        elif event == "opened":
            self.do(lane.barrier(Opened(self.counter, size > 1), self.now))
        elif event == "failed":
            self.do(lane.barrier(OpenFailed("x"), self.now))
        elif event == "closed":
            self.do(lane.barrier(Closed(), self.now))
        elif event == "barrier":
            self.do(lane.barrier_online(size > 0, self.now))
        elif event == "reader":
            self.do(lane.reader_online(size > 0, self.now))
        elif event == "enabled":
            self.do(lane.enabled(size > 0))
        elif event == "wait":
            self.now += (1, 100, 3000, 9000)[size]
            self.do(lane.tick(self.now))

    def come_to_rest(self) -> None:
        """Everything answers again, and time passes."""
        self.step("reader", 1)
        self.step("barrier", 1)
        self.step("status", 0)
        for _ in range(3):
            for event, size in (("answer", 0), ("wait", 3), ("closed", 0), ("status", 0), ("wait", 3), ("status", 0)):
                self.step(event, size)


EVENTS = [
    "scan", "answer", "walk", "force", "status", "opened", "failed", "closed", "barrier", "reader", "enabled", "wait",
]  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 3)), max_size=60)


@settings(max_examples=budget(300, 5_000), deadline=None)
@given(STEPS)
def test_no_order_of_events_opens_unadmitted_or_settles_other_than_once(steps: list[tuple[str, int]]) -> None:
    world = World()
    for event, size in [("reader", 1), ("barrier", 1), ("status", 0), *steps]:
        world.step(event, size)
    world.come_to_rest()
    assert world.settled.keys() == world.given.keys()
    assert world.lane.state in (READY, OUT)


@settings(max_examples=budget(300, 5_000), deadline=None)
@given(STEPS)
def test_every_body_is_somebodys(steps: list[tuple[str, int]]) -> None:
    """Bodies = passages settled + late ones + those an alarm was raised for."""
    world = World()
    passed = 0
    carry_out = world.do

    def counting(actions: list[Action]) -> None:
        nonlocal passed
        passed += sum(action.passed for action in actions if isinstance(action, Settle))
        carry_out(actions)

    world.do = counting  # type: ignore[method-assign]
    for event, size in [("reader", 1), ("barrier", 1), ("status", 0), *steps]:
        world.step(event, size)
    world.come_to_rest()
    assert world.bodies == passed + world.late.total() + world.alarmed
