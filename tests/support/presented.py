"""Journal rows and admissions as the ingest would write them, for tests of pages."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from django.utils import timezone

from cloud.admissions.models import Admission, JournalEntry
from cloud.core.business_day import today
from cloud.venues.models import Device
from paifang.reasons import Reason
from paifang.v1 import scan_pb2

_numbers = count(1)


def present(
    device: Device,
    entitlement_id: int = 0,
    *,
    reason: Reason = Reason.OK,
    persons: int = 1,
    outcome: str = "passed",
    at: datetime | None = None,
) -> JournalEntry:
    """One presentation at a lane; admitted when the reason is OK."""
    at = at or timezone.now()
    seq = next(_numbers)
    admitted = reason == Reason.OK
    decision = scan_pb2.DECISION_ADMIT if admitted else scan_pb2.DECISION_REFUSE
    body = scan_pb2.Presentation(
        device_id=device.pk,
        station_id=device.station_id or 0,
        decision=decision,
        reason=int(reason),
        persons=persons if admitted else 0,
        entitlement_id=entitlement_id,
    )
    raw = scan_pb2.Entry(edge_id=device.edge_id or 0, seq=seq, presentation=body).SerializeToString()
    day = today(device.venue, at)
    entry = JournalEntry.objects.create(
        venue=device.venue, edge=device.edge, epoch=b"epoch--1", seq=seq, entry_hash=bytes(32), raw=raw,
        kind=JournalEntry.Kind.PRESENTATION, at=at, business_day=day, device_id=device.pk,
        station_id=device.station_id, decision=decision, reason=int(reason), entitlement_id=entitlement_id or None,
    )  # fmt: skip
    if admitted:
        Admission.objects.create(
            venue=device.venue, edge=device.edge, seq=seq, entitlement_id=entitlement_id, product_class=1,
            station_id=device.station_id, device_id=device.pk, credential_kind=1, at=at, business_day=day,
            persons=persons, outcome=outcome, passed=0 if outcome == "returned" else persons,
            returned=persons if outcome == "returned" else 0,
        )  # fmt: skip
    return entry
