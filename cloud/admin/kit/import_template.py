"""The file to fill in: a header, a line of notes that the import skips, and in a workbook lists to choose from."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from cloud.admin.kit.cells import safe_text
from cloud.admin.kit.import_file import MOST_ROWS, NOTE
from cloud.admin.kit.import_spec import SAID_WORDS, Words
from cloud.admin.kit.section import Section

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

LIST_LENGTH = 255  # a workbook's limit for the choices of a cell
Note = tuple[str, bool, str, str, list[str]]  # title, required, note, example, words


def notes_of(desk: Desk, section: Section) -> list[Note]:
    """What there is to say of each column, in the reader's language."""
    spec = section.imports
    assert spec is not None
    form = spec.form(desk, None)
    words = Words(form)
    notes = []
    for column in spec.columns:
        field = form.fields[column.field]
        required = field.required and field.initial is None
        said = words.said(column.field)
        notes.append((str(field.label), required, str(column.note or field.help_text), column.example, said))
    return notes


def template_csv(desk: Desk, section: Section) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    notes = notes_of(desk, section)
    writer.writerow([_header(note) for note in notes])
    writer.writerow([safe_text(one) for one in _note_line(notes)])
    return text.getvalue().encode("utf-8-sig")


def template_xlsx(desk: Desk, section: Section) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "".join(one for one in str(section.title) if one not in "[]:*?/\\")[:31]
    notes = notes_of(desk, section)
    sheet.append([_header(note) for note in notes])
    sheet.append([safe_text(one) for one in _note_line(notes)])
    sheet.freeze_panes = "A3"
    for number, (title, _required, _note, _example, words) in enumerate(notes, 1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = max(18, len(title) * 2 + 4)
        sheet.column_dimensions[letter].number_format = "@"  # 001 stays 001
        sheet.cell(1, number).font = Font(bold=True)
        sheet.cell(1, number).fill = PatternFill("solid", fgColor="E8EEFB")
        sheet.cell(2, number).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(2, number).font = Font(italic=True, color="5D6980")
        choices = ",".join(words)
        if words and len(choices) <= LIST_LENGTH and not any("," in word or '"' in word for word in words):
            rule = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True, showErrorMessage=False)
            sheet.add_data_validation(rule)
            rule.add(f"{letter}3:{letter}{MOST_ROWS + 2}")
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def _header(note: Note) -> str:
    return f"{note[0]} *" if note[1] else note[0]


def _note_line(notes: list[Note]) -> list[str]:
    cells = []
    for _title, required, note, example, words in notes:
        parts = [_("required") if required else _("may be empty"), note.rstrip("。.")]
        if words:
            parts.append(_("possible: %(words)s") % {"words": " / ".join(words[:SAID_WORDS])})
        if example:
            parts.append(_("for example %(example)s") % {"example": example})
        cells.append("; ".join(part for part in parts if part))
    cells[0] = f"{NOTE} {cells[0]}"
    return cells
