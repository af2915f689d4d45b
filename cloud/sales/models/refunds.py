"""What was given back: the case, its tickets with their frozen amounts, and the money that moved. Appended."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.sales.models.orders import Order, OrderUnit
from cloud.staff.models import Employee
from cloud.venues.models import Venue


class RefundCase(models.Model):
    """One application to give tickets of an order back; cloud.sales.states says which state follows which."""

    class State(models.TextChoices):
        WAITING = "waiting"  # for review; its tickets are locked at the gates
        REJECTED = "rejected"  # its tickets are valid again
        AGREED = "agreed"  # revoked; gates are to confirm, late scans to come in
        DUE = "due"  # the money is to be paid back
        PAID = "paid"
        VOID = "void"  # all its tickets turned out to be used: nothing is paid back

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    number = models.CharField(max_length=24, unique=True)  # the same on every try to pay it back
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    state = models.CharField(max_length=8, choices=State)
    review = models.BooleanField(default=False)  # somebody decided; otherwise it was agreed by itself (T-34)
    override = models.BooleanField(default=False)  # against the rules, by somebody who may (T-30)
    idempotency_key = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    why = models.CharField(max_length=200, blank=True)
    paid_fen = models.BigIntegerField()  # for its tickets, at the sale
    amount_fen = models.BigIntegerField()  # to be paid back: as quoted, less what turned out to be used
    deducted_fen = models.BigIntegerField(default=0)  # charged because a group fell below its minimum
    method = models.CharField(max_length=16, blank=True)  # the order's way of paying: money goes back the same way
    says_zh = models.CharField(max_length=500, blank=True)  # the quote in words, as it was shown
    says_en = models.CharField(max_length=500, blank=True)
    applied_by = models.ForeignKey(Employee, null=True, on_delete=models.PROTECT, related_name="+")
    applied_at = models.DateTimeField()
    decided_by = models.ForeignKey(Employee, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=200, blank=True)  # why it was refused
    settled_at = models.DateTimeField(null=True)  # every gate had confirmed, or had its time
    unreached = models.JSONField(default=list)  # the gates that had not: the venue bears what they let in
    closed_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "idempotency_key"], name="refund_idempotency")]
        indexes = [
            models.Index(fields=["venue", "-applied_at"], name="refund_newest"),
            models.Index(fields=["venue", "state", "-applied_at"], name="refund_state"),
        ]

    def __str__(self) -> str:
        return self.number


class RefundUnit(models.Model):
    """A ticket in a case, with what it was quoted at the application. Amounts in fen."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    case = models.ForeignKey(RefundCase, on_delete=models.PROTECT, related_name="units")
    unit = models.ForeignKey(OrderUnit, on_delete=models.PROTECT, related_name="refunds")
    paid_fen = models.BigIntegerField()
    amount_fen = models.BigIntegerField()
    used_late = models.BooleanField(default=False)  # a scan of before the revocation came in after it

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "unit"], name="refund_unit")]
        ordering = ["unit__position"]


class MoneyBack(models.Model):
    """Money that somebody paid back, by hand: nothing here moves money by itself. Appended, never changed."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    case = models.OneToOneField(RefundCase, on_delete=models.PROTECT, related_name="money")
    amount_fen = models.BigIntegerField()
    method = models.CharField(max_length=16)
    receipt = models.CharField(max_length=80, blank=True)  # the number on the slip of whoever moved it
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(Employee, null=True, on_delete=models.PROTECT, related_name="+")

    objects = ScopedManager(venue="venue")
