"""Reads orders, within the active scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Substr

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import calendar_of
from cloud.core.errors import DomainError
from cloud.sales.models import Order, OrderUnit, Visitor
from cloud.sales.personal import search_hash_of
from cloud.sales.states import SOLD
from cloud.venues.models import Venue

NUMBER_DIGITS = 4  # fewer digits begin too many numbers, and may be of a name
FOUND = 1_000  # a search shows so many of each kind, the newest: whoever looks for older ones knows more of them
RARE = 2_000  # tickets of a product: a longer list of them costs more than it saves
PRODUCTS = 20  # of one name are looked into


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
        .select_related("created_by", "station")
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

    Looked up here, each by an index of its own, and the newest FOUND of each: a condition over several tables would
    make the database read a million rows. Names are found by their beginning and by that of a Chinese given name.
    """
    return Q(pk__in=found_ids(text))


def found_ids(text: str) -> set[int]:
    """The orders that `matching` means, by id."""
    text = text.replace("\0", "").strip()  # PostgreSQL takes no such character
    if not text:
        return set()
    hashed = search_hash_of(text)
    if hashed is not None:
        return set(_newest(Visitor.objects.filter(id_number_hash=hashed), "order"))
    if text.isascii() and text.isdigit() and len(text) >= NUMBER_DIGITS:
        # As a range: ":" comes after the digits. The index of numbers then serves beginning and order, whatever its
        # collation.
        numbered = Order.objects.filter(number__gte=text, number__lt=f"{text}:").order_by("-number")
        return set(numbered.values_list("pk", flat=True)[:FOUND])
    found: set[int] = set()
    for start in {text, text.title()}:
        found |= set(_newest(Visitor.objects.filter(name__startswith=start), "order"))
    given = Visitor.objects.annotate(given=Substr("name", 2)).filter(given__startswith=text)
    found |= set(_newest(given, "order"))
    named = TicketProduct.objects.filter(Q(name_zh__icontains=text) | Q(name_en__icontains=text))
    for product in named.order_by("-pk").values_list("pk", flat=True)[:PRODUCTS]:
        found |= set(_newest(OrderUnit.objects.filter(product=product), "order"))
    return found


def _newest(rows: QuerySet[Any], order: str, most: int = FOUND) -> QuerySet[Any]:
    return rows.order_by(f"-{order}_id").values_list(f"{order}_id", flat=True)[:most]


def with_product(orders: QuerySet[Order], product: TicketProduct) -> QuerySet[Order]:
    """Those with a ticket of the product. Of one that is seldom sold they are looked up first; of another a page is
    soon full."""
    units = OrderUnit.objects.filter(product=product)
    found = list(_newest(units, "order", RARE + 1))
    return orders.filter(pk__in=found if len(found) <= RARE else units.values("order"))


def for_visit(orders: QuerySet[Order], venue: Venue, day: date) -> QuerySet[Order]:
    """Those with a ticket that is valid on the venue's business day."""
    calendar = calendar_of(venue)
    valid = OrderUnit.objects.filter(
        entitlement__not_before__lt=calendar.end(day), entitlement__not_after__gte=calendar.start(day)
    )
    return orders.filter(pk__in=valid.values("order"))


@dataclass(frozen=True, slots=True)
class Sales:
    """What was sold on a business day, paid orders alone. Revoked ones are counted apart: nothing was paid back for
    them. What was refunded is still in `fen`."""

    orders: int
    fen: int
    revoked: int


def sales_of(venue: Venue, day: date) -> Sales:
    start = calendar_of(venue).start(day)
    rows = Order.objects.filter(venue=venue, business_day=day, created_at__gte=start, state__in=SOLD)
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
