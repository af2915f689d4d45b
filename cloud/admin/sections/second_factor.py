"""Setting up a second factor, its recovery codes, and switching it off."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cloud.admin.kit.page import report, secured, to_login
from cloud.admin.logins import login_number
from cloud.admin.sections.login import CodeForm
from cloud.admin.sections.qr import drawn
from cloud.core.errors import DomainError
from cloud.staff.models import Employee
from cloud.staff.selectors import recovery_codes_left
from cloud.staff.services import (
    check_second_factor,
    confirm_second_factor,
    has_second_factor,
    note_second_factor,
    prepare_second_factor,
    remove_second_factor,
    renew_recovery_codes,
    second_factor_required,
)


@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    employee = request.user
    if not isinstance(employee, Employee):
        return to_login(request)
    if has_second_factor(employee):
        return _change(request, employee)
    return _set_up(request, employee)


def _set_up(request: HttpRequest, employee: Employee) -> HttpResponse:
    form = CodeForm(request.POST or None, recovery=False)
    setup = prepare_second_factor(employee=employee)
    if request.method == "POST" and form.is_valid():
        answer, codes = confirm_second_factor(employee=employee, code=form.cleaned_data["code"])
        if answer.right:
            number = login_number(request)
            if number is not None:
                note_second_factor(number)
            return _codes(request, codes)
        form.refuse(answer)
    secret = setup.secret
    context = {
        "form": form,
        "first": second_factor_required(employee),
        "svg": drawn(setup.uri, _("The key as a QR code")),
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
    }
    return _page(request, "console/account/second_factor_set_up.html", context, form)


def _change(request: HttpRequest, employee: Employee) -> HttpResponse:
    """New recovery codes, or none at all any more: each for a code, so that a session left open is not enough."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        answer = check_second_factor(employee=employee, code=form.cleaned_data["code"])
        if not answer.right:
            form.refuse(answer)
        else:
            try:
                if request.POST.get("do") != "remove":
                    return _codes(request, renew_recovery_codes(employee=employee))
                remove_second_factor(employee=employee)
            except DomainError as error:
                report(request, error)
            else:
                messages.success(request, _("The second factor is off. Your password alone lets you in."))
            return redirect("console:account")
    context = {
        "form": form,
        "left": recovery_codes_left(employee),
        "required": second_factor_required(employee),
    }
    return _page(request, "console/account/second_factor.html", context, form)


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """The only time they are to be read."""
    return _page(request, "console/account/recovery_codes.html", {"codes": codes}, None)


def _page(request: HttpRequest, template: str, context: dict[str, Any], form: CodeForm | None) -> HttpResponse:
    status = 422 if form is not None and form.errors else 200
    response = secured(render(request, template, context, status=status))
    response["Cache-Control"] = "no-store"
    return response
