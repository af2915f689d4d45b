"""Reads what is sold, within the active scope."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from cloud.catalog.models import Spec, TicketProduct
from cloud.venues.models import Venue

_Status = Spec.Status


def is_on_sale(now: datetime) -> Q:
    """Of specs: whether they are on sale at an instant. A matter of the clock alone, so that it is right to the
    second whoever looks, and needs no job (T-12). Whether a booking window is open is asked where days are known.
    """
    ended = Q(off_at__isnull=False, off_at__lte=now)
    begun = Q(on_at__isnull=True) | Q(on_at__lte=now)
    hidden = Q(category__isnull=False, category__for_sale=False)
    return (Q(status=_Status.ON) | (Q(status=_Status.TIMED) & begun)) & ~ended & ~hidden


def specs_on_sale(venue: Venue, now: datetime | None = None) -> QuerySet[Spec]:
    """Specs that can be sold now, with their products, in the order of these."""
    wanted = Spec.objects.filter(is_on_sale(now or timezone.now()), venue=venue)
    return wanted.select_related("product").order_by("product__product_class", "position", "pk")


def on_sale(venue: Venue, now: datetime | None = None) -> QuerySet[TicketProduct]:
    """Products with a spec that can be sold now, in the order of their classes."""
    return products(venue, now).filter(on_sale=True).order_by("product_class")


def products(venue: Venue, now: datetime | None = None) -> QuerySet[TicketProduct]:
    """All products, with `on_sale` and `price_fen`: the lowest of their specs' own, none where days alone have one."""
    specs = Spec.objects.filter(product=OuterRef("pk"))
    lowest = specs.order_by().values("product").annotate(lowest=Min("price_fen")).values("lowest")
    return TicketProduct.objects.filter(venue=venue).annotate(
        price_fen=Subquery(lowest), on_sale=Exists(specs.filter(is_on_sale(now or timezone.now())))
    )
