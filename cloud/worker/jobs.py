"""What the job backend leaves to us: jobs of dead workers, jobs that failed, results nobody needs.

A job is idempotent: it may be started again after its worker died anywhere in it.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Q
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from cloud.core import jobs as background
from cloud.core.models import Job

MOST_ATTEMPTS = 5
# A job of another machine's worker that runs for longer than this is taken for dead.
LEASE = timedelta(minutes=15)
KEEP = timedelta(days=14)


def worker_name() -> str:
    """host:pid:start: tells this process from a later one with the same number. At most 64 characters."""
    pid = os.getpid()
    return f"{_host()}:{pid}:{_started(pid)}"


def recover(now: datetime | None = None) -> int:
    """Puts back the jobs of dead workers, and failed ones that may try again; how many."""
    now = now or timezone.now()
    count = 0
    for job in DBTaskResult.objects.filter(Q(status="RUNNING") | Q(status="FAILED")):
        attempts = len(job.worker_ids)
        if job.status == "RUNNING" and _alive(job, now):
            continue
        if job.status == "FAILED" and attempts >= MOST_ATTEMPTS:
            continue
        if attempts >= MOST_ATTEMPTS:
            count += _change(job, status="FAILED", finished_at=now, traceback="its worker died, again and again")
            continue
        wait = timedelta(seconds=2**attempts if job.status == "FAILED" else 0)
        count += _change(job, status="READY", run_after=now + wait, started_at=None, finished_at=None)
    return count


def fail_lost() -> int:
    """Ends the background jobs of people whose tasks were given up; how many."""
    alive = DBTaskResult.objects.filter(Q(status__in=("READY", "RUNNING")) | _trying_again())
    return background.recover_lost(str(pk) for pk in alive.values_list("pk", flat=True))


def _trying_again() -> Q:
    """Failed ones that `recover` puts back: told by their attempts, which are in a list."""
    failed = DBTaskResult.objects.filter(status="FAILED", finished_at__gte=timezone.now() - timedelta(hours=1))
    return Q(pk__in=[job.pk for job in failed if len(job.worker_ids) < MOST_ATTEMPTS])


def forget_old(now: datetime | None = None) -> int:
    """Deletes jobs that ended two weeks ago."""
    ended = DBTaskResult.objects.filter(status__in=("SUCCESSFUL", "FAILED"))
    gone, _ = ended.filter(finished_at__lt=(now or timezone.now()) - KEEP).delete()
    return gone


def _change(job: DBTaskResult, **values: object) -> int:
    """Only if nobody changed it meanwhile: of two workers that look at once one wins."""
    return DBTaskResult.objects.filter(pk=job.pk, status=job.status, worker_ids=job.worker_ids).update(**values)


def _alive(job: DBTaskResult, now: datetime) -> bool:
    host, _, rest = (job.worker_ids[-1] if job.worker_ids else "").partition(":")
    pid, _, started = rest.partition(":")
    if host == _host() and pid.isdigit():
        return _started(int(pid)) == started
    if job.started_at is not None and now - job.started_at < LEASE:
        return True
    return Job.objects.filter(task_id=str(job.pk), beat_at__gt=now - LEASE).exists()  # long, and still moving


def _host() -> str:
    return socket.gethostname()[:30].replace(":", "-")


def _started(pid: int) -> str:
    """The kernel's start time of a process (clock ticks since boot); "" where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
