"""Where a lane stands, by the live records the cloud sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.verdict import Place
from paifang.records import Device, Station, Table, live_key

if TYPE_CHECKING:
    from edge._verify import Environment


@dataclass(frozen=True, slots=True)
class Location:
    """Where the cloud says a lane stands. `enabled`: its station and the device itself are switched on."""

    device_id: int
    station_id: int
    enabled: bool
    exit: bool = False
    inner: bool = False

    @property
    def place(self) -> Place:
        return Place(self.station_id, self.device_id, self.exit, self.inner)


def locate(environment: Environment, identifier: str) -> Location | None:
    """Finds a device by its identifier (case does not matter) in the live records; None while there is none."""
    after = b""
    while rows := environment.scan(Table.DEVICE, after, 256):
        for key, value in rows:
            if Device.unpack(value).identifier.casefold() == identifier.casefold():
                return look_at(environment, int.from_bytes(key, "big"), identifier)
        after = rows[-1][0] + b"\0"
    return None


def look_at(environment: Environment, device_id: int, identifier: str) -> Location | None:
    """The device's live state; None where it is no longer the device of that identifier."""
    stored = environment.get(Table.DEVICE, live_key(device_id))
    device = Device.unpack(stored) if stored is not None else None
    if device is None or device.identifier.casefold() != identifier.casefold():
        return None
    stored = environment.get(Table.STATION, live_key(device.station_id))
    if stored is None:
        return Location(device_id, device.station_id, False)
    station = Station.unpack(stored)
    enabled = device.enabled and station.enabled
    return Location(device_id, device.station_id, enabled, station.exit, station.inner)
