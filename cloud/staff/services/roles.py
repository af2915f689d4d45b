"""Roles: the built-in ones as the code has them, and a venue's own (E-01). A change tells at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from django.db import models, transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.staff.models import Role, RoleGrant
from cloud.staff.permissions import BUILT_IN, Permission, known, powers_of_role, require
from cloud.staff.reach import EVERYWHERE
from cloud.staff.services.guard import administrators_stay, require_cover


@transaction.atomic
def ensure_roles() -> dict[str, Role]:
    """The built-in roles as the code has them, by key. Made or brought up to date; safe to call at any time."""
    for key, (zh, en, permissions) in BUILT_IN.items():
        Role.objects.update_or_create(
            key=key, defaults={"name_zh": zh, "name_en": en, "permissions": sorted(permissions)}
        )
    return {role.key: role for role in Role.objects.filter(key__in=BUILT_IN)}


@transaction.atomic
def create_role(
    *, actor: Actor, venue: models.Model, name_zh: str, name_en: str = "", permissions: Iterable[str] = ()
) -> Role:
    """A role of the venue's own.

    Raises:
        DomainError: "permission.denied", "role.above", "role.name", "role.permission", "input.*".
    """
    lock_row(type(venue), venue.pk)
    require(actor, Permission.STAFF_MANAGE, venue)
    codes = _codes(permissions)
    require_cover(actor, venue, powers_of_role(codes, EVERYWHERE))
    names = _names(venue, None, name_zh, name_en)
    role = Role.objects.create(key=f"v{venue.pk}-{secrets.token_hex(6)}", venue_id=venue.pk, permissions=codes, **names)
    audit.write(actor, "role.create", role, venue, name=role.name_zh, permissions=codes)
    return role


@transaction.atomic
def edit_role(*, actor: Actor, venue: models.Model, role: Role, name_zh: str, name_en: str = "") -> Role:
    """Renames a role of the venue's own. Raises DomainError: "permission.denied", "role.built_in", "role.name"."""
    lock_row(type(venue), venue.pk)
    require(actor, Permission.STAFF_MANAGE, venue)
    role = _own(venue, role)
    names = _names(venue, role, name_zh, name_en)
    changed = {name: value for name, value in names.items() if getattr(role, name) != value}
    if changed:
        Role.objects.filter(pk=role.pk).update(**changed)
        role.refresh_from_db()
        audit.write(actor, "role.edit", role, venue, **changed)
    return role


@transaction.atomic
def set_role_permissions(
    *, actor: Actor, venue: models.Model, role: Role, permissions: Iterable[str], seen: Iterable[str]
) -> Role:
    """Sets what a role of the venue's own permits; whoever has it may just that from their next click on.

    `seen` is what the person who decided was shown: where it was changed meanwhile, nothing is done.

    Raises:
        DomainError: "permission.denied", "role.built_in", "role.above", "role.changed", "role.permission",
            "employee.last_administrator".
    """
    with administrators_stay([venue.pk]):
        require(actor, Permission.STAFF_MANAGE, venue)
        role = _own(venue, role)
        before, after = set(known(role.permissions)), set(_codes(permissions))
        if before != set(known(seen)):
            raise DomainError(
                "role.changed",
                f"角色“{role.name_zh}”已被他人修改，请重新查看后再保存。",
                f"Somebody else changed the role {role.name_en or role.name_zh} meanwhile. "
                "Look it over, then save again.",
            )
        require_cover(actor, venue, powers_of_role(before | after, EVERYWHERE))
        if before != after:
            role.permissions = sorted(after)
            role.save(update_fields=["permissions"])
            audit.write(
                actor, "role.permissions", role, venue, name=role.name_zh, added=sorted(after - before),
                removed=sorted(before - after),
            )  # fmt: skip
    return role


@transaction.atomic
def delete_role(*, actor: Actor, venue: models.Model, role: Role) -> None:
    """Removes a role of the venue's own that nobody has. Raises DomainError "role.used" too."""
    lock_row(type(venue), venue.pk)
    require(actor, Permission.STAFF_MANAGE, venue)
    role = _own(venue, role)
    count = RoleGrant.objects.filter(role=role).count()
    if count:
        raise DomainError(
            "role.used",
            f"还有 {count} 名员工使用该角色，请先收回。",
            f"{count} employees have this role. Take it back from them first.",
        )
    audit.write(actor, "role.delete", role, venue, name=role.name_zh, permissions=role.permissions)
    role.delete()


def usable_role(venue: models.Model, key: str) -> Role:
    """A built-in role or one of the venue's own, by key. Raises DomainError "role.unknown"."""
    role = ensure_roles().get(key) if key in BUILT_IN else Role.objects.filter(key=key, venue_id=venue.pk).first()
    if role is None:
        raise DomainError("role.unknown", f"没有角色 {key}。", f"There is no role {key}.", "role")
    return role


def _own(venue: models.Model, role: Role) -> Role:
    role = lock_row(Role, role.pk)
    if role.built_in or role.venue_id != venue.pk:
        raise DomainError(
            "role.built_in",
            "内置角色不能修改。请复制一份后修改。",
            "Built-in roles cannot be changed. Copy it and change the copy.",
        )
    return role


def _codes(permissions: Iterable[str]) -> list[str]:
    codes = sorted(set(permissions))
    if set(codes) != set(known(codes)):
        strange = ", ".join(sorted(set(codes) - set(known(codes))))
        raise DomainError("role.permission", f"没有权限项 {strange}。", f"There is no permission {strange}.")
    return codes


def _names(venue: models.Model, role: Role | None, name_zh: str, name_en: str) -> dict[str, str]:
    """Both names, told apart from those of the other roles of the venue."""
    names = {"name_zh": required_text(name_zh, "name_zh", 40), "name_en": optional_text(name_en, "name_en", 40)}
    others = Role.objects.filter(models.Q(venue=None) | models.Q(venue_id=venue.pk)).exclude(
        pk=role.pk if role else None
    )
    for field, value in names.items():
        if value and others.filter(**{f"{field}__iexact": value}).exists():
            raise DomainError("role.name", f"已有角色“{value}”。", f"There is a role {value} already.", field)
    return names
