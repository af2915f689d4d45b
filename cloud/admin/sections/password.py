"""Choosing another password: because one wants to, or because one got in with a one-time password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.password_validation import get_default_password_validators
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from cloud.admin.kit.page import said, secured, to_login
from cloud.admin.logins import login_number
from cloud.core.errors import DomainError
from cloud.staff.models import Employee
from cloud.staff.services import change_password


class PasswordForm(forms.Form):
    """`now` is not asked of who has just typed in a one-time password."""

    now = forms.CharField(strip=False, max_length=200)
    password = forms.CharField(strip=False, max_length=200)
    again = forms.CharField(strip=False, max_length=200)

    def __init__(self, *args: Any, first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {"now": _("Password now"), "password": _("New password"), "again": _("New password again")}
        for name, label in labels.items():
            field = self.fields[name]
            field.label = label
            kind = "current-password" if name == "now" else "new-password"
            field.widget = forms.PasswordInput(attrs={"autocomplete": kind})
        if first:
            del self.fields["now"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("The two are not the same."))
        return data


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    employee = request.user
    if not isinstance(employee, Employee):
        return to_login(request)
    first = employee.must_change_password()
    form = PasswordForm(request.POST or None, first=first)
    if request.method == "POST" and form.is_valid():
        # Wrong ones count as at the door, so that a session left open is no place to guess.
        known = first or authenticate(request, username=employee.username, password=form.cleaned_data["now"])
        if not known:
            form.add_error("now", _("This is not your password."))
        else:
            try:
                changed = change_password(
                    employee=employee, password=form.cleaned_data["password"], session=login_number(request)
                )
            except DomainError as error:
                form.add_error("password", said(error))
            else:
                update_session_auth_hash(request, changed)
                messages.success(request, _("Your password is changed. Your other sessions are ended."))
                return redirect(settings.LOGIN_REDIRECT_URL if first else "console:account")
    context = {"form": form, "first": first, "rules": rules()}
    return secured(render(request, "console/account/password.html", context, status=422 if form.errors else 200))


def rules() -> list[str]:
    """What settings.AUTH_PASSWORD_VALIDATORS ask, in the reader's language."""
    least = next(one.min_length for one in get_default_password_validators() if hasattr(one, "min_length"))
    return [
        _("At least %(count)d characters; a sentence is easy to remember.") % {"count": least},
        _("Not one that many people use, such as password1234."),
        _("Not like your user name or your name."),
    ]
