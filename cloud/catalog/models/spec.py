"""What of a product is sold: specs, their categories, and the calendar of prices and stock."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models.product import TicketProduct
from cloud.venues.models import Venue


class Category(models.Model):
    """Where a spec stands in a list to choose from (T-02). One not for sale hides its specs from selling (T-03)."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    name_zh = models.CharField(max_length=30)
    name_en = models.CharField(max_length=30, blank=True)
    position = models.PositiveIntegerField(default=0)
    for_sale = models.BooleanField(default=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "name_zh"], name="category_name")]
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name_zh


class Spec(models.Model):
    """One way a product is sold: adult, child (T-11). Price, stock and being on sale are its own."""

    class Status(models.TextChoices):
        WAREHOUSE = "warehouse"  # in preparation, or put back
        ON = "on"
        OFF = "off"
        TIMED = "timed"  # on sale from `on_at` until before `off_at`

    class Listing(models.TextChoices):
        """When a timed one goes on sale (T-12)."""

        NOW = "now"
        BOOKING = "booking"  # when booking opens: at `on_at`, or once the calendar has days that can be booked
        AT = "at"  # at `on_at`

    class Delisting(models.TextChoices):
        """When it goes off sale by itself (T-49)."""

        NEVER = "never"
        BOOKING = "booking"  # when booking ends: at `off_at`, or after the last day that can be booked
        AT = "at"  # at `off_at`

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    product = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="specs")
    position = models.PositiveSmallIntegerField(default=1)
    code = models.SlugField(max_length=32)  # its bar code
    name_zh = models.CharField(max_length=40, blank=True)  # empty where the product has no other
    name_en = models.CharField(max_length=40, blank=True)
    description_zh = models.CharField(max_length=200, blank=True)
    description_en = models.CharField(max_length=200, blank=True)
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT, related_name="specs")
    price_fen = models.BigIntegerField(null=True)  # of a day without a price of its own; none: that day is not sold
    stock = models.PositiveIntegerField(null=True)  # of each day, or slot, without a stock of its own; none: no limit
    status = models.CharField(max_length=10, choices=Status, default=Status.WAREHOUSE)
    listing = models.CharField(max_length=8, choices=Listing, default=Listing.NOW)
    on_at = models.DateTimeField(null=True)
    delisting = models.CharField(max_length=8, choices=Delisting, default=Delisting.NEVER)
    off_at = models.DateTimeField(null=True)  # holds for any status on sale
    published_at = models.DateTimeField(null=True)  # when it was last put on sale
    calendar_revision = models.PositiveIntegerField(default=0)  # rises with every edit of its calendar

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "code"], name="spec_code"),
            models.CheckConstraint(condition=models.Q(price_fen__gte=0), name="spec_price"),
        ]
        # Each row of a list of products asks about its own specs, within the scope.
        indexes = [models.Index(fields=["venue", "product"], name="spec_of_product")]
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name_zh or self.product.name_zh


class CalendarCell(models.Model):
    """What a day, or a slot of it, has of its own: price, stock, or that it is not sold (T-13, T-14).

    `slot` is the minute its slot begins at, WHOLE_DAY for the day: its price holds for all slots without one of
    their own, its stock is shared by them. A row with nothing of its own was cleared: its revision stays.
    """

    WHOLE_DAY = -1

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    spec = models.ForeignKey(Spec, on_delete=models.CASCADE, related_name="cells")
    day = models.DateField()
    slot = models.SmallIntegerField(default=WHOLE_DAY)
    price_fen = models.BigIntegerField(null=True)
    stock = models.PositiveIntegerField(null=True)
    closed = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=0)  # of the spec's calendar, when it was last edited

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["spec", "day", "slot"], name="calendar_cell"),
            models.CheckConstraint(condition=models.Q(price_fen__gte=0), name="cell_price"),
        ]
