"""The pages for what went wrong: not permitted, not found, a form that came from elsewhere, our own failure."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from cloud.admin.kit.page import NoVenue, secured


def _page(request: HttpRequest, code: int, title: str, text: str, **context: Any) -> HttpResponse:
    context |= {"code": code, "title": title, "text": text}
    return secured(render(request, "console/error.html", context, status=code))


def _home() -> dict[str, str]:
    return {
        "way_out": reverse("console:overview"),
        "way_out_text": _("To the overview"),
        "way_out_icon": "layout-dashboard",
    }


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, NoVenue):
        text = _("Your account has no role at any venue yet. Ask an administrator to give you one, then log in again.")
        return _page(request, 403, _("No venue for you yet"), text, logout=True)
    text = _("Your role does not include this page. Ask an administrator for one that does.")
    return _page(request, 403, _("Not permitted"), text, **_home())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = _("There is nothing at this address: it was mistyped, or what it named belongs to another venue.")
    return _page(request, 404, _("Not found"), text, **_home())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """settings.CSRF_FAILURE_VIEW: mostly a form left open while somebody logged in or out in another tab."""
    text = _(
        "This form is no longer valid, because you logged in or out since it was opened. Nothing was changed. "
        "Go back, reload the page and send it again."
    )
    return _page(request, 403, _("Please reload the page"), text, **_home())


def failure(request: HttpRequest) -> HttpResponse:
    text = _(
        "Something failed on our side and nothing was changed. Try again; if it stays, tell your administrator when."
    )
    return _page(request, 500, _("That did not work"), text, **_home())
