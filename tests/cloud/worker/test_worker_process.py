"""The worker as a process: jobs of dead workers, handlers that die, a clean stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from cloud.admin import urls
from cloud.admin.kit import action_view, background, bulk_view, registry
from cloud.core import jobs as jobs_of_people
from cloud.core import outbox
from cloud.core.models import AuditRow, Job, OutboxEvent
from cloud.venues.models import Edge, Venue
from cloud.worker import jobs
from cloud.worker.ticks import Clockwork, Tick, ticks
from tests.support import worker_jobs
from tests.support.cloud_process import DEADLINE_S, CloudProcess
from tests.support.race import race
from tests.support.venue import make_actor, make_edge

assert urls.app_name == "console"  # importing it registers the sections
BACKEND = "django.contrib.auth.backends.ModelBackend"
pytestmark = pytest.mark.django_db(transaction=True)


class WorkerProcess(CloudProcess):
    """The worker with the tests' handler; ready when made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, module="tests.support.worker_main")
        self.wait_for("ready")


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.mark.e2e
def test_a_job_of_a_killed_worker_is_done_by_the_next(tmp_path: Path, venue: Venue) -> None:
    job = worker_jobs.run_long.enqueue(str(tmp_path))
    worker_jobs.leave_mark.enqueue(str(tmp_path), "mark")
    with WorkerProcess(tmp_path) as first:
        until((tmp_path / "started").exists)
        first.kill()
    assert DBTaskResult.objects.get(pk=job.id).status == "RUNNING"
    with WorkerProcess(tmp_path) as second:
        until((tmp_path / "finished").exists)
        until((tmp_path / "mark").exists)
        until(lambda: not DBTaskResult.objects.exclude(status="SUCCESSFUL").exists())
        assert second.stop() == 0
    assert (tmp_path / "started").read_text() == "started\n" * 2
    assert (tmp_path / "mark").read_text() == "ran\n"


@pytest.mark.e2e
def test_a_handler_that_dies_leaves_nothing_and_comes_again(tmp_path: Path, venue: Venue) -> None:
    for number in range(3):
        outbox.emit(venue, "test.event", {"number": number, "folder": str(tmp_path), "die": number == 1})
    with WorkerProcess(tmp_path) as first:
        assert first.process.wait(DEADLINE_S) == -9
    with WorkerProcess(tmp_path):
        until(lambda: not OutboxEvent.objects.filter(kind="test.event", delivered_at=None).exists())
    handled = AuditRow.objects.filter(action="test.handled").order_by("pk")
    assert [row.detail["number"] for row in handled] == [0, 1, 2]


@pytest.fixture
def counted(venue: Venue, toys: None, monkeypatch: pytest.MonkeyPatch) -> Job:
    """An action on seven rows, agreed to and waiting for a worker."""
    for module in (action_view, bulk_view):
        monkeypatch.setattr(module, "ACTION_ROWS", 3)
    for name in ("a", "b stays", "c", "dies", "e", "f", "g"):
        make_edge(venue, name)
    client = Client()
    client.force_login(make_actor(venue, "administrator", "lin").employee, backend=BACKEND)  # type: ignore[arg-type]
    confirm = client.get("/toys/do/retire", {"all": "1", "next": "/toys?q="}).context["confirm"]
    assert client.post(confirm.url, dict(confirm.hidden)).status_code == 302
    return Job.objects.get()


@pytest.fixture
def toys() -> Iterator[None]:
    registry.register(worker_jobs.COUNTED)
    yield
    registry.unregister(worker_jobs.COUNTED.key)


def assert_each_row_once(job: Job) -> None:
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.DONE, 2), job.error
    assert job.outcome == {"rows": 7, "done": 6, "left": 0, "failed": 1}
    assert list(job.rows.order_by("number").values_list("number", "label", "outcome")) == [
        (1, "a", "done"), (2, "b stays", "failed"), (3, "c", "done"), (4, "dies", "done"), (5, "e", "done"),
        (6, "f", "done"), (7, "g", "done"),
    ]  # fmt: skip
    counted = AuditRow.objects.filter(action="test.counted").order_by("pk")
    assert sorted(row.detail["name"] for row in counted) == ["a", "c", "dies", "e", "f", "g"]


@pytest.mark.e2e
def test_a_job_of_rows_whose_worker_is_killed_goes_on_where_it_was(tmp_path: Path, counted: Job) -> None:
    with WorkerProcess(tmp_path) as first:
        assert first.process.wait(DEADLINE_S) == -9
    counted.refresh_from_db()
    assert (counted.state, counted.attempt, counted.rows.count()) == (Job.State.RUNNING, 1, 3)
    assert not Edge.objects.filter(name="dies", retired_at__isnull=False).exists(), "undone with its worker"
    with WorkerProcess(tmp_path):
        until(lambda: Job.objects.get().state != Job.State.RUNNING)
    assert_each_row_once(counted)


def test_two_attempts_at_one_job_do_each_row_once_and_the_older_is_fenced_off(
    venue: Venue, counted: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker taken for dead is alive after all: both go through the rows at one pace."""
    finished: list[int] = []
    finish = jobs_of_people.finish

    def note_finish(job: Job, *args: Any, **kwargs: Any) -> None:
        finish(job, *args, **kwargs)
        finished.append(job.attempt)

    monkeypatch.setattr(jobs_of_people, "finish", note_finish)
    together = Barrier(2)
    take = jobs_of_people.take

    def take_both(pk: int) -> Job | None:
        job = take(pk)
        together.wait(DEADLINE_S)
        return job

    monkeypatch.setattr(jobs_of_people, "take", take_both)
    assert race(venue, *[lambda: background.carry_out.func(counted.pk)] * 2) == [None, None]
    assert finished == [2]
    assert_each_row_once(counted)


def put(status: str, worker_ids: list[str], **fields: object) -> DBTaskResult:
    job = DBTaskResult.objects.get(pk=worker_jobs.fail.enqueue().id)
    DBTaskResult.objects.filter(pk=job.pk).update(status=status, worker_ids=worker_ids, **fields)
    job.refresh_from_db()
    return job


def state(job: DBTaskResult) -> str:
    job.refresh_from_db()
    return str(job.status)


def test_only_jobs_of_dead_workers_are_put_back() -> None:
    now = timezone.now()
    mine = put("RUNNING", [jobs.worker_name()], started_at=now - timedelta(days=1))
    host = jobs.worker_name().split(":")[0]
    dead = put("RUNNING", [f"{host}:{2**22 + 5}:1"], started_at=now)
    reborn = put("RUNNING", [jobs.worker_name() + "0"], started_at=now)  # its number, another start
    elsewhere = put("RUNNING", ["other:1:1"], started_at=now - timedelta(minutes=14))
    lost = put("RUNNING", ["other:1:1"], started_at=now - timedelta(minutes=16))
    assert jobs.recover(now) == 3
    assert [state(job) for job in (mine, dead, reborn, elsewhere, lost)] == [
        "RUNNING", "READY", "READY", "RUNNING", "READY",
    ]  # fmt: skip


def test_a_failed_job_has_five_attempts() -> None:
    now = timezone.now()
    job = put("FAILED", ["a:1:1"])
    for attempts in range(1, 5):
        DBTaskResult.objects.filter(pk=job.pk).update(status="FAILED", worker_ids=["a:1:1"] * attempts)
        assert jobs.recover(now) == 1
        assert state(job) == "READY"
        assert job.run_after - now == timedelta(seconds=2**attempts)
    DBTaskResult.objects.filter(pk=job.pk).update(status="FAILED", worker_ids=["a:1:1"] * 5)
    assert jobs.recover(now) == 0
    DBTaskResult.objects.filter(pk=job.pk).update(status="RUNNING", started_at=now - timedelta(hours=1))
    assert jobs.recover(now) == 1
    assert state(job) == "FAILED"


def test_old_jobs_are_forgotten() -> None:
    now = timezone.now()
    old = put("SUCCESSFUL", [], finished_at=now - timedelta(days=15))
    put("SUCCESSFUL", [], finished_at=now - timedelta(days=13))
    assert jobs.forget_old(now) == 1
    assert not DBTaskResult.objects.filter(pk=old.pk).exists()


def test_a_tick_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []

    def fail() -> None:
        ran.append("bad")
        raise RuntimeError("as it does")

    clockwork = Clockwork([Tick("bad", 0.0, fail), Tick("good", 100.0, lambda: ran.append("good"))])
    assert clockwork.run_due() == 0.0
    clockwork.run_due()
    assert ran == ["bad", "good", "bad"]
    assert "bad failed" in caplog.text


def test_djangos_sessions_are_cleared_once_they_are_over(venue: Venue) -> None:
    for key, days in (("over", -1), ("good", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() + timedelta(days=days))
    sessions = [tick for tick in ticks() if tick.name in ("sessions", "logins")]
    assert len(sessions) == 2
    Clockwork(sessions).run_due()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["good"]


def test_every_tick_runs_on_an_empty_installation_and_a_venue(venue: Venue, caplog: pytest.LogCaptureFixture) -> None:
    Clockwork().run_due()
    assert "failed" not in caplog.text
