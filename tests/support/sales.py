"""Orders as tests make them: what a product asks is set with keywords, what is not said is as little as possible."""

from __future__ import annotations

from datetime import date
from typing import Any

from cloud.catalog.models import PackagePart, Spec, TicketProduct
from cloud.catalog.refund_rules import RefundRules
from cloud.catalog.sale_rules import SaleRules
from cloud.core.business_day import today
from cloud.core.idnumber import check_character
from cloud.sales.models import Order
from cloud.sales.services import issue_order, place_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Venue
from tests.support.venue import SYSTEM


def sold_by(product: TicketProduct, **rules: Any) -> TicketProduct:
    """The product with these sale rules."""
    product.sale_rules = SaleRules(**rules).to_json()
    product.save(update_fields=["sale_rules"])
    return product


def refunded_by(product: TicketProduct, **rules: Any) -> TicketProduct:
    """The product with these refund rules."""
    product.refund_rules = RefundRules(**rules).to_json()
    product.save(update_fields=["refund_rules"])
    return product


def stocked(product: TicketProduct, count: int) -> TicketProduct:
    """So many each day."""
    Spec.objects.filter(product=product).update(stock=count)
    return product


def place(venue: Venue, *lines: OrderLine, key: str = "k1", **how: Any) -> Order:
    return place_order(actor=SYSTEM, venue=venue, lines=lines, idempotency_key=key, **how)


def sell(venue: Venue, *lines: OrderLine, key: str = "k1", **how: Any) -> Order:
    return issue_order(actor=SYSTEM, venue=venue, lines=lines, idempotency_key=key, **how)


def tickets(product: TicketProduct, quantity: int = 1, **how: Any) -> OrderLine:
    """For today, where the product is for a day."""
    day = {"visit_date": today(product.venue)} if product.validity == "dated" and product.kind != "annual" else {}
    return OrderLine(product, quantity, **(day | how))


def with_parts(package: TicketProduct, *parts: tuple[TicketProduct, int]) -> TicketProduct:
    """The package, of so many of each."""
    for position, (ticket, quantity) in enumerate(parts, 1):
        PackagePart.objects.create(
            venue=package.venue, package=package, position=position, spec=ticket.specs.get(), quantity=quantity,
            product_class=60_000 + package.product_class * 100 + position,
        )  # fmt: skip
    return package


def id_number_born(born: date, serial: int = 1) -> str:
    """A valid ID number of nobody, born on a day."""
    digits = f"990000{born:%Y%m%d}{serial:03d}"
    return digits + check_character(digits)
