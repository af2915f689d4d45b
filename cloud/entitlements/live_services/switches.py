"""Stations and devices on and off."""

from __future__ import annotations

from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.locks import lock_row
from cloud.entitlements import lanes, live
from cloud.staff.permissions import Permission, require_at
from cloud.venues.models import Device, Station, Venue
from cloud.venues.services import device_in_use


@transaction.atomic
def set_station_enabled(*, actor: Actor, venue: Venue, station: Station, enabled: bool) -> Station:
    """Switches a station (S-15). Its devices keep their own status, which counts again afterwards (S-21)."""
    require_at(actor, Permission.STATION_SWITCH, venue, station.pk)
    station = lock_row(Station, station.pk)
    if station.enabled != enabled:
        station.enabled = enabled
        station.save(update_fields=["enabled"])
        live.publish_stations(venue, [station])
        audit.write(actor, "station.enabled", station, venue, number=station.number, enabled=enabled)
    return station


@transaction.atomic
def set_device_enabled(*, actor: Actor, venue: Venue, device: Device, enabled: bool) -> Device:
    """Switches one device; its station and the others there are not touched (S-20)."""
    device = device_in_use(device)
    require_at(actor, Permission.STATION_SWITCH, venue, device.station_id)
    if device.enabled != enabled:
        device.enabled = enabled
        device.save(update_fields=["enabled"])
        lanes.publish_devices(venue, [device])
        audit.write(actor, "device.enabled", device, venue, identifier=device.identifier, enabled=enabled)
    return device
