"""Keeps an edge's last health report for the live page."""

from __future__ import annotations

from django.utils import timezone

from cloud.admissions import edge_alarms
from cloud.gates.models import EdgeHealth
from cloud.venues.models import Edge


def report(edge: Edge, status: bytes) -> None:
    """Stores the serialized paifang.v1.EdgeStatus, and ends the alarms it shows to be over.

    The cloud's clock says when it came.
    """
    now = timezone.now()
    if not EdgeHealth.objects.filter(edge=edge).update(status=status, reported_at=now):
        EdgeHealth.objects.bulk_create(
            [EdgeHealth(edge=edge, venue_id=edge.venue_id, reported_at=now, status=status)], ignore_conflicts=True
        )
    edge_alarms.reported(edge, status, now)
