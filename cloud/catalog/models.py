"""What is sold: ticket products, and the immutable rule sets they compile into."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.venues.models import Station, Venue


class TicketProduct(models.Model):
    """A ticket. Edits never touch what is sold: each sale names the rule set it was sold under."""

    class Validity(models.TextChoices):
        DATED = "dated"  # the booked business day
        OPEN = "open"  # `valid_days` business days from the day of sale

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    product_class = models.PositiveIntegerField()  # 1..65535 within the venue: what a pass and a station name
    code = models.SlugField(max_length=32)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    price_fen = models.BigIntegerField()
    validity = models.CharField(max_length=8, choices=Validity, default=Validity.DATED)
    valid_days = models.PositiveSmallIntegerField(default=1)
    persons = models.PositiveSmallIntegerField(default=1)  # admitted by one pass: 4 for a family ticket
    uses = models.PositiveSmallIntegerField(default=1)  # per exclusion group; 0: as often as the other rules allow
    keep_on_timeout = models.BooleanField(default=False)
    rules = models.JSONField(default=dict)  # cloud.catalog.rules.ProductRules, what differs from the default
    stations = models.ManyToManyField(Station, related_name="products", through="ProductStation")
    on_sale = models.BooleanField(default=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "product_class"], name="product_class"),
            models.UniqueConstraint(fields=["venue", "code"], name="product_code"),
            models.CheckConstraint(condition=models.Q(price_fen__gte=0), name="product_price"),
            models.CheckConstraint(condition=models.Q(persons__gte=1, persons__lte=127), name="product_persons"),
        ]
        ordering = ["product_class"]

    def __str__(self) -> str:
        return self.name_zh


class ProductStation(models.Model):
    """A station verifies a product (S-06, T-28). Live: a change reaches the gates for sold tickets too."""

    product = models.ForeignKey(TicketProduct, on_delete=models.CASCADE)
    station = models.ForeignKey(Station, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "station"], name="product_station")]


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
