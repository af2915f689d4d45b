"""One-time passwords for many: shown, printed or fetched as a workbook in the answer to one POST, and kept nowhere.

Neither a job's file nor the session, the audit or a message ever has them: lost, they are made anew.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from openpyxl import Workbook

from cloud.admin.desk import Desk
from cloud.admin.kit.cells import safe_text
from cloud.admin.kit.export_file import TYPES
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.pill import Pill
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.table import Empty
from cloud.admin.kit.text import minute
from cloud.admin.sections import employee_view as view
from cloud.core.errors import DomainError
from cloud.staff import selectors, services
from cloud.staff.models import Employee
from cloud.staff.permissions import Permission
from cloud.staff.services.passwords import AT_MOST, ONE_TIME_LIFE, Given

MOST_ASKED = 4_096  # values looked at of a request


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody without a password of their own. `value` is sent back: who, and what this page knew of them."""

    employee: Employee
    name: str
    roles: str
    state: Pill
    value: str
    ticked: bool


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.STAFF_MANAGE)
def first_passwords(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Asks whom for; the answer to the POST is the only place where the passwords are ever to be read."""
    context: dict[str, Any] = {"days": ONE_TIME_LIFE.days, "most": AT_MOST}
    if request.method == "POST":
        seen = _seen(request.POST.getlist("for")[:MOST_ASKED])
        if not seen:
            messages.warning(request, _("Choose some rows first."))
            return redirect("console:first-passwords")
        try:
            given = services.give_first_passwords(**actor_of(desk), seen=seen)
        except DomainError as error:
            report(request, error)
            return redirect("console:first-passwords")
        address = request.build_absolute_uri(reverse("console:login"))
        if "file" in request.POST:
            return _workbook(given, address)
        left = len(seen) - len(given)
        context |= {"given": given, "address": address, "until": given[0].employee.one_time_until}
        if left:
            text = ngettext("%(count)d was left out: somebody else has just seen to them.",
                            "%(count)d were left out: somebody else has just seen to them.", left)  # fmt: skip
            messages.warning(request, text % {"count": left})
    else:
        found = selectors.waiting_for_password(desk.venue).exclude(pk=desk.employee.pk)
        waiting = [_waiting(one) for one in found[: AT_MOST + 1]]
        nobody = Empty(
            _("Nobody waits for a password"), _("Whoever is taken on or imported is listed here until they log in."),
            "key-round",
        )  # fmt: skip
        context |= {"waiting": waiting[:AT_MOST], "more": len(waiting) > AT_MOST, "nobody": nobody}
    response = show(request, desk, "console/employees/first_passwords.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _waiting(employee: Employee) -> Waiting:
    changed = employee.password_changed_at
    return Waiting(
        employee=employee,
        name=view.name_of(employee),
        roles=view.roles_text(employee),
        state=view.status_pill(employee),
        value=f"{employee.pk}~{changed.isoformat() if changed else ''}",
        ticked=not employee.has_usable_password() or employee.one_time_over(),
    )


def _seen(values: list[str]) -> dict[int, datetime | None]:
    """Who is meant, and when their password had changed as the page said. What no page sent is left out."""
    found: dict[int, datetime | None] = {}
    for value in values:
        pk, _tilde, when = value.partition("~")
        if not (pk.isascii() and pk.isdigit() and len(pk) < 19):
            continue
        changed = _instant(when)
        if not when or changed is not None:
            found[int(pk)] = changed
    return found


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:  # well written, and no day of any calendar
        return None
    return found if found is not None and timezone.is_aware(found) else None


def _workbook(given: list[Given], address: str) -> HttpResponse:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("One-time passwords"))
    for column, width in zip("ABCDE", (20, 20, 24, 18, 40), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.append([_("Name"), _("User name"), _("One-time password"), _("Good until"), _("Address")])
    for one in given:
        until = one.employee.one_time_until
        line = [
            view.name_of(one.employee),
            one.employee.username,
            one.password,
            minute(until) if until else "",
            address,
        ]
        sheet.append([safe_text(text) for text in line])
    output = io.BytesIO()
    book.save(output)
    response = HttpResponse(output.getvalue(), content_type=TYPES["xlsx"])
    name = f"one-time-passwords-{timezone.localtime():%Y%m%d-%H%M}.xlsx"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
