"""Looks after edges that stopped reporting, and tokens that nobody used."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from cloud.admissions import edge_alarms
from cloud.core.alarms import raise_alarm, raised
from cloud.core.locks import lock_row
from cloud.gates.models import EdgeCertificate, EnrolToken
from cloud.venues.models import Edge, Venue

SILENT_AFTER = timedelta(seconds=60)
KEEP_TOKENS = timedelta(days=1)


def alarm_silent_edges(venue: Venue, *, listening_since: datetime, now: datetime) -> list[Edge]:
    """Alarms "edge.silent" once for each silence of an enrolled edge. Within the venue's scope.

    `listening_since`: how long this process has been looking; silence before that may have been the cloud's own.
    """
    enrolled = EdgeCertificate.objects.filter(venue=venue, revoked_at=None).values("edge_id")
    silent = []
    for edge in Edge.objects.filter(pk__in=enrolled, retired_at=None).select_related("health"):
        health = getattr(edge, "health", None)
        heard = health.reported_at if health else edge.created_at
        if now - max(heard, listening_since) < SILENT_AFTER:
            continue
        with transaction.atomic():
            lock_row(Edge, edge.pk)  # two workers looking at once raise one alarm
            if not raised("edge.silent", edge, since=heard):
                last = heard.isoformat(timespec="seconds")
                raise_alarm("edge.silent", edge, venue, last_heard=last)
                edge_alarms.heard(edge, [edge_alarms.Heard(edge_alarms.SILENT, 0, f"last heard of at {last}", heard)])
                silent.append(edge)
    return silent


def forget_tokens(venue: Venue, *, now: datetime) -> int:
    """Deletes tokens a day after their end; what was done with them is in the audit. Within the venue's scope."""
    gone, _ = EnrolToken.objects.filter(venue=venue, expires_at__lt=now - KEEP_TOKENS).delete()
    return gone
