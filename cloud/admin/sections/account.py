"""One's own account: where one works, one's logins; the language and the venue chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cloud.admin.desk import SESSION_VENUE, Desk
from cloud.admin.kit.browser import browser_name
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import named, stamp
from cloud.admin.logins import login_number
from cloud.admin.sections.employee_view import reach_text
from cloud.core.errors import DomainError
from cloud.staff.models import Employee, LoginSession
from cloud.staff.selectors import grants_of, logins_of, recovery_codes_left, refused_logins, sessions_of
from cloud.staff.services import end_other_sessions, end_own_session, has_second_factor
from cloud.venues.selectors import venues_of

A_YEAR = 365 * 24 * 3600
HISTORY = 30


@dataclass(frozen=True, slots=True)
class SessionView:
    """One of one's logins that is not over."""

    pk: int
    browser: str
    phone: bool
    address: str
    began: datetime
    seen: datetime
    this: bool


@page(None)
def account(request: HttpRequest, desk: Desk) -> HttpResponse:
    employee, this = desk.employee, login_number(request)
    context = {
        "employee": employee,
        "places": _places(employee),
        "sessions": [_session(one, this) for one in sessions_of(employee)],
        "history": _history(employee),
        "has_factor": has_second_factor(employee),
        "codes_left": recovery_codes_left(employee),
    }
    return show(request, desk, "console/account/page.html", context)


@require_POST
@page(None)
def end_session(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    try:
        end_own_session(employee=desk.employee, pk=pk)
    except DomainError as error:
        report(request, error)
    else:
        messages.success(request, _("The session is ended: that device has to log in again."))
    return redirect("console:account")


@require_POST
@page(None)
def end_others(request: HttpRequest, desk: Desk) -> HttpResponse:
    count = end_other_sessions(employee=desk.employee, but=login_number(request))
    text = ngettext("%(count)d other session is ended.", "%(count)d other sessions are ended.", count)
    messages.success(request, text % {"count": count})
    return redirect("console:account")


def _session(one: LoginSession, this: int | None) -> SessionView:
    name, phone = browser_name(one.agent)
    return SessionView(one.pk, name, phone, one.address or "–", one.began_at, one.seen_at, one.pk == this)


def _places(employee: Employee) -> Table:
    """Where one works, and as what."""
    columns = (Column(_("Venue"), main=True), Column(_("Role")), Column(_("Stations")))
    lines = tuple(
        Row(f"grant-{one.pk}", (Cell(named(one.venue)), Cell(named(one.role)), Cell(reach_text(one))))
        for one in grants_of(employee)
    )
    text = _("You may do everything at every venue.") if employee.is_superuser else _("An administrator gives you one.")
    return Table(_("Where you work"), columns, lines, Empty(_("No role"), text, "shield"))


def _history(employee: Employee) -> Table:
    """Logins and failed ones, the latest first."""
    lines: list[tuple[datetime, Row]] = []
    for one in logins_of(employee)[:HISTORY]:
        name, _phone = browser_name(one.agent)
        how = _("with the second factor") if one.second_factor else _("with the password")
        cells = (Cell(stamp(one.began_at)), Cell(name, how), Cell(one.address or "–"), Cell(pill=ended_pill(one)))
        lines.append((one.began_at, Row(f"login-{one.pk}", cells)))
    for refused in refused_logins(employee)[:HISTORY]:
        pill = Pill(_("Refused"), Tone.BAD, "circle-x")
        cells = (Cell(stamp(refused.at)), Cell(_("Wrong password or code")), Cell("–"), Cell(pill=pill))
        lines.append((refused.at, Row(f"refused-{refused.pk}", cells)))
    lines.sort(key=lambda line: line[0], reverse=True)
    columns = (Column(_("When"), main=True), Column(_("Device")), Column(_("Address")), Column(_("State")))
    empty = Empty(_("No logins yet"), _("Each login to this account is listed here."), "history")
    return Table(_("Logins"), columns, tuple(row for _at, row in lines[:HISTORY]), empty)


def ended_pill(one: LoginSession) -> Pill:
    """Whether a login is still good, and why not."""
    if one.ended_at is None:
        return Pill(_("Logged in"), Tone.GOOD, "circle-check")
    why = {
        LoginSession.Ended.LOGOUT: _("Logged out"),
        LoginSession.Ended.ENDED: _("Ended from another session"),
        LoginSession.Ended.ADMINISTRATOR: _("Ended by an administrator"),
        LoginSession.Ended.PASSWORD: _("Ended by a new password"),
        LoginSession.Ended.DEACTIVATED: _("Ended by deactivation"),
        LoginSession.Ended.IDLE: _("Ended: nothing was done"),
        LoginSession.Ended.AGE: _("Ended by its age"),
    }
    return Pill(why[LoginSession.Ended(one.ended_why)], Tone.IDLE, "log-out")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Changes the reader's language and goes back to where they were."""
    language = request.POST.get("language", "")
    response = HttpResponseRedirect(_way_back(request))
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=A_YEAR,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


@require_POST
def choose_venue(request: HttpRequest) -> HttpResponse:
    """Works at another venue from now on. 404 for one without a role there."""
    if not isinstance(request.user, Employee):
        return redirect(settings.LOGIN_URL)
    code = request.POST.get("venue", "")
    if code not in venues_of(request.user).values_list("code", flat=True):
        raise Http404
    request.session[SESSION_VENUE] = code
    return redirect(settings.LOGIN_REDIRECT_URL)


def _way_back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else "/"
