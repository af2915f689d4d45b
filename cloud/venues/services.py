"""Creates venues and what stands in them. These write rows only: nothing here reaches a gate.

The console and everybody else who creates at a running venue call cloud.entitlements.live_services, which does
the same and tells the gates in the same transaction.
"""

from __future__ import annotations

import unicodedata
from zoneinfo import ZoneInfoNotFoundError

from django.db import IntegrityError, transaction
from django.db.models import Max

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.business_day import Calendar
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text, within
from cloud.core.locks import lock_row
from cloud.staff.permissions import Permission, require, require_installation
from cloud.venues.models import Device, Edge, ExclusionGroup, Station, Venue


@transaction.atomic
def create_venue(
    *,
    actor: Actor,
    code: str,
    name_zh: str,
    name_en: str = "",
    time_zone: str = "Asia/Shanghai",
    day_start_minutes: int = 0,
    capacity: int | None = None,
) -> Venue:
    """A new scenic area. Raises DomainError: "venue.code", "venue.time_zone", "input.*", "permission.denied"."""
    require_installation(actor)
    check_calendar(time_zone, day_start_minutes)
    venue = Venue(
        code=required_text(code, "code", 32),
        name_zh=required_text(name_zh, "name_zh", 80),
        name_en=optional_text(name_en, "name_en", 80),
        time_zone=time_zone,
        day_start_minutes=day_start_minutes,
        capacity=capacity,
    )
    try:
        with transaction.atomic():
            venue.save(force_insert=True)
    except IntegrityError:
        raise DomainError("venue.code", f"代码 {code} 已被使用。", f"The code {code} is taken.", "code") from None
    audit.write(actor, "venue.create", venue, venue, code=venue.code)
    return venue


def check_calendar(time_zone: str, day_start_minutes: int) -> None:
    """Raises DomainError "venue.time_zone", "input.range"."""
    within(day_start_minutes, "day_start_minutes", 0, 1439)
    try:
        Calendar(time_zone, day_start_minutes)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DomainError(
            "venue.time_zone", f"没有时区 {time_zone}。", f"There is no time zone {time_zone}.", "time_zone"
        ) from None


@transaction.atomic
def create_station(
    *,
    actor: Actor,
    venue: Venue,
    name_zh: str,
    name_en: str = "",
    nature: str = Station.Nature.ENTRY,
    group: ExclusionGroup | None = None,
    inner: bool = False,
) -> Station:
    """A new station with the next number of the venue (S-03), enabled, of its own group unless one is named."""
    require(actor, Permission.STATION_MANAGE, venue)
    if nature not in Station.Nature.values:
        raise DomainError("station.nature", "站点性质应为入园或出园。", "A station is for entry or for exit.", "nature")
    if group is not None and nature == Station.Nature.EXIT:
        raise exit_has_no_group()
    name = required_text(name_zh, "name_zh", 80)
    lock_row(Venue, venue.pk)  # one number for each of two that are made at once
    group = lock_row(ExclusionGroup, group.pk) if group else ExclusionGroup.objects.create(venue=venue, name=name)
    highest = Station.objects.aggregate(highest=Max("number"))["highest"] or 0
    station = Station.objects.create(
        venue=venue,
        number=highest + 1,
        name_zh=name,
        inner=inner,
        name_en=optional_text(name_en, "name_en", 80),
        nature=nature,
        group=group,
    )
    audit.write(actor, "station.create", station, venue, number=station.number, name=station.name_zh)
    return station


@transaction.atomic
def create_edge(*, actor: Actor, venue: Venue, name: str) -> Edge:
    """A new entrance, to be enrolled (cloud.gates). Raises DomainError "edge.name"."""
    require(actor, Permission.EDGE_MANAGE, venue)
    try:
        with transaction.atomic():
            edge = Edge.objects.create(venue=venue, name=required_text(name, "name", 80))
    except IntegrityError:
        raise DomainError("edge.name", f"名称 {name} 已被使用。", f"The name {name} is taken.", "name") from None
    audit.write(actor, "edge.create", edge, venue, name=edge.name)
    return edge


@transaction.atomic
def create_device(
    *,
    actor: Actor,
    venue: Venue,
    identifier: str,
    name: str,
    kind: str = Device.Kind.GATE,
    station: Station | None = None,
    edge: Edge | None = None,
) -> Device:
    """A new device (S-16). Its identifier is unique in the installation, whatever the case of its letters.

    Raises:
        DomainError: "device.identifier*" (taken, also by one that is retired), "device.kind", "row.gone",
            "device.station" (a gate needs one), "edge.retired".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    if kind not in Device.Kind.values:
        raise DomainError("device.kind", f"没有设备类型 {kind}。", f"There is no device type {kind}.", "kind")
    if kind == Device.Kind.GATE and station is None:
        raise DomainError("device.station", "闸机必须属于一个站点。", "A gate belongs to a station.", "station")
    device = Device(
        venue=venue,
        identifier=checked_identifier(identifier),
        name=required_text(name, "name", 80),
        kind=kind,
        station=lock_row(Station, station.pk) if station else None,
        edge=edge_in_use(edge),
    )
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError:
        raise DomainError(
            "device.identifier",
            f"设备标识 {identifier} 已被使用，请换一个。",
            f"The identifier {identifier} is taken; choose another.",
            "identifier",
        ) from None
    audit.write(actor, "device.create", device, venue, identifier=device.identifier, device_kind=kind)
    return device


def checked_identifier(text: str) -> str:
    """As it is kept and compared: full-width letters are ordinary ones, and case tells no two apart (S-16).

    Raises:
        DomainError: "device.identifier_letters": letters whose case not every database knows. "input.*".
    """
    identifier = required_text(unicodedata.normalize("NFKC", text), "identifier", 64)
    if any(letter.lower() != letter.upper() and not letter.isascii() for letter in identifier):
        raise DomainError(
            "device.identifier_letters",
            "字母只能用 A–Z；汉字、数字和符号不限。",
            "Of letters with capitals only A to Z; Chinese characters, digits and signs as you like.",
            "identifier",
        )
    return identifier


def device_in_use(device: Device) -> Device:
    """The device, locked. Raises DomainError "device.retired", "row.gone"."""
    device = lock_row(Device, device.pk)
    if device.retired_at is not None:
        raise DomainError(
            "device.retired",
            f"设备 {device.identifier} 已退役，不能再更改。",
            f"The device {device.identifier} is retired: it cannot be changed any more.",
        )
    return device


def edge_in_use(edge: Edge | None) -> Edge | None:
    """The edge, locked: one that a device may hang on. Raises DomainError "edge.retired", "row.gone"."""
    if edge is None:
        return None
    edge = lock_row(Edge, edge.pk)
    if edge.retired_at is not None:
        raise DomainError(
            "edge.retired",
            f"边缘 {edge.name} 已退役，请选择另一台。",
            f"The edge {edge.name} is retired: choose another.",
            "edge",
        )
    return edge


def exit_has_no_group() -> DomainError:
    return DomainError(
        "station.exit_group",
        "出园站点只计数，不能加入同类型站点。",
        "An exit station only counts: it cannot be in a group of same-type stations.",
        "group",
    )
