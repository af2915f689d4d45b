"""Any order of presenting, committing, hearing of it, settling, late bodies, disk failures and crashes:
never more persons in than a ticket allows, and the journal tells the whole story.

The model is plain: of each admission the lanes heard of, the persons who were not given back. It knows nothing
of revisions, overlays or transactions.
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

from edge import journal
from edge.admission import Presented
from edge.committer import MAP_FULL
from edge.verdict import OpenUse
from paifang.usage import Usage
from paifang.v1 import scan_pb2
from tests.support.budget import budget
from tests.support.entrance import EAST, FREE, TWICE, WEST, Entrance, credential, moment

# ticket -> (rule set, persons, persons it allows in all). Few, so that what is done meets on one of them.
TICKETS = {1: (1, 1, 1), 2: (TWICE, 2, 4), 3: (FREE, 1, 10**6)}
MEMORY = Path("/dev/shm")  # what is tried here is order, not the disk
ADMIT = scan_pb2.DECISION_ADMIT


class Uses(RuleBasedStateMachine):
    """One entrance, two gates, three tickets; the committer goes step by step, when the machine says so."""

    core: ModuleType

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp(prefix="paifang-uses-", dir=MEMORY if MEMORY.is_dir() else None))
        self.entrance = Entrance(self.core, self.path)
        for ticket, (ruleset, persons, _) in TICKETS.items():
            self.entrance.ticket(ticket, ruleset=ruleset, persons=persons)
        self.let_in: dict[int, tuple[int, int]] = {}  # admission seq -> (ticket, persons not given back): the model
        self.opened: list[OpenUse] = []  # admissions a lane has heard of and not settled
        self.back: list[OpenUse] = []  # given back in full
        self.asked = self.answered = 0

    def teardown(self) -> None:
        self.entrance.environment.close()
        shutil.rmtree(self.path)

    @rule(ticket=st.sampled_from(sorted(TICKETS)), place=st.sampled_from([WEST, EAST]))
    def present(self, ticket: int, place: object) -> None:
        self.asked += 1
        self.entrance.admissions.present(
            credential(ticket),
            place,
            moment(),
            counter=1,
            assume_passed=False,
            done=self.hear,  # type: ignore[arg-type]
        )

    def hear(self, presented: Presented) -> None:
        self.answered += 1
        if presented.decision == ADMIT:
            assert presented.use is not None
            assert presented.use.admission_seq not in self.let_in
            self.let_in[presented.use.admission_seq] = (presented.use.owner_id, presented.use.persons)
            self.opened.append(presented.use)
        else:
            assert presented.use is None

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
        passed = data.draw(st.integers(0, use.persons))
        returned = use.persons - passed
        outcome = scan_pb2.OUTCOME_PARTLY if passed else scan_pb2.OUTCOME_RETURNED
        if not returned:
            outcome = scan_pb2.OUTCOME_PASSED
        self.let_in[use.admission_seq] = (use.owner_id, use.persons - returned)
        self.entrance.settle(use, outcome, passed=passed, returned=returned)
        if data.draw(st.booleans()):
            self.entrance.settle(use, outcome, passed=passed, returned=returned)  # heard twice
        if data.draw(st.booleans()):
            self.present(use.owner_id, EAST)  # the visitor walks over to the other gate at once
        if outcome == scan_pb2.OUTCOME_RETURNED:
            self.back.append(use)

    @precondition(lambda self: self.back)
    @rule(data=st.data())
    def body_after_the_give_back(self, data: st.DataObject) -> None:
        use = self.back.pop(data.draw(st.integers(0, len(self.back) - 1)))
        self.entrance.admissions.late(use, data.draw(st.integers(1, use.persons)), moment(), returned=True)

    @precondition(lambda self: len(self.let_in) > 2)  # not before there is something to lose
    @rule()
    def crash(self) -> None:
        self.entrance.crash()
        self.asked = self.answered = 0
        self.back.clear()
        found = [use for place in (WEST, EAST) for use in self.entrance.admissions.open_uses(place.device_id)]
        journalled = {entry.seq for entry in self.entrance.entries() if entry.presentation.decision == ADMIT}
        assert self.let_in.keys() <= journalled  # whoever was let in is on the disk
        settled = {e.settlement.admission_seq for e in self.entrance.entries() if e.HasField("settlement")}
        assert {use.admission_seq for use in found} == journalled - settled
        self.opened = found
        self.let_in |= {use.admission_seq: (use.owner_id, use.persons) for use in found}

    @invariant()
    def never_more_than_allowed_and_usage_is_what_the_journal_says(self) -> None:
        inside: Counter[int] = Counter()
        model: Counter[int] = Counter()
        for ticket, persons in self.let_in.values():
            model[ticket] += persons
        for entry in self.entrance.entries():
            if entry.presentation.decision == ADMIT:
                inside[entry.presentation.owner_id] += entry.presentation.persons
                assert Usage.unpack(entry.presentation.usage).total == inside[entry.presentation.owner_id]
            elif entry.HasField("settlement"):
                owner = entry.settlement.owner_id
                inside[owner] -= entry.settlement.returned
                if entry.settlement.outcome == scan_pb2.OUTCOME_LATE:
                    inside[owner] += entry.settlement.passed
                    model[owner] += entry.settlement.passed
                assert Usage.unpack(entry.settlement.usage).total == inside[owner]
            for ticket, (_, _, allowed) in TICKETS.items():
                assert 0 <= inside[ticket] <= allowed
        for ticket in TICKETS:
            assert model[ticket] <= self.entrance.usage(ticket).total == inside[ticket]

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


def test_any_interleaving(core: ModuleType) -> None:
    machine = type("Machine", (Uses,), {"core": core})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=budget(200, 2000), stateful_step_count=40, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
