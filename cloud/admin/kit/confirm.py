"""A confirmation that says what will happen. In a dialog when htmx asks, a page of its own otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from django.forms import Form
from django.http import HttpRequest, HttpResponse

from cloud.admin.desk import Desk
from cloud.admin.kit.page import show


@dataclass(frozen=True, slots=True)
class Confirm:
    """`url` is posted to, `back` is where Cancel leads; `grave` colours what cannot be undone."""

    title: str
    consequences: tuple[str, ...]
    verb: str
    url: str
    back: str
    grave: bool = False
    form: Form | None = None
    error: str = ""
    hidden: tuple[tuple[str, str], ...] = ()  # sent along: the rows it is about


def ask(request: HttpRequest, desk: Desk, confirm: Confirm, status: int = 200) -> HttpResponse:
    part = bool(request.headers.get("HX-Request"))
    template = "console/kit/confirm.html" if part else "console/confirm_page.html"
    return show(request, desk, template, {"confirm": confirm}, status=status)
