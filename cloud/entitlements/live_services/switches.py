"""Stations and devices on and off, and a device moved."""

from __future__ import annotations

from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.staff.permissions import Permission, require, require_at
from cloud.venues.models import Device, Station, Venue


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
    device = lock_row(Device, device.pk)
    require_at(actor, Permission.STATION_SWITCH, venue, device.station_id)
    if device.enabled != enabled:
        device.enabled = enabled
        device.save(update_fields=["enabled"])
        live.publish_device(device)
        audit.write(actor, "device.enabled", device, venue, identifier=device.identifier, enabled=enabled)
    return device


@transaction.atomic
def move_device(*, actor: Actor, venue: Venue, device: Device, station: Station) -> Device:
    """A device belongs to exactly one station: from now on to this one (S-10, S-19)."""
    require(actor, Permission.STATION_MANAGE, venue)
    station = lock_row(Station, station.pk)
    device = lock_row(Device, device.pk)
    if device.kind not in live.VERIFYING:
        raise DomainError("device.kind", "此类设备不验票。", "A device of this type verifies nothing.", "kind")
    if device.station_id != station.pk:
        device.station = station
        device.save(update_fields=["station"])
        live.publish_device(device)
        audit.write(actor, "device.move", device, venue, identifier=device.identifier, station=station.number)
    return device
