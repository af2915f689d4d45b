"""Work that goes on behind a page's back: as who, where and in which language it was asked for.

A kind of work is a function `(desk, job)` marked with `@work("kind")`. It is called by a worker, or at once for what
is small. It calls `jobs.step` as it goes and `jobs.finish` at its end, and may be begun again from the start.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone, translation
from django_scopes import scope
from django_tasks import task

from cloud.admin.desk import Desk
from cloud.core import jobs
from cloud.core.errors import DomainError
from cloud.core.models import Job
from cloud.staff.models import Employee
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

logger = logging.getLogger(__name__)
Work = Callable[[Desk, Job], None]
_WORK: dict[str, Work] = {}

BROKEN = (
    "程序出错，任务中断。已完成的部分保留。请重试；若再次出现，请告知管理员时间。",
    "Something failed on our side. What was done stays done. Try again; if it stays, tell your administrator when.",
)


def work(kind: str) -> Callable[[Work], Work]:
    """Makes a function the one that does jobs of this kind."""

    def add(function: Work) -> Work:
        _WORK[kind] = function
        return function

    return add


@task()
def carry_out(pk: int) -> None:
    """What a worker is told to do. A job that has ended, or was cancelled while it waited, is left as it is."""
    import_module("cloud.admin.urls")  # sections, and the kinds of work, say there that they exist
    job = jobs.take(pk)
    if job is not None:
        _do(job)


def begin(
    desk: Desk, kind: str, permission: Permission, title: Callable[[], str], asked: dict[str, Any],
    *, handed_in: bytes = b"", at_once: bool = False,
) -> Job:  # fmt: skip
    """A job of the desk's; enqueued, or done already when this returns. Raises DomainError "job.too_many"."""
    job = jobs.start(
        actor=desk.actor, venue_id=desk.venue.pk, kind=kind, permission=permission, title=in_both(title),
        language=translation.get_language() or "zh-hans", asked=asked, task=None if at_once else carry_out,
        handed_in=handed_in,
    )  # fmt: skip
    if at_once:
        taken = jobs.take(job.pk)
        if taken is not None:
            _do(taken)
            job.refresh_from_db()
    return job


def in_both(text: Callable[[], object]) -> tuple[str, str]:
    """A text in Chinese and in English, made anew in each language."""
    with translation.override("zh-hans"):
        zh = str(text())
    with translation.override("en"):
        return zh, str(text())


def _do(job: Job) -> None:
    try:
        venue = Venue.objects.get(pk=job.venue_id)
        employee = Employee.objects.get(pk=job.employee_id)
        desk = Desk(employee, venue, (venue,))
        with translation.override(job.language), scope(venue=venue), timezone.override(desk.zone):
            require(desk.actor, Permission(job.permission), venue)
            _WORK[job.kind](desk, job)
    except jobs.StoppedError:
        jobs.stopped(job)
    except DomainError as error:
        jobs.fail(job, (error.zh, error.en))
    except (OperationalError, InterfaceError):
        if not job.task_id:
            jobs.fail(job, BROKEN, traceback.format_exc())
        raise  # the database went away: the task's next attempt goes on
    except Exception:
        logger.exception("job %s (%s) failed", job.pk, job.kind)
        jobs.fail(job, BROKEN, traceback.format_exc())
