"""Products that count over the whole venue too: both counters move as one, and come back as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from edge.admission import Presented
from edge.verdict import OpenUse
from paifang.reasons import Reason
from paifang.records import Record, Table, entitlement_key
from paifang.usage import Usage, UsageFlag
from paifang.v1 import scan_pb2
from tests.support.entrance import (
    CABLE,
    CABLE_GROUP,
    DAILY,
    DAY,
    EAST,
    EXIT,
    FAMILY,
    MONTH,
    NOW_MS,
    PASSBACK,
    POOL,
    PRODUCT,
    WEST,
    Entrance,
    fill,
    moment,
)

ADMIT, REFUSE = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE
INSIDE = int(UsageFlag.INSIDE)


@pytest.fixture
def entrance(core: ModuleType, tmp_path: Path) -> Iterator[Entrance]:
    entrance = Entrance(core, tmp_path)
    yield entrance
    entrance.close()


def said(answers: list[Presented]) -> tuple[int, Reason]:
    [answer] = answers
    return answer.decision, answer.reason


def returned(entrance: Entrance, use: OpenUse) -> None:
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=use.persons)
    entrance.settled()


@pytest.mark.spec("T-51")
def test_two_gates_race_for_a_card_of_one_use_a_day(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=DAILY)
    answers = entrance.present(1, WEST), entrance.present(1, CABLE)  # of different groups: only the day's count is one
    assert said(answers[1]) == (REFUSE, Reason.DAY_LIMIT)  # before anything is on the disk
    entrance.settled()
    assert said(answers[0]) == (ADMIT, Reason.OK)
    [admitted, refused] = entrance.entries()
    assert admitted.presentation.whole_usage == entrance.whole(1).pack()
    assert admitted.presentation.usage == entrance.usage(1).pack()
    assert refused.presentation.whole_usage == b""
    assert entrance.whole(1) == Usage(
        revision=1, total=1, month=MONTH, month_count=1, day=DAY, day_count=1, last_station=WEST.station_id,
        last_device=WEST.device_id, last_ms=NOW_MS, first_ms=NOW_MS, first_day=DAY,
    )  # fmt: skip
    assert entrance.verifier.inflight == {}


def test_a_conflict_on_the_whole_alone_is_decided_once_more(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=POOL)
    use = entrance.admit(1, WEST)
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    answers = entrance.present(1, CABLE, at_ms=5)  # its group's record is untouched by the give-back before it
    entrance.committer.step()
    assert answers == []
    entrance.settled()
    assert said(answers) == (ADMIT, Reason.OK)
    assert (entrance.whole(1).total, entrance.usage(1).total, entrance.usage(1, CABLE_GROUP).total) == (1, 0, 1)
    assert entrance.verifier.inflight == {}


@pytest.mark.spec("T-52")
def test_a_pool_is_one_over_all_groups(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=POOL)
    for place in (WEST, CABLE, WEST):
        entrance.admit(1, place)
    assert said(entrance.present(1, CABLE)) == (REFUSE, Reason.USED_UP)


def test_what_nobody_walked_on_leaves_no_trace_on_either_counter(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=PASSBACK)
    use = entrance.admit(1)
    assert (use.before, use.whole, use.whole_before) == (None, True, None)
    assert entrance.whole(1).flags == INSIDE
    returned(entrance, use)
    day = {"month": MONTH, "day": DAY}
    assert entrance.whole(1) == Usage(revision=2, **day)
    assert entrance.usage(1) == Usage(revision=2, **day)
    settlement = entrance.entries()[-1].settlement
    assert settlement.whole_usage == entrance.whole(1).pack()


def test_a_use_given_back_is_forgotten_by_those_made_after_it(entrance: Entrance) -> None:
    """First, last and visit are what they were before the earliest of the uses that all came back."""
    entrance.ticket(1, ruleset=POOL)
    first = entrance.admit(1, WEST, at_ms=10)
    second = entrance.admit(1, EAST, at_ms=20)
    returned(entrance, first)
    assert (entrance.whole(1).last_ms, entrance.whole(1).first_ms) == (NOW_MS + 20, NOW_MS + 10)
    returned(entrance, second)
    assert (entrance.whole(1).last_ms, entrance.whole(1).first_ms, entrance.usage(1).last_ms) == (0, 0, 0)


@pytest.mark.spec("S-18")
def test_in_out_and_in_again(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=PASSBACK)
    entrance.settle(entrance.admit(1, at_ms=1), scan_pb2.OUTCOME_PASSED, passed=1)
    entrance.settled()
    assert said(entrance.present(1, EAST, at_ms=2)) == (REFUSE, Reason.ALREADY_INSIDE)
    entrance.settled()
    out = entrance.admit(1, EXIT, at_ms=3)
    assert (out.leaving, out.whole, out.persons, out.keep) == (True, True, 1, False)
    entrance.settle(out, scan_pb2.OUTCOME_PASSED, passed=1)
    entrance.settled()
    presented, settled = entrance.entries()[-2:]
    assert (presented.presentation.leaving, presented.presentation.reason) == (True, Reason.LEAVING)
    assert (presented.presentation.usage, presented.presentation.whole_usage) == (b"", entrance.whole(1).pack())
    assert (settled.settlement.leaving, settled.settlement.passed) == (True, 1)
    entrance.admit(1, EAST, at_ms=4)
    assert entrance.whole(1).flags == INSIDE
    assert entrance.usage(1).total == 2


def test_who_turns_back_at_the_exit_is_still_inside(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=PASSBACK)
    entrance.settle(entrance.admit(1, at_ms=1), scan_pb2.OUTCOME_PASSED, passed=1)
    entrance.settled()
    before = entrance.whole(1)
    returned(entrance, entrance.admit(1, EXIT, at_ms=3))
    after = entrance.whole(1)
    assert (after.flags, after.visit_ms, after.total) == (INSIDE, before.visit_ms, 1)
    assert said(entrance.present(1, at_ms=4)) == (REFUSE, Reason.ALREADY_INSIDE)


def test_out_after_all(entrance: Entrance) -> None:
    """A body at the exit after its leaving was taken back closes the visit again."""
    entrance.ticket(1, ruleset=PASSBACK)
    entrance.settle(entrance.admit(1, at_ms=1), scan_pb2.OUTCOME_PASSED, passed=1)
    entrance.settled()
    out = entrance.admit(1, EXIT, at_ms=3)
    returned(entrance, out)
    entrance.admissions.late(out, 1, moment(9), returned=True)
    entrance.settled()
    assert (entrance.whole(1).flags, entrance.whole(1).visit_ms) == (0, NOW_MS + 9)
    settlement = entrance.entries()[-1].settlement
    assert (settlement.outcome, settlement.leaving, settlement.passed) == (scan_pb2.OUTCOME_LATE, True, 1)
    assert entrance.admissions.room.own().inside == 0


def test_a_late_body_is_counted_on_both_and_is_inside(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=PASSBACK)
    use = entrance.admit(1)
    returned(entrance, use)
    entrance.admissions.late(use, 1, moment(5000), returned=True)
    entrance.settled()
    assert (entrance.usage(1).total, entrance.whole(1).total, entrance.whole(1).flags) == (1, 1, INSIDE)
    assert entrance.entries()[-1].settlement.whole_usage == entrance.whole(1).pack()
    assert said(entrance.present(1, EAST, at_ms=6000)) == (REFUSE, Reason.ALREADY_INSIDE)


def test_a_late_body_whose_day_was_used_elsewhere_is_a_case(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=DAILY)
    use = entrance.admit(1)
    returned(entrance, use)
    entrance.admit(1, CABLE, at_ms=10)
    entrance.admissions.late(use, 1, moment(20), returned=True)
    entrance.settled()
    assert entrance.entries()[-1].settlement.outcome == scan_pb2.OUTCOME_UNTICKETED
    assert entrance.whole(1).total == 1


def test_of_a_family_that_goes_together_nobody_comes_later(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=FAMILY, persons=3)
    use = entrance.admit(1)
    assert use.together
    entrance.settle(use, scan_pb2.OUTCOME_PARTLY, passed=2)
    entrance.settled()
    assert entrance.usage(1).total == 3
    entrance.admissions.late(use, 1, moment(20), returned=False)  # the third, a moment later
    entrance.settled()
    assert entrance.usage(1).total == 3
    assert entrance.entries()[-1].settlement.outcome == scan_pb2.OUTCOME_PASSED
    assert entrance.admissions.room.own().inside == 3
    assert said(entrance.present(1, WEST, at_ms=30)) == (REFUSE, Reason.USED_UP)


def test_a_family_that_turned_back_together_walks_in_late_one_by_one(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=FAMILY, persons=3)
    use = entrance.admit(1)
    returned(entrance, use)
    for after_ms in (10, 20, 30):
        entrance.admissions.late(use, 1, moment(after_ms), returned=True)
        entrance.settled()
    assert entrance.usage(1).total == 3
    assert {entry.settlement.outcome for entry in entrance.entries()[2:]} == {scan_pb2.OUTCOME_LATE}


def test_open_uses_of_two_counters_survive_a_crash(entrance: Entrance) -> None:
    entrance.ticket(1, ruleset=PASSBACK)
    use = entrance.admit(1)
    entrance.crash()
    [found] = entrance.admissions.open_uses(WEST.device_id)
    assert found == use
    returned(entrance, found)
    assert (entrance.whole(1).total, entrance.whole(1).flags, entrance.usage(1).total) == (0, 0, 0)
    entrance.admit(1, EAST, at_ms=9)


# --- exits ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("S-18")
def test_an_exit_lets_out_whatever_is_shown(entrance: Entrance) -> None:
    use = entrance.admit(404, EXIT)
    assert (use.leaving, use.whole, use.owner_id) == (True, False, 0)
    [entry] = entrance.entries()
    body = entry.presentation
    assert (body.decision, body.reason, body.leaving, body.persons) == (ADMIT, Reason.LEAVING, True, 1)
    assert (body.entitlement_id, body.usage, body.whole_usage) == (0, b"", b"")
    assert entrance.open_rows() == 1


def test_an_exit_lets_out_what_it_cannot_record(entrance: Entrance) -> None:
    entrance.ticket(1)
    entrance.trouble.commits = 1
    answers = entrance.present(1, EXIT)
    entrance.settled()
    [answer] = answers
    assert (answer.decision, answer.reason, answer.use) == (ADMIT, Reason.LEAVING, None)
    assert entrance.admissions.unjournalled == 1
    assert entrance.entries() == []


def test_bodies_that_walk_out_of_a_free_exit_are_counted(entrance: Entrance) -> None:
    entrance.trouble.commits = 1
    entrance.admissions.walked_out(EXIT, 2, moment())
    entrance.settled()
    entrance.ticket(1)
    entrance.settle(entrance.admit(1), scan_pb2.OUTCOME_PASSED, passed=1)  # what the disk refused comes with it
    entrance.settled()
    assert entrance.admissions.room.own().left == 2
    [presented] = [entry.presentation for entry in entrance.entries() if entry.presentation.leaving]
    [settled] = [entry.settlement for entry in entrance.entries() if entry.settlement.leaving]
    assert (presented.persons, presented.station_id, presented.entitlement_id) == (2, EXIT.station_id, 0)
    assert (settled.passed, settled.outcome) == (2, scan_pb2.OUTCOME_PASSED)


def test_a_record_changed_meanwhile_still_counts_what_was_open(entrance: Entrance) -> None:
    """The product was edited while a use was open: what is settled is what was reserved."""
    entrance.ticket(1, ruleset=PASSBACK)
    use = entrance.admit(1)
    fill(
        entrance.environment,
        [(Table.ENTITLEMENT, entitlement_key(1), Record(2, 1, PRODUCT, 0, 2**32 - 1, bytes(16)).pack())],
    )
    returned(entrance, use)
    assert (entrance.whole(1).total, entrance.whole(1).flags, entrance.usage(1).total) == (0, 0, 0)
