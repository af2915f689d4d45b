"""The audit trail, the outbox of what may follow a business transaction, and background jobs."""

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
        indexes = [
            models.Index(fields=["venue_id", "-at"]),
            models.Index(fields=["target", "-at"]),
            models.Index(fields=["venue_id", "action", "-at"], name="audit_action"),
            # Who did it is looked up by the beginning of the name.
            models.Index(
                fields=["venue_id", "actor_name"], name="audit_actor", opclasses=["int8_ops", "varchar_pattern_ops"]
            ),
        ]


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


class Job(models.Model):
    """Work that somebody asked for and that goes on behind their back: cloud.core.jobs moves it along."""

    class State(models.TextChoices):
        WAITING = "waiting"  # for a worker
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    venue_id = models.BigIntegerField()
    employee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=32)  # "export", "action", "import"
    permission = models.CharField(max_length=64)  # needed to start it, and still to carry it out and to fetch its file
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200)
    language = models.CharField(max_length=12)  # the asker's: what is written into files
    asked = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    cancelling = models.BooleanField(default=False)  # asked to stop; it does at its next step
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)  # none: not known yet
    message_zh = models.CharField(max_length=500, blank=True)
    message_en = models.CharField(max_length=500, blank=True)
    outcome = models.JSONField(default=dict)  # counts and further links, by the kind
    file_name = models.CharField(max_length=200, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    file_bytes = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)  # for whoever looks after the installation
    attempt = models.PositiveSmallIntegerField(default=0)  # who runs it now: an older attempt may write nothing more
    task_id = models.CharField(max_length=64, blank=True, db_index=True)  # of the job backend
    created_at = models.DateTimeField(auto_now_add=True)
    beat_at = models.DateTimeField(null=True)  # the last sign of life
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)  # when its files go

    class Meta:
        indexes = [
            models.Index(fields=["venue_id", "employee", "-created_at"], name="job_of_employee"),
            models.Index(fields=["expires_at"], name="job_expiring", condition=models.Q(expires_at__isnull=False)),
        ]


class JobPart(models.Model):
    """A piece of a job's file. Kept in the database: web and worker need not share a disk."""

    class Of(models.TextChoices):
        ASKED = "asked"  # what was handed in
        RESULT = "result"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    of = models.CharField(max_length=6, choices=Of)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "of", "number"], name="job_part")]


class JobRow(models.Model):
    """What a job did about one row. Written with the change itself: a job begun again knows what is done."""

    class Outcome(models.TextChoices):
        DONE = "done"
        LEFT = "left"  # nothing to do, or no longer fitting
        FAILED = "failed"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()  # its place in the job; of an import the line of the sheet
    row_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=200)
    outcome = models.CharField(max_length=6, choices=Outcome)
    column = models.CharField(max_length=100, blank=True)  # of an import: where in the line
    text_zh = models.CharField(max_length=500, blank=True)
    text_en = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number", "column"], name="job_row")]
        indexes = [models.Index(fields=["job", "outcome", "number"], name="job_row_outcome")]
