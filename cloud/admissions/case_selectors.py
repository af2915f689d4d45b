"""Reads cases, for pages. Within the venue's scope."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import OuterRef, Q, QuerySet, Subquery

from cloud.admissions.models import Admission, Case, JournalEntry
from cloud.admissions.presented import entries_of, presented
from cloud.admissions.selectors import listed as admissions_listed
from cloud.sales.models import Order, OrderUnit
from cloud.sales.selectors import matching as order_matching
from cloud.staff.reach import EVERYWHERE, Reach
from cloud.venues.models import Device, Station, Venue

BADGE_MOST = 999  # more are not counted on every page


def listed(venue: Venue) -> QuerySet[Case]:
    """All of them with the names a list shows, None where there is none: `station_zh`, `station_en`, `device_name`,
    `product_zh`, `product_en` (as sold), `order_number` and `visitor_name`."""
    stations = Station.objects.filter(pk=OuterRef("station_id"))
    devices = Device.objects.filter(pk=OuterRef("device_id"))
    units = OrderUnit.objects.filter(entitlement_id=OuterRef("entitlement_id")).order_by()
    return (
        Case.objects.filter(venue=venue)
        .select_related("edge", "decided_by")
        .annotate(
            station_zh=Subquery(stations.values("name_zh")),
            station_en=Subquery(stations.values("name_en")),
            device_name=Subquery(devices.values("name")),
            product_zh=Subquery(units.values("product_name_zh")),
            product_en=Subquery(units.values("product_name_en")),
            order_number=Subquery(units.values("order__number")),
            visitor_name=Subquery(units.values("visitor__name")),
        )
    )


def matching(text: str) -> Q:
    """The case of a number, and the cases of the tickets whose orders are found by what was typed (O-04)."""
    orders = Order.objects.filter(order_matching(text))
    found = Q(entitlement_id__in=OrderUnit.objects.filter(order__in=orders).values("entitlement_id"))
    digits = text.rpartition("·")[2].strip()
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        found |= Q(pk=int(digits))
    return found


def open_count(venue: Venue, reach: Reach = EVERYWHERE) -> int:
    """How many are not closed, at the stations in reach; at most BADGE_MOST."""
    waiting = Case.objects.filter(venue=venue, state__in=(Case.State.OPEN, Case.State.REVIEWED))
    return len(reach.narrow(waiting, "station_id").values_list("pk", flat=True)[:BADGE_MOST])


def admissions(venue: Venue, pks: Collection[int]) -> list[Admission]:
    """These admissions as lists show them, with their edges, and `entry`: the presentation that admitted."""
    return list(entries_of(venue, admissions_listed(venue).filter(pk__in=pks).select_related("edge")))


def of_tickets(venue: Venue, ids: Collection[int]) -> QuerySet[JournalEntry]:
    """Each time one of these tickets was presented, the first first."""
    return presented(venue).filter(entitlement_id__in=ids).order_by("at", "pk")
