"""Reads who may work where."""

from __future__ import annotations

from django.db.models import Model, QuerySet

from cloud.staff.models import Employee, Role


def roles_at(employee: Employee, venue: Model) -> QuerySet[Role]:
    """The employee's roles at a venue, in the order they were made."""
    return Role.objects.filter(grants__employee=employee, grants__venue_id=venue.pk).order_by("pk")
