"""Every request of somebody logged in: is the session still good, and is there something to be done first?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axes.helpers import get_client_ip_address
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cloud.admin.kit.page import go, to_login
from cloud.staff.models import Employee, LoginSession
from cloud.staff.services import begin_session, end_this, has_second_factor, resume_session, second_factor_required

SESSION_LOGIN = "login"  # the LoginSession's number
BY_ITSELF = "X-By-Itself"  # a region's refresh sends it (live.js): somebody who only left a page open is idle
# Pages for who has something to do first: the door itself, and the two where it is done.
OPEN = frozenset({"login", "second-step", "logout", "language", "password", "second-factor", "session-ended"})


class LoginMiddleware:
    """After Django's AuthenticationMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or "console" not in match.namespaces or not isinstance(request.user, Employee):
            return None
        session = _session(request, request.user)
        if session is None:
            return _out(request)
        if match.url_name in OPEN:
            return None
        wanted = _first(request.user, session)
        return go(request, f"{reverse(wanted)}?first=1") if wanted else None


def enter(request: HttpRequest, employee: Employee, *, backend: str, second_factor: bool = False) -> None:
    """Logs somebody in who has shown who they are. Django gives the session a new key."""
    login(request, employee, backend=backend)
    session = begin_session(
        employee=employee,
        address=get_client_ip_address(request),
        agent=request.headers.get("User-Agent", ""),
        second_factor=second_factor,
    )
    request.session[SESSION_LOGIN] = session.pk


def leave(request: HttpRequest) -> None:
    """Logs out, and notes it."""
    number = login_number(request)
    if number is not None:
        end_this(number)
    logout(request)


def login_number(request: HttpRequest) -> int | None:
    """The LoginSession's number of this request's session."""
    number = request.session.get(SESSION_LOGIN)
    return number if isinstance(number, int) else None


def _session(request: HttpRequest, employee: Employee) -> LoginSession | None:
    number = login_number(request)
    if number is not None:
        return resume_session(employee=employee, pk=number, by_itself=BY_ITSELF in request.headers)
    # Logged in by other means than the door (a session older than these notes): noted from now on.
    session = begin_session(
        employee=employee, address=get_client_ip_address(request), agent=request.headers.get("User-Agent", "")
    )
    request.session[SESSION_LOGIN] = session.pk
    return session


def _out(request: HttpRequest) -> HttpResponse:
    ended = LoginSession.objects.filter(pk=login_number(request)).values_list("ended_why", flat=True).first()
    logout(request)
    why = {
        LoginSession.Ended.IDLE: _("You were logged out because nothing was done for a long time."),
        LoginSession.Ended.AGE: _("You were logged out because you logged in long ago."),
    }
    messages.info(request, why.get(ended, _("This session was ended. Log in again.")))  # type: ignore[call-overload]
    return to_login(request)


def _first(employee: Employee, session: LoginSession) -> str:
    """The page of what has to be done before anything else; "" for nothing."""
    if employee.must_change_password():
        return "console:password"
    if session.second_factor or not second_factor_required(employee):
        return ""
    # Set up since, in another session: this one has not shown it.
    return "console:session-ended" if has_second_factor(employee) else "console:second-factor"
