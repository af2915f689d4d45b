"""What the gates recorded: every journal entry, the admissions among them, people inside, cases for a person."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.staff.models import Employee
from cloud.venues.models import Edge, Venue

_PRESENTED = models.Q(kind="presentation")


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
            # The console's lists: what was shown at one lane, one station, or refused for one reason.
            models.Index(fields=["venue", "device_id", "-at"], name="journal_lane", condition=_PRESENTED),
            models.Index(fields=["venue", "station_id", "-at"], name="journal_station", condition=_PRESENTED),
            models.Index(
                fields=["venue", "reason", "-at"], name="journal_refused", condition=_PRESENTED & ~models.Q(reason=0)
            ),
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
            models.Index(
                fields=["venue", "outcome", "-at"], name="admission_outcome", condition=~models.Q(outcome="passed")
            ),
        ]


class EdgeChain(models.Model):
    """Where an edge's hash chain stands: the next entry must carry `last_hash`."""

    edge = models.OneToOneField(Edge, on_delete=models.PROTECT, primary_key=True)
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    epoch = models.BinaryField(max_length=8)
    seq = models.BigIntegerField(default=0)
    last_hash = models.BinaryField(max_length=32)

    objects = ScopedManager(venue="venue")


class Case(models.Model):
    """Something the gates could not settle by themselves: a person looks at it and decides. Opened by the ingest."""

    class Kind(models.TextChoices):
        UNTICKETED = "unticketed"  # somebody walked after the use was given back, and none was left
        DOUBLE_USE = "double_use"  # two edges, apart from each other, let in more than the ticket allows
        UNKNOWN = "unknown"  # nobody can tell whether the visitor walked; the use stays spent
        UNSOLD = "unsold"  # a gate let in a ticket that nobody here sold
        ENDED = "ended"  # one that had been revoked or refunded before
        SET_ASIDE = "set_aside"  # journal entries that could not be taken as they are

    class State(models.TextChoices):
        OPEN = "open"
        REVIEWED = "reviewed"  # somebody looked at it and noted what they found
        CLOSED = "closed"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    key = models.CharField(max_length=80)  # what it is about: an upload that comes again opens nothing twice
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    at = models.DateTimeField()
    business_day = models.DateField()
    opened_at = models.DateTimeField(auto_now_add=True)
    edge = models.ForeignKey(Edge, on_delete=models.PROTECT)
    station_id = models.BigIntegerField(null=True)
    device_id = models.BigIntegerField(null=True)
    entitlement_id = models.BigIntegerField(null=True)
    admission = models.ForeignKey(Admission, null=True, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Admission, null=True, on_delete=models.PROTECT, related_name="+")  # of a double use
    persons = models.PositiveSmallIntegerField(default=0)  # beyond what was paid for, or not known of
    value_fen = models.BigIntegerField(default=0)  # what they are worth at the price of the ticket
    note = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(Employee, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "key"], name="case_key")]
        indexes = [models.Index(fields=["venue", "state", "-at"]), models.Index(fields=["venue", "-at"])]


class CaseWatch(models.Model):
    """Its lock makes the uploads of a venue look for double uses one after the other: the later sees the earlier."""

    venue = models.OneToOneField(Venue, on_delete=models.PROTECT, primary_key=True)

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
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="entries")

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "entry_hash", "why"], name="set_aside")]


class EdgeAlarm(models.Model):
    """Something an edge complained of: from when to when, how often it said so, and its last words for it."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.CASCADE, related_name="alarms")
    code = models.CharField(max_length=40)  # as the journal has it: "store.filling"
    device_id = models.BigIntegerField(default=0)  # the lane it is about; 0: the edge itself
    text = models.CharField(max_length=300, blank=True)  # the edge's own words, the latest: for whoever mends it
    times = models.PositiveIntegerField(default=1)
    began_at = models.DateTimeField()
    last_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # none: it lasts

    objects = ScopedManager(venue="venue")

    class Meta:
        indexes = [
            models.Index(fields=["venue", "edge", "-began_at"], name="edge_alarm_list"),
            models.Index(fields=["edge"], name="edge_alarm_open", condition=models.Q(ended_at=None)),
        ]


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
