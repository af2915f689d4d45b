"""Reads who may work where."""

from __future__ import annotations

from django.db.models import QuerySet

from cloud.staff.models import Employee, Role
from cloud.venues.models import Venue


def venues_of(employee: Employee) -> QuerySet[Venue]:
    """The venues where an employee has a role, by code; all of them for a superuser."""
    venues = Venue.objects.order_by("code")
    return venues if employee.is_superuser else venues.filter(pk__in=employee.grants.values("venue"))


def roles_at(employee: Employee, venue: Venue) -> QuerySet[Role]:
    return Role.objects.filter(grants__employee=employee, grants__venue=venue).order_by("pk")
