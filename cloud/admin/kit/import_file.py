"""A table somebody hands in: CSV or a workbook, read as text. What cannot be read says why and what to do.

The content decides what it is, never the name: a renamed program, an old .xls or a picture is told apart.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import load_workbook

from cloud.core.errors import DomainError

MOST_BYTES = 10 << 20
MOST_UNPACKED = 200 << 20  # of a workbook
MOST_ROWS = 50_000
MOST_COLUMNS = 60
NOTE = "#"  # a line that begins with it is skipped: the template's notes
_MERGED = b"<mergeCell "
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """`number` as the spreadsheet counts: the header is line 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read(content: bytes) -> Sheet:
    """The header and the lines that say something.

    Raises:
        DomainError: "import.*": too large, not a table, encoding unknown, formulas, merged cells, nothing in it.
    """
    if len(content) > MOST_BYTES:
        raise _refused(
            "size",
            f"文件超过 {MOST_BYTES >> 20} MB，请拆分后分次导入。",
            f"The file is larger than {MOST_BYTES >> 20} MB. Split it and import the parts.",
        )
    if content.startswith(b"PK\x03\x04"):
        rows = _workbook(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refused(
            "old",
            "这是旧版 Excel 文件（.xls）。请在 Excel 中另存为 .xlsx 后再上传。",
            "This is an old Excel file (.xls), or a protected one. Save it as .xlsx without a password.",
        )
    else:
        rows = _csv(content)
    return _sheet(rows)


def _sheet(rows: Iterator[tuple[str, ...]]) -> Sheet:
    header: tuple[str, ...] = ()
    lines: list[Line] = []
    for number, cells in enumerate(rows, 1):
        if not any(cells) or cells[0].startswith(NOTE):
            continue
        if not header:
            header = cells
            while header and not header[-1]:
                header = header[:-1]
            if len(header) > MOST_COLUMNS:
                raise _refused(
                    "columns",
                    f"列数超过 {MOST_COLUMNS}，请使用模板。",
                    f"It has more than {MOST_COLUMNS} columns. Use the template.",
                )
            continue
        if len(lines) >= MOST_ROWS:
            raise _refused(
                "rows",
                f"超过 {MOST_ROWS:,} 行，请拆分后分次导入。",
                f"It has more than {MOST_ROWS:,} rows. Split it and import the parts.",
            )
        lines.append(Line(number, cells))
    if not lines:
        raise _refused(
            "empty",
            "文件中没有数据行。第一行是表头，数据从第二行开始。",
            "There are no rows in it. The first line is the header; rows begin on the second.",
        )
    return Sheet(header, tuple(lines))


def _csv(content: bytes) -> Iterator[tuple[str, ...]]:
    text = _decoded(content)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield tuple(cell.strip() for cell in row)
    except csv.Error as problem:
        raise _refused(
            "csv",
            f"CSV 格式有误（{problem}）。请检查引号，或改用 .xlsx。",
            f"The CSV is damaged ({problem}). Look at its quotes, or use .xlsx.",
        ) from None


def _decoded(content: bytes) -> str:
    """By its byte order mark, else UTF-8, else GB18030: what Chinese spreadsheets write."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in content[:4096]:
        encodings = []  # no text has these
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(character < " " and character not in "\t\r\n" for character in text[:4096]):
            return text
    raise _refused(
        "kind",
        "这不是表格文件。请上传模板填写后的 .xlsx 或 .csv 文件。",
        "This is not a table. Hand in the filled-in template: an .xlsx or a .csv file.",
    )


def _workbook(content: bytes) -> Iterator[tuple[str, ...]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise _refused(
                    "kind",
                    "这不是 Excel 工作簿。请上传模板填写后的 .xlsx 或 .csv 文件。",
                    "This is no workbook. Hand in the filled-in template: an .xlsx or a .csv file.",
                )
            if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
                raise _refused(
                    "size",
                    "工作簿解压后过大，请拆分后分次导入。",
                    "The workbook is too large when unpacked. Split it and import the parts.",
                )
            for entry in entries:
                if entry.filename.startswith("xl/worksheets/") and _merged(archive, entry.filename):
                    raise _refused(
                        "merged",
                        "表中有合并单元格。请取消合并，使每行各列都有自己的值。",
                        "It has merged cells. Unmerge them, so that each row has its own values.",
                    )
        book = load_workbook(io.BytesIO(content), read_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file claims may be wrong
        for row in sheet.iter_rows(max_col=MOST_COLUMNS + 1):
            yield tuple(_text(cell) for cell in row)
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, SyntaxError, EOFError):
        raise _refused(
            "damaged",
            "工作簿已损坏，无法读取。请重新保存后再上传。",
            "The workbook is damaged. Open it, save it anew and hand that in.",
        ) from None


def _merged(archive: zipfile.ZipFile, name: str) -> bool:
    tail = b""
    with archive.open(name) as file:
        while piece := file.read(_PIECE):
            if _MERGED in tail + piece:
                return True
            tail = piece[-len(_MERGED) :]
    return False


def _text(cell: Any) -> str:
    """A cell as it reads: 12 not 12.0, days as 2026-11-22. Raises DomainError "import.formula", "import.cell"."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise _refused(
            "formula",
            f"单元格 {cell.coordinate} 是公式。请复制并“选择性粘贴”为值。",
            f"Cell {cell.coordinate} is a formula. Copy it and paste it as a value.",
        )
    if cell.data_type == "e":
        raise _refused(
            "cell", f"单元格 {cell.coordinate} 是错误值 {value}。", f"Cell {cell.coordinate} holds the error {value}."
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date().isoformat()
    if isinstance(value, date | datetime):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return str(value).strip()


def _refused(code: str, zh: str, en: str) -> DomainError:
    return DomainError(f"import.{code}", zh, en, "file")
