"""The records of lanes: where each belongs, and which of its station's products it verifies (S-19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cloud.catalog.classes import classes_of
from cloud.catalog.models import DeviceProduct, ProductStation
from cloud.core.locks import lock_rows
from cloud.entitlements import compile as compiled
from cloud.entitlements import publish
from cloud.venues.models import Device, Station, Venue
from paifang.records import Op

VERIFYING = (Device.Kind.GATE, Device.Kind.HANDHELD)


def device_ops(devices: Iterable[Device]) -> list[Op]:
    """The devices' records; of a retired one that it is gone."""
    wanted = sorted(devices, key=lambda device: device.pk)
    own: dict[int, set[int]] = defaultdict(set)
    for device, product in DeviceProduct.objects.filter(device__in=wanted).values_list("device_id", "product_id"):
        own[device].add(product)
    named = classes_of({product for products in own.values() for product in products})
    return [
        compiled.device_gone_op(device)
        if device.retired_at is not None
        else compiled.device_op(device, [one.number for one in named if one.needs <= own[device.pk]])
        for device in wanted
    ]


def publish_devices(venue: Venue, devices: Iterable[Device]) -> None:
    """Nothing of printers and terminals: they verify nothing. The caller holds the devices' locks."""
    ops = device_ops(device for device in devices if device.kind in VERIFYING)
    if ops:
        publish.urgent(venue, ops)


def drop_removed(venue: Venue, stations: Iterable[Station]) -> None:
    """What a station verifies no more none of its lanes does, and the gates hear of it.

    A lane whose last product goes stays narrowed, to nothing: it must not begin to verify everything by this. The
    caller holds the stations' locks.
    """
    rows = DeviceProduct.objects.filter(device__station__in=[station.pk for station in stations])
    kept = set(ProductStation.objects.filter(station__in=stations).values_list("station_id", "product_id"))
    links = rows.values_list("pk", "device_id", "device__station_id", "product_id")
    gone = {pk: device for pk, device, station, product in links if (station, product) not in kept}
    if not gone:
        return
    devices = lock_rows(Device, gone.values())
    DeviceProduct.objects.filter(pk__in=gone).delete()
    publish_devices(venue, devices)
