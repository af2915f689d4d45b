"""What a section's values read, as cells of a table and as plain values of an export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cloud.admin.kit.audit_detail import detail_text
from cloud.admin.kit.audit_names import action_name
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.section import Section, Shown, Value
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import stamp
from cloud.core.models import AuditRow

if TYPE_CHECKING:
    from cloud.admin.kit.section import Related

# What starts a formula in a spreadsheet. A value of ours never is one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def enabled_pill(enabled: bool) -> Pill:
    """In service or not: the same words wherever something is switched."""
    return Pill(_("Enabled"), Tone.GOOD, "circle-check") if enabled else Pill(_("Disabled"), Tone.IDLE, "circle-slash")


def cell(shown: Shown) -> Cell:
    if isinstance(shown, Cell):
        return shown
    if isinstance(shown, Pill):
        return Cell(pill=shown)
    if isinstance(shown, bool):
        return Cell(_("Yes") if shown else _("No"))
    if isinstance(shown, datetime):
        return Cell(stamp(shown))
    if isinstance(shown, int):
        return Cell(f"{shown:,}")
    return Cell(str(shown) if shown not in (None, "") else "–")


def plain(value: Value, row: Any) -> str | int | datetime | None:
    """For an export: numbers stay numbers, times are the venue's without a zone, text can be no formula."""
    read: Any = value.plain(row) if value.plain else value.read(row)
    if isinstance(read, Cell):
        read = read.text or (read.pill.text if read.pill else "")
    if isinstance(read, Pill):
        read = read.text
    if isinstance(read, bool):
        return _("Yes") if read else _("No")
    if isinstance(read, datetime):
        return timezone.localtime(read).replace(tzinfo=None, microsecond=0)
    if read is None or isinstance(read, int):
        return read
    return safe_text(str(read))


def safe_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula, and that a worksheet can hold."""
    if not text.isprintable():
        text = "".join(character for character in text if character >= " " or character in "\n\t")
    return f"'{text}" if text.startswith(_FORMULA) else text


def rows_of(
    values: Sequence[Value], rows: Iterable[Any], section: Section | None, prefix: str, back: str = ""
) -> tuple[Row, ...]:
    return tuple(
        Row(
            f"{prefix}-{row.pk}",
            tuple(cell(value.read(row)) for value in values),
            url=section.url(row) + back if section else "",
            value=str(row.pk),
        )
        for row in rows
    )


def related_table(related: Related, rows: Iterable[Any], section: Section | None, prefix: str) -> Table:
    columns = tuple(Column(value.title, value.numeric, value.main) for value in related.values)
    empty = Empty(_("None"), str(related.empty), section.icon if section else "inbox")
    return Table(str(related.title), columns, rows_of(related.values, rows, section, prefix), empty)


def history_table(trail: Sequence[AuditRow]) -> Table:
    columns = (Column(_("When"), main=True), Column(_("What")), Column(_("Who")))
    lines = tuple(
        Row(
            f"audit-{one.pk}",
            (Cell(stamp(one.at)), Cell(action_name(one.action), detail_text(one, 160)), Cell(one.actor_name)),
        )
        for one in trail
    )
    empty = Empty(_("Nothing recorded"), _("Every change is listed here with who made it."), "history")
    return Table(_("History"), columns, lines, empty)
