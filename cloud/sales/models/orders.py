"""Orders, their lines and tickets, and who visits."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django_scopes import ScopedManager

from cloud.catalog.models import RuleSnapshot, Spec, TermsSnapshot, TicketProduct
from cloud.entitlements.models import Entitlement
from cloud.staff.models import Employee
from cloud.venues.models import Station, Venue


class Order(models.Model):
    """One sale. The number is unique for ever; cloud.sales.states says which state follows which."""

    class State(models.TextChoices):
        PLACED = "placed"  # not paid; what it wants is held until `pay_by`
        LAPSED = "lapsed"  # not paid in time: what it held is free, a late payment takes it anew or is refused
        CANCELLED = "cancelled"  # by somebody, before it was paid
        ISSUED = "issued"  # paid; its tickets are valid
        PART_REFUNDED = "part_refunded"
        REFUNDED = "refunded"
        REVOKED = "revoked"  # taken back without paying anything back

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    number = models.CharField(max_length=24, unique=True)
    state = models.CharField(max_length=14, choices=State, default=State.ISSUED)
    idempotency_key = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)  # SHA-256 of what was asked: a replay must ask the same
    total_fen = models.BigIntegerField()
    channel = models.CharField(max_length=16, default="desk")  # a key of cloud.catalog.channels.CHANNELS
    station = models.ForeignKey(Station, null=True, on_delete=models.PROTECT, related_name="+")  # where it was sold
    contact_name = models.CharField(max_length=60, blank=True)
    sealed_phone = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True, max_length=16)
    phone_last4 = models.CharField(max_length=4, blank=True)
    member_hash = models.BinaryField(null=True, max_length=16)
    created_by = models.ForeignKey(Employee, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    pay_by = models.DateTimeField(null=True)  # while it is not paid
    paid_at = models.DateTimeField(null=True)
    pay_method = models.CharField(max_length=16, blank=True)  # a key of cloud.catalog.channels.PAY_METHODS
    cancelled_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_why = models.CharField(max_length=200, blank=True)
    business_day = models.DateField()  # of the sale; stored at posting

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "idempotency_key"], name="order_idempotency")]
        indexes = [
            models.Index(fields=["venue", "-created_at"]),
            models.Index(fields=["venue", "-created_at"], name="order_not_issued", condition=~Q(state="issued")),
            models.Index(fields=["venue", "pay_by"], name="order_unpaid", condition=Q(state="placed")),
            models.Index(fields=["venue", "phone_hash"], name="order_phone", condition=Q(phone_hash__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """`quantity` of one spec for one day, at one price, on the terms of that moment. Frozen."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(TicketProduct, on_delete=models.PROTECT)
    kind = models.CharField(max_length=8)  # TicketProduct.Kind at the sale
    spec = models.ForeignKey(Spec, on_delete=models.PROTECT)
    product_name_zh = models.CharField(max_length=80)
    product_name_en = models.CharField(max_length=80, blank=True)
    spec_name_zh = models.CharField(max_length=40, blank=True)
    spec_name_en = models.CharField(max_length=40, blank=True)
    quantity = models.PositiveSmallIntegerField()
    price_fen = models.BigIntegerField()  # of one
    visit_date = models.DateField(null=True)
    slot = models.SmallIntegerField(null=True)  # the minute it begins at
    part_slots = models.JSONField(default=dict, blank=True)  # spec id -> the minute, of a package's timed parts
    terms = models.ForeignKey(TermsSnapshot, on_delete=models.PROTECT)
    on_expiry = models.CharField(max_length=8, default="nothing")  # of the terms: what the expiry job looks for
    takes = models.JSONField(default=dict)  # the stock of ONE of it: cloud.sales.stock
    # When the buyer confirmed what `terms` show: T-21, T-56; when somebody saw the proof of a preference: T-65.
    notice_at = models.DateTimeField(null=True)
    agreement_at = models.DateTimeField(null=True)
    proof_at = models.DateTimeField(null=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="order_line")]
        indexes = [models.Index(fields=["product", "-order"], name="line_product_newest")]
        ordering = ["position"]


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
    """One code of an order: a ticket, a part of a package, a ride of a card, or the tickets of a group together.

    What was sold, for how much, frozen at the sale. Orders older than lines have none.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="units")
    line = models.ForeignKey(OrderLine, null=True, on_delete=models.CASCADE, related_name="units")
    bundle = models.PositiveSmallIntegerField(default=1)  # which of the line's quantity it belongs to
    tickets = models.PositiveSmallIntegerField(default=1)  # of the line's quantity it stands for: one code for several
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(TicketProduct, on_delete=models.PROTECT)
    product_name_zh = models.CharField(max_length=80)
    product_name_en = models.CharField(max_length=80, blank=True)
    price_fen = models.BigIntegerField()  # its share of what the line costs
    visitor = models.ForeignKey(Visitor, null=True, on_delete=models.PROTECT)
    entitlement = models.OneToOneField(Entitlement, null=True, on_delete=models.PROTECT, related_name="unit")
    grant = models.JSONField(null=True)  # what is issued once it is paid: cloud.sales.grants
    rules = models.ForeignKey(RuleSnapshot, null=True, on_delete=models.PROTECT)  # of that
    case = models.ForeignKey("RefundCase", null=True, on_delete=models.PROTECT, related_name="held_units")
    refunded_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)  # when the expiry job acted on it: once

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="order_unit")]
        indexes = [models.Index(fields=["product", "-order"], name="unit_product_newest")]
        ordering = ["position"]
