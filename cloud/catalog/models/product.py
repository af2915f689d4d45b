"""A product: what a visitor buys to be let in. Its specs carry prices, stock and sale; its rules are data."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.venues.models import Station, Venue


class TicketProduct(models.Model):
    """A ticket, a package or an annual card. Edits never touch what is sold: each sale names the rules it was sold
    under."""

    class Kind(models.TextChoices):
        TICKET = "ticket"
        PACKAGE = "package"  # of several single tickets: PackagePart
        ANNUAL = "annual"  # a card over several single tickets: CardPart

    class Validity(models.TextChoices):
        DATED = "dated"  # the booked business day; `valid_days` in a row from it
        OPEN = "open"  # `valid_days` business days from the day of sale, or until `valid_until`

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TICKET)
    product_class = models.PositiveIntegerField()  # 1..65535 within the venue: what a pass and a station name
    code = models.SlugField(max_length=32)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    pinyin = models.CharField(max_length=600, blank=True)  # of the Chinese name: initials and syllables, to search by
    validity = models.CharField(max_length=8, choices=Validity, default=Validity.DATED)
    valid_days = models.PositiveSmallIntegerField(default=1)
    valid_until = models.DateField(null=True)  # of an open ticket, its last day whenever it is sold
    persons = models.PositiveSmallIntegerField(default=1)  # admitted by one pass: 4 for a family ticket
    uses = models.PositiveSmallIntegerField(default=1)  # per exclusion group; 0: as often as the other rules allow
    keep_on_timeout = models.BooleanField(default=False)
    # What differs from the default, each a dataclass of its own in this room.
    rules = models.JSONField(default=dict)  # at the gate: rules.ProductRules
    info = models.JSONField(default=dict, blank=True)  # the place, its address and phone
    texts = models.JSONField(default=dict, blank=True)  # what a buyer reads, both languages
    sale_rules = models.JSONField(default=dict, blank=True)  # who may buy how many where
    booking_rules = models.JSONField(default=dict, blank=True)  # how far ahead, until when: booking.BookingRules
    refund_rules = models.JSONField(default=dict, blank=True)
    card_rules = models.JSONField(default=dict, blank=True)  # of an annual card
    stations = models.ManyToManyField(Station, related_name="products", through="ProductStation")
    revision = models.PositiveIntegerField(default=1)  # rises with every edit: of two who edit at once one is told
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "product_class"], name="product_class"),
            models.UniqueConstraint(fields=["venue", "code"], name="product_code"),
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
