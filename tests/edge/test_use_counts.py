"""Any order of presenting, committing, hearing of it, settling, late bodies, disk failures and crashes:
never more persons in than a ticket allows, in a group of stations and over the whole venue, nobody in twice who has
not left, and the journal tells the whole story.

The model is plain: of each admission the lanes heard of, the persons who were not given back; and who went in and
out, in order. It knows nothing of revisions, overlays or transactions.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from edge import journal, passages
from edge.admission import Presented
from edge.committer import MAP_FULL
from edge.verdict import Moment, OpenUse, Place
from paifang.usage import Usage, UsageFlag
from paifang.v1 import scan_pb2
from tests.support.budget import budget
from tests.support.entrance import (
    CABLE,
    CABLE_GROUP,
    EAST,
    EXIT,
    FAMILY,
    FREE,
    GROUP,
    PASSBACK,
    POOL,
    TWICE,
    WEST,
    Entrance,
    credential,
    moment,
)

FOREVER = 10**6
# ticket -> (rule set, persons, persons it allows in a group, and in all). Few, so that what is done meets on one.
TICKETS = {
    1: (1, 1, 1, FOREVER),
    2: (TWICE, 2, 4, FOREVER),
    3: (FREE, 1, FOREVER, FOREVER),
    4: (POOL, 2, 4, 6),
    5: (PASSBACK, 1, FOREVER, FOREVER),
    6: (FAMILY, 3, 3, FOREVER),
}
WHOLE = {4, 5}
PLACES = [WEST, EAST, CABLE, EXIT]
MEMORY = Path("/dev/shm")  # what is tried here is order, not the disk
ADMIT = scan_pb2.DECISION_ADMIT


class Uses(RuleBasedStateMachine):
    """One entrance, three gates and an exit, six tickets; the committer goes step by step, when the machine says so."""

    core: ModuleType

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp(prefix="paifang-uses-", dir=MEMORY if MEMORY.is_dir() else None))
        self.entrance = Entrance(self.core, self.path)
        for number, (ruleset, persons, _, _) in TICKETS.items():
            self.entrance.ticket(number, ruleset=ruleset, persons=persons)
        self.ms = 0
        self.let_in: dict[int, tuple[int, int]] = {}  # admission seq -> (ticket, persons not given back): the model
        self.opened: list[OpenUse] = []  # admissions a lane has heard of and not settled
        self.back: list[OpenUse] = []  # given back in full
        self.asked = self.answered = 0

    def teardown(self) -> None:
        self.entrance.environment.close()
        shutil.rmtree(self.path)

    def now(self) -> Moment:
        self.ms += 1
        return moment(self.ms)

    @rule(ticket=st.sampled_from(sorted(TICKETS)), place=st.sampled_from(PLACES))
    def present(self, ticket: int, place: Place) -> None:
        self.asked += 1
        self.entrance.admissions.present(
            credential(ticket), place, self.now(), counter=1, assume_passed=False, done=self.hear
        )

    def hear(self, presented: Presented) -> None:
        self.answered += 1
        use = presented.use
        if presented.decision == ADMIT and use is not None:
            assert use.admission_seq not in self.let_in
            if not use.leaving:
                self.let_in[use.admission_seq] = (use.owner_id, use.persons)
            self.opened.append(use)
        else:
            assert use is None

    @rule()
    def commit(self) -> None:
        self.entrance.committer.step()

    @rule()
    def commit_and_deliver(self) -> None:
        self.entrance.committer.step()
        self.entrance.deliver()

    @rule(code=st.sampled_from([5, MAP_FULL]))
    def disk_refuses_the_next_commit(self, code: int) -> None:
        self.entrance.trouble.code, self.entrance.trouble.commits = code, 1

    @rule()
    def deliver(self) -> None:
        self.entrance.deliver()

    @precondition(lambda self: self.opened)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        use = self.opened.pop(data.draw(st.integers(0, len(self.opened) - 1)))
        settle = passages.settlement(use, data.draw(st.integers(0, use.persons)))
        if not use.leaving:
            self.let_in[use.admission_seq] = (use.owner_id, use.persons - settle.returned)
        for _ in range(data.draw(st.integers(1, 2))):  # it may be heard twice
            self.entrance.admissions.settle(
                use, passed=settle.passed, returned=settle.returned, outcome=settle.outcome, moment=self.now()
            )
        if data.draw(st.booleans()):
            self.present(use.owner_id, EAST)  # the visitor walks over to the other gate at once
        if settle.outcome == scan_pb2.OUTCOME_RETURNED:
            self.back.append(use)

    @precondition(lambda self: self.back)
    @rule(data=st.data())
    def body_after_the_give_back(self, data: st.DataObject) -> None:
        use = self.back.pop(data.draw(st.integers(0, len(self.back) - 1)))
        bodies = data.draw(st.integers(1, use.persons))
        self.entrance.admissions.late(use, bodies, self.now(), returned=True)

    @precondition(lambda self: len(self.let_in) > 2)  # not before there is something to lose
    @rule()
    def crash(self) -> None:
        self.entrance.crash()
        self.asked = self.answered = 0
        self.back.clear()
        found = [use for place in PLACES for use in self.entrance.admissions.open_uses(place.device_id)]
        journalled = {entry.seq for entry in self.entrance.entries() if entry.presentation.decision == ADMIT}
        assert self.let_in.keys() <= journalled  # whoever was let in is on the disk
        settled = {e.settlement.admission_seq for e in self.entrance.entries() if e.HasField("settlement")}
        assert {use.admission_seq for use in found} == journalled - settled
        self.opened = found
        self.let_in |= {use.admission_seq: (use.owner_id, use.persons) for use in found if not use.leaving}

    @invariant()
    def never_more_than_allowed_and_usage_is_what_the_journal_says(self) -> None:
        spent: Counter[tuple[int, int]] = Counter()  # (ticket, group) -> persons; group 0: the whole venue
        model: Counter[int] = Counter()
        for ticket, persons in self.let_in.values():
            model[ticket] += persons
        visits = Visits()
        for entry in self.entrance.entries():
            body = entry.presentation if entry.HasField("presentation") else entry.settlement
            if entry.presentation.decision == ADMIT:
                persons = body.persons
                visits.admitted(entry.seq, entry.presentation)
            elif entry.HasField("settlement"):
                late = entry.settlement.outcome == scan_pb2.OUTCOME_LATE
                persons = entry.settlement.passed if late else -entry.settlement.returned
                model[body.owner_id] += persons if late and not body.leaving else 0
                visits.settled(entry.settlement)
            else:
                continue
            for group, usage in ((body.group_id, body.usage), (0, body.whole_usage)):
                if usage and not body.leaving:
                    spent[body.owner_id, group] += persons
                    assert Usage.unpack(usage).total == spent[body.owner_id, group]
            for ticket, (_, _, of_a_group, of_all) in TICKETS.items():
                assert all(0 <= spent[ticket, group] <= of_a_group for group in (GROUP, CABLE_GROUP))
                assert 0 <= spent[ticket, 0] <= of_all
        for ticket in TICKETS:
            used = {group: self.entrance.usage(ticket, group).total for group in (0, GROUP, CABLE_GROUP)}
            assert used == {group: spent[ticket, group] for group in used}
            assert model[ticket] <= used[GROUP] + used[CABLE_GROUP]
            assert used[0] == (used[GROUP] + used[CABLE_GROUP] if ticket in WHOLE else 0)
        assert bool(self.entrance.whole(5).flags & UsageFlag.INSIDE) == visits.inside

    @invariant()
    def the_chain_is_whole_and_gap_free(self) -> None:
        tail = journal.verify(self.entrance.raw_entries(), journal.START)
        assert tail == journal.stored_tail(self.entrance.environment)
        assert tail.seq == self.entrance.committer.last_seq == len(self.entrance.raw_entries())

    @precondition(lambda self: self.entrance.committer.queued)
    @rule()
    def rest(self) -> None:
        """With nothing on its way everybody was answered, and nothing overlays the store."""
        self.entrance.trouble.commits = 0
        self.entrance.settled()
        assert self.asked == self.answered
        assert self.entrance.verifier.inflight == {}
        assert len(self.entrance.admissions._reservations) == 0


class Visits:
    """Who went in and out on the ticket that nobody may enter with twice, as the journal has it."""

    def __init__(self) -> None:
        self._events: list[tuple[int, bool]] = []  # (admission seq, went in)

    @property
    def inside(self) -> bool:
        return bool(self._events) and self._events[-1][1]

    def admitted(self, seq: int, body: scan_pb2.Presentation) -> None:
        if body.owner_id == 5 and body.station_id != CABLE.station_id and body.whole_usage:
            assert body.leaving or not self.inside
            self._events.append((seq, not body.leaving))

    def settled(self, body: scan_pb2.Settlement) -> None:
        if body.owner_id != 5 or body.device_id == CABLE.device_id or not body.whole_usage:
            return
        if body.outcome == scan_pb2.OUTCOME_RETURNED:
            self._events = [event for event in self._events if event[0] != body.admission_seq]
        elif body.outcome == scan_pb2.OUTCOME_LATE:
            assert body.leaving or not self.inside
            self._events.append((body.admission_seq, not body.leaving))


def test_any_interleaving(core: ModuleType) -> None:
    machine = type("Machine", (Uses,), {"core": core})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=budget(200, 2000), stateful_step_count=40, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
