"""What a sale freezes: immutable rows, each content once."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.venues.models import Venue


class RuleSnapshot(models.Model):
    """One compiled, immutable rule set. Its id is the rule-set number at the gates."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    compiled = models.BinaryField()
    content_hash = models.CharField(max_length=64)  # SHA-256 of `compiled`: the same rules are one row
    published = models.BooleanField(default=False)  # told to the gates; once is enough, it never changes
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "content_hash"], name="rule_snapshot")]


class TermsSnapshot(models.Model):
    """What a product promised its buyer on the day of the sale: texts, risk notice, agreement, refund rules (T-10)."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    terms = models.JSONField()
    content_hash = models.CharField(max_length=64)  # SHA-256 of `terms` in one form: the same terms are one row
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "content_hash"], name="terms_snapshot")]
