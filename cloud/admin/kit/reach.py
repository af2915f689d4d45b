"""Rows that belong to stations are shown to those only who are authorised there (S-09).

No section asks for this: its rows' model says whether they belong to a station and by which field. Where the model
leaves that open the section must say so (`Section.station`), or its pages fail instead of showing too much.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, QuerySet

from cloud.staff.permissions import Permission
from cloud.staff.reach import Reach
from cloud.venues.models import Device, Edge, Station

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

NO_STATION = ""  # what `Section.station` says of rows that name stations without belonging to one


@cache
def station_path(model: type[Model]) -> str:
    """The lookup from a row to its station; NO_STATION where its model has nothing to do with one.

    Raises:
        ImproperlyConfigured: it names several, or a device by number only.
    """
    if model is Station:
        return "pk"
    if model is Edge:
        return "devices__station"  # every station that one of its devices stands at
    fields = [field for field in model._meta.get_fields() if field.concrete and not field.many_to_many]
    found = [field.name for field in fields if field.related_model is Station or field.name == "station_id"]
    if not found:
        found = [f"{field.name}__station" for field in fields if field.related_model is Device]
    by_number = any(field.name == "device_id" for field in fields)
    if len(found) > 1 or (by_number and not found):
        raise ImproperlyConfigured(f"{model.__name__}: say by which lookup its rows belong to a station ({found})")
    return found[0] if found else NO_STATION


def narrowed(desk: Desk, rows: QuerySet[Any], permission: Permission, path: str | None = None) -> QuerySet[Any]:
    """The rows at the stations where the desk has the permission. `path`: see `Section.station`."""
    return reached(desk.reach(permission), rows, path)


def reached(reach: Reach, rows: QuerySet[Any], path: str | None = None) -> QuerySet[Any]:
    """The rows at stations within reach, each once."""
    found = station_path(rows.model) if path is None else path
    if found == NO_STATION or reach.everywhere:
        return rows
    if found.partition("__")[0] in _many(rows.model):
        return rows.filter(pk__in=reach.narrow(rows.model._default_manager.order_by(), found).values("pk"))
    return reach.narrow(rows, found)


@cache
def _many(model: type[Model]) -> frozenset[str]:
    """Lookups from a row to several others: a row with two of them would be found twice."""
    return frozenset(field.name for field in model._meta.get_fields() if field.one_to_many or field.many_to_many)


def within_reach(
    rows: Callable[[Desk], QuerySet[Any]], permission: Permission, path: str | None
) -> Callable[[Desk], QuerySet[Any]]:
    """A section's `rows`, of which nobody gets at more than their stations'."""
    return lambda desk: narrowed(desk, rows(desk), permission, path)
