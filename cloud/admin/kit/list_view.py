"""A section's list: search, filters, order, columns, pages, and what can be done to chosen rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from cloud.admin.kit.cells import rows_of
from cloud.admin.kit.page import show
from cloud.admin.kit.query import VIEW, Query
from cloud.admin.kit.routed import section_page
from cloud.admin.kit.saved_view import chips_of, first_address
from cloud.admin.kit.section import Action, Section
from cloud.admin.kit.table import Column, Empty, Table

if TYPE_CHECKING:
    from cloud.admin.desk import Desk


@dataclass(frozen=True, slots=True)
class Offer:
    """An action as a button."""

    action: Action
    url: str


@dataclass(frozen=True, slots=True)
class Sort:
    """An order offered where no header is to be pressed: cards on a phone. `wanted` is what the address says."""

    wanted: str
    text: str
    current: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """One of a list's tabs."""

    title: str
    url: str
    count: int
    current: bool


@section_page(lambda section, place: section.view)
def listing(request: HttpRequest, desk: Desk, section: Section) -> HttpResponse:
    if section.single:
        return redirect(section.url(section.rows(desk).get()))
    if not request.GET:
        first = first_address(desk, section)
        if first:
            return redirect(first)
    query = Query(section, desk, request, request.GET)
    found = query.page
    view = request.GET.get(VIEW, "")
    bulk = [
        Offer(action, reverse("console:section-action", args=[section.key, action.key]))
        for action in section.actions
        if action.bulk and desk.may(action.permission)
    ]
    export = query.address() if desk.may(section.export_permission) else ""
    context = {
        "section": section,
        "query": query,
        "filters": query.filters.form,
        "sorts": _sorts(query),
        "tabs": _tabs(query),
        "tab_filter": section.tabs.filter if section.tabs else "",
        "table": _table(query, choose="choose" if bulk and found.items else ""),
        "page": found,
        "earlier": query.address(page=str(found.earlier)) if found.number > 1 else "",
        "later": query.address(page=str(found.later)) if found.more else "",
        "bulk": bulk,
        "chips": chips_of(desk, section, view),
        "misfits": query.misfits if view else [],
        "save_url": reverse("console:filter-save", args=[section.key]) + query.address(**{VIEW: None}),
        "may_save": not view and bool(query.narrowed or "sort" in request.GET),
        "chosen_columns": {value.key for value in query.values},
        "kept": [(name, value) for name in request.GET for value in request.GET.getlist(name)
                 if name not in ("columns", "page", VIEW)],
        "links": [link for link in section.links if desk.may(link.permission)],
        "live": section.live if found.number == 1 else 0,
        "may_import": section.imports is not None and desk.may(section.imports.permission),
        "may_create": section.create is not None and desk.may(section.create.permission),
        "exports": [
            (name, reverse("console:section-export", args=[section.key, suffix]) + export)
            for name, suffix in (("Excel", "xlsx"), ("CSV", "csv"))
        ] if export else [],
    }  # fmt: skip
    status = 200 if query.filters.is_valid() else 422
    return show(request, desk, "console/section/list.html", context, status)


def _sorts(query: Query) -> list[Sort]:
    """Each column that sorts, both ways. A wide screen hides the choice, and a search still sends it along."""
    current, descending = query.sorting
    shown = [value for value in query.section.values if value.order and (value in query.values or value is current)]
    return [
        Sort(f"{sign}{value.key}", words % {"column": value.title}, value is current and descending == bool(sign))
        for value in shown
        for sign, words in (("", _("%(column)s, ascending")), ("-", _("%(column)s, descending")))
    ]


def _tabs(query: Query) -> list[Tab]:
    """Counted over what the search and the other filters find."""
    tabs = query.section.tabs
    if tabs is None:
        return []
    others = query.data.copy()
    others.pop(tabs.filter, None)
    found = Query(query.section, query.desk, query.request, others)
    counts = tabs.counts(found.filters.qs) if found.filters.is_valid() else {}
    current = query.data.get(tabs.filter, "")
    everything = query.address(**{tabs.filter: None})
    everything = everything if everything != "?" else f"?{VIEW}="  # not the filter somebody's list begins with
    first = Tab(_("All"), everything, counts.get("all", 0), not current)
    return [
        first,
        *(
            Tab(str(title), query.address(**{tabs.filter: key}), counts.get(key, 0), key == current)
            for key, title in tabs.choices
        ),
    ]


def _table(query: Query, choose: str) -> Table:
    section = query.section
    current, descending = query.sorting
    columns = []
    for value in query.values:
        ours = current is value
        if not value.order:
            columns.append(Column(value.title, value.numeric, value.main))
            continue
        wanted = f"-{value.key}" if ours and not descending else value.key
        columns.append(
            Column(
                value.title, value.numeric, value.main,
                sort_url=query.address(sort=wanted),
                sorted=("descending" if descending else "ascending") if ours else "",
            )
        )  # fmt: skip
    rows = rows_of(query.values, query.page.items, section, section.key)
    return Table(str(section.title), tuple(columns), rows, _empty(query), choose=choose)


def _empty(query: Query) -> Empty:
    section = query.section
    if query.narrowed:
        return Empty(_("Nothing found"), _("Try fewer words or filters."), "search-x")
    if query.page.number > 1:
        return Empty(_("No more rows"), _("The list ends before this page."), section.icon)
    return Empty(_("Nothing here yet"), str(section.empty), section.icon)
