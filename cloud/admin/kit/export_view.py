"""A list as a file: exactly the rows the address finds, in the columns shown, noted in the audit."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from cloud.admin.kit.cells import plain, safe_text
from cloud.admin.kit.query import Query
from cloud.admin.kit.routed import section_page
from cloud.admin.kit.section import EXPORT_ROWS, Section
from cloud.core import audit

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

IN_MEMORY = 4 << 20  # bytes of a file before it goes to disk
CELL_LENGTH = 32_767  # a worksheet's limit
CHUNK = 2_000
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@section_page(lambda section, place: section.export_permission if place["suffix"] in TYPES else None)
def export(request: HttpRequest, desk: Desk, section: Section, suffix: str) -> HttpResponse:
    query = Query(section, desk, request, request.GET)
    back = section.list_url + query.address()
    if not query.filters.is_valid():
        return redirect(back)
    count = query.rows.order_by()[: EXPORT_ROWS + 1].count()
    if count > EXPORT_ROWS:
        text = _("More than %(limit)s rows: narrow the list down with a filter, then export in parts.")
        messages.error(request, text % {"limit": f"{EXPORT_ROWS:,}"})
        return redirect(back)
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    written = (_write_csv if suffix == "csv" else _write_xlsx)(file, query)
    audit.write(desk.actor, "export", desk.venue, desk.venue, section=section.key, format=suffix, rows=written,
                columns=[value.key for value in query.values], **_asked(query))  # fmt: skip
    file.seek(0)
    name = f"{section.key}-{timezone.localtime():%Y%m%d-%H%M}.{suffix}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=TYPES[suffix])


def _asked(query: Query) -> dict[str, Any]:
    """The search and filters for the audit, which holds nothing personal."""
    if query.section.personal:
        return {"searched": bool(query.text), "filters": sorted(query.set_filters)}
    return {"search": query.text, "filters": query.set_filters}


def _lines(query: Query) -> Iterator[list[str | int | datetime | None]]:
    for row in query.rows.iterator(chunk_size=CHUNK):
        yield [plain(value, row) for value in query.values]


def _titles(query: Query) -> list[str]:
    return [safe_text(str(value.title)) for value in query.values]


def _write_csv(file: IO[bytes], query: Query) -> int:
    """UTF-8 with a byte order mark, which spreadsheets need to read Chinese."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(_titles(query))
    written = 0
    for line in _lines(query):
        writer.writerow("" if one is None else one for one in line)
        written += 1
    text.flush()
    text.detach()
    return written


def _write_xlsx(file: IO[bytes], query: Query) -> int:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_name(str(query.section.title)))
    sheet.freeze_panes = "A2"
    sheet.append(_titles(query))
    written = 0
    for line in _lines(query):
        sheet.append([_cell(sheet, one) for one in line])
        written += 1
    book.save(file)
    return written


def _cell(sheet: Any, value: str | int | datetime | None) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=value[:CELL_LENGTH])
    cell.data_type = "s"  # text, whatever it looks like
    return cell


def _sheet_name(title: str) -> str:
    return "".join(character for character in title if character not in "[]:*?/\\")[:31] or "1"
