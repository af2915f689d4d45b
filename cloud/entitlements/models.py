"""The single publisher to the gates: entitlements, keys, and the two numbered streams."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.venues.models import Edge, ExclusionGroup, Venue


class Entitlement(models.Model):
    """One right to enter. The id is random, 63 bits, and printed in the pass."""

    class State(models.IntegerChoices):
        # The numbers of paifang.records.State.
        ACTIVE = 0
        REVOKED = 1
        REFUNDED = 2
        LOCKED = 3
        FROZEN = 4

    id = models.BigIntegerField(primary_key=True)
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    product = models.ForeignKey(TicketProduct, on_delete=models.PROTECT)
    product_class = models.PositiveIntegerField(null=True)  # of a package's or card's part; none: its product's
    rules = models.ForeignKey(RuleSnapshot, on_delete=models.PROTECT)
    state = models.PositiveSmallIntegerField(choices=State, default=State.ACTIVE)
    revision = models.PositiveIntegerField(default=1)  # rises with every change a gate must know
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()  # the last second it is valid in
    persons = models.PositiveSmallIntegerField()
    # Which uses it spends, and what its product's rules ask about.
    owner_id = models.BigIntegerField(default=0)  # the counter owner of a shared pool; 0: itself
    uses = models.PositiveIntegerField(default=0)  # granted at each group; 0: as its rules say
    slot_from = models.DateTimeField(null=True)  # booked: the slot's first and last second, or the day's
    slot_to = models.DateTimeField(null=True)
    rotating = models.BooleanField(default=False)  # presented by a code that changes all the time
    activated_at = models.DateTimeField(null=True)
    # Valid for so long from its activation on (T-59); 0 and 0: as `not_before` and `not_after` have been all along.
    term_months = models.PositiveSmallIntegerField(default=0)
    term_days = models.PositiveSmallIntegerField(default=0)
    collected_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # when it was revoked or refunded
    # The current pass. Re-issuing replaces it: the old one is then refused as replaced.
    pass_raw = models.BinaryField(max_length=100)
    pass_digest = models.BinaryField(max_length=16)
    pass_key_id = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        indexes = [
            models.Index(fields=["venue", "id"]),
            models.Index(fields=["venue", "not_after"]),
            # Which tickets share a pool: few of a million do.
            models.Index(fields=["venue", "owner_id"], name="entitlement_pool", condition=models.Q(owner_id__gt=0)),
        ]


class EntitlementCredential(models.Model):
    """Another way to present an entitlement: kind + keyed hash, as in the gates' index.

    The gates hold it while it is `published`. `turns_at` is what that depends on next: until it is published its
    entitlement's first second, then its last, and nothing once it is over (cloud/entitlements/id_entries.py).
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    entitlement = models.ForeignKey(Entitlement, on_delete=models.CASCADE, related_name="credentials")
    kind = models.PositiveSmallIntegerField()  # paifang.records.CredentialKind
    hashed = models.BinaryField(max_length=16)
    sealed_value = models.BinaryField(null=True)  # of short codes and cards' codes alone, which are shown again
    hint = models.CharField(max_length=4, blank=True)  # its last characters, for staff to tell one from another
    published = models.BooleanField()
    turns_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        indexes = [
            models.Index(fields=["venue", "kind", "hashed"]),
            models.Index(
                fields=["venue", "published", "turns_at"],
                name="credential_turns",
                condition=models.Q(turns_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["entitlement", "kind", "hashed"], name="entitlement_credential"),
            # paifang.records.CredentialKind.SHORT: a code names one ticket.
            models.UniqueConstraint(fields=["venue", "hashed"], name="short_code", condition=models.Q(kind=7)),
        ]


class Usage(models.Model):
    """Uses as an edge last said: the exact bytes of its usage record (paifang.usage.Usage).

    A carried row copies one of another group: a station left or joined, and what was used there before
    counts here too. `source` is the number in the gates' OTHERS key: the edge's id, or for a carried row
    one of its own (cloud/entitlements/carried.py).
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.PROTECT)
    owner_id = models.BigIntegerField()
    group_id = models.BigIntegerField()
    from_group_id = models.BigIntegerField(default=0)  # 0: used in this group itself
    source = models.BigIntegerField()
    revision = models.PositiveIntegerField()
    record = models.BinaryField()

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "owner_id", "group_id", "source"], name="usage_row")]
        indexes = [models.Index(fields=["venue", "group_id"])]


class CarriedGroup(models.Model):
    """Uses made in one exclusion group up to an instant count in another too."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    to_group = models.ForeignKey(ExclusionGroup, on_delete=models.PROTECT, related_name="+")
    from_group = models.ForeignKey(ExclusionGroup, on_delete=models.PROTECT, related_name="+")
    ordinal = models.PositiveSmallIntegerField()  # 1.. within to_group
    until = models.DateTimeField()

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["to_group", "from_group"], name="carried_group"),
            models.UniqueConstraint(fields=["to_group", "ordinal"], name="carried_ordinal"),
        ]


class FeedRow(models.Model):
    """One change the gates must know. Written unnumbered in the business transaction; the sequencer numbers it."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    stream = models.PositiveSmallIntegerField()  # paifang.v1.Stream
    seq = models.BigIntegerField(null=True)
    ops = models.BinaryField()  # paifang.records.pack_ops
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "stream", "seq"], name="feed_seq")]
        indexes = [
            models.Index(fields=["venue", "id"], name="feed_waiting", condition=models.Q(seq__isnull=True)),
        ]


class FeedHead(models.Model):
    """The last sequence given out in a stream; its row lock makes one sequencer of many."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    stream = models.PositiveSmallIntegerField()
    seq = models.BigIntegerField(default=0)
    trimmed_to = models.BigIntegerField(default=0)  # rows up to here are gone: an older cursor needs a snapshot
    restores = models.PositiveIntegerField(default=0)  # how often the data came back from a backup
    restored_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "stream"], name="feed_head")]


class EdgeCursor(models.Model):
    """What an edge has applied durably."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.CASCADE, related_name="cursors")
    stream = models.PositiveSmallIntegerField()
    seq = models.BigIntegerField()
    generation = models.BigIntegerField(default=0)
    applied_at = models.DateTimeField()

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge", "stream"], name="edge_cursor")]


class SigningKey(models.Model):
    """An Ed25519 key of the venue. The private half is sealed (cloud/core/sealing.py)."""

    class Purpose(models.TextChoices):
        ROOT = "root"
        FEED = "feed"
        PASS = "pass"  # noqa: S105 - a purpose, not a password

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    purpose = models.CharField(max_length=4, choices=Purpose)
    key_id = models.PositiveIntegerField()  # 1..65535 within (venue, purpose)
    public = models.BinaryField(max_length=32)
    sealed_private = models.BinaryField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    killed_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "purpose", "key_id"], name="signing_key")]


class VenueSecrets(models.Model):
    """Per venue: the key set's version and the pepper of the credential index (sealed)."""

    venue = models.OneToOneField(Venue, on_delete=models.PROTECT)
    keyset_version = models.PositiveIntegerField(default=1)
    pepper_version = models.PositiveIntegerField(default=1)
    sealed_pepper = models.BinaryField()
    told_hash = models.CharField(max_length=64, blank=True)  # SHA-256 of the venue's record as last published

    objects = ScopedManager(venue="venue")


class DayKey(models.Model):
    """The venue's key of rotating passes for one business day. Sealed; gates hold those of a few days."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    day = models.DateField()
    sealed_key = models.BinaryField()

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "day"], name="day_key")]
