"""Importing a table: the template, the file, a trial that says what is wrong where, then the real thing.

A short file is tried out at once, a longer one in the background. Up to ONE_TRANSACTION lines are applied together or
not at all; more go line by line, each in its own transaction, and a report names those that were refused.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from cloud.admin.kit import import_file, registry
from cloud.admin.kit.background import begin, in_both, work
from cloud.admin.kit.bulk_view import finish
from cloud.admin.kit.export_file import TYPES
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.import_rows import CHANGE, CREATE, ERROR, SAME, Importer, Result
from cloud.admin.kit.import_template import notes_of, template_csv, template_xlsx
from cloud.admin.kit.page import report, show
from cloud.admin.kit.routed import section_page
from cloud.admin.kit.section import Section
from cloud.admin.kit.text import minute
from cloud.admin.kit.work_view import job_or_404
from cloud.core import audit, jobs
from cloud.core.errors import DomainError
from cloud.core.models import Job, JobRow

if TYPE_CHECKING:
    from cloud.admin.desk import Desk
    from cloud.staff.permissions import Permission

AT_ONCE = 100  # lines; more are looked at in the background
ONE_TRANSACTION = 500
CHUNK = 50


def _needs(section: Section, place: dict[str, Any]) -> Permission | None:
    return section.imports.permission if section.imports else None


class _FileForm(SectionForm):
    file = forms.FileField(
        label=gettext_lazy("File"), widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
        help_text=gettext_lazy("The filled-in template, .xlsx or .csv: at most 10 MB and 50,000 rows."),
    )  # fmt: skip


@section_page(_needs)
def take_in(request: HttpRequest, desk: Desk, section: Section) -> HttpResponse:
    """The page: what the table should look like, and where to hand it in."""
    form = _FileForm(desk, None, request.POST, request.FILES) if request.method == "POST" else _FileForm(desk, None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("console:work", _check(desk, section, form.cleaned_data["file"]).pk)
        except DomainError as error:
            form.refuse(error)
    context = {"section": section, "form": form, "notes": notes_of(desk, section), "one": ONE_TRANSACTION}
    return show(request, desk, "console/section/import.html", context, 422 if form.is_bound else 200)


@section_page(lambda section, place: _needs(section, place) if place["suffix"] in TYPES else None)
def template(request: HttpRequest, desk: Desk, section: Section, suffix: str) -> HttpResponse:
    content = (template_csv if suffix == "csv" else template_xlsx)(desk, section)
    response = HttpResponse(content, content_type=TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="{section.key}-template.{suffix}"'
    return response


def _check(desk: Desk, section: Section, file: Any) -> Job:
    """Begins the trial. What is no table at all is refused here. Raises DomainError."""
    assert section.imports is not None
    if file.size > import_file.MOST_BYTES:
        import_file.read(b" " * (import_file.MOST_BYTES + 1))
    content = file.read()
    sheet = import_file.read(content)
    Importer(desk, section, sheet)
    asked = {"section": section.key, "file": file.name[:120], "digest": hashlib.sha256(content).hexdigest()}
    return begin(
        desk, "import-check", section.imports.permission,
        lambda: _("Check of %(file)s for %(list)s") % {"file": asked["file"], "list": section.title},
        asked, handed_in=content, at_once=len(sheet.lines) <= AT_ONCE,
    )  # fmt: skip


@require_POST
def apply(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    return _apply(request, key, pk=pk)


@section_page(_needs)
def _apply(request: HttpRequest, desk: Desk, section: Section, pk: int) -> HttpResponse:
    """Applies what was tried out, once: asked again it leads to what was begun."""
    assert section.imports is not None
    checked = job_or_404(desk, pk)
    if checked.kind != "import-check" or checked.asked["section"] != section.key:
        raise Http404(pk)
    with transaction.atomic():
        checked = Job.objects.select_for_update().get(pk=checked.pk)
        if checked.outcome.get("applied"):
            return redirect("console:work", checked.outcome["applied"])
        if checked.outcome.get("next") != "apply" or not checked.expires_at:
            messages.error(request, _("This file can no longer be applied. Hand it in again."))
            return redirect("console:section-import", section.key)
        rows = checked.outcome["rows"]
        try:
            job = begin(
                desk, "import", section.imports.permission,
                lambda: _("Import of %(file)s into %(list)s")
                % {"file": checked.asked["file"], "list": section.title},
                checked.asked, handed_in=jobs.handed_in(checked), at_once=rows <= AT_ONCE,
            )  # fmt: skip
        except DomainError as error:
            report(request, error)
            return redirect("console:work", pk)
        Job.objects.filter(pk=pk).update(outcome=checked.outcome | {"applied": job.pk, "next": ""})
    return redirect("console:work", job.pk)


def _importer(desk: Desk, job: Job) -> Importer:
    section = registry.find(job.asked["section"])
    if section is None or section.imports is None:
        raise DomainError("section.gone", "该列表已不存在。", "This list is no longer there.")
    return Importer(desk, section, import_file.read(jobs.handed_in(job)))


@work("import-check")
def check(desk: Desk, job: Job) -> None:
    importer = _importer(desk, job)
    total = len(importer.sheet.lines)
    jobs.step(job, 0, total, force=True)
    job.rows.all().delete()  # of an attempt before
    counts: Counter[str] = Counter()
    for lines in importer.pieces(CHUNK):
        for result in importer.try_out(lines):
            counts[result.what] += 1
            _note(job, result)
        jobs.step(job, sum(counts.values()))
    job.done = total
    figures = {what: counts[what] for what in (CREATE, CHANGE, SAME, ERROR)}
    nothing = not (counts[CREATE] or counts[CHANGE])
    following = "again" if counts[ERROR] else "" if nothing else "apply"
    jobs.finish(job, _verdict(job, counts, nothing), outcome={"rows": total, **figures, "next": following})


def _verdict(job: Job, counts: Counter[str], nothing: bool) -> tuple[str, str]:
    earlier = Job.objects.filter(
        venue_id=job.venue_id, kind="import", state=Job.State.DONE, asked__digest=job.asked["digest"],
        asked__section=job.asked["section"],
    ).order_by("-ended_at").first()  # fmt: skip
    parts = []
    if earlier is not None and earlier.ended_at is not None:
        when = minute(earlier.ended_at)
        parts.append(in_both(lambda: _("This very file was imported already, on %(when)s.") % {"when": when}))
    if counts[ERROR]:
        parts.append(in_both(lambda: _("Nothing is imported yet. Put right what is named below and hand it in again.")))
    elif nothing:
        parts.append(in_both(lambda: _("Everything is there as the file says: there is nothing to import.")))
    elif sum(counts.values()) <= ONE_TRANSACTION:
        parts.append(in_both(lambda: _("Nothing is imported yet. The lines are applied together, or not at all.")))
    else:
        parts.append(in_both(lambda: _("Nothing is imported yet. The lines are applied one by one.")))
    return "".join(zh for zh, _en in parts), " ".join(en for _zh, en in parts)


@work("import")
def carry_out_import(desk: Desk, job: Job) -> None:
    importer = _importer(desk, job)
    total = len(importer.sheet.lines)
    jobs.step(job, 0, total, force=True)
    if total <= ONE_TRANSACTION:
        _together(importer, job)
    else:
        _one_by_one(importer, job)
    job.done = total
    changed = job.rows.filter(outcome=JobRow.Outcome.DONE).values("number").distinct().count()
    finish(job, total)
    audit.write(
        desk.actor, "import", desk.venue, desk.venue, section=importer.section.key, rows=total, applied=changed,
        file=job.asked["file"] if not importer.section.personal else "", digest=job.asked["digest"][:16],
    )  # fmt: skip


def _together(importer: Importer, job: Job) -> None:
    """All lines or none. The notes are in the transaction: begun again, nothing is done twice."""
    if job.rows.exists():
        return
    refused: list[Result] = []
    with transaction.atomic():
        results = importer.run(importer.sheet.lines)
        refused = [result for result in results if result.what == ERROR]
        if refused:
            transaction.set_rollback(True)
        else:
            for result in results:
                _note(job, result)
    if refused:
        for result in refused:
            _note(job, result)
        raise DomainError(
            "import.refused",
            "自检查以来情况有变，未导入任何内容。请按下方说明改正后重新上传。",
            "Something changed since it was checked: nothing is imported. Put right what is named below, and hand it "
            "in again.",
        )


def _one_by_one(importer: Importer, job: Job) -> None:
    before = set(job.rows.values_list("number", flat=True))
    done = 0
    for line in importer.sheet.lines:
        done += 1
        if line.number in before:
            continue
        try:
            with transaction.atomic():
                _note(job, importer.run_line(line))
        except IntegrityError:
            if not job.rows.filter(number=line.number).exists():
                raise
            # Another attempt did just this line: what this one did is undone with its note.
        jobs.step(job, done)


def _note(job: Job, result: Result) -> None:
    """A row of the report for each line, and for each thing wrong with it."""
    if result.what == ERROR:
        for problem in {one.column: one for one in result.problems}.values():
            jobs.note(job, result.number, result.label, JobRow.Outcome.FAILED, column=problem.column, text=problem.text)
        return
    if result.what == SAME:
        text = in_both(lambda: _("It is there as the file says."))
        jobs.note(job, result.number, result.label, JobRow.Outcome.LEFT, row_id=result.row_id, text=text)
        return
    if result.what == CREATE:
        text = in_both(lambda: _("New"))
    else:
        text = in_both(lambda: _("Changed: %(columns)s") % {"columns": ", ".join(map(str, result.changed))})
    jobs.note(job, result.number, result.label, JobRow.Outcome.DONE, row_id=result.row_id, text=text)
