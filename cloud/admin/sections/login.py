"""The door: user name and password, throttled; then the second factor where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.helpers import get_client_ip_address, get_cool_off
from axes.models import AccessAttempt
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from cloud.admin.kit.page import secured
from cloud.admin.logins import enter, leave
from cloud.staff.models import Employee
from cloud.staff.selectors import recovery_codes_left
from cloud.staff.services import Answer, Checked, check_second_factor, has_second_factor, note_refused_login

SESSION_STEP = "second_step"
STEP_AGE = timedelta(minutes=5)


class LoginForm(AuthenticationForm):
    """Django's check, with a text that says what to try and does not tell which of the two was wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["username"].widget.attrs.update(autocomplete="username", autocapitalize="none", spellcheck="false")
        self.fields["password"].label = _("Password")
        self.error_messages["invalid_login"] = _("User name and password do not match. Capitals matter in both.")

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if isinstance(user, Employee) and user.one_time_over():
            raise forms.ValidationError(
                _("This one-time password was not used in time. Ask an administrator for a new one."), code="over"
            )


class CodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(max_length=20)

    def __init__(self, *args: Any, recovery: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = _("Verification code")
        field.help_text = (
            _("Six digits from your authenticator app, or one of your recovery codes.")
            if recovery
            else _("Six digits from your authenticator app.")
        )
        field.widget.attrs.update(
            autocomplete="one-time-code", autocapitalize="characters", spellcheck="false", autofocus=True
        )

    def refuse(self, answer: Answer) -> None:
        """Says beside the field why a code was not taken."""
        if answer.checked is Checked.WAIT:
            self.add_error("code", _("Too many wrong codes. %(wait)s") % {"wait": _wait_text(answer.until)})
        else:
            self.add_error("code", _("This code is not right, or was used already. Wait for the app's next one."))


class Login(LoginView):
    """Whoever is logged in already is led on."""

    template_name = "console/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        employee: Any = form.get_user()
        where = self.get_success_url()
        if has_second_factor(employee):
            # A session of its own, so that nothing of another's comes along.
            self.request.session.flush()
            self.request.session[SESSION_STEP] = {
                "employee": employee.pk,
                "backend": employee.backend,
                "at": timezone.now().isoformat(),
                "next": where,
            }
            return redirect("console:second-step")
        enter(self.request, employee, backend=employee.backend)
        return redirect(where)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        note_refused_login(username=form.data.get("username", ""))
        return super().form_invalid(form)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return secured(super().render_to_response(context, **kwargs))


@dataclass(frozen=True, slots=True)
class _Step:
    """Somebody whose password was right and whose code is still asked for."""

    employee: Employee
    backend: str
    next: str


@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    step = _step(request)
    if step is None:
        messages.info(request, _("Please begin again with your user name and password."))
        return redirect("console:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        answer = check_second_factor(employee=step.employee, code=form.cleaned_data["code"])
        if answer.right:
            enter(request, step.employee, backend=step.backend, second_factor=True)
            request.session.pop(SESSION_STEP, None)
            if answer.checked is Checked.RECOVERY:
                left = recovery_codes_left(step.employee)
                text = ngettext(
                    "You have %(count)d recovery code left. Make new ones under “My account”.",
                    "You have %(count)d recovery codes left. Make new ones under “My account”.",
                    left,
                )
                messages.warning(request, text % {"count": left})
            return redirect(step.next)
        note_refused_login(username=step.employee.username)
        form.refuse(answer)
    status = 422 if form.errors else 200
    return secured(render(request, "console/account/second_step.html", {"form": form}, status=status))


def _step(request: HttpRequest) -> _Step | None:
    kept = request.session.get(SESSION_STEP) or {}
    if not kept or timezone.now() - datetime.fromisoformat(kept["at"]) > STEP_AGE:
        request.session.pop(SESSION_STEP, None)
        return None
    employee = Employee.objects.filter(pk=kept["employee"], is_active=True).first()
    if employee is None:
        return None
    where = kept["next"]
    safe = url_has_allowed_host_and_scheme(where, {request.get_host()}, require_https=request.is_secure())
    return _Step(employee, kept["backend"], where if safe else resolve_url(settings.LOGIN_REDIRECT_URL))


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Too many wrong passwords for this name from this address (settings.AXES_LOCKOUT_CALLABLE)."""
    username = request.POST.get("username", "")[:150] or request.user.get_username()
    cool_off = get_cool_off()
    last = (
        AccessAttempt.objects.filter(username=username, ip_address=get_client_ip_address(request))
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    until = (last or timezone.now()) + cool_off if cool_off else None
    text = _("Too many wrong passwords for this user name. %(wait)s") % {"wait": _wait_text(until)}
    form = LoginForm(request, initial={"username": username})
    context = {"form": form, "locked": text, "next": request.POST.get("next", "")}
    return secured(render(request, "console/login.html", context, status=429))


def _wait_text(until: datetime | None) -> str:
    """When to try again, in minutes, or in seconds of the last one."""
    if until is None:
        return _("Ask an administrator.")
    seconds = max(1, round((until - timezone.now()).total_seconds()))
    if seconds <= 60:
        text = ngettext(
            "Wait %(seconds)d second, then try again.", "Wait %(seconds)d seconds, then try again.", seconds
        )
        return text % {"seconds": seconds}
    minutes = -(-seconds // 60)
    text = ngettext("Wait %(minutes)d minute, then try again.", "Wait %(minutes)d minutes, then try again.", minutes)
    return text % {"minutes": minutes}


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    leave(request)
    return redirect("console:login")


def session_ended(request: HttpRequest) -> HttpResponse:
    """A second factor was set up elsewhere since this session began: it has to be shown."""
    leave(request)
    messages.info(request, _("A second factor was set up for your account. Log in again with it."))
    return redirect("console:login")
