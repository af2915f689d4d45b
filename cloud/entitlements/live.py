"""Publishes live records: stations, devices, the venue. Urgent; inside the transaction that changed the row.

Of two changes of one record the later must be numbered later, so the caller holds the row's lock: a station's
row for its record, a device's for its, the venue's row for the venue's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cloud.catalog.models import ProductStation
from cloud.entitlements import compile as compiled
from cloud.entitlements import publish
from cloud.entitlements.models import VenueSecrets
from cloud.venues.models import Device, Station, Venue
from paifang.records import Op

VERIFYING = (Device.Kind.GATE, Device.Kind.HANDHELD)


def station_ops(stations: Iterable[Station]) -> list[Op]:
    """The stations' records, each with the product classes it verifies."""
    wanted = sorted(stations, key=lambda station: station.pk)
    classes: dict[int, list[int]] = defaultdict(list)
    links = ProductStation.objects.filter(station__in=wanted).values_list("station_id", "product__product_class")
    for station_id, product_class in links:
        classes[station_id].append(product_class)
    return [compiled.station_op(station, classes[station.pk]) for station in wanted]


def venue_ops(venue: Venue) -> list[Op]:
    """The venue's record, read anew."""
    version = VenueSecrets.objects.filter(venue=venue).values_list("keyset_version", flat=True).first() or 0
    return [compiled.venue_op(Venue.objects.get(pk=venue.pk), Station.objects.filter(venue=venue), version)]


def live_ops(venue: Venue) -> list[Op]:
    """Every live record of the venue but the rule sets."""
    stations = station_ops(Station.objects.filter(venue=venue))
    verifying = Device.objects.filter(venue=venue, kind__in=VERIFYING).order_by("pk")
    devices = [compiled.device_op(device) for device in verifying]
    return [*venue_ops(venue), *stations, *devices]


def publish_stations(venue: Venue, stations: Iterable[Station]) -> None:
    publish.urgent(venue, station_ops(stations))


def publish_device(device: Device) -> None:
    """Nothing for a printer or a terminal: they verify nothing."""
    if device.kind in VERIFYING:
        publish.urgent(device.venue, [compiled.device_op(device)])


def publish_venue(venue: Venue) -> None:
    publish.urgent(venue, venue_ops(venue))


def publish_all(venue: Venue) -> None:
    """Every live record again, urgently: what a gate holds is then no older than this row."""
    publish.urgent(venue, live_ops(venue))
