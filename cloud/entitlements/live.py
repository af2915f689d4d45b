"""Publishes live records: stations, devices, the venue. Urgent; inside the transaction that changed the row.

Of two changes of one record the later must be numbered later, so the caller holds the row's lock: a station's
row for its record, a device's for its, the venue's row for the venue's.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from cloud.catalog import outage
from cloud.catalog.classes import classes_of
from cloud.catalog.compile import rules_of
from cloud.catalog.models import ProductStation, TicketProduct
from cloud.catalog.services import snapshot_rules
from cloud.core import business_day
from cloud.entitlements import compile as compiled
from cloud.entitlements import publish
from cloud.entitlements.lanes import VERIFYING, device_ops
from cloud.entitlements.models import VenueSecrets
from cloud.venues.models import CalendarDay, Device, Station, Venue
from paifang.records import Op, pack_ops

IN_VENUE = {"signed_only", *outage.RULES}  # a product's rules that the venue's record carries
ONE_DAY = timedelta(days=1)
AHEAD = timedelta(days=400)  # of the calendar that gates hold, should the cloud be away


def station_ops(stations: Iterable[Station]) -> list[Op]:
    """The stations' records, each with the product classes it verifies."""
    wanted = sorted(stations, key=lambda station: station.pk)
    classes: dict[int, list[int]] = defaultdict(list)
    links = ProductStation.objects.filter(station__in=wanted).values_list("station_id", "product_id")
    verified: dict[int, set[int]] = defaultdict(set)
    for station_id, product_id in links:
        verified[station_id].add(product_id)
    named = classes_of({pk for products in verified.values() for pk in products})
    for station_id, products in verified.items():
        classes[station_id] = sorted(one.number for one in named if one.needs <= products)
    return [compiled.station_op(station, classes[station.pk]) for station in wanted]


def venue_ops(venue: Venue) -> list[Op]:
    """The venue's record, read anew, after the rule sets it names."""
    version = VenueSecrets.objects.filter(venue=venue).values_list("keyset_version", flat=True).first() or 0
    venue = Venue.objects.get(pk=venue.pk)
    signed = TicketProduct.objects.filter(venue=venue, rules__has_key="signed_only").order_by("product_class")
    rules = {product: snapshot_rules(product) for product in signed}
    today = business_day.today(venue)
    days = CalendarDay.objects.filter(venue=venue, day__gte=today - ONE_DAY, day__lte=today + AHEAD).exclude(
        kind=CalendarDay.Kind.ORDINARY
    )
    record = compiled.venue_op(
        venue, Station.objects.filter(venue=venue), version, days,
        {product.product_class: (row.pk, rules_of(product).signed_only) for product, row in rules.items()},
        outage.shares(venue),
    )  # fmt: skip
    return [*(compiled.ruleset_op(row) for row in rules.values()), record]


def live_ops(venue: Venue) -> list[Op]:
    """Every live record of the venue but the rule sets."""
    stations = station_ops(Station.objects.filter(venue=venue))
    verifying = Device.objects.filter(venue=venue, kind__in=VERIFYING, retired_at=None)
    return [*venue_ops(venue), *stations, *device_ops(verifying)]


def publish_stations(venue: Venue, stations: Iterable[Station]) -> None:
    publish.urgent(venue, station_ops(stations))


def publish_venue(venue: Venue) -> None:
    _publish_venue(venue, venue_ops(venue))


def publish_venue_if_stale(venue: Venue) -> None:
    """Publishes the record where it is another than was last published: days come within reach by themselves."""
    ops = venue_ops(venue)
    kept = VenueSecrets.objects.filter(venue=venue).values_list("told_hash", flat=True).first()
    if kept != _hash(ops):
        _publish_venue(venue, ops)


def _publish_venue(venue: Venue, ops: list[Op]) -> None:
    publish.urgent(venue, ops)
    VenueSecrets.objects.filter(venue=venue).update(told_hash=_hash(ops))


def _hash(ops: list[Op]) -> str:
    return hashlib.sha256(pack_ops(ops)).hexdigest()


def publish_all(venue: Venue) -> None:
    """Every live record again, urgently: what a gate holds is then no older than this row."""
    publish.urgent(venue, live_ops(venue))
