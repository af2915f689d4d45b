"""Who has which role at a venue, and at which of its stations (E-07, S-09). A change tells at the next click."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models, transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row, lock_rows
from cloud.staff.models import Employee, Role, RoleGrant
from cloud.staff.permissions import Permission, powers_of_role, require
from cloud.staff.reach import EVERYWHERE, Reach
from cloud.staff.services.guard import administrators_stay, require_cover
from cloud.staff.services.roles import usable_role


@transaction.atomic
def grant_role(
    *,
    actor: Actor,
    employee: Employee,
    role: str,
    venue: models.Model,
    stations: Iterable[models.Model] | None = None,
) -> RoleGrant:
    """Gives an employee a role at one venue, by its key: all over it, or at the stations named only.

    Where they have the role already, its reach is set anew; granting the same twice is harmless.

    Raises:
        DomainError: "permission.denied", "role.unknown", "role.above", "role.stations",
            "employee.last_administrator".
    """
    with administrators_stay([venue.pk]):
        require(actor, Permission.STAFF_MANAGE, venue)
        wanted = usable_role(venue, role)
        numbers = {} if stations is None else _numbers(venue, stations)
        chosen = None if stations is None else frozenset(numbers)
        reach = EVERYWHERE if chosen is None else Reach(stations=chosen)
        require_cover(actor, venue, powers_of_role(wanted.permissions, reach))
        lock_row(Employee, employee.pk)
        grant, fresh = RoleGrant.objects.get_or_create(
            employee=employee, role=wanted, venue_id=venue.pk, defaults={"limited": chosen is not None}
        )
        before = grant_reach(grant)
        if not fresh and before == reach:
            return grant
        if not fresh:
            require_cover(actor, venue, powers_of_role(wanted.permissions, before))
        _set_reach(grant, reach)
        said = {} if reach.everywhere else {"stations": sorted(numbers.values())}
        audit.write(actor, "role.grant", employee, venue, role=audit_name(wanted), **said)
    return grant


@transaction.atomic
def withdraw_role(*, actor: Actor, employee: Employee, role: str, venue: models.Model) -> None:
    """Takes a role back; at once, since permissions are read at each check.

    Raises:
        DomainError: "permission.denied", "role.unknown", "role.above", "employee.last_administrator".
    """
    with administrators_stay([venue.pk]):
        require(actor, Permission.STAFF_MANAGE, venue)
        unwanted = usable_role(venue, role)
        grant = RoleGrant.objects.filter(employee=employee, role=unwanted, venue_id=venue.pk).first()
        if grant is None:
            return
        require_cover(actor, venue, powers_of_role(unwanted.permissions, grant_reach(grant)))
        grant.delete()
        audit.write(actor, "role.withdraw", employee, venue, role=audit_name(unwanted))


@transaction.atomic
def set_station_grants(
    *, actor: Actor, venue: models.Model, station: models.Model, grants: Iterable[RoleGrant]
) -> list[RoleGrant]:
    """Which of the roles that are limited to stations reach this one (S-09). Returns those whose reach changed.

    One that loses its last station stays, and permits nothing until it gets another. Roles granted all over the venue
    reach the station in any case. The other side of the same fact is `grant_role`.

    Raises:
        DomainError: "permission.denied", "role.above", "row.gone" (a grant is none of those).
    """
    with administrators_stay([venue.pk]):
        require(actor, Permission.STAFF_MANAGE, venue)
        wanted = {grant.pk for grant in grants}
        limited = RoleGrant.objects.filter(venue_id=venue.pk, limited=True).select_related("role").order_by("pk")
        held = {grant.pk: grant for grant in limited}
        if not wanted <= held.keys():
            raise DomainError(
                "row.gone",
                "所选授权已被更改，请刷新页面。",
                "A role chosen was changed meanwhile: reload the page.",
                "employees",
            )
        there = set(limited.filter(stations=station.pk).values_list("pk", flat=True))
        changed = [held[pk] for pk in sorted(wanted ^ there)]
        lock_rows(Employee, {grant.employee_id for grant in changed})
        for grant in changed:
            require_cover(actor, venue, powers_of_role(grant.role.permissions, Reach(stations=frozenset({station.pk}))))
            reach = grant_reach(grant).stations
            reach = reach | {station.pk} if grant.pk in wanted else reach - {station.pk}
            _set_reach(grant, Reach(stations=reach))
            numbers = RoleGrant.stations.through.objects.filter(rolegrant_id=grant.pk)
            audit.write(
                actor, "role.grant", grant.employee, venue, role=audit_name(grant.role),
                stations=sorted(numbers.values_list("station__number", flat=True)),
            )  # fmt: skip
        if changed:
            added = len(wanted - there)
            audit.write(actor, "station.employees", station, venue, added=added, removed=len(changed) - added)
    return changed


def grant_reach(grant: RoleGrant) -> Reach:
    """Where a grant counts, read without a venue's scope."""
    if not grant.limited:
        return EVERYWHERE
    links = RoleGrant.stations.through.objects.filter(rolegrant_id=grant.pk)
    return Reach(stations=frozenset(links.values_list("station_id", flat=True)))


def audit_name(role: Role) -> str:
    """What the audit calls a role: the key of a built-in one, the name of a venue's own."""
    return role.key if role.built_in else role.name_zh


def _set_reach(grant: RoleGrant, reach: Reach) -> None:
    links = RoleGrant.stations.through.objects
    links.filter(rolegrant_id=grant.pk).delete()
    links.bulk_create(links.model(rolegrant_id=grant.pk, station_id=pk) for pk in sorted(reach.stations))
    if grant.limited == reach.everywhere:
        grant.limited = not reach.everywhere
        grant.save(update_fields=["limited"])


def _numbers(venue: models.Model, stations: Iterable[models.Model]) -> dict[int, int]:
    """Of stations of the venue, by id, the numbers that people know."""
    found = {station.pk: station for station in stations}
    if not found or any(station.venue_id != venue.pk for station in found.values()):  # type: ignore[attr-defined]
        raise DomainError(
            "role.stations", "请至少选择一个本景区的站点。", "Choose at least one station of this venue.", "stations"
        )
    return {pk: station.number for pk, station in found.items()}  # type: ignore[attr-defined]
