"""A list as a file: exactly the rows the address finds, in the columns shown, noted in the audit.

What is not too long comes at once; more is written in the background and fetched from the job's page.
"""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.kit import export_file, registry
from cloud.admin.kit.background import begin, in_both, work
from cloud.admin.kit.export_file import TYPES
from cloud.admin.kit.page import report
from cloud.admin.kit.query import Query
from cloud.admin.kit.routed import section_page
from cloud.admin.kit.section import EXPORT_MOST, EXPORT_ROWS, Section
from cloud.core import audit, jobs
from cloud.core.errors import DomainError
from cloud.core.models import Job

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

IN_MEMORY = 4 << 20  # bytes of a file before it goes to disk


@section_page(lambda section, place: section.export_permission if place["suffix"] in TYPES else None)
def export(request: HttpRequest, desk: Desk, section: Section, suffix: str) -> HttpResponse:
    query = Query(section, desk, request, request.GET)
    back = section.list_url + query.address()
    if not query.filters.is_valid():
        return redirect(back)
    if query.rows.order_by()[: EXPORT_ROWS + 1].count() > EXPORT_ROWS:
        return _later(request, desk, query, suffix, back)
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    written = export_file.write(suffix, file, query, export_file.keys_of(query))
    _audit(query, suffix, written)
    file.seek(0)
    return FileResponse(
        file, as_attachment=True, filename=export_file.file_name(query, suffix), content_type=TYPES[suffix]
    )


def _later(request: HttpRequest, desk: Desk, query: Query, suffix: str, back: str) -> HttpResponse:
    asked = {"section": query.section.key, "suffix": suffix, "address": query.whole_address()}
    title = _title(query.section, suffix)
    try:
        job = begin(desk, "export", query.section.export_permission, title, asked)
    except DomainError as error:
        report(request, error)
        return redirect(back)
    messages.info(request, _("The list is long: the file is being written in the background."))
    return redirect("console:work", job.pk)


def _title(section: Section, suffix: str) -> Any:
    kind = "Excel" if suffix == "xlsx" else "CSV"
    return lambda: _("Export %(list)s (%(kind)s)") % {"list": section.title, "kind": kind}


@work("export")
def write_export(desk: Desk, job: Job) -> None:
    section = registry.find(job.asked["section"])
    if section is None:
        raise DomainError("section.gone", "该列表已不存在。", "This list is no longer there.")
    query = Query.of(section, desk, job.asked["address"])
    if not query.filters.is_valid():
        raise DomainError(
            "export.filter",
            "筛选条件已失效（所选的记录可能已被删除）。请回到列表重新筛选后再导出。",
            "A filter no longer fits: what it named may be gone. Filter the list anew, then export again.",
        )
    suffix = job.asked["suffix"]
    keys = export_file.keys_of(query)
    if len(keys) > EXPORT_MOST:
        raise DomainError(
            "export.too_large",
            f"超过 {EXPORT_MOST:,} 行。请缩小筛选范围，分次导出。",
            f"More than {EXPORT_MOST:,} rows. Narrow the list down with a filter and export in parts.",
        )
    with tempfile.TemporaryFile() as file:
        jobs.step(job, 0, len(keys), force=True)
        written = export_file.write(suffix, file, query, keys, lambda count: jobs.step(job, count))
        jobs.step(job, written, force=True)
        count = in_both(lambda: ngettext("%(count)s row.", "%(count)s rows.", written) % {"count": f"{written:,}"})
        jobs.finish(
            job, count, outcome={"rows": written}, file=file, file_name=export_file.file_name(query, suffix),
            content_type=TYPES[suffix],
        )  # fmt: skip
    _audit(query, suffix, written, job=job.pk)


def _audit(query: Query, suffix: str, written: int, **more: Any) -> None:
    """What went out. Of lists about people it says what was searched by, never the text."""
    if query.section.personal:
        asked: dict[str, Any] = {"searched": bool(query.text), "filters": sorted(query.set_filters)}
    else:
        asked = {"search": query.text, "filters": query.set_filters}
    desk = query.desk
    audit.write(desk.actor, "export", desk.venue, desk.venue, section=query.section.key, format=suffix, rows=written,
                columns=[value.key for value in query.values], **asked, **more)  # fmt: skip
