"""Reads what is sold, within the active scope."""

from __future__ import annotations

from django.db.models import QuerySet

from cloud.catalog.models import TicketProduct
from cloud.venues.models import Venue


def on_sale(venue: Venue) -> QuerySet[TicketProduct]:
    """Products that can be sold now, in the order of their classes."""
    return TicketProduct.objects.filter(venue=venue, on_sale=True).order_by("product_class")


def products(venue: Venue) -> QuerySet[TicketProduct]:
    """All products, on sale or not."""
    return TicketProduct.objects.filter(venue=venue)
