"""What the services of this room check: nobody gives or takes more than they have; no venue is left without help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import models

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_rows
from cloud.staff.models import Employee, Role, RoleGrant
from cloud.staff.permissions import Permission, Powers, powers, powers_of_grants, require


@contextmanager
def administrators_stay(venue_ids: Iterable[int]) -> Iterator[None]:
    """What is done inside must leave an administrator to each venue that had one. Locks the venues, in their order.

    Raises:
        DomainError: "employee.last_administrator".
    """
    venues = lock_rows(RoleGrant._meta.get_field("venue").related_model, venue_ids)
    before = [venue for venue in venues if administrators(venue).exists()]
    yield
    for venue in before:
        if not administrators(venue).exists():
            raise DomainError(
                "employee.last_administrator",
                f"这是{venue.name_zh}最后一位能管理员工的人。请先把管理员角色授予他人。",
                f"Nobody else could manage the employees of {venue.name_en or venue.name_zh}. "
                "Give somebody else the administrator's role first.",
            )


def administrators(venue: models.Model) -> models.QuerySet[Employee]:
    """Who may manage the employees of a venue by a role there, and is active."""
    roles = [
        pk
        for pk, codes in Role.objects.filter(grants__venue_id=venue.pk).distinct().values_list("pk", "permissions")
        if Permission.STAFF_MANAGE.value in codes
    ]
    grants = RoleGrant.objects.filter(venue_id=venue.pk, limited=False, role__in=roles)
    return Employee.objects.filter(is_active=True, pk__in=grants.values("employee"))


def require_over(actor: Actor, employee: Employee, venue: models.Model) -> None:
    """Whether the actor may decide about the employee's account as a whole, which works at all their venues.

    They must belong to the venue, and may nowhere have more than the actor has there: else a new password for
    somebody above would be a way up.

    Raises:
        DomainError: "permission.denied"; "employee.unknown"; "employee.above".
    """
    require(actor, Permission.STAFF_MANAGE, venue)
    grants = RoleGrant.objects.filter(employee=employee).select_related("venue")
    places = {grant.venue_id: grant.venue for grant in grants}
    if venue.pk not in places and employee.home_id != venue.pk and not above_venues(actor):
        raise DomainError("employee.unknown", "本景区没有该员工。", "There is no such employee at this venue.")
    if employee.is_superuser and not above_venues(actor):
        raise above()
    for place in places.values():
        if not powers(actor, place).cover(powers_of_grants(grants.filter(venue=place))):
            raise above()


def above_venues(actor: Actor) -> bool:
    """Trusted code and active superusers, who may everything whatever the venue."""
    employee = actor.employee
    return employee is None or (isinstance(employee, Employee) and employee.is_active and employee.is_superuser)


def require_cover(actor: Actor, venue: models.Model, wanted: Powers) -> None:
    """Raises DomainError "role.above" where the actor would give or take what they do not have themselves."""
    held = powers(actor, venue)
    if held.cover(wanted):
        return
    missing = ", ".join(sorted(wanted.permissions - held.permissions)) or "–"
    raise DomainError(
        "role.above",
        f"该角色的权限超出您自己的权限（{missing}），您不能授予、收回或修改它。",
        f"This role goes beyond what you may yourself ({missing}): you cannot give, take back or change it.",
        "role",
    )


def above() -> DomainError:
    return DomainError(
        "employee.above",
        "该员工在某个景区的权限超出您的权限，请由权限更高的管理员处理。",
        "This person may more than you at some venue. Ask an administrator above both of you.",
    )


def not_oneself(actor: Actor, employee: Employee) -> None:
    """Raises DomainError "employee.self"."""
    if actor.employee is not None and actor.employee.pk == employee.pk:
        raise DomainError(
            "employee.self",
            "不能对自己的账号这样操作。请在“我的账号”中修改，或请另一位管理员处理。",
            "Not to your own account. Use “My account”, or ask another administrator.",
        )
