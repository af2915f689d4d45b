"""When an edge may admit by what it knows."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from edge import suspicion, witness
from edge.standing import BEHIND, BROKEN, HOUR_MS, NEW, contradiction, mark_new
from edge.works import PutMeta
from paifang.reasons import Reason
from paifang.records import Table
from paifang.v1 import scan_pb2
from tests.support.entrance import EXIT, FREE, NOW_MS, Entrance


@pytest.fixture
def entrance(core: ModuleType, tmp_path: Path) -> Entrance:
    entrance = Entrance(core, tmp_path)
    entrance.ticket(1)
    entrance.ticket(2, ruleset=FREE)
    return entrance


def reason(entrance: Entrance, ticket: int, **more: object) -> Reason:
    answers = entrance.present(ticket, **more)  # type: ignore[arg-type]
    entrance.settled()
    return answers[0].reason


def test_behind_it_refuses_what_it_would_have_to_count(entrance: Entrance) -> None:
    entrance.admissions.standing.behind = BROKEN
    assert reason(entrance, 1) == Reason.CATCHING_UP
    assert reason(entrance, 2) == Reason.OK
    assert reason(entrance, 1, place=EXIT) == Reason.LEAVING
    assert entrance.usage(1).total == 0
    entrance.admissions.standing.behind = ""
    assert reason(entrance, 1) == Reason.OK


def test_the_mark_outlives_the_process(entrance: Entrance) -> None:
    entrance.committer.submit(PutMeta([(BEHIND, BROKEN.encode())]))
    entrance.settled()
    entrance.crash()
    assert entrance.admissions.standing.behind == BROKEN


def test_data_too_old_admits_nobody(entrance: Entrance) -> None:
    """The condition is the operator's; without it any age will do."""
    standing = entrance.admissions.standing
    standing.current_to_ms = NOW_MS - 24 * HOUR_MS
    assert reason(entrance, 2) == Reason.OK
    standing.stale_ms = 24 * HOUR_MS
    assert reason(entrance, 1) == Reason.OK
    standing.current_to_ms -= 1
    assert reason(entrance, 2) == Reason.OUT_OF_DATE
    assert reason(entrance, 2, place=EXIT) == Reason.LEAVING


def test_a_store_without_history_is_new(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), 1 << 20)
    mark_new(environment)
    assert environment.get(Table.META, BEHIND) == NEW.encode()
    environment.close()


def tail(seq: int, epoch: bytes = b"mine", found: bytes = b"h") -> scan_pb2.JournalTail:
    return scan_pb2.JournalTail(seq=seq, epoch=epoch, hash=found)


@pytest.mark.parametrize(
    ("told", "stored", "problem"),
    [
        (tail(0, b"", b""), None, ""),  # the cloud has nothing of it
        (tail(9, b"before"), None, ""),  # nothing of this start yet
        (tail(12), b"h", ""),
        (tail(15), None, ""),
        (tail(16), None, "the cloud holds entry 16, this store ends with 15"),
        (tail(12, b"theirs"), None, "entry 12 was written by another start than this one, which began with 10"),
        (tail(9, b"before"), b"x", "entry 9 in the cloud is another one than here"),
    ],
)
def test_what_the_cloud_has_and_the_store_never_wrote(
    told: scan_pb2.JournalTail, stored: bytes | None, problem: str
) -> None:
    assert contradiction(told, epoch=b"mine", first_seq=10, last_seq=15, entry_hash=stored) == problem


def test_a_witness_that_knows_more_marks_the_store(entrance: Entrance, tmp_path: Path) -> None:
    entrance.admit(1)
    entrance.admissions.boot("1", "twin")
    entrance.settled()
    last = entrance.committer.last_seq
    witness.write(tmp_path, last)
    assert witness.check(entrance.environment, tmp_path, 7) == ""
    witness.write(tmp_path, last + 3)
    assert (
        witness.check(entrance.environment, tmp_path, 7)
        == f"entry {last + 3} had been written, this store ends with {last}"
    )
    entrance.crash()
    assert entrance.admissions.standing.behind == "store.restored"
    assert entrance.committer.last_seq > 1_000_000_000_000
    assert [use.counter for use in entrance.admissions.open_uses(11)] == [None]  # nobody can tell any more
    for damage in ("", "[]", '{"seq": "x"}'):
        (tmp_path / witness.FILE).write_text(damage)
        assert witness.read(tmp_path) == 0


def test_suspicion_comes_of_a_fault_or_of_short_lives(tmp_path: Path) -> None:
    assert [suspicion.starts(tmp_path) for _ in range(suspicion.SHORT_LIVES)] == [""] * suspicion.SHORT_LIVES
    assert suspicion.starts(tmp_path) == "5 starts in a row did not last 30 s"
    assert suspicion.starts(tmp_path) == ""  # once looked through it is counted anew
    suspicion.suspect(tmp_path, "MDB_CORRUPTED")
    assert suspicion.starts(tmp_path) == "MDB_CORRUPTED"
    suspicion.lasted(tmp_path)
    assert not (tmp_path / suspicion.FILE).exists()
