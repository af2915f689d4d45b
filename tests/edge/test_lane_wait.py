"""What a lane waits for: the ID card of a pass, the rest of a group, a minute after wrong codes."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from edge.admission import Presented
from edge.drivers.base import Opened, Status
from edge.lane import Lane
from edge.lane_actions import Changed, GoAhead, Open, Present, Show, TurnAway
from edge.lane_wait import MISSES, same
from edge.verdict import Credential
from paifang import passes, rotating
from paifang.reasons import Reason
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2
from tests.edge.test_lane import DECIDING, OPEN, READY, A, B, admitted, ready, refused, turned_away, use_of

CARD = Credential(CredentialKind.ID_NUMBER, b"11010519491231002X", 0)
OTHER_CARD = Credential(CredentialKind.ID_NUMBER, b"440524188001010014", 0)
SHOW_ID = Show(Reason.IDENTITY_NEEDED, False, 0)


def with_card(answer: Presented, card: Credential = CARD) -> Presented:
    return Presented(answer.decision, answer.reason, answer.verdict, answer.use, answer.credential, card.data)


def waiting() -> Lane:
    """A lane that has asked for the ID card of pass A's holder at 1000."""
    lane = ready()
    lane.scanned(A, 990)
    assert lane.presented(refused(A, Reason.IDENTITY_NEEDED), 1000) == [SHOW_ID, Changed(READY, "")]
    return lane


# --- the ID card of a pass --------------------------------------------------------------------------------------------


@pytest.mark.spec("T-19")
def test_the_card_read_next_is_the_companion_of_the_pass() -> None:
    lane, use = waiting(), use_of()
    assert lane.scanned(CARD, 20_999) == [Present(A, 100, CARD), Changed(DECIDING, "")]
    assert lane.scanned(CARD, 21_000) == []  # it lies on the reader
    assert lane.presented(with_card(admitted(A, use)), 21_001)[0] == Open(1)
    lane.barrier(Opened(100, True), 21_002)
    again = [GoAhead(with_card(admitted(A, use))), Show(Reason.GO_AHEAD, True, 1)]
    assert lane.scanned(CARD, 21_500) == again
    assert lane.scanned(A, 21_600) == again


def test_after_its_time_the_card_stands_for_itself() -> None:
    assert waiting().scanned(CARD, 21_000) == [Present(CARD, 100), Changed(DECIDING, "")]


def test_another_pass_ends_the_wait() -> None:
    lane = waiting()
    lane.scanned(B, 2000)
    lane.presented(refused(B), 2001)
    assert lane.scanned(CARD, 2002)[0] == Present(CARD, 100)


def test_another_persons_card_may_be_followed_by_the_right_one_in_time() -> None:
    lane = waiting()
    assert lane.scanned(OTHER_CARD, 5000)[0] == Present(A, 100, OTHER_CARD)
    lane.presented(with_card(refused(A, Reason.IDENTITY_OTHER), OTHER_CARD), 5001)
    assert lane.scanned(CARD, 20_999)[0] == Present(A, 100, CARD)
    lane.presented(with_card(refused(A, Reason.IDENTITY_OTHER)), 21_000)
    assert lane.scanned(CARD, 21_001)[0] == Present(CARD, 100)


def test_a_card_with_nothing_to_wait_for_is_a_credential() -> None:
    lane = ready()
    assert lane.scanned(CARD, 0)[0] == Present(CARD, 100)
    lane.presented(refused(CARD), 1)
    assert lane.scanned(A, 2)[0] == Present(A, 100)


def test_once_admitted_the_card_is_nobodys_companion() -> None:
    lane, use = waiting(), use_of()
    lane.scanned(CARD, 2000)
    lane.presented(with_card(admitted(A, use)), 2001)
    lane.barrier(Opened(100, True), 2002)
    lane.barrier(Status(100), 2002)
    lane.barrier(Status(101), 3000)
    assert lane.scanned(CARD, 3001)[0] == Present(CARD, 101)


def test_an_id_number_is_in_no_description() -> None:
    shown = f"{CARD!r} {Present(A, 100, CARD)!r} {with_card(admitted(A, use_of()))!r}"
    assert "11010519491231002X" not in shown


# --- rotating passes --------------------------------------------------------------------------------------------------


def lines(seed: int, steps: int) -> list[Credential]:
    """What a phone shows of a pass, step by step."""
    claims = passes.Claims(seed, 1, 0, 0, 2**32 - 1, 0, 3, 0)
    raw = passes.assemble(1, claims, os.urandom(passes.SIGNATURE_BYTES))
    key = rotating.pass_key(bytes(32), passes.digest(raw))
    at = [step * rotating.STEP_S * 1000 for step in range(steps)]
    return [Credential(CredentialKind.LINE, rotating.line(raw, key, now_ms), 0) for now_ms in at]


@pytest.mark.parametrize("seed", [1, 200, 70_000, 2**33])  # passes of other lengths
def test_a_rotating_pass_is_the_same_whatever_it_shows_now(seed: int) -> None:
    first, second = lines(seed, 2)
    assert first.data != second.data
    assert same(first, second)
    assert not same(first, lines(seed, 1)[0])
    assert not same(first, A)
    assert not same(Credential(CredentialKind.LINE, b"PR1:", 0), Credential(CredentialKind.LINE, b"PR1:X", 0))


def test_the_next_step_while_the_barrier_is_open_is_a_go_ahead_for_the_rest() -> None:
    first, second, third = lines(7, 3)
    lane, use = ready(), use_of(persons=3)
    lane.scanned(first, 0)
    assert lane.scanned(second, 1) == []  # still deciding
    answer = admitted(first, use)
    lane.presented(answer, 2)
    lane.barrier(Opened(100, True), 3)
    lane.barrier(Status(101), 1000)
    assert lane.scanned(third, 1500) == [GoAhead(answer), Show(Reason.GO_AHEAD, True, 2)]
    assert lane.state == OPEN


# --- typed codes ------------------------------------------------------------------------------------------------------


def typed(number: int) -> Credential:
    return Credential(CredentialKind.LINE, b"CODE%08d" % number, 0, typed=True)


def missed(credential: Credential, entitlement: int = 0) -> Presented:
    verdict: Any = SimpleNamespace(entitlement_id=entitlement)
    return Presented(scan_pb2.DECISION_REFUSE, Reason.UNKNOWN, verdict, None, credential)


def miss(lane: Lane, credential: Credential, now_ms: int, **more: int) -> None:
    assert lane.scanned(credential, now_ms)[0] == Present(credential, 100)
    lane.presented(missed(credential, **more), now_ms)


def test_after_five_wrong_codes_in_a_minute_none_is_taken_for_a_minute() -> None:
    lane = ready()
    for number in range(MISSES):
        miss(lane, typed(number), 10_000 * number)
    assert lane.scanned(typed(9), 99_999) == [TurnAway(typed(9), Reason.THROTTLED), Show(Reason.THROTTLED, False, 0)]
    assert lane.scanned(A, 60_000)[0] == Present(A, 100)  # a scanned code is no guess
    lane.presented(refused(A), 60_001)
    assert lane.scanned(typed(9), 100_000)[0] == Present(typed(9), 100)


def test_five_wrong_codes_in_more_than_a_minute_are_five_slips() -> None:
    lane = ready()
    for number in range(20):
        miss(lane, typed(number), 15_000 * number)


def test_misses_of_scanned_codes_and_refused_tickets_do_not_count() -> None:
    lane = ready()
    for number in range(MISSES * 2):
        scanned = Credential(CredentialKind.LINE, b"CODE%08d" % number, 0)
        miss(lane, scanned, number)
        miss(lane, typed(number), number, entitlement=5)  # a ticket of ours, only not now
    miss(lane, typed(99), 50)


def test_the_one_who_waited_is_throttled_too() -> None:
    lane = ready()
    for number in range(MISSES - 1):
        miss(lane, typed(number), number)
    lane.scanned(typed(8), 10)
    assert lane.scanned(typed(9), 11) == []
    assert lane.presented(missed(typed(8)), 12)[1:3] == turned_away(typed(9), Reason.THROTTLED)
