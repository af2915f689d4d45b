"""Reads orders, within the active scope."""

from __future__ import annotations

from django.db.models import Count, Prefetch, Q, QuerySet

from cloud.core.errors import DomainError
from cloud.sales.models import Order, OrderUnit
from cloud.sales.personal import search_hash_of
from cloud.venues.models import Venue


def orders(venue: Venue, query: str = "") -> QuerySet[Order]:
    """Orders found by number, visitor's name, visitor's ID number or product name (O-04), newest first.

    Each has `unit_count`. A number and an ID number are matched whole: the ID number by its keyed hash.
    """
    found = Order.objects.filter(venue=venue)
    text = query.replace("\0", "").strip()  # PostgreSQL takes no such character
    if text:
        units = OrderUnit.objects.filter(venue=venue)
        matches = (
            Q(number=text)
            | Q(
                pk__in=units.filter(Q(product_name_zh__icontains=text) | Q(product_name_en__icontains=text)).values(
                    "order"
                )
            )
            | Q(pk__in=units.filter(visitor__name__icontains=text).values("order"))
        )
        hashed = search_hash_of(text)
        if hashed is not None:
            matches |= Q(pk__in=units.filter(visitor__id_number_hash=hashed).values("order"))
        found = found.filter(matches)
    return found.annotate(unit_count=Count("units")).select_related("created_by").order_by("-created_at", "-pk")


def order(venue: Venue, number: str) -> Order:
    """The order with its units, entitlements and visitors. Raises DomainError "order.unknown"."""
    units = (
        OrderUnit.objects.filter(venue=venue).select_related("entitlement", "visitor", "product").order_by("position")
    )
    rows = Order.objects.filter(venue=venue, number=number).prefetch_related(Prefetch("units", queryset=units))
    found = rows.first() if number.isdecimal() else None  # PostgreSQL fails over some other characters
    if found is None:
        raise DomainError("order.unknown", f"没有订单 {number}。", f"There is no order {number}.", "number")
    return found
