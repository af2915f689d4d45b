"""Employees: who works at the venue, as what and where; their passwords, sessions and second factor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import django_filters
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods
from django_scopes import get_scope

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.browser import browser_name
from cloud.admin.kit.cells import history_table, related_table
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.registry import register
from cloud.admin.kit.routed import row_or_404
from cloud.admin.kit.section import Action, FormSpec, Link, Panel, Related, Section, Value, actor_of
from cloud.admin.kit.table import Table
from cloud.admin.kit.text import named
from cloud.admin.sections import employee_view as view
from cloud.admin.sections.employee_forms import AdmitForm, EditForm, GrantForm, HireForm, WithdrawForm, chosen
from cloud.admin.sections.employee_import import IMPORT
from cloud.core.errors import DomainError
from cloud.core.trail import trail_of
from cloud.staff import selectors, services
from cloud.staff.models import Employee, RoleGrant
from cloud.staff.permissions import Permission
from cloud.staff.services.passwords import ONE_TIME_LIFE


class _RoleFilter(filters.AskedChoiceFilter):
    def filter(self, qs: QuerySet[Employee], value: str) -> QuerySet[Employee]:
        if value in django_filters.constants.EMPTY_VALUES:
            return qs
        grants = RoleGrant.objects.filter(venue=get_scope()["venue"], role__key=value)
        return qs.filter(pk__in=grants.values("employee"))


def _roles() -> list[tuple[str, str]]:
    return [(role.key, named(role)) for role in selectors.roles(get_scope()["venue"])]


def _hire(desk: Desk, row: Any, values: dict[str, Any]) -> Employee:
    hired = services.hire_employee(**actor_of(desk), **chosen(values))
    return selectors.employees(desk.venue).get(pk=hired.pk)


def _edit(desk: Desk, row: Employee, values: dict[str, Any]) -> Employee:
    return services.edit_employee(**actor_of(desk), employee=row, **values)


def _says_deactivated(desk: Desk, rows: Sequence[Employee]) -> Iterable[Any]:
    yield _("They are out of every session at once and cannot log in any more, at no venue.")
    yield _("What they did stays on record, and their roles are kept for the day they are activated again.")


def _says_sessions(desk: Desk, rows: Sequence[Employee]) -> Iterable[Any]:
    count = sum(selectors.sessions_of(one).count() for one in rows)
    yield ngettext_lazy(
        "%(count)d session ends at once; they may log in again.",
        "%(count)d sessions end at once; they may log in again.",
        count,
    ) % {"count": count}


def _history(desk: Desk, row: Employee) -> Table:
    """What was done to the account here, or everywhere at once; what another venue did with it is theirs."""
    return history_table([one for one in trail_of([row]) if one.venue_id in (None, desk.venue.pk)])


def _table(related: Related, desk: Desk, row: Employee) -> Table:
    return related_table(related, related.rows(desk, row), None, "row")


def _password(desk: Desk, row: Employee) -> dict[str, Any] | None:
    if not row.is_active or row.pk == desk.employee.pk:
        return None
    return {"url": reverse("console:one-time-password", args=[row.pk]), "state": view.status_pill(row)}


VALUES = (
    Value("name", _("Name"), view.name_of, order=("first_name",), main=True),
    Value("username", _("User name"), lambda one: one.username, order=("username",)),
    Value("roles", _("Roles"), view.roles_text),
    Value("stations", _("Stations"), view.stations_text),
    Value("phone", _("Phone"), lambda one: one.phone, listed=False),
    Value("last", _("Last login"), lambda one: one.last_login, order=("last_login",)),
    Value("status", _("Status"), view.status_pill),
    Value("factor", _("Second factor"), view.factor_pill),
    Value("since", _("Taken on"), lambda one: one.date_joined, order=("date_joined",), listed=False),
)


# Panels, so that the history comes last.
ROLES_HERE = Related(
    _("Roles"), lambda desk, one: one.grants_here,
    (
        Value("role", _("Role"), lambda one: named(one.role), main=True),
        Value("stations", _("Stations"), view.reach_text),
    ),
    _("No role at this venue: they can do nothing here."),
)  # fmt: skip
SESSIONS = Related(
    _("Logged in"), lambda desk, one: selectors.sessions_of(one),
    (
        Value("device", _("Device"), lambda one: browser_name(one.agent)[0], main=True),
        Value("address", _("Address"), lambda one: one.address),
        Value("since", _("Since"), lambda one: one.began_at),
        Value("seen", _("Last seen"), lambda one: one.seen_at),
    ),
    _("Not logged in anywhere."),
)  # fmt: skip


EMPLOYEES = register(
    Section(
        key="employees",
        group="people",
        icon="users",
        title=_("Employees"),
        one=_("Employee"),
        view=Permission.STAFF_MANAGE,
        rows=lambda desk: selectors.employees(desk.venue),
        label=view.name_of,
        values=VALUES,
        order=("first_name",),
        search=("first_name__icontains", "username__icontains", "phone__icontains"),
        search_hint=_("Name, user name or phone"),
        filters={
            "role": _RoleFilter(label=_("Role"), choices=_roles, empty_label=_("All")),
            "status": filters.switch(_("Status"), "is_active", _("Active"), _("Deactivated")),
        },
        facts=tuple(value for value in VALUES if value.key not in ("name", "roles", "stations", "status")),
        state=view.status_pill,
        panels=(
            Panel(_("Password"), _password, "console/employees/password_panel.html"),
            Panel(_("Roles"), lambda desk, one: _table(ROLES_HERE, desk, one)),
            Panel(_("Logged in"), lambda desk, one: _table(SESSIONS, desk, one)),
            Panel(_("History"), _history),
        ),
        imports=IMPORT,
        create=FormSpec(
            HireForm, Permission.STAFF_MANAGE, _hire, _("New employee"), _("New employee"),
            _("%(name)s is created. Give them a one-time password to log in with."),
            then=lambda one: reverse("console:one-time-password", args=[one.pk]),
        ),
        edit=FormSpec(
            EditForm, Permission.STAFF_MANAGE, _edit, _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "grant", _("Give a role"), Permission.STAFF_MANAGE,
                lambda desk, rows: [_("It counts from their next click on. A role they have already gets these "
                                      "stations instead.")],
                _("Role given: %(name)s"),
                run=lambda desk, row, values: services.grant_role(
                    **actor_of(desk), employee=row, **chosen(values)
                ),
                form=GrantForm, icon="shield-plus",
            ),
            Action(
                "withdraw", _("Take a role back"), Permission.STAFF_MANAGE,
                lambda desk, rows: [_("From their next click on they may no longer do what it permits.")],
                _("Role taken back: %(name)s"),
                run=lambda desk, row, values: services.withdraw_role(
                    **actor_of(desk), employee=row, role=values["role"]
                ),
                fits=lambda one: bool(one.grants_here), form=WithdrawForm, icon="shield-minus", bulk=False,
            ),
            Action(
                "end-sessions", _("End sessions"), Permission.STAFF_MANAGE, _says_sessions,
                _("Sessions ended: %(name)s"),
                run=lambda desk, row, values: services.end_sessions(**actor_of(desk), employee=row),
                icon="log-out",
            ),
            Action(
                "disable-factor", _("Switch the second factor off"), Permission.STAFF_MANAGE,
                lambda desk, rows: [
                    _("Their password alone lets them in until they set one up again."),
                    _("Be sure it is really them who asks: call back, or see them."),
                ],
                _("Second factor switched off: %(name)s"),
                run=lambda desk, row, values: services.disable_second_factor(**actor_of(desk), employee=row),
                fits=lambda one: one.has_factor, icon="shield-off", grave=True, bulk=False,
            ),
            Action(
                "activate", _("Activate"), Permission.STAFF_MANAGE,
                lambda desk, rows: [_("They can log in again with the password and the roles they had.")],
                _("Activated: %(name)s"),
                run=lambda desk, row, values: services.set_employee_active(
                    **actor_of(desk), employee=row, active=True
                ),
                fits=lambda one: not one.is_active, icon="circle-check",
            ),
            Action(
                "deactivate", _("Deactivate"), Permission.STAFF_MANAGE, _says_deactivated, _("Deactivated: %(name)s"),
                run=lambda desk, row, values: services.set_employee_active(
                    **actor_of(desk), employee=row, active=False
                ),
                fits=lambda one: one.is_active, icon="circle-slash", grave=True,
            ),
        ),
        links=(
            Link(_("Works elsewhere already"), "console:employee-admit", Permission.STAFF_MANAGE, "user-plus"),
            Link(_("One-time passwords"), "console:first-passwords", Permission.STAFF_MANAGE, "key-round"),
            Link(_("Login rules"), "console:login-rules", Permission.STAFF_MANAGE, "shield-check"),
        ),
        history=False,  # a panel of its own: without what other venues did
        personal=True,
        empty=_("Who works at the venue is listed here."),
        place=10,
        pages=(
            "console:one-time-password", "console:first-passwords", "console:employee-admit", "console:login-rules",
        ),
    )
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.STAFF_MANAGE)
def one_time_password(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Asks first; the answer to the POST is the only place where the password is ever to be read."""
    employee: Employee = row_or_404(desk, EMPLOYEES, pk)
    context: dict[str, Any] = {"employee": employee, "name": view.name_of(employee), "back": EMPLOYEES.url(employee),
                               "days": ONE_TIME_LIFE.days}  # fmt: skip
    if request.method == "POST":
        try:
            context["password"] = services.give_one_time_password(**actor_of(desk), employee=employee)
        except DomainError as error:
            report(request, error)
            return redirect(EMPLOYEES.url(employee))
        employee.refresh_from_db()
        context["address"] = request.build_absolute_uri(reverse("console:login"))
    response = show(request, desk, "console/employees/one_time_password.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.STAFF_MANAGE)
def admit(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A role here for somebody of another venue."""
    form = AdmitForm(desk, None, request.POST) if request.method == "POST" else AdmitForm(desk, None)
    if request.method == "POST" and form.is_valid():
        try:
            employee = services.admit_employee(**actor_of(desk), **chosen(form.cleaned_data))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("%(name)s works here too from now on.") % {"name": view.name_of(employee)})
            return redirect(EMPLOYEES.url(employee))
    context = {"section": EMPLOYEES, "spec": None, "form": form, "title": _("Works elsewhere already"),
               "back": EMPLOYEES.list_url, "back_title": EMPLOYEES.title}  # fmt: skip
    return show(request, desk, "console/section/form.html", context, 422 if form.is_bound else 200)
