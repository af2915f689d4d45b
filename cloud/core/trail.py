"""Reads the audit trail of rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import models

from cloud.core.audit import target_of
from cloud.core.models import AuditRow

ALARM = "alarm."  # how the actions of alarms begin


def trail_of(rows: Iterable[models.Model], limit: int = 100) -> list[AuditRow]:
    """What was done to these rows, the newest first."""
    targets = [target_of(row) for row in rows]
    return list(AuditRow.objects.filter(target__in=targets).order_by("-at", "-pk")[:limit])


def alarms_at(venue: models.Model, since: datetime | None = None) -> models.QuerySet[AuditRow]:
    """What was raised at a venue for a person to look at, the newest first."""
    rows = AuditRow.objects.filter(venue_id=venue.pk, action__startswith=ALARM)
    return (rows.filter(at__gte=since) if since else rows).order_by("-at", "-pk")


def trail_at(venue: models.Model) -> models.QuerySet[AuditRow]:
    """Everything that was done at a venue."""
    return AuditRow.objects.filter(venue_id=venue.pk)
