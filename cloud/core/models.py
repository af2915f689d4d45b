"""The audit trail and the outbox of what may follow a business transaction."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditRow(models.Model):
    """Who did what to which row, when. Appended in the service's transaction, never changed."""

    venue_id = models.BigIntegerField(null=True, db_index=True)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)  # "system", "edge West gate" where no employee acted
    action = models.CharField(max_length=64)  # "order.issue", "edge.enrol": stable codes
    target = models.CharField(max_length=64)  # "sales.order:42"
    detail = models.JSONField(default=dict)  # no secrets, no personal data

    class Meta:
        indexes = [models.Index(fields=["venue_id", "-at"]), models.Index(fields=["target", "-at"])]


class OutboxEvent(models.Model):
    """Something that happened, to be told to the handlers of cloud/wiring.py after commit, at least once."""

    venue_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=64)  # "admission.recorded"
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="outbox_waiting", condition=models.Q(delivered_at__isnull=True))
        ]
