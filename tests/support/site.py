"""A site of several entrances in one trio loop, each with a store of its own, claiming through etcd.

Each edge has the lane of one station of `tests.support.entrance`'s exclusion group; nothing but etcd connects them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import trio

from edge.admission import Admissions, Presented
from edge.claim_ledger import Known, Ledger
from edge.claims import Reach, State
from edge.claims_etcd import EtcdClaims
from edge.committer import Committer
from edge.journal import seq_key
from edge.verdict import OpenUse, Place
from paifang.reasons import Reason
from paifang.records import Table
from paifang.usage import Usage, others_key, usage_key
from paifang.v1 import scan_pb2
from tests.support.entrance import (
    EAST,
    GROUP,
    MAP_BYTES,
    NOW_MS,
    PEPPER,
    WEST,
    credential,
    fill,
    live_rows,
    moment,
    ticket_rows,
)

WEST_EDGE, EAST_EDGE = 1, 2
PLACES = {WEST_EDGE: WEST, EAST_EDGE: EAST}


class SiteEdge:
    """One entrance. `run` serves until its scope is cancelled; then the store can be opened again by another.

    Args:
        cluster: an edge.etcd_client.Cluster, or what acts like one.
        by_hand: the committer writes only when the test calls `committer.step`.

    Attributes:
        alarms: codes, as they came.
    """

    def __init__(
        self, core: ModuleType, path: Path, cluster: Any, *, edge_id: int, venue_id: int, by_hand: bool = False,
        store_id: bytes = b"",
    ) -> None:  # fmt: skip
        self.edge_id = edge_id
        self.place: Place = PLACES[edge_id]
        self.by_hand = by_hand
        self.alarms: list[str] = []
        self.healed = 0
        self._core, self._cluster, self._venue_id = core, cluster, venue_id
        self._store_id = store_id or b"store of %d" % edge_id
        self.environment = core.Environment(str(path), MAP_BYTES)
        if not self.environment.entries(Table.STATION):
            fill(self.environment, live_rows())
        self.scope = trio.CancelScope()
        self.admissions: Admissions
        self.claims: EtcdClaims
        self.committer: Committer
        self.ledger: Ledger

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        token = trio.lowlevel.current_trio_token()
        self.committer = Committer(self.environment, edge_id=self.edge_id, deliver=token.run_sync_soon)
        reach = Reach([f"G{self.place.device_id}"])
        reach.look(self.environment)
        self.ledger = Ledger(self._cluster, venue_id=self._venue_id, edge_id=self.edge_id, now_s=lambda: NOW_MS // 1000)
        self.claims = EtcdClaims(
            self.ledger, self.environment, self.committer, reach, edge_id=self.edge_id, store_id=self._store_id,
            alarm=lambda code, _: self.alarms.append(code), healed=self._healed,
        )  # fmt: skip
        self.admissions = Admissions(
            self.environment, self._core.Verifier(self.environment, PEPPER), self.committer,
            decide=self._core.decide, moment=moment, claims=self.claims,
        )  # fmt: skip
        if not self.by_hand:
            self.committer.start()
        try:
            with self.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.claims.run)
                    task_status.started()
        finally:
            if not self.by_hand:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(self.committer.stop)
            self.environment.close()

    def _healed(self) -> None:
        self.healed += 1
        self.admissions.exposure.over()

    # --- what tests do ------------------------------------------------------------------------------------------------

    def ticket(self, number: int, *, ruleset: int = 1, persons: int = 1) -> None:
        """Before the edge runs: puts a ticket on record."""
        fill(self.environment, ticket_rows(number, ruleset=ruleset, persons=persons))

    def show(self, ticket: int, *, assume_passed: bool = False, at_ms: int = 0) -> list[Presented]:
        """Presents a ticket; the list gets the answer when it comes."""
        answers: list[Presented] = []
        self.admissions.present(
            credential(ticket), self.place, moment(at_ms), counter=1, assume_passed=assume_passed, done=answers.append
        )
        return answers

    async def present(self, ticket: int, *, assume_passed: bool = False, at_ms: int = 0) -> Presented:
        answers = self.show(ticket, assume_passed=assume_passed, at_ms=at_ms)
        await until(lambda: bool(answers))
        return answers[0]

    async def settle(self, use: OpenUse, *, passed: int = 0, returned: int = 0) -> None:
        """And waits until that is written."""
        outcome = scan_pb2.OUTCOME_PASSED if passed else scan_pb2.OUTCOME_RETURNED
        self.admissions.settle(use, passed=passed, returned=returned, outcome=outcome, moment=moment(900))
        await until(lambda: self.environment.get(Table.OPEN, seq_key(use.admission_seq)) is None)

    async def quorum(self, state: State = State.QUORUM) -> None:
        await until(lambda: self.claims.state is state)

    async def told(self) -> None:
        """Until etcd holds everything this edge has."""
        await until(lambda: not self.environment.entries(Table.CLAIM))

    def usage(self, ticket: int, group: int = GROUP) -> Usage:
        stored = self.environment.get(Table.USAGE, usage_key(ticket, group))
        return Usage() if stored is None else Usage.unpack(stored)

    def sibling(self, ticket: int, edge_id: int, group: int = GROUP) -> Usage:
        """What is known here of a ticket's uses at another edge."""
        stored = self.environment.get(Table.OTHERS, others_key(ticket, group, edge_id))
        return Usage() if stored is None else Usage.unpack(stored)

    async def in_etcd(self, ticket: int) -> Known:
        """The ticket's key as it is now."""
        key = self.ledger.prefix + b"%016x" % ticket
        page = await self.ledger.page(key, 1, 0)
        pairs = [pair for pair in page.kvs if pair.key == key]
        return self.ledger.note(pairs[0])[1] if pairs else Known()


def said(answer: Presented) -> tuple[int, Reason]:
    return answer.decision, answer.reason


async def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    with trio.fail_after(seconds):
        while not reached():
            await trio.sleep(0.002)
