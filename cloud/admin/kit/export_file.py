"""A list written into a file: CSV or a workbook, in bounded memory, however long the list is.

The rows are those found at the start: their keys are kept (eight bytes each), the rows are read in pieces.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES

from cloud.admin.kit.cells import plain, safe_text
from cloud.admin.kit.query import Query
from cloud.admin.kit.text import minute, named

CELL_LENGTH = 32_767  # a worksheet's limit
SHEET_ROWS = 1_048_576  # another one
CHUNK = 2_000
NAME_LENGTH = 80  # of what a file's name says of the filter
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Line = list[str | int | datetime | None]
Told = Callable[[int], None]  # how many rows are written


def keys_of(query: Query) -> array[int]:
    """The primary keys of the rows that are meant, in order."""
    return array("q", query.rows.values_list("pk", flat=True).iterator(chunk_size=CHUNK * 10))


def lines_of(query: Query, keys: array[int]) -> Iterator[Line]:
    """The rows, in the keys' order. One that is gone by now is left out."""
    rows = query.section.rows(query.desk)
    for at in range(0, len(keys), CHUNK):
        piece = keys[at : at + CHUNK]
        found = {row.pk: row for row in rows.filter(pk__in=piece.tolist()).order_by()}
        for pk in piece:
            if pk in found:
                yield [plain(value, found[pk]) for value in query.values]


def write(suffix: str, file: IO[bytes], query: Query, keys: array[int], told: Told = lambda count: None) -> int:
    """Writes the rows; how many."""
    return (_write_csv if suffix == "csv" else _write_xlsx)(file, query, keys, told)


def file_name(query: Query, suffix: str) -> str:
    """ "devices-20261122-1741-Enabled-West gate.csv": what it is, of when, and what it was narrowed down by.

    Of lists about people the name says only that it was: names of files are seen by more than the file is.
    """
    words = [text for _title, text in query.described]
    if query.section.personal:
        words = [_("filtered")] if query.narrowed else []
    said = re.sub(r"[^\w .+-]+", " ", "-".join(words)).strip()[:NAME_LENGTH].strip(" .-")
    when = f"{timezone.localtime():%Y%m%d-%H%M}"
    return "-".join(part for part in (query.section.key, when, said) if part) + f".{suffix}"


def _titles(query: Query) -> list[str]:
    return [safe_text(str(value.title)) for value in query.values]


def _write_csv(file: IO[bytes], query: Query, keys: array[int], told: Told) -> int:
    """UTF-8 with a byte order mark, which spreadsheets need to read Chinese."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(_titles(query))
    written = 0
    for line in lines_of(query, keys):
        writer.writerow("" if one is None else one for one in line)
        written += 1
        told(written)
    text.flush()
    text.detach()
    return written


def _write_xlsx(file: IO[bytes], query: Query, keys: array[int], told: Told) -> int:
    """First a sheet that says what this is, then the rows, in as many sheets as they need."""
    book = Workbook(write_only=True)
    _write_about(book.create_sheet(_("About this export")), query, len(keys))
    title = _sheet_name(str(query.section.title))
    sheet, written, room = None, 0, 0
    for line in lines_of(query, keys):
        if not room:
            sheet = _new_sheet(book, title, len(book.worksheets), query)
            room = SHEET_ROWS - 1
        sheet.append([_cell(sheet, one) for one in line])
        written += 1
        room -= 1
        told(written)
    if sheet is None:
        _new_sheet(book, title, 1, query)
    book.active = 1  # the rows are what one opens it for
    book.save(file)
    return written


def _new_sheet(book: Workbook, title: str, number: int, query: Query) -> Any:
    sheet = book.create_sheet(title if number == 1 else f"{title[:27]} {number}")
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, one) for one in _titles(query)])
    return sheet


def _write_about(sheet: Any, query: Query, count: int) -> None:
    lines = [
        (_("List"), str(query.section.title)),
        (_("Venue"), named(query.desk.venue)),
        (_("Exported at"), f"{minute(timezone.now())} ({query.desk.venue.time_zone})"),
        (_("By"), query.desk.name),
        (_("Rows"), f"{count:,}"),
        *query.described,
    ]
    if not query.described:
        lines.append((_("Filter"), _("none: the whole list")))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 60
    for title, text in lines:
        sheet.append([_cell(sheet, safe_text(one)) for one in (title, text)])


def _cell(sheet: Any, value: str | int | datetime | None) -> Any:
    """The value; as a cell of its own where the library would take text for something else."""
    if not isinstance(value, str):
        return value
    if len(value) > CELL_LENGTH or value.startswith("=") or value in ERROR_CODES:
        cell = WriteOnlyCell(sheet, value=value[:CELL_LENGTH])
        cell.data_type = "s"  # text, whatever it looks like
        return cell
    return value


def _sheet_name(title: str) -> str:
    return "".join(character for character in title if character not in "[]:*?/\\")[:31] or "1"
