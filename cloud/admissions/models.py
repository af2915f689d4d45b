"""What the gates recorded: every journal entry, the admissions among them, people inside."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.venues.models import Edge, Venue


class JournalEntry(models.Model):
    """One entry of an edge's journal, byte for byte. (edge, epoch, seq) is its identity."""

    class Kind(models.TextChoices):
        BOOT = "boot"
        PRESENTATION = "presentation"
        SETTLEMENT = "settlement"
        LANE = "lane"
        ALARM = "alarm"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.PROTECT)
    epoch = models.BinaryField(max_length=8)
    seq = models.BigIntegerField()
    entry_hash = models.BinaryField(max_length=32)
    raw = models.BinaryField()
    kind = models.CharField(max_length=12, choices=Kind)
    at = models.DateTimeField()
    business_day = models.DateField()
    received_at = models.DateTimeField(auto_now_add=True)
    # Of presentations and settlements, for lists and sums:
    device_id = models.BigIntegerField(null=True)
    station_id = models.BigIntegerField(null=True)
    decision = models.PositiveSmallIntegerField(null=True)
    reason = models.PositiveSmallIntegerField(null=True)
    entitlement_id = models.BigIntegerField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "edge", "epoch", "seq"], name="journal_entry")]
        indexes = [
            models.Index(fields=["venue", "-at"]),
            models.Index(fields=["venue", "kind", "-at"]),
            models.Index(fields=["venue", "entitlement_id", "at"]),
        ]


class Admission(models.Model):
    """An admit verdict and what became of it. Those `leaving` are no visits: see `entries`."""

    class Flag(models.TextChoices):
        """What the cloud knows of its ticket that the gate did not, when the journal came in."""

        NONE = ""
        UNKNOWN = "unknown"  # there is no such ticket
        ENDED = "ended"  # it had been revoked or refunded before

    class Outcome(models.TextChoices):
        OPEN = "open"  # reserved, not settled yet
        PASSED = "passed"
        RETURNED = "returned"
        PARTLY = "partly"
        KEPT = "kept"
        UNKNOWN = "unknown"
        LATE = "late"
        UNTICKETED = "unticketed"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.PROTECT)
    seq = models.BigIntegerField()  # of the admitting presentation
    entitlement_id = models.BigIntegerField()
    product_class = models.PositiveIntegerField()
    station_id = models.BigIntegerField()
    device_id = models.BigIntegerField()
    credential_kind = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    business_day = models.DateField()
    persons = models.PositiveSmallIntegerField()
    passed = models.PositiveSmallIntegerField(default=0)
    returned = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)
    settled_at = models.DateTimeField(null=True)
    recovered = models.BooleanField(default=False)
    leaving = models.BooleanField(default=False)  # at an exit: somebody was let out, nobody was admitted
    signed_only = models.BooleanField(default=False)  # on its signature: the gate had no record of the ticket
    flag = models.CharField(max_length=8, choices=Flag, default=Flag.NONE, blank=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "edge", "seq"], name="admission_seq")]
        indexes = [
            models.Index(fields=["venue", "-at"]),
            models.Index(fields=["venue", "entitlement_id"]),
            models.Index(fields=["venue", "business_day", "station_id"]),
        ]


class EdgeChain(models.Model):
    """Where an edge's hash chain stands: the next entry must carry `last_hash`."""

    edge = models.OneToOneField(Edge, on_delete=models.PROTECT, primary_key=True)
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    epoch = models.BinaryField(max_length=8)
    seq = models.BigIntegerField(default=0)
    last_hash = models.BinaryField(max_length=32)

    objects = ScopedManager(venue="venue")


class SetAside(models.Model):
    """An entry that could not be taken as it is: kept verbatim, alarmed, never dropped."""

    class Why(models.TextChoices):
        UNREADABLE = "unreadable"
        CHAIN = "chain"  # prev_hash does not match
        CONFLICT = "conflict"  # the same (edge, epoch, seq) with another hash
        FOREIGN = "foreign"  # names another edge than the certificate
        GAP = "gap"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.PROTECT)
    why = models.CharField(max_length=10, choices=Why)
    raw = models.BinaryField()
    entry_hash = models.BinaryField(max_length=32)
    seq = models.BigIntegerField(null=True)
    received_at = models.DateTimeField(auto_now_add=True)
    detail = models.CharField(max_length=200, blank=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "entry_hash", "why"], name="set_aside")]


class Occupancy(models.Model):
    """People who entered and left on a business day, by station and edge: counted in the ingest's transaction."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    business_day = models.DateField()
    station_id = models.BigIntegerField()
    edge_id = models.BigIntegerField(default=0)  # which counted them; 0: before it was told apart
    entered = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "business_day", "station_id", "edge_id"], name="occupancy_of_edge")
        ]
