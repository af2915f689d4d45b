"""A calendar as a table: written out as it is, and read in, each line one day or slot as it shall be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from openpyxl import Workbook

from cloud.admin.kit.background import in_both
from cloud.admin.kit.import_file import MOST_ROWS, Line, Sheet
from cloud.admin.kit.yuan import yuan
from cloud.admin.sections.product_calendar.grid import Layers
from cloud.admin.sections.product_calendar.sent import price_typed, stock_typed
from cloud.capacity.calendars import MAX_DAYS_AHEAD, MAX_STOCK
from cloud.catalog.calendar_edits import Own, Place
from cloud.catalog.compile import rules_of
from cloud.catalog.dates import slots_by_weekday
from cloud.catalog.models import Spec
from cloud.catalog.offers import WHOLE_DAY
from cloud.catalog.services import MAX_PRICE_FEN
from cloud.core.business_day import clock_text
from cloud.core.errors import DomainError

# What the columns are called; the last two are only told, and not read.
TITLES: dict[str, str | Promise] = {
    "day": gettext_lazy("Day"),
    "slot": gettext_lazy("Slot"),
    "price": gettext_lazy("Price in yuan"),
    "stock": gettext_lazy("Stock"),
    "sale": gettext_lazy("Sale"),
    "sold": gettext_lazy("Sold so far"),
    "held": gettext_lazy("Held"),
}
_NEEDED = ("day",)
_CLOSED = frozenset({"closed", "关闭", "停售", "不售", "no", "否"})
_OPEN = frozenset({"", "sold", "open", "可售", "在售", "销售", "yes", "是"})
_WHOLE = frozenset({"", "whole day", "全天", "整天", "day", "日"})
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 00:00:00)?")
_CLOCK = re.compile(r"(\d{1,2})[:：](\d{2})(?::00)?(?:\s*[-–~至]\s*\d{1,2}[:：]\d{2}.*)?")


@dataclass(slots=True)
class Wrong:
    """What is wrong with a cell of a line; the column's title in the reader's language."""

    number: int
    label: str
    column: str
    text: tuple[str, str]


@dataclass(slots=True)
class Read:
    """What a table says. `over`: lines of days that are over, which stay as they are."""

    cells: dict[Place, Own] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    over: int = 0


def header_of(sheet: Sheet) -> dict[str, int]:
    """Field -> its column, by the titles in either language.

    Raises:
        DomainError: "import.header": the day is missing, a column is unknown or there twice.
    """
    known = {word.casefold(): name for name, title in TITLES.items() for word in in_both(lambda one=title: one)}
    found: dict[str, int] = {}
    for number, text in enumerate(sheet.header):
        name = known.get(text.strip().rstrip("*").strip().casefold())
        if name is None:
            raise _refused(
                f"不认识的列：{text[:40]}。请使用模板。", f"There is no column “{text[:40]}”. Use the template."
            )
        if name in found:
            raise _refused(f"“{text[:40]}”列出现两次。", f"The column “{text[:40]}” is there twice.")
        found[name] = number
    for name in _NEEDED:
        if name not in found:
            zh, en = in_both(lambda one=name: TITLES[one])
            raise _refused(f"缺少“{zh}”列。", f"The column “{en}” is missing.")
    return found


def _refused(zh: str, en: str) -> DomainError:
    return DomainError("import.header", zh, en, "file")


def read(spec: Spec, sheet: Sheet, today: date) -> Read:
    """All lines, each cell with what is wrong with it. Raises DomainError "import.header"."""
    return _Reader(spec, header_of(sheet), today).all(sheet.lines)


class _Reader:
    def __init__(self, spec: Spec, columns: Mapping[str, int], today: date) -> None:
        self.spec, self.columns, self.today = spec, columns, today
        self.last = today + timedelta(days=MAX_DAYS_AHEAD)
        self.weekly = [{slot.start for slot in slots} for slots in slots_by_weekday(spec.product)]
        self.found = Read()

    def all(self, lines: Sequence[Line]) -> Read:
        for line in lines:
            self._line(line)
        return self.found

    def _line(self, line: Line) -> None:
        before = len(self.found.wrong)
        day = self._one(line, "day", self._day)
        slot = self._one(line, "slot", lambda text: self._slot(text, day))
        price = self._one(line, "price", lambda text: _within(price_typed(text), MAX_PRICE_FEN) if text else None)
        stock = self._one(line, "stock", lambda text: _within(stock_typed(text), MAX_STOCK) if text else None)
        closed = self._one(line, "sale", _sale)
        if len(self.found.wrong) > before or day is None:
            return
        if day < self.today:
            self.found.over += 1
            return
        place = (day, slot)
        if place in self.found.lines:
            zh, en = f"与第 {self.found.lines[place]} 行重复。", f"It is in line {self.found.lines[place]} already."
            self._wrong(line, "day", (zh, en))
            return
        self.found.lines[place] = line.number
        self.found.cells[place] = Own(price, stock, closed)

    def _one(self, line: Line, name: str, understand: Callable[[str], Any]) -> Any:
        at = self.columns.get(name)
        text = line.cells[at] if at is not None and at < len(line.cells) else ""
        try:
            return understand(text)
        except DomainError as error:
            self._wrong(line, name, (error.zh, error.en))
            return None

    def _wrong(self, line: Line, name: str, text: tuple[str, str]) -> None:
        label = line.cells[self.columns["day"]] if self.columns["day"] < len(line.cells) else ""
        self.found.wrong.append(Wrong(line.number, label[:40], str(TITLES[name]), text))

    def _day(self, text: str) -> date:
        found = _DAY.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError(text)
            day = date(*(int(part) for part in found.groups()))
        except ValueError:
            raise _cell(
                f"“{text[:40]}”不是日期，请填 2027-05-01。", f"“{text[:40]}” is no day: write 2027-05-01."
            ) from None
        if day > self.last:
            raise _cell(f"最远可设置到 {self.last}。", f"The calendar can be set until {self.last} at most.")
        return day

    def _slot(self, text: str, day: date | None) -> int:
        if text.strip().casefold() in _WHOLE:
            return WHOLE_DAY
        found = _CLOCK.fullmatch(text.strip())
        start = int(found[1]) * 60 + int(found[2]) if found else -1
        if not any(start in starts for starts in self.weekly):
            raise _cell(f"没有时段“{text[:40]}”。", f"There is no slot “{text[:40]}”.")
        if day is not None and start not in self.weekly[day.weekday()]:
            raise _cell(f"{day} 没有时段 {clock_text(start)}。", f"There is no slot at {clock_text(start)} on {day}.")
        return start


def _sale(text: str) -> bool:
    folded = text.strip().casefold()
    if folded in _CLOSED:
        return True
    if folded in _OPEN:
        return False
    raise _cell(f"“{text[:40]}”应填“可售”或“停售”。", f"“{text[:40]}” should be sold or closed.")


def _within(value: int | None, most: int) -> int | None:
    if value is not None and value > most:
        raise _cell("数值过大。", "That is too much.")
    return value


def _cell(zh: str, en: str) -> DomainError:
    return DomainError("import.cell", zh, en)


# --- writing


def lines_of(spec: Spec, first: date, last: date, today: date) -> Iterator[list[str | float | int | date | None]]:
    """A line for each day between, and for each slot of it: what it has of its own, and what is taken."""
    layers = Layers(spec, first, last, today)
    periods = {slot.start: f"{clock_text(slot.start)}-{clock_text(slot.end)}" for slot in rules_of(spec.product).slots}
    weekly, written = slots_by_weekday(spec.product), 0
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        for slot in (WHOLE_DAY, *(one.start for one in weekly[day.weekday()])):
            if written >= MOST_ROWS:
                return
            cell = layers.cell(day, slot)
            written += 1
            yield [
                day.isoformat(),
                *([_("Whole day") if slot == WHOLE_DAY else periods[slot]] if periods else []),
                yuan(cell.own.price_fen) if cell.own.price_fen is not None else None,
                cell.own.stock,
                pgettext("day", "Closed") if cell.own.closed else _("Sold"),
                cell.sold,
                cell.held,
            ]


def titles(spec: Spec) -> list[str]:
    slotted = bool(rules_of(spec.product).slots)
    return [str(title) for name, title in TITLES.items() if name != "slot" or slotted]


def as_csv(spec: Spec, first: date, last: date, today: date) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(titles(spec))
    writer.writerows(lines_of(spec, first, last, today))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(spec: Spec, first: date, last: date, today: date) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Prices and stock"))
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDEFG", (13, 15, 15, 11, 11, 13, 11), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.append(titles(spec))
    at = titles(spec).index(str(TITLES["price"]))
    for line in lines_of(spec, first, last, today):
        if line[at] is not None:
            line[at] = float(str(line[at]))
        sheet.append(line)
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()
