"""kill -9 in the middle of traffic, again and again: nobody who was let in is forgotten, nobody gets in twice.

Every third ticket counts over the whole venue too: its two counters never part.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

from edge import journal
from edge.verdict import OpenUse
from paifang.v1 import scan_pb2
from tests.support.budget import budget
from tests.support.entrance import DAILY, EAST, MAP_BYTES, WEST, Entrance, fill, live_rows, ticket_rows

ROOT = Path(__file__).parents[2]
ACKS = 400  # a life lasts for up to so many admissions; a random moment among them is its last
AGAIN = 40  # tickets of the life before that the next shows first
TICKETS = 2 * ACKS  # of a life: however late the kill comes, it does not run out of the next ones' tickets
MAP = MAP_BYTES * 8


def test_killed_at_any_moment(core: ModuleType, tmp_path: Path) -> None:
    lives = budget(5, 200)
    chance = random.Random(20260901)
    environment = core.Environment(str(tmp_path), MAP)
    fill(environment, live_rows())
    for first in range(1, lives * ACKS * 2, 500):
        tickets = range(first, first + 500)
        fill(environment, [row for ticket in tickets for row in ticket_rows(ticket, ruleset=_ruleset(ticket))])
    environment.close()

    told: dict[int, int] = {}  # admission seq -> ticket, as the lanes were told
    first = 1
    for _ in range(lives):
        life = _live_and_die(core.IMPLEMENTATION, tmp_path, first, chance.randint(1, ACKS))
        assert not life.keys() & told.keys()
        told |= life
        first = max(1, max(told.values()) - AGAIN)  # the next life shows many of the same tickets again
        _check(core, tmp_path, told)
    assert len(told) >= lives


def _ruleset(ticket: int) -> int:
    return 1 if ticket % 3 else DAILY


def _live_and_die(core: str, store: Path, first: int, acks: int) -> dict[int, int]:
    """Runs the child until it has admitted so many, kills it, and returns all it had said by then."""
    command = [sys.executable, "-m", "tests.support.crash_child", core, str(store), str(first), str(TICKETS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(acks)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
    assert child.returncode == -signal.SIGKILL
    return {int(seq): int(ticket) for seq, ticket in (line.split() for line in lines if line.endswith(b"\n"))}


def _check(core: ModuleType, store: Path, told: dict[int, int]) -> None:
    """Opens the store as the next start does: the journal is whole, and every open use is found; settles them."""
    entrance = Entrance(core, store, map_bytes=MAP)
    tail = journal.verify(entrance.raw_entries(), journal.START)
    assert tail.seq == entrance.committer.last_seq == len(entrance.raw_entries())
    admitted: dict[int, int] = {}
    settled: set[int] = set()
    for entry in entrance.entries():
        if entry.presentation.decision == scan_pb2.DECISION_ADMIT:
            admitted[entry.seq] = entry.presentation.entitlement_id
        elif entry.HasField("settlement"):
            settled.add(entry.settlement.admission_seq)
    assert told.items() <= admitted.items()
    times = Counter(admitted.values())
    assert max(times.values()) == 1
    assert all(entrance.usage(ticket).total == 1 for ticket in times)
    assert all(entrance.whole(ticket).total == (ticket % 3 == 0) for ticket in times)

    found = _open(entrance)
    assert {use.admission_seq for use in found} == admitted.keys() - settled
    assert all(use.counter == use.entitlement_id == admitted[use.admission_seq] for use in found)
    for use in found:
        entrance.settle(use, scan_pb2.OUTCOME_UNKNOWN, recovered=True)
    entrance.settled()
    assert (_open(entrance), entrance.open_rows()) == ([], 0)
    entrance.close()


def _open(entrance: Entrance) -> list[OpenUse]:
    return [use for place in (WEST, EAST) for use in entrance.admissions.open_uses(place.device_id)]
