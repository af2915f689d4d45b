"""How many of a product somebody bought: counters, and the ledger of what raised and lowered them (T-24)."""

from __future__ import annotations

from datetime import date

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models import TicketProduct
from cloud.sales.models.orders import OrderLine
from cloud.venues.models import Venue

EVER = date(1970, 1, 1)  # the day of counters that count for ever


class Quota(models.Model):
    """What one member, phone or ID number has of a product within a span. `taken` is the sum of its entries.

    Its row is locked by whoever buys, so that two orders at once never exceed a limit.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    product = models.ForeignKey(TicketProduct, on_delete=models.PROTECT)
    per = models.CharField(max_length=8)  # as sale_rules.Limit
    span = models.CharField(max_length=10)
    who = models.BinaryField(max_length=16)  # keyed hash
    day = models.DateField()
    taken = models.IntegerField(default=0)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "per", "span", "who", "day"], name="quota"),
            models.CheckConstraint(condition=models.Q(taken__gte=0), name="quota_taken"),
        ]


class QuotaEntry(models.Model):
    """So many of a line's bundle were bought, or given back (negative). Appended, never changed."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    quota = models.ForeignKey(Quota, on_delete=models.PROTECT, related_name="entries")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="quota_entries")
    bundle = models.PositiveSmallIntegerField()
    quantity = models.IntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")
