"""Reads orders, within the active scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import calendar_of
from cloud.core.errors import DomainError
from cloud.sales.models import Order, OrderUnit
from cloud.sales.personal import search_hash_of
from cloud.venues.models import Venue

NUMBER_DIGITS = 4  # fewer digits begin too many numbers, and may be of a name


def listed(venue: Venue) -> QuerySet[Order]:
    """The orders with what a list shows: `unit_count`, the first and the last ticket's product as sold
    (`first_zh`, `first_en`, `last_zh`, `last_en`), and the first visitor's name (`visitor_name`, None without one).

    Positions are 1.. without gaps, so that the highest is how many there are: nothing is counted.
    """
    units = OrderUnit.objects.filter(order=OuterRef("pk"))
    first, last = units.order_by("position"), units.order_by("-position")
    visitors = first.filter(visitor__isnull=False)
    return (
        Order.objects.filter(venue=venue)
        .select_related("created_by")
        .annotate(
            unit_count=Subquery(last.values("position")[:1]),
            first_zh=Subquery(first.values("product_name_zh")[:1]),
            first_en=Subquery(first.values("product_name_en")[:1]),
            last_zh=Subquery(last.values("product_name_zh")[:1]),
            last_en=Subquery(last.values("product_name_en")[:1]),
            visitor_name=Subquery(visitors.values("visitor__name")[:1]),
        )
    )


def matching(text: str) -> Q:
    """What somebody knows of an order (O-04): the beginning of its number, a visitor's name or whole ID number, a
    product's name.

    Digits are tried against numbers alone, an ID number against its keyed hash alone: neither reads the long tables.
    """
    text = text.replace("\0", "").strip()  # PostgreSQL takes no such character
    hashed = search_hash_of(text)
    if hashed is not None:
        return Q(pk__in=OrderUnit.objects.filter(visitor__id_number_hash=hashed).values("order"))
    if text.isascii() and text.isdigit() and len(text) >= NUMBER_DIGITS:
        return Q(number__startswith=text)
    sold = OrderUnit.objects.filter(
        Q(product_name_zh__icontains=text) | Q(product_name_en__icontains=text) | Q(visitor__name__icontains=text)
    )
    return Q(pk__in=sold.values("order"))


def with_product(orders: QuerySet[Order], product: TicketProduct) -> QuerySet[Order]:
    """Those with a ticket of the product."""
    return orders.filter(pk__in=OrderUnit.objects.filter(product=product).values("order"))


def for_visit(orders: QuerySet[Order], venue: Venue, day: date) -> QuerySet[Order]:
    """Those with a ticket that is valid on the venue's business day."""
    calendar = calendar_of(venue)
    valid = OrderUnit.objects.filter(
        entitlement__not_before__lt=calendar.end(day), entitlement__not_after__gte=calendar.start(day)
    )
    return orders.filter(pk__in=valid.values("order"))


@dataclass(frozen=True, slots=True)
class Sales:
    """What was sold on a business day. Revoked orders are counted apart: nothing was paid back for them here."""

    orders: int
    fen: int
    revoked: int


def sales_of(venue: Venue, day: date) -> Sales:
    start = calendar_of(venue).start(day)
    rows = Order.objects.filter(venue=venue, business_day=day, created_at__gte=start)
    found = rows.aggregate(
        orders=Count("pk"), fen=Sum("total_fen", default=0), revoked=Count("pk", filter=Q(state=Order.State.REVOKED))
    )
    return Sales(**found)


def order(venue: Venue, number: str) -> Order:
    """The order with its units, entitlements and visitors. Raises DomainError "order.unknown"."""
    rows = Order.objects.filter(venue=venue, number=number).prefetch_related(Prefetch("units", queryset=units(venue)))
    found = rows.first() if number.isdecimal() else None  # PostgreSQL fails over some other characters
    if found is None:
        raise DomainError("order.unknown", f"没有订单 {number}。", f"There is no order {number}.", "number")
    return found


def units(venue: Venue) -> QuerySet[OrderUnit]:
    """Tickets with what a page shows of one, in their order."""
    return (
        OrderUnit.objects.filter(venue=venue).select_related("entitlement", "visitor", "product").order_by("position")
    )
