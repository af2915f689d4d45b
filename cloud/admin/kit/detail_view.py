"""A row's page: its facts, what belongs to it, what can be done with it, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloud.admin.kit import registry
from cloud.admin.kit.cells import cell, history_table, related_table
from cloud.admin.kit.list_view import Offer
from cloud.admin.kit.page import show
from cloud.admin.kit.reach import narrowed
from cloud.admin.kit.routed import row_or_404, section_page
from cloud.admin.kit.section import Panel, Related, Section
from cloud.admin.kit.table import Table
from cloud.core.trail import trail_of

if TYPE_CHECKING:
    from cloud.admin.desk import Desk
    from cloud.staff.permissions import Permission

RELATED_ROWS = 50


@dataclass(frozen=True, slots=True)
class Drawn:
    """A block of the page: a table, or a template with its context. `more`: there are rows beyond those shown."""

    title: str
    key: str
    table: Table | None = None
    template: str = ""
    context: Any = None
    more: bool = False


@section_page(lambda section, place: section.view)
def detail(request: HttpRequest, desk: Desk, section: Section, pk: int) -> HttpResponse:
    row = row_or_404(desk, section, pk)
    asked = urlencode({"pk": row.pk, "next": request.path})
    offers = [
        Offer(action, f"{reverse('console:section-action', args=[section.key, action.key])}?{asked}")
        for action in section.actions
        if desk.may(action.permission) and action.fits(row)
    ]
    edit = section.edit
    editor = section.editor(row) if section.editor else None
    context = {
        "section": section,
        "row": row,
        "label": section.label(row),
        "state": section.state(row) if section.state else None,
        "facts": [
            (value.title, cell(read))
            for value in section.fact_values
            if (read := value.read(row)) not in (None, "") or not value.if_any
        ],
        "blocks": [
            *_panels(desk, section, row),
            *_all_related(desk, section, row),
        ],
        "history": history_table(trail_of(section.trail(row))) if section.history else None,
        "offers": offers,
        "may_edit": edit is not None and desk.may(edit.permission) and edit.offered(row),
        "editor": editor if editor is not None and desk.may(editor.permission) else None,
    }
    return show(request, desk, "console/section/detail.html", context)


def _may(desk: Desk, part: Panel | Related) -> bool:
    return part.permission is None or desk.may(part.permission)


def _panels(desk: Desk, section: Section, row: Any) -> Iterator[Drawn]:
    for number, panel in enumerate(section.panels):
        drawn = panel.draw(desk, row) if _may(desk, panel) else None
        if isinstance(drawn, Table):
            yield Drawn(str(panel.title), f"panel-{number}", table=drawn)
        elif drawn is not None:
            yield Drawn(str(panel.title), f"panel-{number}", template=panel.template, context=drawn)


def _all_related(desk: Desk, section: Section, row: Any) -> Iterator[Drawn]:
    for number, related in enumerate(section.related):
        drawn = _related(desk, related, row, number, section.view) if _may(desk, related) else None
        if drawn is not None:
            yield drawn


def _related(desk: Desk, related: Related, row: Any, number: int, permission: Permission) -> Drawn | None:
    section = registry.find(related.section) if related.section else None
    if section is not None and not desk.may(section.view):
        section = None  # the rows may be named, their pages may not be opened
    rows = related.rows(desk, row)
    if rows is None:
        return None
    if isinstance(rows, QuerySet):
        rows = narrowed(desk, rows, permission)
    found = list(rows[: RELATED_ROWS + 1])
    table = related_table(related, found[:RELATED_ROWS], section, f"related-{number}")
    return Drawn(str(related.title), f"related-{number}", table=table, more=len(found) > RELATED_ROWS)
