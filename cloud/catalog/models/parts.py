"""What packages and annual cards are made of: single tickets."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models.product import TicketProduct
from cloud.catalog.models.spec import Spec
from cloud.venues.models import Venue


class PackagePart(models.Model):
    """`quantity` tickets of a spec in each package (T-38). What is sold keeps the parts it was sold with.

    A part has a product class of its own: stations that verify both the package and the ticket verify it (T-43).
    One taken out of the package stays, for what was sold with it.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    package = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField()
    spec = models.ForeignKey(Spec, on_delete=models.PROTECT, related_name="in_packages")
    product_class = models.PositiveIntegerField()  # of the venue's, as TicketProduct's
    current = models.BooleanField(default=True)  # what is sold now has it
    quantity = models.PositiveSmallIntegerField()
    weight_fen = models.BigIntegerField(null=True)  # its share of the price is as this to the others'; none: its price

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["package", "spec"], name="package_part"),
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="part_quantity"),
        ]
        ordering = ["position"]


class CardPart(models.Model):
    """A single ticket an annual card stands for, with the card's own limits on it (T-51). Limits of 0 are none.

    Its product class and `current` are as a PackagePart's.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    card = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="card_parts")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(TicketProduct, on_delete=models.PROTECT, related_name="in_cards")
    product_class = models.PositiveIntegerField()
    current = models.BooleanField(default=True)
    total = models.PositiveIntegerField(default=0)
    per_month = models.PositiveIntegerField(default=0)
    per_day = models.PositiveIntegerField(default=0)
    times = models.JSONField(default=dict, blank=True)  # available time and holidays (T-53), as rules.ProductRules

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["card", "product"], name="card_part")]
        ordering = ["position"]
