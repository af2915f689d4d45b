"""Visits booked on tickets that are sold without a day: annual cards and open tickets."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models import CalendarCell, Spec
from cloud.entitlements.models import Entitlement
from cloud.venues.models import Venue


class Visit(models.Model):
    """One booked day or slot of a ticket. It holds its place in the capacity until it is cancelled."""

    class State(models.TextChoices):
        BOOKED = "booked"
        CANCELLED = "cancelled"  # in time: its place came back
        KEPT = "kept"  # over, and the ticket was used on the day
        MISSED = "missed"  # over, and it was not

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="visits")
    spec = models.ForeignKey(Spec, null=True, on_delete=models.PROTECT, related_name="+")  # whose capacity it takes
    day = models.DateField()
    slot = models.SmallIntegerField(default=CalendarCell.WHOLE_DAY)  # the minute it begins at
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # its last second
    cancel_until = models.DateTimeField()  # as the card was sold
    block_days = models.PositiveSmallIntegerField(default=0)  # no booking for so long, should it be missed
    state = models.CharField(max_length=9, choices=State, default=State.BOOKED)
    booked_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entitlement"], name="one_booked_visit", condition=models.Q(state="booked")
            ),
        ]
        indexes = [
            models.Index(fields=["venue", "ends_at"], name="visit_open", condition=models.Q(state="booked")),
            models.Index(fields=["entitlement", "-day"], name="visit_of_ticket"),
        ]

    @property
    def reference(self) -> str:
        """Of its entries in the capacity's ledger."""
        return f"visit:{self.pk}"
