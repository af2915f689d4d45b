"""How much of a day or a slot is taken: pools, and the ledger of what took it."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models import CalendarCell, Spec
from cloud.venues.models import Venue


class Pool(models.Model):
    """What of a spec is taken on a day, or in one slot of it. How many there are is the calendar's to say.

    Its row is locked by whoever takes of it, so that two never take the last one. `taken` is the sum of its entries,
    `held` that of those that are held only.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    spec = models.ForeignKey(Spec, on_delete=models.PROTECT, related_name="pools")
    day = models.DateField()
    slot = models.SmallIntegerField(default=CalendarCell.WHOLE_DAY)  # as in CalendarCell
    taken = models.IntegerField(default=0)  # held ones included
    held = models.IntegerField(default=0)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["spec", "day", "slot"], name="pool_of_day"),
            models.CheckConstraint(condition=models.Q(taken__gte=0), name="pool_taken"),
            models.CheckConstraint(
                condition=models.Q(held__gte=0) & models.Q(held__lte=models.F("taken")), name="pool_held"
            ),
        ]
        indexes = [models.Index(fields=["venue", "day"], name="pool_day")]


class Entry(models.Model):
    """So many were taken, or given back (negative), for a reference. Appended, never changed.

    What is given back says what it was taken as: the sum by `why` is how many are held, sold and booked now.
    """

    class Why(models.TextChoices):
        HELD = "held"  # by an order not paid yet
        SOLD = "sold"
        BOOKED = "booked"  # by somebody who has a card or an open ticket

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="entries")
    quantity = models.IntegerField()
    why = models.CharField(max_length=8, choices=Why)
    reference = models.CharField(max_length=64)  # "order:2611220000123/4": whose
    at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        indexes = [models.Index(fields=["venue", "reference"], name="entry_reference")]
