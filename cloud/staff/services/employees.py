"""Employees: taking them on, their particulars, deactivating and activating them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.staff.models import Employee, LoginSession, RoleGrant
from cloud.staff.permissions import Permission, require, require_installation
from cloud.staff.services.grants import grant_role
from cloud.staff.services.guard import administrators_stay, not_oneself, require_over
from cloud.staff.services.passwords import check_password
from cloud.staff.services.sessions import end_all

_PHONE = re.compile(r"\+?[0-9][0-9 -]{3,18}[0-9]")


@transaction.atomic
def create_employee(*, actor: Actor, username: str, password: str, name: str = "", superuser: bool = False) -> Employee:
    """A new employee without any role, by who set up the installation.

    Raises:
        DomainError: "permission.denied", "employee.password", "employee.username".
    """
    require_installation(actor)
    employee = Employee(username=username, first_name=name, is_superuser=superuser, is_staff=superuser)
    check_password(password, employee)
    employee.set_password(password)
    _save_new(employee)
    audit.write(actor, "employee.create", employee, None, superuser=superuser)
    return employee


@transaction.atomic
def hire_employee(
    *,
    actor: Actor,
    venue: models.Model,
    username: str,
    name: str,
    role: str,
    phone: str = "",
    stations: Iterable[models.Model] | None = None,
) -> Employee:
    """A new employee of the venue with a first role. They get in once somebody gives them a one-time password.

    Raises:
        DomainError: "permission.denied", "employee.username", "employee.phone", "input.*", and what grant_role raises.
    """
    require(actor, Permission.STAFF_MANAGE, venue)
    employee = Employee(username=_username(username), home_id=venue.pk, **_particulars(name, phone))
    employee.set_unusable_password()
    _save_new(employee)
    audit.write(actor, "employee.create", employee, venue, username=employee.username)
    grant_role(actor=actor, employee=employee, role=role, venue=venue, stations=stations)
    return employee


@transaction.atomic
def admit_employee(
    *, actor: Actor, venue: models.Model, username: str, role: str, stations: Iterable[models.Model] | None = None
) -> Employee:
    """Somebody who works elsewhere already gets a role here too (E-07): known by their exact user name.

    Raises:
        DomainError: "permission.denied", "employee.unknown", and what grant_role raises.
    """
    require(actor, Permission.STAFF_MANAGE, venue)
    employee = Employee.objects.filter(username=username.strip().replace("\0", ""), is_active=True).first()
    if employee is None:
        raise DomainError(
            "employee.unknown",
            "没有使用该用户名的在职员工。用户名区分大小写。",
            "No active employee has this user name. Capitals matter.",
            "username",
        )
    grant_role(actor=actor, employee=employee, role=role, venue=venue, stations=stations)
    return employee


@transaction.atomic
def edit_employee(*, actor: Actor, venue: models.Model, employee: Employee, name: str, phone: str = "") -> Employee:
    """Changes the particulars; the user name stays.

    Raises:
        DomainError: "permission.denied", "employee.unknown", "employee.above", "employee.phone", "input.*".
    """
    require_over(actor, employee, venue)
    employee = lock_row(Employee, employee.pk)
    wanted = _particulars(name, phone)
    changed = [field for field, value in wanted.items() if getattr(employee, field) != value]
    if changed:
        for field in changed:
            setattr(employee, field, wanted[field])
        employee.save(update_fields=changed)
        words = {"first_name": "name"}
        audit.write(actor, "employee.edit", employee, venue, changed=[words.get(field, field) for field in changed])
    return employee


@transaction.atomic
def set_employee_active(*, actor: Actor, venue: models.Model, employee: Employee, active: bool) -> Employee:
    """Deactivated, they are out of every session at once and cannot log in, at no venue; their roles stay noted.

    Raises:
        DomainError: "permission.denied", "employee.unknown", "employee.above", "employee.self",
            "employee.last_administrator".
    """
    places = set(RoleGrant.objects.filter(employee=employee).values_list("venue_id", flat=True)) | {venue.pk}
    with administrators_stay(places):
        require_over(actor, employee, venue)
        not_oneself(actor, employee)
        employee = lock_row(Employee, employee.pk)
        if employee.is_active != active:
            employee.is_active = active
            employee.save(update_fields=["is_active"])
            ended = 0 if active else end_all(employee, LoginSession.Ended.DEACTIVATED)
            audit.write(actor, "employee.active", employee, venue, active=active, **({"ended": ended} if ended else {}))
    return employee


def _particulars(name: str, phone: str) -> dict[str, str]:
    phone = optional_text(phone, "phone", 20)
    if phone and not _PHONE.fullmatch(phone):
        raise DomainError(
            "employee.phone",
            "电话应为 5 到 20 位数字，可含空格和短横线。",
            "A phone number has 5 to 20 digits, with blanks and hyphens where you like.",
            "phone",
        )
    return {"first_name": required_text(name, "name", 60), "phone": phone}


def _username(text: str) -> str:
    username = required_text(text, "username", 60)
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError:
        raise DomainError(
            "employee.username",
            "用户名只能包含文字、数字和 @ . + - _。",
            "A user name has letters, digits and @ . + - _ only.",
            "username",
        ) from None
    return username


def _save_new(employee: Employee) -> None:
    username = employee.username
    try:
        with transaction.atomic():
            employee.save(force_insert=True)
    except IntegrityError:
        raise DomainError(
            "employee.username", f"用户名 {username} 已被使用。", f"The user name {username} is taken.", "username"
        ) from None
