"""What was presented of given entitlements and what became of it, for an order's page. Within the venue's scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from cloud.admissions.models import Admission, JournalEntry
from cloud.venues.models import Device, Station, Venue


@dataclass(frozen=True, slots=True)
class Presented:
    """One presentation; `admission` is there where it was admitted. `entry` rises with what comes in later."""

    entry: int
    at: datetime
    device: Device | None
    station: Station | None
    decision: int
    reason: int
    entitlement_id: int
    admission: Admission | None


def presentations(
    venue: Venue, ids: Collection[int], *, device: Device | None = None, after: int = 0, limit: int = 100
) -> list[Presented]:
    """The newest first, at one lane if asked, and only what came in after an entry if asked."""
    rows = JournalEntry.objects.filter(
        venue=venue, entitlement_id__in=ids, kind=JournalEntry.Kind.PRESENTATION, pk__gt=after
    ).defer("raw")
    if device is not None:
        rows = rows.filter(device_id=device.pk)
    found = list(rows.order_by("-at", "-pk")[:limit])
    admissions = {(one.edge_id, one.seq): one for one in Admission.objects.filter(venue=venue, entitlement_id__in=ids)}
    devices = Device.objects.in_bulk({row.device_id for row in found if row.device_id})
    stations = Station.objects.in_bulk({row.station_id for row in found if row.station_id})
    return [
        Presented(
            entry=row.pk,
            at=row.at,
            device=devices.get(row.device_id or 0),
            station=stations.get(row.station_id or 0),
            decision=row.decision or 0,
            reason=row.reason or 0,
            entitlement_id=row.entitlement_id or 0,
            admission=admissions.get((row.edge_id, row.seq)),
        )
        for row in found
    ]


def last_entry(venue: Venue, entitlement_id: int) -> int:
    """The newest entry of an entitlement so far; 0 for none."""
    rows = JournalEntry.objects.filter(venue=venue, entitlement_id=entitlement_id)
    return rows.aggregate(newest=Max("pk"))["newest"] or 0
