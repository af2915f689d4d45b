"""An action on everything a list finds. What is more than a few is done in the background, with a report on each row.

What was agreed to is done, and nothing else: rows that came into being since are not touched, and where others have
come under the filter since, the question is asked again.
"""

from __future__ import annotations

import csv
import io
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.kit import registry
from cloud.admin.kit.action_view import act, confirm_of, form_of, needs
from cloud.admin.kit.background import begin, in_both, work
from cloud.admin.kit.cells import safe_text
from cloud.admin.kit.confirm import ask
from cloud.admin.kit.export_file import TYPES
from cloud.admin.kit.page import go, report
from cloud.admin.kit.query import Query
from cloud.admin.kit.routed import section_page, way_back
from cloud.admin.kit.section import ACTION_MOST, ACTION_ROWS, Action, Section
from cloud.admin.kit.text import named
from cloud.admin.kit.work_view import outcome_pill
from cloud.core import jobs
from cloud.core.errors import DomainError
from cloud.core.models import Job, JobRow

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

CHUNK = 100
OURS = ("csrfmiddlewaretoken", "all", "next", "upto", "count")
GONE = ("记录已不存在，或已不在您的范围内。", "The row is gone, or no longer yours to change.")
UNFIT = ("已无需处理。", "There was nothing to do.")


def act_on_rows(request: HttpRequest, key: str, **place: Any) -> HttpResponse:
    """The address of an action: chosen rows, or all that the list finds."""
    data = request.POST if request.method == "POST" else request.GET
    return (_act_on_all if data.get("all") else act)(request, key, **place)


@section_page(needs)
def _act_on_all(request: HttpRequest, desk: Desk, section: Section, name: str) -> HttpResponse:
    action = section.action(name)
    assert action is not None
    back = way_back(request, section.list_url)
    keys = _keys(request, desk, section, back)
    if request.method != "POST" and len(keys) <= ACTION_ROWS:
        return act(request, section.key, name=name)
    most = ACTION_MOST if action.bulk and action.preview is None else ACTION_ROWS
    if len(keys) > most:
        text = _("At most %(limit)s rows at a time. Narrow the list down with a filter.")
        messages.error(request, text % {"limit": f"{most:,}"})
        return go(request, back)
    rows = [row for piece in _pieces(desk, section, keys) for row in piece]
    fitting = [row for row in rows if action.fits(row)]
    if not fitting:
        messages.warning(request, _("Nothing to do: %(names)s") % {"names": section.title})
        return go(request, back)
    form = form_of(request, desk, action, fitting)
    sure = request.method == "POST" and len(keys) <= _number(request, "count")
    if not sure or (form is not None and not form.is_valid()):
        confirm = confirm_of(desk, section, action, rows, fitting, form, back)
        later = _("It is done in the background. A report says of each row what became of it.")
        upto = _number(request, "upto") or max(keys)
        changed = [_("The list changed while you were asked: these are the rows now.")]
        confirm = replace(
            confirm,
            url=f"{request.path}?{urlencode({'next': back, 'all': 1})}",
            consequences=(*(changed if request.method == "POST" and not sure else ()), *confirm.consequences, later),
            hidden=(("all", "1"), ("next", back), ("upto", str(upto)), ("count", str(len(keys)))),
        )
        return ask(request, desk, confirm, 422 if request.method == "POST" else 200)
    return _start(request, desk, section, action, keys, back)


def _keys(request: HttpRequest, desk: Desk, section: Section, back: str) -> array[int]:
    """Of what the list finds; of a confirmed question nothing that is newer than it."""
    rows = Query(section, desk, request, QueryDict(urlsplit(back).query)).rows
    if request.method == "POST":
        rows = rows.filter(pk__lte=_number(request, "upto"))
    return array("q", rows.values_list("pk", flat=True)[: ACTION_MOST + 1])


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _start(
    request: HttpRequest, desk: Desk, section: Section, action: Action, keys: array[int], back: str
) -> HttpResponse:
    data = request.POST.copy()
    for name in OURS:
        data.pop(name, None)
    asked = {"section": section.key, "action": action.key, "data": data.urlencode(), "back": back}

    def title() -> str:
        words = {"verb": action.verb, "list": section.title, "count": f"{len(keys):,}"}
        return ngettext("%(verb)s: %(list)s, %(count)s row", "%(verb)s: %(list)s, %(count)s rows", len(keys)) % words

    try:
        job = begin(desk, "action", action.permission, title, asked, handed_in=keys.tobytes())
    except DomainError as error:
        report(request, error)
        return go(request, back)
    return go(request, reverse("console:work", args=[job.pk]))


def _pieces(desk: Desk, section: Section, keys: Sequence[int]) -> Iterator[list[Any]]:
    """The rows in the keys' order, some at a time; those that are gone left out."""
    for at in range(0, len(keys), CHUNK * 10):
        piece = list(keys[at : at + CHUNK * 10])
        found = {row.pk: row for row in section.rows(desk).filter(pk__in=piece).order_by()}
        yield [found[pk] for pk in piece if pk in found]


@work("action")
def do_action(desk: Desk, job: Job) -> None:
    """Each row in a transaction of its own, together with the note that it is done: begun again, it goes on there."""
    section = registry.find(job.asked["section"])
    action = section.action(job.asked["action"]) if section else None
    if section is None or action is None:
        raise DomainError("action.gone", "该操作已不存在。", "This action is no longer there.")
    keys: array[int] = array("q", b"")
    keys.frombytes(jobs.handed_in(job))
    values = _values(desk, action, job)
    if action.run_all is not None:
        _do_all(desk, section, action, job, keys, values)
    else:
        _do_each(desk, section, action, job, keys, values)
    finish(job, len(keys))


def _values(desk: Desk, action: Action, job: Job) -> dict[str, Any]:
    if action.form is None:
        return {}
    form = action.form(desk, None, QueryDict(job.asked["data"]), {})
    if not form.is_valid():
        raise DomainError(
            "action.values",
            "填写的内容已失效（所选的记录可能已被删除）。请重新发起。",
            "What was filled in no longer fits: what it named may be gone. Start the action again.",
        )
    return form.cleaned_data


def _do_each(desk: Desk, section: Section, action: Action, job: Job, keys: array[int], values: dict[str, Any]) -> None:
    before = set(job.rows.values_list("number", flat=True))
    jobs.step(job, len(before), len(keys), force=True)
    for at in range(0, len(keys), CHUNK):
        piece = keys[at : at + CHUNK].tolist()
        found = {row.pk: row for row in section.rows(desk).filter(pk__in=piece).order_by()}
        for number, pk in enumerate(piece, at + 1):
            if number not in before:
                _do_one(desk, section, action, job, number, pk, found.get(pk), values)
                jobs.step(job, number)
    jobs.step(job, len(keys), force=True)


def _do_one(
    desk: Desk, section: Section, action: Action, job: Job, number: int, pk: int, row: Any, values: dict[str, Any]
) -> None:
    try:
        with transaction.atomic():
            outcome, text = _run(desk, action, row, values)
            label = str(pk) if row is None else section.label(row)
            jobs.note(job, number, label, outcome, row_id=pk, text=text)
    except IntegrityError:
        if not job.rows.filter(number=number).exists():
            raise
        # Another attempt did just this row: what this one did to it is undone with its note.


def _run(desk: Desk, action: Action, row: Any, values: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    """What became of a row, and why."""
    assert action.run is not None
    if row is None:
        return JobRow.Outcome.LEFT, GONE
    if not action.fits(row):
        return JobRow.Outcome.LEFT, UNFIT
    try:
        with transaction.atomic():
            action.run(desk, row, values)
    except DomainError as error:
        return JobRow.Outcome.FAILED, (error.zh, error.en)
    return JobRow.Outcome.DONE, ("", "")


def _do_all(desk: Desk, section: Section, action: Action, job: Job, keys: array[int], values: dict[str, Any]) -> None:
    """One call, all or nothing; the notes are in its transaction."""
    assert action.run_all is not None
    if job.rows.exists():
        return
    jobs.step(job, 0, len(keys), force=True)
    rows = [row for piece in _pieces(desk, section, keys) for row in piece]
    fitting = [row for row in rows if action.fits(row)]
    with transaction.atomic():
        action.run_all(desk, fitting, values)
        for number, row in enumerate(fitting, 1):
            jobs.note(job, number, section.label(row), JobRow.Outcome.DONE, row_id=row.pk)
    job.done = len(keys)


def finish(job: Job, total: int, **more: Any) -> None:
    """Ends a job that went row by row: its counts, what to do about failures, and the report as a file."""
    counts = {
        outcome: job.rows.filter(outcome=outcome).values("number").distinct().count() for outcome in JobRow.Outcome
    }
    failed = counts[JobRow.Outcome.FAILED]
    if failed:
        message = in_both(lambda: _(
            "The report names what failed and why. Put that right and do the same again: what is done is left alone."
        ))  # fmt: skip
    else:
        message = in_both(lambda: _("Everything is done."))
    with tempfile.TemporaryFile() as file:
        _write_report(job, file)
        jobs.finish(
            job, message, outcome={"rows": total, **{str(key): count for key, count in counts.items()}, **more},
            file=file, file_name=f"{job.asked['section']}-{job.kind}-{job.pk}.csv", content_type=TYPES["csv"],
        )  # fmt: skip


def _write_report(job: Job, file: Any) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([_("Number"), _("Row"), _("Column"), _("Outcome"), _("Why")])
    for one in job.rows.order_by("number", "pk").iterator(chunk_size=2000):
        words = (one.label, one.column, outcome_pill(one.outcome).text, named(one, "text"))
        writer.writerow([one.number, *(safe_text(word) for word in words)])
    text.flush()
    text.detach()
