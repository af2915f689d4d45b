"""Something a person should look at: an audit row, and an event for whoever is to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

from cloud.core import audit, outbox
from cloud.core.actors import Actor
from cloud.core.models import AuditRow

EVENT = "alarm.raised"


def raise_alarm(code: str, target: models.Model, venue: models.Model | None, **detail: Any) -> None:
    """In the caller's transaction. `code` is stable: "journal.set_aside"; `detail` is JSON without personal data."""
    audit.write(Actor.system("alarm"), f"alarm.{code}", target, venue, **detail)
    outbox.emit(venue, EVENT, {"code": code, "target": audit.target_of(target), "detail": detail})


def raised(code: str, target: models.Model, *, since: datetime | None = None, **detail: Any) -> bool:
    """Whether it was raised already, with just this detail where one is given: a periodic check alarms once."""
    rows = AuditRow.objects.filter(action=f"alarm.{code}", target=audit.target_of(target))
    if since is not None:
        rows = rows.filter(at__gte=since)
    if detail:
        rows = rows.filter(detail=detail)
    return rows.exists()
