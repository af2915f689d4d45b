"""Orders, their units, and who visits."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models import TicketProduct
from cloud.entitlements.models import Entitlement
from cloud.staff.models import Employee
from cloud.venues.models import Venue


class Order(models.Model):
    """One sale. The number is unique for ever."""

    class State(models.TextChoices):
        ISSUED = "issued"
        REVOKED = "revoked"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    number = models.CharField(max_length=24, unique=True)
    state = models.CharField(max_length=8, choices=State, default=State.ISSUED)
    idempotency_key = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)  # SHA-256 of what was asked: a replay must ask the same
    total_fen = models.BigIntegerField()
    created_by = models.ForeignKey(Employee, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_why = models.CharField(max_length=200, blank=True)
    business_day = models.DateField()  # of the sale; stored at posting

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "idempotency_key"], name="order_idempotency")]
        indexes = [
            models.Index(fields=["venue", "-created_at"]),
            models.Index(fields=["venue", "-created_at"], name="order_not_issued", condition=~models.Q(state="issued")),
        ]

    def __str__(self) -> str:
        return self.number


class Visitor(models.Model):
    """A person named in an order. The ID number is sealed and looked up by its keyed hash (cloud.core.sealing)."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="visitors")
    name = models.CharField(max_length=60)
    sealed_id_number = models.BinaryField(null=True)
    id_number_hash = models.BinaryField(null=True, max_length=16)
    id_number_last4 = models.CharField(max_length=4, blank=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        indexes = [
            models.Index(fields=["venue", "id_number_hash"]),
            # Names are looked up by their beginning; migration 0002 adds the same for given names on PostgreSQL.
            models.Index(fields=["venue", "name"], name="visitor_name", opclasses=["int8_ops", "varchar_pattern_ops"]),
        ]


class OrderUnit(models.Model):
    """One ticket of an order: what was sold, for how much, frozen at the sale."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="units")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(TicketProduct, on_delete=models.PROTECT)
    product_name_zh = models.CharField(max_length=80)
    product_name_en = models.CharField(max_length=80, blank=True)
    price_fen = models.BigIntegerField()
    visitor = models.ForeignKey(Visitor, null=True, on_delete=models.PROTECT)
    entitlement = models.OneToOneField(Entitlement, on_delete=models.PROTECT, related_name="unit")

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="order_unit")]
        indexes = [models.Index(fields=["product", "-order"], name="unit_product_newest")]
        ordering = ["position"]
