"""The venue's places as choices of filters: stations, lanes, edges. Asked for within the scope."""

from __future__ import annotations

from cloud.admin.kit.text import named
from cloud.venues.models import Device, Edge, Station

VERIFYING = (Device.Kind.GATE, Device.Kind.HANDHELD)


def station_choices() -> list[tuple[str, str]]:
    return [(str(station.pk), named(station)) for station in Station.objects.order_by("number")]


def lane_choices() -> list[tuple[str, str]]:
    verifying = Device.objects.filter(kind__in=VERIFYING)
    return [(str(device.pk), device.name) for device in verifying.order_by("name", "pk")]


def edge_choices() -> list[tuple[str, str]]:
    return [(str(edge.pk), edge.name) for edge in Edge.objects.order_by("name")]
