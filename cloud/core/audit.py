"""The audit trail: one row for each change, in the transaction that made it."""

from __future__ import annotations

from typing import Any

from django.db import models

from cloud.core.actors import Actor
from cloud.core.models import AuditRow


def target_of(row: models.Model) -> str:
    """How the audit names a row: "sales.order:42"."""
    return f"{row._meta.label_lower}:{row.pk}"


def write(actor: Actor, action: str, target: models.Model, venue: models.Model | None, **detail: Any) -> AuditRow:
    """Appends a row. `detail` is JSON: numbers, codes and names of things; never secrets or personal data."""
    return AuditRow.objects.create(
        venue_id=venue.pk if venue else None,
        actor=actor.employee,
        actor_name=actor.name[:150],
        action=action,
        target=target_of(target),
        detail=detail,
    )
