"""Whom the venue asks for a second factor, and how many of them have one."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, show
from cloud.admin.kit.section import actor_of
from cloud.admin.sections.employees import EMPLOYEES
from cloud.core.errors import DomainError
from cloud.staff.models import LoginPolicy
from cloud.staff.permissions import Permission
from cloud.staff.selectors import employees, second_factor_policy
from cloud.staff.services import set_login_policy

CHOICES = (
    (LoginPolicy.SecondFactor.NOBODY.value, gettext_lazy("Nobody: who wants one sets it up")),
    (LoginPolicy.SecondFactor.POWER.value, gettext_lazy("Whose role can do lasting damage")),
    (LoginPolicy.SecondFactor.EVERYBODY.value, gettext_lazy("Everybody")),
)


class PolicyForm(SectionForm):
    second_factor = forms.ChoiceField(
        label=gettext_lazy("Who needs a second factor"), choices=CHOICES, widget=forms.RadioSelect
    )

    def prepare(self) -> None:
        without = employees(self.desk.venue).filter(is_active=True, has_factor=False).count()
        text = ngettext(
            "%(count)d active employee has none. Whoever needs one sets it up at the next click, before anything else.",
            "%(count)d active employees have none. Whoever needs one sets it up at the next click, before anything "
            "else.",
            without,
        ) % {"count": without}
        least = settings.REQUIRE_SECOND_FACTOR
        if least != LoginPolicy.SecondFactor.NOBODY:
            asks = _("This installation asks at the least: %(who)s.") % {"who": dict(CHOICES)[least]}
            text = f"{text} {asks}"
        self.fields["second_factor"].help_text = text


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.STAFF_MANAGE)
def login_rules(request: HttpRequest, desk: Desk) -> HttpResponse:
    if request.method == "POST":
        form = PolicyForm(desk, None, request.POST)
        if form.is_valid():
            try:
                set_login_policy(**actor_of(desk), second_factor=form.cleaned_data["second_factor"])
            except DomainError as error:
                form.refuse(error)
            else:
                messages.success(request, _("The login rules are saved."))
                return redirect(EMPLOYEES.list_url)
    else:
        form = PolicyForm(desk, None, initial={"second_factor": second_factor_policy(desk.venue)})
    context = {"section": EMPLOYEES, "spec": None, "form": form, "title": _("Login rules"),
               "back": EMPLOYEES.list_url, "back_title": EMPLOYEES.title}  # fmt: skip
    return show(request, desk, "console/section/form.html", context, 422 if form.is_bound else 200)
