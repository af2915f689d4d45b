"""The one writer: groups, order, answers, and what it does when the store says no."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import trio

from edge import journal
from edge.committer import MAP_FULL, Committer
from edge.works import ADMISSION, ApplyFeed, Committed, Failed, Note, PutMeta, Result, Trim
from paifang.records import Op, Record, Table, entitlement_key, pack_ops
from paifang.v1 import scan_pb2
from tests.support.entrance import EDGE_ID, MAP_BYTES, NOW_MS, PRODUCT, Entrance, moment


@pytest.fixture
def entrance(core: ModuleType, tmp_path: Path) -> Iterator[Entrance]:
    entrance = Entrance(core, tmp_path)
    yield entrance
    entrance.close()


def note(detail: str = "x", bytes_: int = 0) -> Note:
    return Note(scan_pb2.Alarm(code="test", detail=detail + "." * bytes_), moment())


def feed(cursor: bytes, *, ops: bytes = b"") -> ApplyFeed:
    return ApplyFeed(ops, 1, EDGE_ID, (b"cursor.bulk", cursor))


class Spy:
    """A work that remembers when it was written."""

    def __init__(self, written: list[str], name: str, rank: int) -> None:
        self.written, self.name, self.rank = written, name, rank

    def write(self, txn: object, writer: journal.Writer) -> Result:
        self.written.append(self.name)
        return Committed(writer.seq)


class Bad:
    """A work that cannot be written."""

    rank = ADMISSION

    def write(self, txn: object, writer: journal.Writer) -> Result:
        writer.append(0, 0, scan_pb2.Alarm(code="half written"))
        raise ValueError("a row nobody can read")


def test_all_that_is_queued_is_one_group(entrance: Entrance) -> None:
    answers: list[Result] = []
    for number in range(5):
        assert entrance.committer.submit(note(str(number)), answers.append)
    assert entrance.committer.queued == 5
    assert entrance.committer.step()
    assert (entrance.committer.groups, entrance.committer.works) == (1, 5)
    assert answers == []
    assert entrance.deliver() == 1
    assert answers == [Committed(seq) for seq in (1, 2, 3, 4, 5)]
    assert entrance.committer.last_seq == 5
    assert [entry.alarm.detail for entry in entrance.entries()] == ["0", "1", "2", "3", "4"]
    assert {entry.epoch for entry in entrance.entries()} == {entrance.committer.epoch}
    assert not entrance.committer.step()


def test_admissions_go_before_notes_before_the_feed_before_trimming(entrance: Entrance) -> None:
    written: list[str] = []
    for rank in (3, 2, 1, 0, 2, 0):
        entrance.committer.submit(Spy(written, f"rank {rank}", rank))
    entrance.committer.step()
    assert written == ["rank 0", "rank 0", "rank 1", "rank 2", "rank 3"]
    assert entrance.committer.groups == 3  # one for people, one for a feed batch, one for trimming
    entrance.committer.submit(Spy(written, "an admission between two batches", ADMISSION))
    entrance.committer.step()
    assert written[5:] == ["an admission between two batches", "rank 2"]


def test_a_work_without_done_is_answered_to_nobody(entrance: Entrance) -> None:
    entrance.committer.submit(note())
    entrance.committer.step()
    assert entrance.inbox.empty()


def test_a_full_queue_refuses_and_the_others_are_kept(core: ModuleType, tmp_path: Path) -> None:
    entrance = Entrance(core, tmp_path, max_queue=2)
    answers: list[Result] = []
    assert [entrance.committer.submit(note(), answers.append) for _ in range(3)] == [True, True, False]
    assert entrance.committer.submit(note("must not be lost"), answers.append, always=True)
    assert entrance.committer.submit(feed(b"1"), answers.append)
    entrance.settled()
    assert answers == [Committed(1), Committed(2), Committed(3), Committed(3)]
    entrance.close()


def test_a_feed_batch_and_its_cursor_are_one(entrance: Entrance) -> None:
    record = Record(1, 1, PRODUCT, 0, 10, bytes(16), generation=1)
    ops = pack_ops([Op(Table.ENTITLEMENT, entitlement_key(9), record.pack()), Op(Table.STATION, bytes(4), None)])
    answers: list[Result] = []
    entrance.committer.submit(feed(b"at 2", ops=ops), answers.append)
    entrance.settled()
    assert [type(answer) for answer in answers] == [Committed]
    assert entrance.environment.get(Table.ENTITLEMENT, entitlement_key(9)) == record.pack()
    assert entrance.environment.get(Table.META, b"cursor.bulk") == b"at 2"


def test_a_malformed_batch_fails_alone(entrance: Entrance) -> None:
    answers: list[Result] = []
    entrance.committer.submit(feed(b"at 1"), answers.append)
    entrance.committer.submit(feed(b"at 9", ops=b"\x01\x01junk"), answers.append)
    entrance.committer.submit(note(), answers.append)
    entrance.settled()
    assert [type(answer) for answer in answers] == [Committed, Committed, Failed]
    assert entrance.environment.get(Table.META, b"cursor.bulk") == b"at 1"
    assert entrance.committer.failed is None  # the store is well


def test_trimming_forgets_what_was_acknowledged_a_slice_at_a_time(entrance: Entrance) -> None:
    for _ in range(2500):
        entrance.committer.submit(note())
    entrance.settled()
    answers: list[Result] = []
    entrance.committer.submit(Trim(2400, 2400), answers.append)
    entrance.committer.step()
    assert (len(entrance.raw_entries()), entrance.inbox.empty()) == (2500 - 1024, True)
    entrance.settled()
    assert answers == [Committed(2500)]
    assert [entry.seq for entry in entrance.entries()] == list(range(2401, 2501))


def test_trimming_never_forgets_what_was_not_written_yet(entrance: Entrance) -> None:
    entrance.committer.submit(note())
    entrance.committer.submit(Trim(1000, 1000))
    entrance.settled()
    entrance.committer.submit(note())
    entrance.settled()
    assert [entry.seq for entry in entrance.entries()] == [2]


def test_meta_rows_are_put_and_deleted(entrance: Entrance) -> None:
    entrance.committer.submit(PutMeta([(b"keyset", b"k"), (b"clock.mark", b"m")]))
    entrance.settled()
    entrance.committer.submit(PutMeta([(b"keyset", None), (b"never there", None)]))
    entrance.settled()
    assert entrance.environment.get(Table.META, b"keyset") is None
    assert entrance.environment.get(Table.META, b"clock.mark") == b"m"


def test_a_refused_commit_fails_every_work_of_its_group_and_the_next_goes_on(entrance: Entrance) -> None:
    answers: list[Result] = []
    entrance.committer.submit(note("before"))
    entrance.committer.step()
    entrance.trouble.commits = 1
    for _ in range(3):
        entrance.committer.submit(note("lost"), answers.append)
    entrance.committer.step()
    reason = "StoreError: the disk refused, says the test"
    assert entrance.committer.failed == reason
    entrance.deliver()
    assert answers == [Failed(reason)] * 3
    entrance.committer.submit(note("after"))
    entrance.settled()
    assert entrance.committer.failed is None
    assert [(entry.seq, entry.alarm.detail) for entry in entrance.entries()] == [(1, "before"), (2, "after")]
    journal.verify(entrance.raw_entries(), journal.START)


def test_a_work_that_cannot_be_written_does_not_take_the_others_with_it(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Result] = []
    for work in (note("1"), Bad(), note("2")):
        entrance.committer.submit(work, answers.append)
    with caplog.at_level(logging.ERROR):
        entrance.settled()
    assert answers == [Failed("ValueError: a row nobody can read"), Committed(1), Committed(2)]
    assert [entry.alarm.detail for entry in entrance.entries()] == ["1", "2"]
    assert entrance.committer.failed is None
    assert "a row nobody can read" in caplog.text


def test_no_room_for_a_note_does_not_take_the_admissions_with_it(entrance: Entrance) -> None:
    """A real full map: the notes are too big for what is left, the admissions are not."""
    entrance.ticket(1)
    answers: list[Result] = []
    huge = MAP_BYTES // 3
    for _ in range(3):
        entrance.committer.submit(note(bytes_=huge), answers.append)
    presented = entrance.present(1)
    entrance.settled()
    assert [answer.decision for answer in presented] == [scan_pb2.DECISION_ADMIT]
    assert [type(answer) for answer in answers] == [Committed, Committed, Failed]
    assert entrance.committer.failed is not None
    assert "StoreError" in entrance.committer.failed
    assert journal.verify(entrance.raw_entries(), journal.START).seq == 3
    assert [entry.WhichOneof("body") for entry in entrance.entries()] == ["presentation", "alarm", "alarm"]


def test_a_full_map_found_at_the_commit_divides_the_group_too(entrance: Entrance) -> None:
    entrance.trouble.code, entrance.trouble.commits = MAP_FULL, 1
    entrance.ticket(1)
    presented = entrance.present(1)
    answers: list[Result] = []
    entrance.committer.submit(note(), answers.append)
    entrance.settled()
    assert presented[0].decision == scan_pb2.DECISION_ADMIT
    assert answers == [Committed(2)]


def test_an_answer_that_is_not_taken_does_not_keep_the_others_from_theirs(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(result: Result) -> None:
        raise RuntimeError("a lane fell over")

    answers: list[Result] = []
    entrance.committer.submit(note(), broken)
    entrance.committer.submit(note(), answers.append)
    entrance.settled()
    assert answers == [Committed(2)]
    assert "a lane fell over" in caplog.text


def test_stopping_writes_what_is_queued(core: ModuleType, tmp_path: Path) -> None:
    entrance = Entrance(core, tmp_path)
    for _ in range(100):
        entrance.committer.submit(note())
    for number in range(5):
        entrance.committer.submit(feed(b"%d" % number))
    entrance.committer.submit(Trim(60, 60))
    entrance.committer.start()
    entrance.committer.stop()
    entrance.committer.stop()
    assert len(entrance.raw_entries()) == 40
    assert entrance.environment.get(Table.META, b"cursor.bulk") == b"4"
    assert not entrance.committer.submit(note(), always=True)
    entrance.environment.close()


def test_many_threads_may_submit_and_none_is_forgotten(core: ModuleType, tmp_path: Path) -> None:
    entrance = Entrance(core, tmp_path, max_queue=100_000)
    entrance.committer.start()
    answers: list[Result] = []

    def submit() -> None:
        for _ in range(200):
            assert entrance.committer.submit(note(), answers.append)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entrance.until(lambda: len(answers) == 800)
    assert sorted(answer.seq for answer in answers if isinstance(answer, Committed)) == list(range(1, 801))
    assert journal.verify(entrance.raw_entries(), journal.START).seq == 800
    entrance.close()


def test_a_new_start_has_a_new_epoch_and_goes_on_with_the_chain(entrance: Entrance) -> None:
    entrance.committer.submit(note())
    entrance.settled()
    first = entrance.committer.epoch
    entrance.crash()
    assert entrance.committer.last_seq == 1
    entrance.committer.submit(note())
    entrance.settled()
    assert [entry.epoch for entry in entrance.entries()] == [first, entrance.committer.epoch]
    assert len(entrance.committer.epoch) == 8
    assert entrance.committer.epoch != first
    assert journal.verify(entrance.raw_entries(), journal.START).seq == 2


async def test_answers_come_in_the_trio_thread(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)
    token = trio.lowlevel.current_trio_token()
    committer = Committer(environment, edge_id=EDGE_ID, deliver=token.run_sync_soon)
    committer.start()
    answered = trio.Event()
    threads: list[int] = []

    def done(result: Result) -> None:
        assert result == Committed(1)
        threads.append(threading.get_ident())
        answered.set()

    committer.submit(Note(scan_pb2.Alarm(code="test"), moment()), done)
    with trio.fail_after(20):
        await answered.wait()
    assert threads == [threading.get_ident()]
    committer.stop()
    environment.close()


def test_answers_after_the_loop_has_ended_are_dropped_and_stay_durable(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP_BYTES)

    async def token() -> trio.lowlevel.TrioToken:
        return trio.lowlevel.current_trio_token()

    committer = Committer(environment, edge_id=EDGE_ID, deliver=trio.run(token).run_sync_soon)
    committer.submit(Note(scan_pb2.Alarm(code="test"), moment()), lambda result: None)
    committer.start()
    committer.stop()
    assert scan_pb2.Entry.FromString(environment.get(Table.JOURNAL, journal.seq_key(1))).at_ms == NOW_MS
    environment.close()
