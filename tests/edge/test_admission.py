"""Admissions: verify and reserve, conflict, two-phase uses, and what a gate says when it cannot record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from edge import admission, journal
from edge.admission import Presented
from edge.verdict import Credential, OpenUse
from edge.verifier import StoreError
from paifang.reasons import Reason
from paifang.records import CredentialKind, Record, State, Station, Table, entitlement_key, live_key
from paifang.usage import Usage, usage_key
from paifang.v1 import scan_pb2
from tests.support.entrance import (
    DAY,
    EAST,
    EXIT,
    FREE,
    GROUP,
    KEPT,
    MONTH,
    NOW_MS,
    PRODUCT,
    TWICE,
    WEST,
    Entrance,
    fill,
    moment,
    ticket_rows,
)

ADMIT, REFUSE = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE


@pytest.fixture
def entrance(core: ModuleType, tmp_path: Path) -> Iterator[Entrance]:
    entrance = Entrance(core, tmp_path)
    yield entrance
    entrance.close()


def said(answers: list[Presented]) -> tuple[int, Reason]:
    [answer] = answers
    return answer.decision, answer.reason


def kinds(entrance: Entrance) -> list[str]:
    return [str(entry.WhichOneof("body")) for entry in entrance.entries()]


# --- admit and refuse -------------------------------------------------------------------------------------------------


def test_an_admission_opens_only_after_the_commit(entrance: Entrance) -> None:
    entrance.ticket(1)
    answers = entrance.present(1, counter=41)
    assert answers == []
    entrance.committer.step()
    assert answers == []  # durable, and not yet told
    entrance.deliver()
    assert said(answers) == (ADMIT, Reason.OK)
    assert answers[0].use == OpenUse(
        admission_seq=1, entitlement_id=1, owner_id=1, group_id=GROUP, device_id=WEST.device_id, persons=1,
        counter=41, day=DAY, month=MONTH, at_ms=NOW_MS, keep=False,
    )  # fmt: skip
    assert entrance.usage(1).total == 1
    assert entrance.open_rows() == 1
    [entry] = entrance.entries()
    stored = entrance.environment.get(Table.USAGE, usage_key(1, GROUP))
    assert entry.presentation == scan_pb2.Presentation(
        device_id=WEST.device_id, station_id=WEST.station_id, group_id=GROUP, decision=ADMIT, reason=Reason.OK,
        credential_kind=CredentialKind.CHANNEL, entitlement_id=1, owner_id=1, product_class=PRODUCT, persons=1,
        usage=stored, decided_us=entry.presentation.decided_us,
    )  # fmt: skip
    assert (entry.at_ms, entry.clock) == (NOW_MS, scan_pb2.CLOCK_STATE_CONFIRMED)


def test_a_refusal_is_told_at_once_and_journalled(entrance: Entrance) -> None:
    answers = entrance.present(404)
    assert said(answers) == (REFUSE, Reason.UNKNOWN)
    assert answers[0].use is None
    entrance.settled()
    [entry] = entrance.entries()
    assert (entry.presentation.decision, entry.presentation.reason) == (REFUSE, Reason.UNKNOWN)
    assert (entry.presentation.persons, entry.presentation.usage) == (0, b"")


def test_an_unmatched_id_number_leaves_no_trace_of_itself(entrance: Entrance) -> None:
    answers: list[Presented] = []
    number = Credential(CredentialKind.ID_NUMBER, b"11010519491231002X", 0)
    entrance.admissions.present(number, WEST, moment(), counter=None, assume_passed=False, done=answers.append)
    assert said(answers) == (REFUSE, Reason.UNKNOWN)
    entrance.settled()
    [raw], [entry] = entrance.raw_entries(), entrance.entries()
    assert b"11010519491231002X" not in raw
    assert (entry.presentation.credential_kind, entry.presentation.credential_tag) == (CredentialKind.ID_NUMBER, b"")


def test_a_barrier_without_a_sensor_settles_as_it_admits(entrance: Entrance) -> None:
    entrance.ticket(1)
    answers = entrance.present(1, assume_passed=True)
    entrance.settled()
    assert said(answers) == (ADMIT, Reason.OK)
    assert answers[0].use is None
    assert kinds(entrance) == ["presentation", "settlement"]
    settlement = entrance.entries()[1].settlement
    assert (settlement.admission_seq, settlement.outcome, settlement.passed) == (1, scan_pb2.OUTCOME_PASSED, 1)
    assert entrance.open_rows() == 0
    assert entrance.committer.groups == 1
    assert entrance.admissions.room.own().inside == 1


def test_a_station_inside_the_venue_lets_nobody_in(entrance: Entrance) -> None:
    inner = Station(GROUP, True, False, (PRODUCT,), inner=True)
    fill(entrance.environment, [(Table.STATION, live_key(WEST.station_id), inner.pack())])
    entrance.verifier.reload_live()
    entrance.ticket(1)
    answers = entrance.present(1, replace(WEST, inner=True), assume_passed=True)
    entrance.settled()
    assert said(answers) == (ADMIT, Reason.OK)
    assert entrance.admissions.room.own().inside == 0


# --- the same use, twice ----------------------------------------------------------------------------------------------


@pytest.mark.spec("S-11")
def test_one_ticket_at_two_gates_at_the_same_instant_enters_once(entrance: Entrance) -> None:
    entrance.ticket(1)
    west = entrance.present(1, WEST)
    east = entrance.present(1, EAST)
    assert said(east) == (REFUSE, Reason.USED_AT_SIBLING)  # before anything is on the disk
    assert east[0].verdict is not None
    assert east[0].verdict.last_station == WEST.station_id
    entrance.settled()
    assert said(west) == (ADMIT, Reason.OK)
    assert entrance.usage(1).total == 1
    assert said(entrance.present(1, WEST)) == (REFUSE, Reason.USED_UP)


@pytest.mark.spec("S-11")
def test_two_gates_at_the_same_instant_through_the_committers_thread(core: ModuleType, tmp_path: Path) -> None:
    entrance = Entrance(core, tmp_path)
    for ticket in range(1, 101):
        fill(entrance.environment, ticket_rows(ticket))
    entrance.committer.start()
    answers: list[Presented] = []
    for ticket in range(1, 101):
        for place in (WEST, EAST) if ticket % 2 else (EAST, WEST):
            entrance.admissions.present(
                Credential(CredentialKind.CHANNEL, b"TICKET-%06d" % ticket, 0), place, moment(),
                counter=0, assume_passed=False, done=answers.append,
            )  # fmt: skip
    entrance.until(lambda: len(answers) == 200)
    assert sum(answer.decision == ADMIT for answer in answers) == 100
    assert {answer.reason for answer in answers if answer.decision == REFUSE} == {Reason.USED_AT_SIBLING}
    assert [entrance.usage(ticket).total for ticket in range(1, 101)] == [1] * 100
    assert entrance.verifier.inflight == {}
    entrance.close()


def test_one_code_for_several_people_counts_persons(entrance: Entrance) -> None:
    entrance.ticket(1, persons=5)
    use = entrance.admit(1)
    assert (use.persons, entrance.usage(1).total) == (5, 5)
    entrance.settle(use, scan_pb2.OUTCOME_PARTLY, passed=3, returned=2)
    entrance.settled()
    assert entrance.usage(1).total == 3
    assert entrance.admit(1, EAST).persons == 2
    assert said(entrance.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)


def test_reservations_are_seen_before_they_are_durable(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=TWICE)
    answers = [entrance.present(1, place) for place in (WEST, EAST, WEST)]
    entrance.settled()
    assert [said(answer)[0] for answer in answers] == [ADMIT, ADMIT, REFUSE]
    assert entrance.usage(1) == Usage(
        revision=2, total=2, month=MONTH, month_count=2, day=DAY, day_count=2,
        last_station=EAST.station_id, last_device=EAST.device_id, last_ms=NOW_MS,
    )  # fmt: skip
    assert entrance.verifier.inflight == {}


# --- conflict ---------------------------------------------------------------------------------------------------------


def test_a_use_that_came_back_meanwhile_is_decided_once_more(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=TWICE)
    use = entrance.admit(1)
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    answers = entrance.present(1, EAST)  # decided on one use spent; the give-back is written before it
    entrance.committer.step()
    assert answers == []
    entrance.settled()
    assert said(answers) == (ADMIT, Reason.OK)
    assert (entrance.usage(1).total, entrance.usage(1).revision) == (1, 3)
    assert kinds(entrance) == ["presentation", "settlement", "presentation"]


def test_the_reservations_behind_a_conflict_are_decided_again_too(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=FREE)
    use = entrance.admit(1)
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    answers = [entrance.present(1, place) for place in (WEST, EAST, WEST)]
    entrance.settled()
    assert [said(answer)[0] for answer in answers] == [ADMIT] * 3
    assert entrance.usage(1).total == 3
    assert entrance.verifier.inflight == {}


def test_a_usage_that_never_rests_is_to_be_tried_again(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=FREE)
    uses = [entrance.admit(1) for _ in range(4)]
    answers = entrance.present(1)
    for use in uses:  # one give-back before each of its four attempts
        entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
        work = entrance.committer._queues[0]
        work.rotate(1)
        entrance.committer.step()
        entrance.deliver()
    assert said(answers) == (REFUSE, Reason.TRY_AGAIN)
    entrance.settled()
    assert entrance.usage(1).total == 0
    assert entrance.verifier.inflight == {}
    assert entrance.entries()[-1].presentation.reason == Reason.TRY_AGAIN


# --- settling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "passed", "returned", "total"),
    [
        (scan_pb2.OUTCOME_PASSED, 4, 0, 4),
        (scan_pb2.OUTCOME_RETURNED, 0, 4, 0),
        (scan_pb2.OUTCOME_PARTLY, 1, 3, 1),
        (scan_pb2.OUTCOME_KEPT, 0, 0, 4),
        (scan_pb2.OUTCOME_UNKNOWN, 0, 0, 4),
        (scan_pb2.OUTCOME_PARTLY, 3, 9, 3),  # no more comes back than did not pass
    ],
)
def test_settling(entrance: Entrance, outcome: int, passed: int, returned: int, total: int) -> None:
    entrance.ticket(1, persons=4)
    use = entrance.admit(1)
    entrance.settle(use, outcome, passed=passed, returned=returned)
    entrance.settled()
    usage = entrance.usage(1)
    assert (usage.total, usage.day_count, usage.month_count) == (total, total, total)
    assert entrance.open_rows() == 0
    assert entrance.entries()[1].settlement == scan_pb2.Settlement(
        admission_seq=1, outcome=outcome, passed=passed, returned=min(returned, 4 - passed), entitlement_id=1,  # type: ignore[arg-type]
        owner_id=1, group_id=GROUP, usage=usage.pack(), device_id=WEST.device_id,
    )  # fmt: skip
    assert entrance.admissions.room.own().inside == passed


def test_settling_twice_gives_back_once(entrance: Entrance) -> None:
    entrance.ticket(1)
    use = entrance.admit(1)
    for _ in range(3):
        entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    entrance.settled()
    assert kinds(entrance) == ["presentation", "settlement"]
    assert entrance.usage(1).total == 0


def test_a_give_back_goes_to_the_day_it_was_taken_from(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=TWICE)
    use = entrance.admit(1)
    answers: list[Presented] = []
    entrance.admissions.present(
        Credential(CredentialKind.CHANNEL, b"TICKET-000001", 0), WEST, moment(day=DAY + 1),
        counter=0, assume_passed=False, done=answers.append,
    )  # fmt: skip
    entrance.settled()
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    entrance.settled()
    usage = entrance.usage(1)
    assert (usage.total, usage.day, usage.day_count, usage.month_count) == (1, DAY + 1, 1, 1)


def test_a_settlement_the_disk_refused_is_written_with_the_next_admission(entrance: Entrance) -> None:
    entrance.ticket(1)
    entrance.ticket(2)
    use = entrance.admit(1)
    entrance.trouble.commits = 1
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    entrance.settled()
    assert (entrance.usage(1).total, entrance.open_rows()) == (1, 1)
    entrance.admit(2)
    assert (entrance.usage(1).total, entrance.open_rows()) == (0, 1)


def test_people_inside(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=FREE, persons=6)
    entrance.settle(entrance.admit(1), scan_pb2.OUTCOME_PASSED, passed=6)
    entrance.settle(entrance.admit(1, EXIT), scan_pb2.OUTCOME_PARTLY, passed=2, returned=4)
    entrance.admissions.walked_out(EXIT, 1, moment())
    entrance.settled()
    counts = entrance.admissions.room.own()
    assert (counts.entered, counts.left, counts.inside, counts.day) == (6, 3, 3, DAY)
    assert entrance.usage(1).total == 6  # leaving spends nothing and gives nothing back


# --- a passage after the give-back ------------------------------------------------------------------------------------


def given_back(entrance: Entrance, *, persons: int = 1, ruleset: int = 1) -> OpenUse:
    entrance.ticket(1, persons=persons, ruleset=ruleset)
    use = entrance.admit(1)
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=persons)
    entrance.settled()
    return use


def settlements(entrance: Entrance) -> list[tuple[int, int]]:
    return [(e.settlement.outcome, e.settlement.passed) for e in entrance.entries() if e.HasField("settlement")][1:]


def test_a_late_passage_takes_the_use_again(entrance: Entrance) -> None:
    use = given_back(entrance)
    entrance.admissions.late(use, 1, moment(5000), returned=True)
    entrance.settled()
    assert settlements(entrance) == [(scan_pb2.OUTCOME_LATE, 1)]
    assert (entrance.usage(1).total, entrance.usage(1).last_ms) == (1, NOW_MS + 5000)
    assert entrance.entries()[-1].settlement.usage == entrance.usage(1).pack()
    assert said(entrance.present(1)) == (REFUSE, Reason.USED_UP)


def test_a_late_passage_that_no_use_is_left_for_is_a_case(entrance: Entrance) -> None:
    use = given_back(entrance)
    entrance.admit(1, EAST)
    entrance.admissions.late(use, 1, moment(5000), returned=True)
    entrance.settled()
    assert settlements(entrance) == [(scan_pb2.OUTCOME_UNTICKETED, 1)]
    assert entrance.usage(1).total == 1


def test_a_late_family_is_taken_as_far_as_uses_are_left(entrance: Entrance) -> None:
    use = given_back(entrance, persons=3)
    entrance.admissions.late(use, 2, moment(), returned=True)
    entrance.admissions.late(use, 2, moment(), returned=True)
    entrance.settled()
    late, unticketed = scan_pb2.OUTCOME_LATE, scan_pb2.OUTCOME_UNTICKETED
    assert settlements(entrance) == [(late, 2), (late, 1), (unticketed, 1)]
    assert entrance.usage(1).total == 3


def test_a_late_passage_where_uses_are_unlimited(entrance: Entrance) -> None:
    use = given_back(entrance, ruleset=FREE, persons=2)
    entrance.admissions.late(use, 2, moment(), returned=True)
    entrance.settled()
    assert settlements(entrance) == [(scan_pb2.OUTCOME_LATE, 2)]
    assert entrance.usage(1).total == 2


def test_a_late_passage_of_a_pass_revoked_meanwhile_is_a_case(entrance: Entrance) -> None:
    use = given_back(entrance)
    revoked = Record(2, 1, PRODUCT, 0, 2**32 - 1, bytes(16), state=State.REVOKED)
    fill(entrance.environment, [(Table.ENTITLEMENT, entitlement_key(1), revoked.pack())])
    entrance.admissions.late(use, 1, moment(), returned=True)
    entrance.settled()
    assert settlements(entrance) == [(scan_pb2.OUTCOME_UNTICKETED, 1)]


def test_a_late_passage_of_a_record_swept_meanwhile_is_a_case(entrance: Entrance) -> None:
    use = given_back(entrance)
    txn = entrance.environment.begin()
    txn.delete(Table.ENTITLEMENT, entitlement_key(1))
    txn.commit()
    entrance.admissions.late(use, 1, moment(), returned=True)
    entrance.settled()
    assert settlements(entrance) == [(scan_pb2.OUTCOME_UNTICKETED, 1)]


def test_a_kept_use_needs_no_second_use_for_a_late_passage(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=KEPT)
    use = entrance.admit(1)
    assert use.keep
    entrance.settle(use, scan_pb2.OUTCOME_KEPT)
    entrance.admissions.late(use, 1, moment(), returned=False)
    entrance.settled()
    assert settlements(entrance) == [(scan_pb2.OUTCOME_PASSED, 1)]
    assert entrance.usage(1).total == 1
    assert entrance.admissions.room.own().inside == 1


def test_a_late_passage_whose_give_back_was_never_written_closes_the_use(entrance: Entrance) -> None:
    entrance.ticket(1, persons=2)
    use = entrance.admit(1)
    entrance.trouble.commits = 1
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=2)
    entrance.settled()
    entrance.admissions.late(use, 1, moment(), returned=True)
    entrance.settled()
    entrance.ticket(2)
    entrance.admit(2)  # the settlement that was owed comes again, and finds the use closed
    assert entrance.usage(1).total == 1
    assert [(e.settlement.outcome, e.settlement.returned) for e in entrance.entries() if e.HasField("settlement")] == [
        (scan_pb2.OUTCOME_PARTLY, 1)
    ]


# --- after a restart --------------------------------------------------------------------------------------------------


def test_open_uses_are_found_at_the_start_and_settled_once(entrance: Entrance) -> None:
    for ticket in (1, 2, 3):
        entrance.ticket(ticket)
    entrance.admit(1, WEST, counter=10)
    second = entrance.admit(2, EAST, counter=None)
    third = entrance.admit(3, WEST, counter=12)
    entrance.settle(third, scan_pb2.OUTCOME_PASSED, passed=1)
    entrance.settled()
    entrance.crash()
    [first] = entrance.admissions.open_uses(WEST.device_id)
    assert (first.admission_seq, first.counter, first.owner_id) == (1, 10, 1)
    assert entrance.admissions.open_uses(EAST.device_id) == [second]
    assert entrance.admissions.open_uses(99) == []
    entrance.settle(first, scan_pb2.OUTCOME_PASSED, passed=1, recovered=True)
    entrance.settle(second, scan_pb2.OUTCOME_UNKNOWN, recovered=True)
    assert entrance.admissions.open_uses(WEST.device_id) == []
    entrance.settled()
    assert [e.settlement.recovered for e in entrance.entries() if e.HasField("settlement")] == [False, True, True]
    assert [entrance.usage(ticket).total for ticket in (1, 2, 3)] == [1, 1, 1]
    entrance.crash()
    assert entrance.open_rows() == 0


def test_what_was_reserved_and_not_written_is_free_again_after_a_crash(entrance: Entrance) -> None:
    entrance.ticket(1)
    answers = entrance.present(1)
    entrance.crash()
    assert answers == []  # the arm never opened
    assert entrance.admit(1, EAST).persons == 1


def test_more_open_uses_than_one_page_are_all_found(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=FREE)
    for _ in range(300):
        entrance.present(1)
    entrance.settled()
    entrance.crash()
    assert [use.admission_seq for use in entrance.admissions.open_uses(WEST.device_id)] == list(range(1, 301))


# --- when it cannot be recorded ---------------------------------------------------------------------------------------


def test_never_open_unrecorded(entrance: Entrance) -> None:
    entrance.ticket(1)
    entrance.trouble.commits = 1
    answers = entrance.present(1)
    entrance.settled()
    assert said(answers) == (REFUSE, Reason.NOT_RECORDED)
    assert entrance.verifier.inflight == {}
    assert (entrance.usage(1).total, entrance.open_rows()) == (0, 0)
    assert entrance.admit(1).persons == 1


def test_a_failed_group_fails_the_reservations_made_from_it(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=TWICE)
    entrance.trouble.commits = 1
    first = entrance.present(1, WEST)
    entrance.committer.step()
    second = entrance.present(1, EAST)  # made from a reservation that has failed, and nobody knows it yet
    entrance.committer.step()
    entrance.settled()
    assert (said(first), said(second)) == ((REFUSE, Reason.NOT_RECORDED), (ADMIT, Reason.OK))
    assert entrance.usage(1).total == 1
    assert entrance.verifier.inflight == {}


def test_a_full_queue_is_busy_and_holds_no_use_back(core: ModuleType, tmp_path: Path) -> None:
    entrance = Entrance(core, tmp_path, max_queue=2)
    for ticket in (1, 2, 3):
        entrance.ticket(ticket)
    answers = [entrance.present(ticket) for ticket in (1, 2, 3)]
    assert said(answers[2]) == (REFUSE, Reason.BUSY)
    assert len(entrance.verifier.inflight) == 2
    entrance.settled()
    assert [said(answer)[0] for answer in answers] == [ADMIT, ADMIT, REFUSE]
    assert entrance.admit(3).persons == 1
    entrance.close()


def test_refusals_never_crowd_out_admissions(core: ModuleType, tmp_path: Path) -> None:
    entrance = Entrance(core, tmp_path, max_queue=2)
    entrance.ticket(1)
    for _ in range(5):
        assert said(entrance.present(404)) == (REFUSE, Reason.UNKNOWN)
    assert entrance.admissions.unjournalled == 3
    answers = entrance.present(1)
    entrance.settled()
    assert said(answers) == (ADMIT, Reason.OK)
    entrance.close()


def test_a_filling_store_stops_journalling_refusals_and_a_full_one_stops_admitting(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    filling = iter([799, 800, 801, 950, 949, 700])
    monkeypatch.setattr(admission, "LOOK_EVERY", 1)
    monkeypatch.setattr(entrance.admissions, "_environment", _Filling(entrance.environment, filling))
    for ticket in range(1, 7):
        fill(entrance.environment, ticket_rows(ticket))

    said_by_filling = []
    for ticket in range(1, 7):
        answers = entrance.present(ticket)
        entrance.settled()
        said_by_filling.append(said(answers)[1])
    assert said_by_filling == [Reason.OK] * 3 + [Reason.STORE_FULL] + [Reason.OK] * 2
    alarms = [entry.alarm.code for entry in entrance.entries() if entry.HasField("alarm")]
    assert alarms == ["store.filling", "store.full"]
    refusals = [entry for entry in entrance.entries() if entry.presentation.decision == REFUSE]
    assert refusals == []
    assert entrance.admissions.unjournalled == 1


class _Filling:
    """A store that reports how full it is as a test says."""

    def __init__(self, environment: object, permille: Iterator[int]) -> None:
        self._environment, self._permille = environment, permille

    def used_permille(self) -> int:
        return next(self._permille)

    def __getattr__(self, name: str) -> object:
        return getattr(self._environment, name)


def test_a_store_that_really_fills_up_admits_nobody_unrecorded(core: ModuleType, tmp_path: Path) -> None:
    """Until nothing more fits: every admit said is in the journal, and in the end the gate says why it stays shut."""
    entrance = Entrance(core, tmp_path, map_bytes=1 << 19)
    entrance.ticket(1, ruleset=FREE)
    reasons: dict[Reason, int] = {}
    for number in range(4000):
        answers = entrance.present(1, at_ms=number * 1000)
        entrance.settled()
        reasons[said(answers)[1]] = reasons.get(said(answers)[1], 0) + 1
    assert set(reasons) <= {Reason.OK, Reason.STORE_FULL, Reason.NOT_RECORDED}
    assert reasons.keys() & {Reason.STORE_FULL, Reason.NOT_RECORDED}
    admitted = sum(entry.presentation.decision == ADMIT for entry in entrance.entries())
    assert admitted == reasons[Reason.OK] == entrance.usage(1).total
    journal.verify(entrance.raw_entries(), journal.START)
    entrance.close()


def test_a_store_that_cannot_be_read_refuses(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreadable:
        def check(self, *_: object) -> None:
            raise StoreError("a page is not what it should be", -30796)

    monkeypatch.setattr(entrance.admissions, "_verifier", Unreadable())
    answers = entrance.present(1)
    assert said(answers) == (REFUSE, Reason.NOT_RECORDED)
    assert answers[0].verdict is None


# --- entries of their own ---------------------------------------------------------------------------------------------


def test_boot_go_ahead_lane_change_and_alarm(entrance: Entrance) -> None:
    entrance.ticket(1)
    answers = entrance.present(1)
    entrance.settled()
    entrance.crash()
    entrance.admissions.boot("0.1.0", "twin")
    entrance.admissions.note_go_ahead(answers[0], WEST, moment(700))
    entrance.admissions.note_lane_change(WEST.device_id, scan_pb2.LANE_STATE_FAULT, "reader lost", moment(800))
    entrance.admissions.alarm("feed.signature", "batch 9", 0)
    entrance.settled()
    _, boot, go_ahead, change, alarm = entrance.entries()
    assert boot.boot == scan_pb2.Boot(software_version="0.1.0", verifier="twin", open_uses=1)
    assert (go_ahead.presentation.decision, go_ahead.presentation.reason) == (
        scan_pb2.DECISION_GO_AHEAD,
        Reason.GO_AHEAD,
    )
    assert (go_ahead.presentation.persons, go_ahead.presentation.usage, go_ahead.at_ms) == (0, b"", NOW_MS + 700)
    assert change.lane_change == scan_pb2.LaneChange(
        device_id=WEST.device_id, state=scan_pb2.LANE_STATE_FAULT, cause="reader lost"
    )
    assert alarm.alarm == scan_pb2.Alarm(code="feed.signature", detail="batch 9")
