"""The venue's places as choices of filters: stations, lanes, edges within reach. Asked for within the scope."""

from __future__ import annotations

from cloud.admin.kit.reach import reached
from cloud.admin.kit.text import named
from cloud.staff.reach import Reach
from cloud.venues.models import Device, Edge, Station

VERIFYING = (Device.Kind.GATE, Device.Kind.HANDHELD)


def station_choices(reach: Reach) -> list[tuple[str, str]]:
    return [(str(station.pk), named(station)) for station in reached(reach, Station.objects.order_by("number"))]


def lane_choices(reach: Reach) -> list[tuple[str, str]]:
    verifying = reached(reach, Device.objects.filter(kind__in=VERIFYING))
    return [(str(device.pk), device.name) for device in verifying.order_by("name", "pk")]


def edge_choices(reach: Reach) -> list[tuple[str, str]]:
    return [(str(edge.pk), edge.name) for edge in reached(reach, Edge.objects.order_by("name"))]
