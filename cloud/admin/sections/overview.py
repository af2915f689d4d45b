"""The landing page: the day in pictures, all of it leading to the rows behind; for a new venue what is still to do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cloud.admin.desk import Desk
from cloud.admin.kit.page import page, show
from cloud.admin.sections.overview_board import overview as board
from cloud.admin.sections.setup_steps import steps
from cloud.staff.permissions import Permission


def _context(desk: Desk) -> dict[str, Any]:
    todo = steps(desk)
    done = sum(step.done for step in todo)
    share = round(100 * done / max(len(todo), 1))
    following = next((step for step in todo if not step.done and step.url), None)
    return {"board": board(desk), "steps": todo, "done": done, "share": share, "next": following,
            "issue": not todo and desk.may(Permission.ORDER_ISSUE)}  # fmt: skip


@page(Permission.LIVE_VIEW)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    return show(request, desk, "console/overview/page.html", _context(desk))


@page(Permission.LIVE_VIEW)
def overview_board(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The figures alone: what the page asks for every few seconds."""
    return show(request, desk, "console/overview/board.html", _context(desk))
