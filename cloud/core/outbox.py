"""What may follow a business transaction: an event row written in it, delivered after commit, at least once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from cloud.core.models import OutboxEvent


def emit(
    venue: models.Model | None, kind: str, payload: dict[str, Any], *, due_at: datetime | None = None
) -> OutboxEvent:
    """Tells the handlers cloud/wiring.py lists for `kind`. The payload is JSON and holds no personal data."""
    return OutboxEvent.objects.create(
        venue_id=venue.pk if venue else None, kind=kind, payload=payload, due_at=due_at or timezone.now()
    )
