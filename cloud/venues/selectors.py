"""Reads venues and what stands in them, within the active scope."""

from __future__ import annotations

from django.db.models import QuerySet

from cloud.staff.models import Employee
from cloud.venues.models import CalendarDay, Device, Edge, Station, Venue


def venues_of(employee: Employee) -> QuerySet[Venue]:
    """The venues where an employee has a role, by code; all of them for a superuser."""
    venues = Venue.objects.order_by("code")
    return venues if employee.is_superuser else venues.filter(pk__in=employee.grants.values("venue"))


def calendar_days(venue: Venue) -> QuerySet[CalendarDay]:
    """Its holidays and moved working days, of all years."""
    return CalendarDay.objects.filter(venue=venue)


def stations(venue: Venue) -> QuerySet[Station]:
    return Station.objects.filter(venue=venue).order_by("number")


def devices(venue: Venue) -> QuerySet[Device]:
    """Those in use: what a retired one recorded stays, with its name."""
    return Device.objects.filter(venue=venue, retired_at=None).select_related("station", "edge")


def gates(venue: Venue) -> QuerySet[Device]:
    """The lanes."""
    return devices(venue).filter(kind=Device.Kind.GATE)


def live_edges(venue: Venue) -> QuerySet[Edge]:
    return Edge.objects.filter(venue=venue, retired_at=None)


def effective(device: Device) -> bool:
    """Whether a device may work: its station's status outranks its own, which stays as it is (S-21)."""
    return device.enabled and (device.station is None or device.station.enabled)


def group_members(station: Station) -> QuerySet[Station]:
    """The same-type stations, itself among them."""
    return Station.objects.filter(group_id=station.group_id).order_by("number")
