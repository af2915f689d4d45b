"""A table as a value: columns, rows, and what to say when there are none. kit/table.html draws it.

On a phone each row becomes a card: every cell then carries its column's title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.utils.functional import Promise

from cloud.admin.kit.pill import Pill

Item = TypeVar("Item")
PAGE_ROWS = 25
UNBROKEN = 20  # letters; longer ones are broken where there is no room


@dataclass(frozen=True, slots=True)
class Column:
    """`sort_url` makes the title a link that sorts by it; `sorted` is what aria-sort says."""

    title: str | Promise
    numeric: bool = False
    main: bool = False  # names the row: the heading of its card on a phone
    sort_url: str = ""
    sorted: str = ""  # "ascending", "descending"


@dataclass(frozen=True, slots=True)
class Cell:
    """`note` is a second, quieter line."""

    text: str = ""
    note: str = ""
    pill: Pill | None = None
    url: str = ""

    @property
    def unbroken(self) -> bool:
        """A short code, "LANE-10": its hyphen is no place to go on in the next line."""
        return len(self.text) <= UNBROKEN and self.text.isascii() and " " not in self.text


@dataclass(frozen=True, slots=True)
class Row:
    key: str  # unique in the table: what a refresh matches rows by
    cells: tuple[Cell, ...]
    url: str = ""  # where the main cell leads
    value: str = ""  # what choosing it sends, in a table with `choose`


@dataclass(frozen=True, slots=True)
class Empty:
    title: str
    text: str
    icon: str = "inbox"


@dataclass(frozen=True, slots=True)
class Table:
    """`compact` rows stay rows on a phone: what names the row, one column, one pill; figures are left out there.

    `choose` puts a tick box before each row, in the form of that id.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: Empty
    compact: bool = False
    choose: str = ""

    @property
    def lines(self) -> list[tuple[Row, list[tuple[Column, Cell]]]]:
        return [(row, list(zip(self.columns, row.cells, strict=True))) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. Nothing is counted: a count is what makes the last page of a long list slow."""

    items: Sequence[Item]
    number: int
    more: bool

    @property
    def earlier(self) -> int:
        return self.number - 1

    @property
    def later(self) -> int:
        return self.number + 1

    @property
    def first_row(self) -> int:
        return (self.number - 1) * PAGE_ROWS + 1

    @property
    def last_row(self) -> int:
        return (self.number - 1) * PAGE_ROWS + len(self.items)


MAX_PAGE = 400  # deeper is a search's job


def page_of(rows: Any, wanted: str) -> Page[Any]:
    """The page named by a query string's `wanted`; anything that is no page number means the first."""
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else 1
    number = min(max(number, 1), MAX_PAGE)
    start = (number - 1) * PAGE_ROWS
    found = _deep(rows, start) if start and isinstance(rows, QuerySet) else list(rows[start : start + PAGE_ROWS + 1])
    return Page(found[:PAGE_ROWS], number, len(found) > PAGE_ROWS and number < MAX_PAGE)


def _deep(rows: QuerySet[Any], start: int) -> list[Any]:
    """Keys first: the database skips index entries, and looks up what a list shows for the page's rows alone."""
    keys = list(rows.values_list("pk", flat=True)[start : start + PAGE_ROWS + 1])
    found = {row.pk: row for row in rows.filter(pk__in=keys).order_by()}
    return [found[key] for key in keys if key in found]
