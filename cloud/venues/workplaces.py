"""As which station an employee may work at a desk: one they are authorised for, and that is switched on."""

from __future__ import annotations

from django.db.models import QuerySet

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission, powers, require_at
from cloud.venues.models import Station, Venue


def workplaces(actor: Actor, venue: Venue, permission: Permission) -> QuerySet[Station]:
    """The stations to choose from, by number: enabled ones where the actor has the permission (S-09, S-15)."""
    stations = Station.objects.filter(venue=venue, enabled=True).order_by("number")
    return powers(actor, venue).reach(permission).narrow(stations, "pk")


def work_as(actor: Actor, venue: Venue, station: Station, permission: Permission) -> Station:
    """The station as it is now. Asked at every change, so that what an administrator takes away tells at once.

    Raises:
        DomainError: "permission.denied", "permission.station" (not authorised there), "station.disabled",
            "row.gone".
    """
    require_at(actor, permission, venue, station.pk)
    now = Station.objects.filter(venue=venue, pk=station.pk).first()
    if now is None:
        raise DomainError("row.gone", "站点已不存在，请刷新页面。", "There is no such station here. Reload the page.")
    if not now.enabled:
        raise DomainError(
            "station.disabled",
            f"站点“{now.name_zh}”已停用，请改用其他站点。",
            f"{now.name_en or now.name_zh} is disabled: work as another station.",
            "station",
        )
    return now
