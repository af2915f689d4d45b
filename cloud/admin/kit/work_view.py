"""The pages of background work: one's own jobs, how far each is, its report and its file, and stopping it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cloud.admin.kit import registry
from cloud.admin.kit.page import page, show
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table, page_of
from cloud.admin.kit.text import minute, stamp
from cloud.admin.kit.text import named as in_language
from cloud.core import audit, jobs
from cloud.core.models import Job, JobRow
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    from cloud.admin.desk import Desk
    from cloud.admin.kit.section import Link, Section

REPORT_ROWS = 100
TRIALS = frozenset({"import-check", "calendar-check"})  # the kinds of job that only say what would be done
IMPORTS = TRIALS | {"import", "calendar-import"}  # whose rows are lines of a file
State = Job.State


@dataclass(frozen=True, slots=True)
class Progress:
    """A job as its page shows it. `said` changes every tenth of the way: what a screen reader is told."""

    job: Job
    title: str
    pill: Pill
    message: str
    share: int | None
    said: str
    counted: str

    @property
    def open(self) -> bool:
        return self.job.state in jobs.OPEN


def progress_of(job: Job) -> Progress:
    share = min(100, job.done * 100 // job.total) if job.total else None
    counted = ""
    if job.total:
        counted = _("%(done)s of %(total)s") % {"done": f"{job.done:,}", "total": f"{job.total:,}"}
    elif job.done:
        counted = f"{job.done:,}"
    pill = state_pill(job)
    said = pill.text
    if job.state == State.RUNNING and share is not None:
        said = _("%(percent)d percent done") % {"percent": share // 10 * 10}
    message = in_language(job, "message")
    if job.state == State.CANCELLED and not message:
        message = _("Cancelled. What was done until then stays done.")
    return Progress(job, in_language(job, "title"), pill, message, share, said, counted)


def state_pill(job: Job) -> Pill:
    if job.state == State.WAITING:
        return Pill(_("Waiting for its turn"), Tone.IDLE, "hourglass")
    if job.state == State.RUNNING:
        return Pill(_("Stopping") if job.cancelling else _("Under way"), Tone.BUSY, "loader")
    if job.state == State.DONE:
        if job.outcome.get("errors"):
            return Pill(_("Errors found"), Tone.WARN, "triangle-alert")
        failed = job.outcome.get("failed", 0)
        if failed:
            return Pill(_("Done, but not all of it"), Tone.WARN, "triangle-alert")
        return Pill(_("Checked") if job.kind in TRIALS else _("Done"), Tone.GOOD, "circle-check")
    if job.state == State.FAILED:
        return Pill(_("Failed"), Tone.BAD, "circle-x")
    return Pill(_("Cancelled"), Tone.IDLE, "circle-slash")


# Whoever has any role has a list of their own; each job asks for its own permission besides.
@page(Permission.LIVE_VIEW)
def work_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    found = page_of(jobs.of(desk.actor, desk.venue.pk), request.GET.get("page", ""))
    context = {"table": _table(list(found.items)), "page": found}
    return show(request, desk, "console/work/list.html", context)


def _table(rows: list[Job]) -> Table:
    columns = (Column(_("Work"), main=True), Column(_("State")), Column(_("How far"), numeric=True),
               Column(_("Started")), Column(_("Ended")), Column(_("File")))  # fmt: skip
    lines = []
    for job in rows:
        shown = progress_of(job)
        file = Cell(_("Download"), url=reverse("console:work-file", args=[job.pk])) if job.file_bytes else Cell("–")
        lines.append(Row(
            f"job-{job.pk}",
            (Cell(shown.title), Cell(pill=shown.pill), Cell(shown.counted or "–"), Cell(stamp(job.created_at)),
             Cell(stamp(job.ended_at)), file),
            url=reverse("console:work", args=[job.pk]),
        ))  # fmt: skip
    empty = Empty(
        _("Nothing yet"), _("Large exports, imports and actions on many rows go on here while you do something else."),
        "list-checks",
    )  # fmt: skip
    return Table(_("My background work"), columns, tuple(lines), empty)


@page(Permission.LIVE_VIEW)
def work(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    job = job_or_404(desk, pk)
    section = registry.find(str(job.asked.get("section", "")))
    context = {
        "shown": progress_of(job),
        "job": job,
        "back": job.asked.get("back") or (section.list_url if section else reverse("console:work-list")),
        "back_title": _back_title(job, section),
        "report": _report(job) if job.state not in jobs.OPEN else None,
        "more": job.state not in jobs.OPEN and _reported(job).count() > REPORT_ROWS,
        "figures": _figures(job),
        "follow": _follow(desk, job, section),
        "next_step": _next_step(job),
        "keep_until": minute(job.expires_at) if job.expires_at and job.file_bytes else "",
        "file_size": _size(job.file_bytes),
        "gone": bool(job.file_name) and not job.file_bytes and job.state == State.DONE,
    }
    return show(request, desk, "console/work/job.html", context)


def _follow(desk: Desk, job: Job, section: Section | None) -> Link | None:
    """Where an import that was applied goes on."""
    if job.kind != "import" or job.state != State.DONE or section is None or section.imports is None:
        return None
    link = section.imports.follow
    return link if link is not None and desk.may(link.permission) else None


def _back_title(job: Job, section: Section | None) -> str:
    if "back" in job.asked:
        return _("Prices and stock")
    return str(section.title) if section else _("My background work")


def _next_step(job: Job) -> tuple[str, str]:
    """What a trial leads to, "apply" or "again", and its address; empty where it leads to nothing."""
    step = job.outcome.get("next", "")
    if not step:
        return "", ""
    if job.kind == "calendar-check":
        return step, reverse("console:calendar-import-apply", args=[job.pk]) if step == "apply" else job.asked["again"]
    section = job.asked["section"]
    if step == "apply":
        return step, reverse("console:section-import-apply", args=[section, job.pk])
    return step, reverse("console:section-import", args=[section])


def _figures(job: Job) -> list[tuple[str, str]]:
    names = {
        "rows": _("Rows"),
        "done": _("Done"),
        "create": _("To be created"),
        "change": _("To be changed"),
        "same": _("Unchanged"),
        "left": _("Left alone"),
        "failed": _("Failed"),
        "errors": _("With errors"),
    }
    return [(text, f"{job.outcome[key]:,}") for key, text in names.items() if key in job.outcome]


def _reported(job: Job) -> QuerySet[JobRow]:
    """What was not simply done, failures first. A trial's page also says what would be done."""
    rank = Case(
        When(outcome=JobRow.Outcome.FAILED, then=0), When(outcome=JobRow.Outcome.DONE, then=1), default=2
    )  # fmt: skip
    rows = job.rows.annotate(rank=rank).order_by("rank", "number", "pk")
    return rows if job.kind in TRIALS else rows.exclude(outcome=JobRow.Outcome.DONE)


def _report(job: Job) -> Table | None:
    rows = list(_reported(job)[:REPORT_ROWS])
    if not rows:
        return None
    imported = job.kind in IMPORTS
    lined = [Column(_("Line"), numeric=True)] if imported else []
    placed = [Column(_("Column"))] if imported else []
    columns = (*lined, Column(_("Row"), main=True), *placed, Column(_("Outcome")), Column(_("Why")))
    lines = tuple(
        Row(
            f"report-{one.pk}",
            (
                *([Cell(str(one.number))] if imported else []),
                Cell(one.label or "–"),
                *([Cell(one.column or "–")] if imported else []),
                Cell(pill=outcome_pill(one.outcome, trial=job.kind in TRIALS)),
                Cell(in_language(one, "text") or "–"),
            ),
        )
        for one in rows
    )
    return Table(_("Report"), columns, lines, Empty("", ""))


def outcome_pill(outcome: str, *, trial: bool = False) -> Pill:
    if outcome == JobRow.Outcome.FAILED:
        return Pill(_("Wrong") if trial else _("Failed"), Tone.BAD, "circle-x")
    if outcome == JobRow.Outcome.LEFT:
        return Pill(_("Unchanged") if trial else _("Left alone"), Tone.IDLE, "circle-slash")
    return Pill(_("In order") if trial else _("Done"), Tone.GOOD, "circle-check")


@require_POST
@page(Permission.LIVE_VIEW)
def work_cancel(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    if not jobs.cancel(actor=desk.actor, job=job_or_404(desk, pk)):
        messages.warning(request, _("It has ended already."))
    return redirect("console:work", pk)


@page(Permission.LIVE_VIEW)
def work_file(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse | StreamingHttpResponse:
    """The result, to whoever started it, as long as they still may."""
    job = job_or_404(desk, pk)
    if not desk.may(Permission(job.permission)):
        raise PermissionDenied
    if not job.file_bytes:
        messages.warning(request, _("This file was removed. Start the work again to get a new one."))
        return redirect("console:work", pk)
    audit.write(desk.actor, "job.file", job, desk.venue, file=job.file_name)
    response = StreamingHttpResponse(jobs.content(job), content_type=job.content_type)
    response["Content-Length"] = str(job.file_bytes)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(job.file_name)}"
    return response


def job_or_404(desk: Desk, pk: int) -> Job:
    """One's own job at this venue: nobody else's is there."""
    job = jobs.of(desk.actor, desk.venue.pk).filter(pk=pk).first() if pk < 2**63 else None
    if job is None:
        raise Http404(pk)
    return job


def _size(count: int) -> str:
    return f"{count / 1_048_576:.1f} MB" if count >= 104_858 else f"{max(1, count // 1024)} KB"
