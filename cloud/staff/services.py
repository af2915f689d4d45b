"""Employees, the built-in roles, and who has which at a venue."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.staff.models import Employee, Role, RoleGrant
from cloud.staff.permissions import BUILT_IN, Permission, require, require_installation


@transaction.atomic
def ensure_roles() -> dict[str, Role]:
    """The built-in roles as the code has them, by key. Made or brought up to date; safe to call at any time."""
    for key, (zh, en, permissions) in BUILT_IN.items():
        Role.objects.update_or_create(
            key=key, defaults={"name_zh": zh, "name_en": en, "permissions": sorted(permissions)}
        )
    return {role.key: role for role in Role.objects.filter(key__in=BUILT_IN)}


@transaction.atomic
def create_employee(*, actor: Actor, username: str, password: str, name: str = "", superuser: bool = False) -> Employee:
    """A new employee without any role. Raises DomainError: "employee.password", "employee.username"."""
    require_installation(actor)
    employee = Employee(username=username, first_name=name, is_superuser=superuser, is_staff=superuser)
    try:
        validate_password(password, employee)
    except ValidationError as problem:
        zh, en = _too_weak(problem)
        raise DomainError(
            "employee.password", f"密码太弱：{zh}。", f"The password is too weak: {en}.", "password"
        ) from None
    employee.set_password(password)
    try:
        with transaction.atomic():
            employee.save()
    except IntegrityError:
        raise DomainError(
            "employee.username", f"用户名 {username} 已被使用。", f"The user name {username} is taken.", "username"
        ) from None
    audit.write(actor, "employee.create", employee, None, superuser=superuser)
    return employee


@transaction.atomic
def grant_role(*, actor: Actor, employee: Employee, role: str, venue: models.Model) -> RoleGrant:
    """Gives an employee a role at one venue (E-07). Granting it twice is harmless."""
    require(actor, Permission.STAFF_MANAGE, venue)
    grant, fresh = RoleGrant.objects.get_or_create(employee=employee, role=_role(role), venue_id=venue.pk)
    if fresh:
        audit.write(actor, "role.grant", employee, venue, role=role)
    return grant


@transaction.atomic
def withdraw_role(*, actor: Actor, employee: Employee, role: str, venue: models.Model) -> None:
    """Takes a role back; at once, since permissions are read at each check."""
    require(actor, Permission.STAFF_MANAGE, venue)
    gone, _ = RoleGrant.objects.filter(employee=employee, role=_role(role), venue_id=venue.pk).delete()
    if gone:
        audit.write(actor, "role.withdraw", employee, venue, role=role)


# Django's own texts are not all in Chinese.
_WEAK = {
    "password_too_short": ("至少需要 {min_length} 个字符", "it needs at least {min_length} characters"),
    "password_too_common": ("过于常见", "too many people use it"),
    "password_too_similar": ("与用户名或姓名太相似", "it is too much like the user name or the name"),
}


def _too_weak(problem: ValidationError) -> tuple[str, str]:
    """What is wrong with a password, in Chinese and English."""
    wrong = [(_WEAK[one.code or ""], one.params or {}) for one in problem.error_list]
    return (
        "，".join(zh.format(**params) for (zh, _), params in wrong),
        ", ".join(en.format(**params) for (_, en), params in wrong),
    )


def _role(key: str) -> Role:
    role = ensure_roles().get(key) if key in BUILT_IN else Role.objects.filter(key=key).first()
    if role is None:
        raise DomainError("role.unknown", f"没有角色 {key}。", f"There is no role {key}.", "role")
    return role
