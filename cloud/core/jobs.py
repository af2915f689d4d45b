"""Background jobs: asked for by somebody, carried out by a worker, watched, stopped, fetched, forgotten.

A job is enqueued in the transaction that makes it. Its task may be started again after a worker died anywhere in it:
`attempt` fences the older one off, `JobRow`s say what is done already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks.base import Task

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import Job, JobPart, JobRow

PART_BYTES = 1 << 20
BEAT_EVERY = timedelta(seconds=1)
LIST_KEEP = timedelta(days=30)  # a job without its files stays listed so long
AT_MOST_WAITING = 20  # of one person at once

State = Job.State
TRANSITIONS: dict[str, frozenset[str]] = {
    State.WAITING: frozenset({State.RUNNING, State.CANCELLED, State.FAILED}),
    State.RUNNING: frozenset({State.RUNNING, State.DONE, State.FAILED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
OPEN = (State.WAITING, State.RUNNING)


class StoppedError(Exception):
    """A job is to go no further: cancelled, or another attempt has it. What was done stays done."""


@transaction.atomic
def start(
    *, actor: Actor, venue_id: int, kind: str, permission: str, title: tuple[str, str], language: str,
    asked: dict[str, Any], task: Task[Any, Any] | None, handed_in: bytes = b"",
) -> Job:  # fmt: skip
    """A job of the actor's, enqueued for `task(job's id)`; without a task the caller runs it at once.

    Args:
        title: what it is, in Chinese and English.
        handed_in: a file it works on.

    Raises:
        DomainError: "job.too_many": so many of this person's are waiting already.
    """
    employee = actor.employee
    if employee is None:
        raise ValueError("a job is somebody's")
    waiting = Job.objects.filter(venue_id=venue_id, employee=employee, state__in=OPEN).count()
    if waiting >= AT_MOST_WAITING:
        raise DomainError(
            "job.too_many",
            f"您有 {waiting} 项后台任务尚未完成，请等待或取消其中一些。",
            f"{waiting} of your background jobs have not ended. Wait for them, or cancel some.",
        )
    job = Job.objects.create(
        venue_id=venue_id, employee=employee, kind=kind, permission=permission, title_zh=title[0][:200],
        title_en=title[1][:200], language=language, asked=asked,
    )  # fmt: skip
    _put(job, JobPart.Of.ASKED, (handed_in[at : at + PART_BYTES] for at in range(0, len(handed_in), PART_BYTES)))
    if task is not None:
        job.task_id = str(task.enqueue(job.pk).id)
        job.save(update_fields=["task_id"])
    return job


def of(actor: Actor, venue_id: int) -> QuerySet[Job]:
    """The actor's own jobs at a venue, the newest first. Nobody sees another's."""
    return Job.objects.filter(venue_id=venue_id, employee=actor.employee).order_by("-created_at", "-pk")


def take(pk: int) -> Job | None:
    """The job, running and this attempt's; None where it has ended or is gone."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=pk, state__in=OPEN).first()
        if job is None:
            return None
        if job.cancelling:
            _end(job, State.CANCELLED)
            return None
        job.attempt += 1
        job.state, job.beat_at = State.RUNNING, timezone.now()
        job.save(update_fields=["attempt", "state", "beat_at"])
        return job


def step(job: Job, done: int, total: int | None = None, *, force: bool = False) -> None:
    """Notes how far it is, at most once a second unless forced. Raises StoppedError where it is to stop."""
    job.done = done
    if total is not None:
        job.total = total
    now = timezone.now()
    if not force and job.beat_at is not None and now - job.beat_at < BEAT_EVERY:
        return
    job.beat_at = now
    if not _mine(job).filter(cancelling=False).update(done=done, total=job.total, beat_at=now):
        raise StoppedError(job.pk)


def finish(
    job: Job, message: tuple[str, str], *, outcome: dict[str, Any] | None = None, file: IO[bytes] | None = None,
    file_name: str = "", content_type: str = "",
) -> None:  # fmt: skip
    """Ends it well, with its file if there is one: both or neither. Raises StoppedError."""
    with transaction.atomic():
        size = 0
        if file is not None:
            file.seek(0)
            job.parts.filter(of=JobPart.Of.RESULT).delete()
            size = _put(job, JobPart.Of.RESULT, iter(lambda: file.read(PART_BYTES), b""))
        job.message_zh, job.message_en = message[0][:500], message[1][:500]
        values = {
            "message_zh": job.message_zh, "message_en": job.message_en, "done": job.done, "total": job.total,
            "outcome": outcome or {}, "file_name": file_name, "content_type": content_type, "file_bytes": size,
        }  # fmt: skip
        if not _move(job, State.DONE, **values):
            raise StoppedError(job.pk)


def fail(job: Job, message: tuple[str, str], error: str = "") -> None:
    """Ends it badly; `message` says what to do. What was done row by row stays."""
    _move(job, State.FAILED, message_zh=message[0][:500], message_en=message[1][:500], error=error[:10_000])


def stopped(job: Job) -> None:
    """Ends it as cancelled, if this attempt still has it."""
    _move(job, State.CANCELLED, done=job.done, total=job.total)


def cancel(*, actor: Actor, job: Job) -> bool:
    """Asks it to stop: at once where it waits, at its next step where it runs. False where it has ended."""
    with transaction.atomic():
        found = Job.objects.select_for_update().filter(pk=job.pk, employee=actor.employee, state__in=OPEN).first()
        if found is None:
            return False
        if found.state == State.WAITING:
            _end(found, State.CANCELLED)
        else:
            Job.objects.filter(pk=found.pk).update(cancelling=True)
        return True


def note(
    job: Job, number: int, label: str, outcome: str, *, row_id: int | None = None, column: str = "",
    text: tuple[str, str] = ("", ""),
) -> None:  # fmt: skip
    """What was done about one row, in the transaction that did it."""
    JobRow.objects.create(
        job=job, number=number, row_id=row_id, label=label[:200], outcome=outcome, column=column[:100],
        text_zh=text[0][:500], text_en=text[1][:500],
    )  # fmt: skip


def handed_in(job: Job) -> bytes:
    return b"".join(content(job, JobPart.Of.ASKED))


def content(job: Job, of: str = JobPart.Of.RESULT) -> Iterator[bytes]:
    """A file's pieces in order, one at a time."""
    numbers = JobPart.objects.filter(job=job, of=of).order_by("number").values_list("pk", flat=True)
    for pk in list(numbers):
        yield bytes(JobPart.objects.values_list("content", flat=True).get(pk=pk))


def recover_lost(alive: Iterable[str]) -> int:
    """Fails open jobs whose tasks are not `alive` any more (given up after too many attempts); how many."""
    lost = Job.objects.filter(state__in=OPEN, created_at__lt=timezone.now() - timedelta(minutes=1))
    count = 0
    for job in lost.exclude(task_id__in=list(alive)):
        with transaction.atomic():
            count += _end(job, State.FAILED, message_zh=GAVE_UP[0], message_en=GAVE_UP[1])
    return count


def forget(now: datetime | None = None) -> int:
    """Removes the files of jobs whose time is up, and jobs that ended a month ago; how many lost their files."""
    now = now or timezone.now()
    with transaction.atomic():
        due = list(Job.objects.select_for_update().filter(expires_at__lte=now).values_list("pk", flat=True)[:500])
        JobPart.objects.filter(job__in=due).delete()
        Job.objects.filter(pk__in=due).update(expires_at=None, file_bytes=0)
        Job.objects.filter(ended_at__lt=now - LIST_KEEP).delete()
    return len(due)


GAVE_UP = (
    "执行此任务的程序多次中断。请重新发起；若再次出现，请告知管理员时间。",
    "The program that did this stopped again and again. Start it anew; if it stays, tell your administrator when.",
)


def _mine(job: Job) -> QuerySet[Job]:
    """The job as long as this attempt has it."""
    return Job.objects.filter(pk=job.pk, state=State.RUNNING, attempt=job.attempt)


def _move(job: Job, state: str, **values: Any) -> bool:
    """From running to an end, by this attempt only; whether it did."""
    assert state in TRANSITIONS[State.RUNNING]
    now = timezone.now()
    moved = _mine(job).update(state=state, ended_at=now, expires_at=now + _keep(), **values)
    if moved:
        job.state = state
    return bool(moved)


def _end(job: Job, state: str, **values: Any) -> int:
    """From whatever open state it is in, as it was read."""
    assert state in TRANSITIONS[job.state]
    now = timezone.now()
    rows = Job.objects.filter(pk=job.pk, state=job.state)
    return rows.update(state=state, ended_at=now, expires_at=now + _keep(), **values)


def _keep() -> timedelta:
    return timedelta(hours=settings.JOB_KEEP_HOURS)


def _put(job: Job, of: str, pieces: Iterable[bytes]) -> int:
    size = 0
    for number, piece in enumerate(pieces):
        JobPart.objects.create(job=job, of=of, number=number, content=piece)
        size += len(piece)
    return size
