"""How a view becomes a page: login, venue, scope, time zone, permission before it; frame and headers after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import get_language, get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header
from django_scopes import scope

from cloud.admin.desk import Desk, desk_of
from cloud.core.errors import DomainError
from cloud.core.policy import CONTENT_POLICY
from cloud.staff.permissions import Permission

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Desk, P], HttpResponse]


class NoVenue(PermissionDenied):
    """The employee is logged in and has no role at any venue."""


def page(permission: Permission | None) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Makes `view(request, desk, ...)` a console page for employees with the permission at the chosen venue.

    Without one it is everybody's who works there: their own account.
    """

    def wrap(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def run(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_login(request)
            desk = desk_of(request)
            if desk is None:
                raise NoVenue
            with scope(venue=desk.venue), timezone.override(desk.zone), translation.override(_language(request, desk)):
                if permission is not None and not desk.may(permission):
                    raise PermissionDenied
                return secured(view(request, desk, *args, **kwargs))

        return run

    return wrap


def _language(request: HttpRequest, desk: Desk) -> str:
    """What the reader chose, else what their browser asks for, if the venue offers it; else the venue's own."""
    return next((code for code in _asked_for(request) if code in desk.venue.languages), desk.venue.default_language)


def _asked_for(request: HttpRequest) -> Iterator[str]:
    yield request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    for code, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        with suppress(LookupError):  # a language that the console has not
            yield get_supported_language_variant(code)


def show(
    request: HttpRequest, desk: Desk, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Renders a page or a part of one. `current` is the page's name; `menu` knows which entry it belongs to."""
    match = request.resolver_match
    current = match.view_name if match else ""
    key = str(match.kwargs.get("key", "")) if match else ""
    frame = {"desk": desk, "current": current, "menu": desk.menu_at(current, key)}
    return render(request, template, {**frame, **(context or {})}, status=status)


def secured(response: HttpResponse) -> HttpResponse:
    """Adds the content policy, and keeps pages with people's names out of shared caches."""
    response.setdefault("Content-Security-Policy", CONTENT_POLICY)
    response.setdefault("Cache-Control", "private, no-store")
    return response


def go(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect that also works when the request came from htmx, which would swap the other page into this one."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def said(error: DomainError) -> str:
    """A service's refusal in the reader's language."""
    return error.text(get_language() or "zh-hans")


def report(request: HttpRequest, error: DomainError) -> None:
    messages.error(request, said(error))


def to_login(request: HttpRequest) -> HttpResponse:
    """To the door and back here."""
    if request.headers.get("HX-Request"):
        # A part of a page asks: after logging in, the whole page is wanted.
        came_from = request.headers.get("HX-Current-URL", "")
        return HttpResponse(status=204, headers={"HX-Redirect": came_from or request.path})
    return redirect_to_login(request.get_full_path())
