"""Names and places of stations and devices changed. Gates hear what they show or go by."""

from __future__ import annotations

from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Device, Edge, Station, Venue
from cloud.venues.services import device_in_use, edge_in_use


@transaction.atomic
def edit_station(
    *,
    actor: Actor,
    venue: Venue,
    station: Station,
    name_zh: str,
    name_en: str = "",
    inner: bool | None = None,
) -> Station:
    """Renames a station; visitors at the gates read the new name from then on. Its number stays (S-03).

    `inner`: whether it lies inside the venue, and nobody enters or leaves that by it; None: as it is.

    Raises:
        DomainError: "input.*", "permission.denied", "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    wanted: dict[str, str | bool] = {
        "name_zh": required_text(name_zh, "name_zh", 80),
        "name_en": optional_text(name_en, "name_en", 80),
    }
    lock_row(Venue, venue.pk)  # the venue's record names its stations
    station = lock_row(Station, station.pk)
    wanted |= {} if inner is None else {"inner": inner}
    changed = {name: value for name, value in wanted.items() if getattr(station, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(station, name, value)
        station.save(update_fields=list(changed))
        if changed.keys() - {"inner"}:
            live.publish_venue(venue)
        if "inner" in changed:
            live.publish_stations(venue, [station])
        audit.write(actor, "station.edit", station, venue, number=station.number, **changed)
    return station


@transaction.atomic
def edit_device(*, actor: Actor, venue: Venue, device: Device, name: str, edge: Edge | None = None) -> Device:
    """Renames a device, and says which edge it hangs on. Its identifier stays (S-16).

    Raises:
        DomainError: "input.*", "permission.denied", "row.gone", "edge.retired",
            "device.retired".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    name = required_text(name, "name", 80)
    edge = edge_in_use(edge)  # before the device, as where an edge is retired
    device = device_in_use(device)
    changed: dict[str, str | None] = {}
    if device.name != name:
        changed["name"] = name
    if device.edge_id != (edge.pk if edge else None):
        changed["edge"] = edge.name if edge else None
    if changed:
        device.name, device.edge = name, edge
        device.save(update_fields=["name", "edge"])
        audit.write(actor, "device.edit", device, venue, identifier=device.identifier, **changed)
    return device
