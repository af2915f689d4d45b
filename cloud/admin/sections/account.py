"""Getting in and out: login with throttling, logout, the language, the venue one works at."""

from __future__ import annotations

from typing import Any

from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cloud.admin.desk import SESSION_VENUE
from cloud.admin.kit.page import secured
from cloud.staff.models import Employee
from cloud.venues.selectors import venues_of

A_YEAR = 365 * 24 * 3600


class LoginForm(AuthenticationForm):
    """Django's check, with a text that says what to try and does not tell which of the two was wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["username"].widget.attrs.update(autocomplete="username", autocapitalize="none", spellcheck="false")
        self.fields["password"].label = _("Password")
        self.error_messages["invalid_login"] = _("User name and password do not match. Capitals matter in both.")


class Login(LoginView):
    """The door. Whoever is logged in already is led on."""

    template_name = "console/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return secured(super().render_to_response(context, **kwargs))


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Too many wrong passwords for this name from this address (settings.AXES_LOCKOUT_CALLABLE)."""
    cool_off = get_cool_off()
    minutes = max(1, round(cool_off.total_seconds() / 60)) if cool_off else 0
    text = _("Too many wrong passwords for this user name.")
    if minutes:
        wait = ngettext(
            "Wait %(minutes)d minute, then try again.", "Wait %(minutes)d minutes, then try again.", minutes
        )
        text = f"{text} {wait % {'minutes': minutes}}"
    form = LoginForm(request, initial={"username": request.POST.get("username", "")[:150]})
    context = {"form": form, "locked": text, "next": request.POST.get("next", "")}
    return secured(render(request, "console/login.html", context, status=429))


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
