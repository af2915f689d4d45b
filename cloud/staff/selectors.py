"""Reads who may work where."""

from __future__ import annotations

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Exists, Model, OuterRef, Prefetch, Q, QuerySet

from cloud.core.audit import target_of
from cloud.core.models import AuditRow
from cloud.staff.models import Employee, LoginPolicy, LoginSession, RecoveryCode, Role, RoleGrant, SecondFactor


def roles_at(employee: Employee, venue: Model) -> QuerySet[Role]:
    """The employee's roles at a venue, in the order they were made."""
    return Role.objects.filter(grants__employee=employee, grants__venue_id=venue.pk).order_by("pk")


def employees(venue: Model) -> QuerySet[Employee]:
    """Who has a role at the venue or was taken on by it: with `grants_here` (role and stations) and `has_factor`.

    Within the venue's scope.
    """
    here = RoleGrant.objects.filter(venue_id=venue.pk)
    grants = here.select_related("role").prefetch_related("stations").order_by("role_id")
    factor = SecondFactor.objects.filter(user=OuterRef("pk"), confirmed=True)
    return (
        Employee.objects.filter(Q(pk__in=here.values("employee")) | Q(home_id=venue.pk))
        .annotate(has_factor=Exists(factor))
        .prefetch_related(Prefetch("grants", queryset=grants, to_attr="grants_here"))
    )


def waiting_for_password(venue: Model) -> QuerySet[Employee]:
    """Of `employees` those who are active and cannot log in yet with a password of their own, the newest first."""
    waits = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Q(one_time_until__isnull=False)
    return employees(venue).filter(waits, is_active=True).order_by("-date_joined", "-pk")


def limited_grants(venue: Model) -> QuerySet[RoleGrant]:
    """The venue's roles that are limited to stations, of active people: with employee, role and stations."""
    grants = RoleGrant.objects.filter(venue_id=venue.pk, limited=True, employee__is_active=True)
    return grants.select_related("employee", "role").prefetch_related("stations").order_by("employee_id", "role_id")


def everywhere(venue: Model) -> QuerySet[Employee]:
    """Active people who have a role all over the venue: at its every station."""
    grants = RoleGrant.objects.filter(venue_id=venue.pk, limited=False)
    return Employee.objects.filter(pk__in=grants.values("employee"), is_active=True).order_by("first_name", "pk")


def grants_of(employee: Employee) -> QuerySet[RoleGrant]:
    """All roles of an employee, at every venue."""
    return (
        RoleGrant.objects.filter(employee=employee).select_related("role", "venue").order_by("venue__code", "role_id")
    )


def roles(venue: Model) -> QuerySet[Role]:
    """The roles there are to give at a venue: built-in ones, then its own. Each with `grants_here` of active people."""
    here = RoleGrant.objects.filter(venue_id=venue.pk, employee__is_active=True).select_related("employee")
    usable = Role.objects.filter(Q(venue=None) | Q(venue_id=venue.pk)).order_by("pk")
    return usable.prefetch_related(Prefetch("grants", queryset=here.order_by("pk"), to_attr="grants_here"))


def sessions_of(employee: Employee) -> QuerySet[LoginSession]:
    """Those that are not over, the one used last first."""
    return LoginSession.objects.filter(employee=employee, ended_at=None).order_by("-seen_at", "-pk")


def logins_of(employee: Employee) -> QuerySet[LoginSession]:
    """All of them, the newest first."""
    return LoginSession.objects.filter(employee=employee).order_by("-began_at", "-pk")


def refused_logins(employee: Employee) -> QuerySet[AuditRow]:
    """When somebody failed to log in as them, the latest first."""
    return AuditRow.objects.filter(target=target_of(employee), action="login.refused").order_by("-at", "-pk")


def recovery_codes_left(employee: Employee) -> int:
    return RecoveryCode.objects.filter(employee=employee, used_at=None).count()


def second_factor_policy(venue: Model) -> str:
    """Whom the venue asks for a second factor: a LoginPolicy.SecondFactor."""
    policy = LoginPolicy.objects.filter(venue_id=venue.pk).first()
    return policy.second_factor if policy else LoginPolicy.SecondFactor.NOBODY.value
