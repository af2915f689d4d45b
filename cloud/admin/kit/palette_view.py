"""The go-to palette: pages and records by name, of what the person may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse

from cloud.admin.kit import registry
from cloud.admin.kit.page import page, show
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

RECORDS = 5  # of each section
QUERY_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Found:
    title: str
    note: str
    icon: str
    url: str


def palette(request: HttpRequest, desk: Desk) -> HttpResponse:
    text = request.GET.get("q", "").replace("\0", "").strip()[:QUERY_LENGTH]
    found = [*_pages(desk, text), *(_records(desk, text) if text else [])]
    template = "console/kit/palette_found.html" if "q" in request.GET else "console/kit/palette.html"
    return show(request, desk, template, {"found": found, "text": text})


def _pages(desk: Desk, text: str) -> list[Found]:
    entries = [(group, entry) for group in desk.menu for entry in group.entries]
    wanted = text.casefold()
    return [
        Found(str(entry.title), str(group.title), entry.icon, entry.url)
        for group, entry in entries
        if wanted in str(entry.title).casefold()
    ]


def _records(desk: Desk, text: str) -> list[Found]:
    found = []
    for section in registry.sections():
        if not section.search or not desk.may(section.view):
            continue
        rows = section.searched(section.rows(desk), text).order_by(*section.order, "pk")[:RECORDS]
        found += [Found(section.label(row), str(section.one), section.icon, section.url(row)) for row in rows]
    return sorted(found, key=lambda one: one.title.casefold() != text.casefold())  # just that name comes first


# Whoever has any role may go somewhere; each thing found is behind its own permission.
go_to = page(Permission.LIVE_VIEW)(palette)
