"""A calendar handed in as a table: tried out first, by doing it in a transaction that is rolled back; then applied,
all of it or nothing."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cloud.admin.desk import Desk
from cloud.admin.kit import import_file
from cloud.admin.kit.background import begin, in_both, work
from cloud.admin.kit.export_file import TYPES
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.text import named
from cloud.admin.kit.work_view import job_or_404
from cloud.admin.sections.product_calendar.table import TITLES, Read, as_csv, as_xlsx, header_of, read
from cloud.admin.sections.product_calendar.views import spec_or_404
from cloud.capacity.calendars import MAX_DAYS_AHEAD, Saved, edit_calendar
from cloud.capacity.calendars import said as place_text
from cloud.catalog.calendar_edits import NOTHING, Own, Place, PutCells
from cloud.catalog.models import CalendarCell, Spec
from cloud.core import jobs
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import Job, JobRow
from cloud.staff.permissions import Permission

AT_ONCE = 1000  # lines; more are looked at in the background
MOST_NOTES = 1000  # lines of the report
_AHEAD = timedelta(days=92)
_SAID = 6


class FileForm(SectionForm):
    file = forms.FileField(
        label=gettext_lazy("File"), widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
        help_text=gettext_lazy("The filled-in template, .xlsx or .csv: at most 10 MB and 50,000 rows."),
    )  # fmt: skip


@require_safe
@page(Permission.ORDER_VIEW)
def download(request: HttpRequest, desk: Desk, pk: int, suffix: str) -> HttpResponse:
    """The calendar as it is, from today until three months on, or as far as it is set: to look at and to fill in."""
    if suffix not in TYPES:
        raise Http404(suffix)
    spec = spec_or_404(desk, pk, request.GET.get("spec", ""))
    now = today(desk.venue)
    set_until = CalendarCell.objects.filter(spec=spec).aggregate(last=Max("day"))["last"] or now
    last = min(max(now + _AHEAD, set_until), now + timedelta(days=MAX_DAYS_AHEAD))
    content = (as_csv if suffix == "csv" else as_xlsx)(spec, now, last, now)
    response = HttpResponse(content, content_type=TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="calendar-{spec.code}-{now:%Y%m%d}.{suffix}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.PRODUCT_MANAGE)
def take_in(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    spec = spec_or_404(desk, pk, request.GET.get("spec", ""))
    form = FileForm(desk, None, request.POST, request.FILES) if request.method == "POST" else FileForm(desk, None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("console:work", _check(desk, spec, form.cleaned_data["file"]).pk)
        except DomainError as error:
            form.refuse(error)
    context = {"spec": spec, "product": spec.product, "form": form, "titles": [str(one) for one in TITLES.values()]}
    return show(request, desk, "console/calendar/import.html", context, 422 if form.is_bound else 200)


def _check(desk: Desk, spec: Spec, file: Any) -> Job:
    """Begins the trial. What is no table of this kind is refused here. Raises DomainError."""
    content = file.read(import_file.MOST_BYTES + 1)
    sheet = import_file.read(content)
    header_of(sheet)
    here = f"{reverse('console:calendar', args=[spec.product_id])}?spec={spec.pk}"
    asked = {
        "section": "products",
        "spec": spec.pk,
        "file": file.name[:120],
        "digest": hashlib.sha256(content).hexdigest(),
        "back": here,
        "again": f"{reverse('console:calendar-import', args=[spec.product_id])}?spec={spec.pk}",
    }
    return begin(
        desk, "calendar-check", Permission.PRODUCT_MANAGE,
        lambda: _("Check of %(file)s for the calendar of %(name)s") % {"file": asked["file"], "name": _name(spec)},
        asked, handed_in=content, at_once=len(sheet.lines) <= AT_ONCE,
    )  # fmt: skip


def _name(spec: Spec) -> str:
    return f"{named(spec.product)} ({named(spec)})" if spec.name_zh else named(spec.product)


def _asked(job: Job) -> tuple[Spec, Read]:
    spec = Spec.objects.select_related("product").filter(pk=job.asked["spec"]).first()
    if spec is None:
        raise DomainError("row.gone", "该规格已不存在。", "This spec is no longer there.")
    return spec, read(spec, import_file.read(jobs.handed_in(job)), today(spec.venue))


@work("calendar-check")
def check(desk: Desk, job: Job) -> None:
    spec, found = _asked(job)
    job.rows.all().delete()  # of an attempt before
    differing = _differing(spec, found.cells)
    saved = Saved(0, spec.calendar_revision)
    if not found.wrong and differing:
        with transaction.atomic():
            saved = edit_calendar(actor=desk.actor, venue=desk.venue, spec=spec, edits=[PutCells(found.cells)])
            transaction.set_rollback(True)
    for one in found.wrong[:MOST_NOTES]:
        jobs.note(job, one.number, one.label, JobRow.Outcome.FAILED, column=one.column, text=one.text)
    if not found.wrong:
        for place in differing[:MOST_NOTES]:
            jobs.note(job, found.lines[place], place_text(place), JobRow.Outcome.DONE)
    errors = len({one.number for one in found.wrong})
    job.done = job.total = len(found.cells) + found.over + errors
    following = "again" if errors else "apply" if differing else ""
    outcome = {
        "rows": job.total,
        "change": 0 if errors else len(differing),
        "same": len(found.cells) - len(differing),
        "left": found.over,
        "errors": errors,
        "next": following,
        "revision": spec.calendar_revision,
    }
    jobs.finish(job, _verdict(errors, differing, saved), outcome=outcome)


def _differing(spec: Spec, cells: dict[Place, Own]) -> list[Place]:
    if not cells:
        return []
    span = (min(day for day, _slot in cells), max(day for day, _slot in cells))
    rows = CalendarCell.objects.filter(spec=spec, day__range=span)
    now = {(row.day, row.slot): Own(row.price_fen, row.stock, row.closed) for row in rows}
    return [place for place, own in cells.items() if own != now.get(place, NOTHING)]


def _verdict(errors: int, differing: list[Place], saved: Saved) -> tuple[str, str]:
    if errors:
        return in_both(lambda: _("Nothing is imported yet. Put right what is named below and hand it in again."))
    if not differing:
        return in_both(lambda: _("Everything is there as the file says: there is nothing to import."))
    first = in_both(lambda: _("Nothing is imported yet. The lines are applied together, or not at all."))
    short = _short(saved)
    return first[0] + short[0], f"{first[1]} {short[1]}".strip()


def _short(saved: Saved) -> tuple[str, str]:
    if not saved.short:
        return "", ""
    days = ", ".join(place_text((one.day, one.slot)) for one in saved.short[:_SAID])
    more = " …" if len(saved.short) > _SAID else ""
    return in_both(
        lambda: (
            _("On these days the stock is below what is taken; nothing of that is cancelled: %(days)s.")
            % {"days": days + more}
        )
    )


@require_POST
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    return _apply(request, pk=pk)


@page(Permission.PRODUCT_MANAGE)
def _apply(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Applies what was tried out, once: asked again it leads to what was begun."""
    checked = job_or_404(desk, pk)
    if checked.kind != "calendar-check":
        raise Http404(pk)
    with transaction.atomic():
        checked = Job.objects.select_for_update().get(pk=checked.pk)
        if checked.outcome.get("applied"):
            return redirect("console:work", checked.outcome["applied"])
        if checked.outcome.get("next") != "apply" or not checked.expires_at:
            messages.error(request, _("This file can no longer be applied. Hand it in again."))
            return redirect(checked.asked["again"])
        try:
            job = begin(
                desk, "calendar-import", Permission.PRODUCT_MANAGE,
                lambda: _("Import of %(file)s into a calendar") % {"file": checked.asked["file"]},
                checked.asked | {"revision": checked.outcome["revision"]},
                handed_in=jobs.handed_in(checked), at_once=checked.outcome["rows"] <= AT_ONCE,
            )  # fmt: skip
        except DomainError as error:
            report(request, error)
            return redirect("console:work", pk)
        Job.objects.filter(pk=pk).update(outcome=checked.outcome | {"applied": job.pk, "next": ""})
    return redirect("console:work", job.pk)


@work("calendar-import")
def carry_out(desk: Desk, job: Job) -> None:
    """In one transaction with its end: begun again, nothing is done twice."""
    spec, found = _asked(job)
    if found.wrong:
        raise DomainError(
            "import.refused",
            "自检查以来情况有变，未导入任何内容。请重新上传。",
            "Something changed since it was checked: nothing is imported. Hand it in again.",
        )
    with transaction.atomic():
        saved = edit_calendar(
            actor=desk.actor, venue=desk.venue, spec=spec, edits=[PutCells(found.cells)], seen=job.asked["revision"]
        )
        done = in_both(lambda: _("%(count)s cells are changed.") % {"count": f"{saved.changed:,}"})
        short = _short(saved)
        job.done = job.total = len(found.cells)
        jobs.finish(
            job,
            (done[0] + short[0], f"{done[1]} {short[1]}".strip()),
            outcome={"rows": job.total, "done": saved.changed},
        )
