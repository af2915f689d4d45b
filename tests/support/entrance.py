"""An entrance to test against: a store with two stations of one exclusion group, lanes, tickets, and no devices.

`Entrance` plays the trio thread: what the committer delivers waits in a queue until `deliver` or `until` runs it.
The committer runs in its thread after `start`, or by hand with `step`, where a test chooses every interleaving.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from edge.admission import Admissions, Presented
from edge.committer import Committer
from edge.verdict import Credential, Moment, OpenUse, Place
from edge.verifier import StoreError
from paifang.records import (
    CredentialKind,
    Device,
    Record,
    Station,
    Table,
    credential_hash,
    entitlement_key,
    index_key,
    live_key,
)
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import WHOLE_GROUP, Usage, usage_key
from paifang.v1 import scan_pb2

PEPPER = bytes(32)
EDGE_ID = 7
GROUP = 3
WEST, EAST, EXIT = Place(1, 11), Place(2, 21), Place(4, 41, exit=True)
CABLE, CABLE_GROUP = Place(5, 51, inner=True), 4
PRODUCT = 5
NOW_MS = 1_790_000_000_000
DAY, MONTH = 739_800, 202609
MINUTE = 600
MAP_BYTES = 32 << 20
# Rule sets; 1 is a single use. DAILY, PASSBACK and POOL count over the whole venue.
TWICE, KEPT, FREE, DAILY, PASSBACK, POOL, FAMILY, REAL_NAME = range(2, 10)

_RULES = {
    1: RuleSet(uses_per_group=1),
    TWICE: RuleSet(uses_per_group=2),
    KEPT: RuleSet(uses_per_group=1, flags=RuleFlag.KEEP_ON_TIMEOUT),
    FREE: RuleSet(uses_per_group=0),
    DAILY: RuleSet(uses_per_group=0, uses_day=1, flags=RuleFlag.WHOLE),
    PASSBACK: RuleSet(uses_per_group=0, flags=RuleFlag.WHOLE | RuleFlag.ANTI_PASSBACK),
    POOL: RuleSet(uses_per_group=2, uses_total=3, flags=RuleFlag.WHOLE),
    FAMILY: RuleSet(uses_per_group=1, flags=RuleFlag.TOGETHER),
    REAL_NAME: RuleSet(uses_per_group=1, flags=RuleFlag.IDENTITY),
}


def moment(after_ms: int = 0, *, day: int = DAY) -> Moment:
    return Moment(NOW_MS + after_ms, day, MONTH, scan_pb2.CLOCK_STATE_CONFIRMED, MINUTE)


def code(ticket: int) -> bytes:
    return b"TICKET-%06d" % ticket


def credential(ticket: int) -> Credential:
    return Credential(CredentialKind.CHANNEL, code(ticket), time.monotonic_ns())


def ticket_rows(ticket: int, *, ruleset: int = 1, persons: int = 1) -> list[tuple[Table, bytes, bytes]]:
    """An entitlement found by its channel code."""
    record = Record(1, ruleset, PRODUCT, 0, 2**32 - 1, bytes(16), persons=persons)
    hashed = credential_hash(PEPPER, CredentialKind.CHANNEL, code(ticket))
    return [
        (Table.ENTITLEMENT, entitlement_key(ticket), record.pack()),
        (Table.INDEX, index_key(CredentialKind.CHANNEL, hashed, ticket), bytes(4)),
    ]


def live_rows() -> list[tuple[Table, bytes, bytes]]:
    rows = [(Table.RULESET, live_key(number), rules.pack()) for number, rules in _RULES.items()]
    for place in (WEST, EAST, EXIT, CABLE):
        group = CABLE_GROUP if place.inner else GROUP
        station = Station(group, True, place.exit, (PRODUCT,), place.inner)
        rows.append((Table.STATION, live_key(place.station_id), station.pack()))
        rows.append(
            (Table.DEVICE, live_key(place.device_id), Device(place.station_id, True, f"G{place.device_id}").pack())
        )
    return rows


def fill(environment: Any, rows: Iterable[tuple[Table, bytes, bytes]]) -> None:
    """Puts rows into the store; no committer may be running."""
    txn = environment.begin()
    for table, key, value in rows:
        txn.put(table, key, value)
    txn.commit()


class Trouble:
    """A store whose writes fail on demand; everything else is the real environment.

    Attributes:
        commits: this many next commits fail with `code`, like a disk that does not take an fsync.
        puts: tables into which every put fails with `code`.
    """

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self.commits = 0
        self.puts: set[int] = set()
        self.code = 5

    def begin(self) -> Any:
        return _TroubledTxn(self, self._environment.begin())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)


class _TroubledTxn:
    def __init__(self, trouble: Trouble, txn: Any) -> None:
        self._trouble = trouble
        self._txn = txn

    def put(self, table: int, key: bytes, value: bytes) -> None:
        if table in self._trouble.puts:
            raise StoreError("no room, says the test", self._trouble.code)
        self._txn.put(table, key, value)

    def commit(self) -> None:
        if self._trouble.commits:
            self._trouble.commits -= 1
            self._txn.abort()
            raise StoreError("the disk refused, says the test", self._trouble.code)
        self._txn.commit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._txn, name)


class Entrance:
    """Store, verifier, committer and admissions over one directory."""

    def __init__(self, core: ModuleType, path: Path, *, max_queue: int = 4096, map_bytes: int = MAP_BYTES) -> None:
        self._core, self._path, self._max_queue, self._map_bytes = core, path, max_queue, map_bytes
        self.open()

    def open(self) -> None:
        """Opens the store as a daemon's start does."""
        self.environment = self._core.Environment(str(self._path), self._map_bytes)
        if not self.environment.entries(Table.STATION):
            fill(self.environment, live_rows())
        self.inbox: queue.Queue[Callable[[], None]] = queue.Queue()
        self.trouble = Trouble(self.environment)
        self.committer = Committer(
            self.trouble,
            edge_id=EDGE_ID,
            deliver=self.inbox.put,
            max_queue=self._max_queue,  # type: ignore[arg-type]
        )
        self.verifier = self._core.Verifier(self.environment, PEPPER)
        self.admissions = Admissions(
            self.environment, self.verifier, self.committer, decide=self._core.decide, moment=moment
        )

    def crash(self) -> None:
        """The process is gone between two transactions: what was queued or not delivered is lost. Opens again."""
        self.environment.close()
        self.open()

    def close(self) -> None:
        self.committer.stop()
        self.environment.close()

    def ticket(self, number: int, *, ruleset: int = 1, persons: int = 1) -> None:
        fill(self.environment, ticket_rows(number, ruleset=ruleset, persons=persons))

    def deliver(self) -> int:
        """Runs what the committer has delivered so far; how many groups."""
        groups = 0
        while not self.inbox.empty():
            self.inbox.get()()
            groups += 1
        return groups

    def settled(self) -> None:
        """Steps and delivers until nothing is left to do. Only without the thread."""
        while self.committer.step() or self.deliver():
            pass

    def until(self, reached: Callable[[], bool], seconds: float = 20.0) -> None:
        """Runs what the committer's thread delivers until something is true."""
        deadline = time.monotonic() + seconds
        while not reached():
            left = deadline - time.monotonic()
            assert left > 0, "the committer did not answer in time"
            try:
                self.inbox.get(timeout=min(left, 0.05))()
            except queue.Empty:
                continue

    def present(
        self,
        ticket: int,
        place: Place = WEST,
        *,
        counter: int | None = 100,
        assume_passed: bool = False,
        at_ms: int = 0,
        companion: bytes = b"",
    ) -> list[Presented]:
        """Presents a ticket; the list gets the answer when it comes."""
        answers: list[Presented] = []
        self.admissions.present(
            credential(ticket), place, moment(at_ms), counter=counter, assume_passed=assume_passed,
            done=answers.append, companion=companion,
        )  # fmt: skip
        return answers

    def admit(self, ticket: int, place: Place = WEST, **more: Any) -> OpenUse:
        """Presents a ticket that must be admitted, and waits for it. Only without the thread."""
        answers = self.present(ticket, place, **more)
        self.settled()
        [answer] = answers
        assert answer.decision == scan_pb2.DECISION_ADMIT
        assert answer.use is not None
        return answer.use

    def settle(
        self, use: OpenUse, outcome: int, *, passed: int = 0, returned: int = 0, recovered: bool = False
    ) -> None:
        self.admissions.settle(
            use, passed=passed, returned=returned, outcome=outcome, moment=moment(900), recovered=recovered
        )

    def usage(self, ticket: int, group: int = GROUP) -> Usage:
        stored = self.environment.get(Table.USAGE, usage_key(ticket, group))
        return Usage() if stored is None else Usage.unpack(stored)

    def whole(self, ticket: int) -> Usage:
        """What it used over the whole venue."""
        return self.usage(ticket, WHOLE_GROUP)

    def raw_entries(self) -> list[bytes]:
        return [value for _, value in self.environment.scan(Table.JOURNAL, b"", 1 << 30, 1 << 40)]

    def entries(self) -> list[scan_pb2.Entry]:
        return [scan_pb2.Entry.FromString(entry) for entry in self.raw_entries()]

    def open_rows(self) -> int:
        entries: int = self.environment.entries(Table.OPEN)
        return entries
