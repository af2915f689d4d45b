"""A lane's own products, its station, its end."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from cloud.catalog.models import DeviceProduct, ProductStation, TicketProduct
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text
from cloud.core.locks import lock_row, lock_rows
from cloud.entitlements import lanes
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Device, Station, Venue
from cloud.venues.services import device_in_use


@transaction.atomic
def set_device_products(
    *, actor: Actor, venue: Venue, device: Device, products: Iterable[TicketProduct] | None
) -> Device:
    """Narrows a lane to some of what its station verifies (S-19); None: all of it, also what comes later.

    Raises:
        DomainError: "device.kind" (it verifies nothing), "device.exit_products" (an exit counts only, S-18),
            "device.products" (the station does not verify one of them), "device.retired", "permission.denied",
            "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    lock_row(Venue, venue.pk)  # as wherever product lists change
    at = Device.objects.filter(pk=device.pk).values_list("station_id", flat=True).first()
    station = lock_row(Station, at) if at else None
    chosen = lock_rows(TicketProduct, (product.pk for product in products or ()))
    device = device_in_use(device)
    if device.station_id != at:
        raise _moved_meanwhile()
    before = set(DeviceProduct.objects.filter(device=device).values_list("product_id", flat=True))
    after, narrowed = {product.pk for product in chosen}, products is not None
    if narrowed:
        _require_narrowable(device, station, chosen)
    if (device.narrowed, before) == (narrowed, after):
        return device
    DeviceProduct.objects.filter(device=device, product__in=before - after).delete()
    DeviceProduct.objects.bulk_create(DeviceProduct(device=device, product_id=pk) for pk in sorted(after - before))
    device.narrowed = narrowed
    device.save(update_fields=["narrowed"])
    lanes.publish_devices(venue, [device])
    said = {"products": [product.code for product in chosen]} if narrowed else {"all": True}
    audit.write(actor, "device.products", device, venue, identifier=device.identifier, **said)
    return device


@transaction.atomic
def move_device(
    *, actor: Actor, venue: Venue, device: Device, station: Station | None, left: Station | None = None
) -> Device:
    """A device belongs to one station: from now on to this one (S-10, S-19). What it was narrowed to ends with that.

    `station` None takes a device that is no gate away from its station. `left`: the station it is thought to leave;
    where somebody moved it meanwhile, it stays where they put it.

    Raises:
        DomainError: "device.station" (a gate belongs to some station), "device.moved" (it is not at `left` any more),
            "device.retired", "permission.denied", "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    station = lock_row(Station, station.pk) if station is not None else None
    device = device_in_use(device)
    if left is not None and device.station_id not in (left.pk, station.pk if station else None):
        raise _moved_meanwhile()
    if station is None and device.kind == Device.Kind.GATE:
        raise DomainError("device.station", "闸机必须属于一个站点。", "A gate belongs to a station.", "station")
    if device.station_id != (station.pk if station else None):
        DeviceProduct.objects.filter(device=device).delete()
        device.station, device.narrowed = station, False
        device.save(update_fields=["station", "narrowed"])
        lanes.publish_devices(venue, [device])
        where = station.number if station else None
        audit.write(actor, "device.move", device, venue, identifier=device.identifier, station=where)
    return device


@transaction.atomic
def retire_device(*, actor: Actor, venue: Venue, device: Device, why: str = "") -> Device:
    """Takes a device out of the venue for good. What it recorded stays; its identifier is never given again (S-16).

    Raises:
        DomainError: "permission.denied", "row.gone", "input.*".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    why = optional_text(why, "why", 200)
    device = lock_row(Device, device.pk)
    if device.retired_at is None:
        DeviceProduct.objects.filter(device=device).delete()
        device.retired_at, device.station, device.edge, device.narrowed = timezone.now(), None, None, False
        device.save(update_fields=["retired_at", "station", "edge", "narrowed"])
        lanes.publish_devices(venue, [device])
        audit.write(actor, "device.retire", device, venue, identifier=device.identifier, why=why)
    return device


def _require_narrowable(device: Device, station: Station | None, chosen: Iterable[TicketProduct]) -> None:
    if device.kind not in lanes.VERIFYING or station is None:
        raise DomainError("device.kind", "此类设备不验票。", "A device of this type verifies nothing.", "products")
    if station.nature == Station.Nature.EXIT:
        raise DomainError(
            "device.exit_products",
            f"设备 {device.identifier} 在出园站点，只计数，不能设置可验产品。",
            f"{device.identifier} is at an exit: it counts and verifies no products.",
            "products",
        )
    there = set(ProductStation.objects.filter(station=station).values_list("product_id", flat=True))
    missing = [product for product in chosen if product.pk not in there]
    if missing:
        raise DomainError(
            "device.products",
            f"站点“{station.name_zh}”不验{'、'.join(product.name_zh for product in missing)}，请先在站点上添加。",
            f"{station.name_en or station.name_zh} does not verify "
            f"{', '.join(product.name_en or product.name_zh for product in missing)}: add it to the station first.",
            "products",
        )


def _moved_meanwhile() -> DomainError:
    return DomainError(
        "device.moved",
        "有人刚把此设备移到了另一个站点，请刷新后重试。",
        "Somebody moved the device to another station meanwhile: look again.",
        "station",
    )
