"""What a sale asks for, checked and taken apart into single tickets. Reads products; writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cloud.catalog import selectors as catalog
from cloud.catalog.compile import rules_of
from cloud.catalog.models import Spec, TicketProduct
from cloud.core import sealing
from cloud.core.business_day import Calendar
from cloud.core.errors import DomainError
from cloud.core.idnumber import normalise
from cloud.core.inputs import required_text, within
from cloud.entitlements.lifecycle import slot_bounds
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Venue

MAX_UNITS = 500


@dataclass(frozen=True, slots=True)
class Unit:
    """One ticket asked for. `slot`: first and last second."""

    spec: Spec
    product: TicketProduct
    visit_date: date | None
    visitor: VisitorInput | None
    slot: tuple[datetime, datetime] | None = None


def checked_units(venue: Venue, lines: Sequence[OrderLine], sold_on: date) -> list[Unit]:
    """The lines taken apart, checked against the products as they are now."""
    quantity = 0
    for line in lines:
        quantity += within(line.quantity, "quantity", 1, MAX_UNITS)
    if not quantity:
        raise DomainError("order.empty", "订单没有票。", "The order has no tickets.", "lines")
    if quantity > MAX_UNITS:
        raise DomainError(
            "order.too_large", f"一单最多 {MAX_UNITS} 张票。", f"An order has at most {MAX_UNITS} tickets.", "lines"
        )
    specs = _specs(venue, lines)
    units: list[Unit] = []
    for line, spec in zip(lines, specs, strict=True):
        product = spec.product
        visit_date = _visit_date(product, line.visit_date, sold_on)
        slot = _slot(venue, product, visit_date, line.slot)
        visitors = _visitors(line)
        rules = rules_of(product)
        named_later = rules.activation == "holder"  # who says so then, on the ticket's page
        if rules.identity and not named_later and not (visitors and all(each.id_number for each in visitors)):
            raise DomainError(
                "order.identity",
                f"“{product.name_zh}”为实名票，每张须填游客证件号。",
                f"{product.name_en or product.name_zh} needs the ID number of each visitor.",
                "visitors",
            )
        units += (Unit(spec, product, visit_date, visitor, slot) for visitor in visitors or [None] * line.quantity)
    return units


def _specs(venue: Venue, lines: Sequence[OrderLine]) -> list[Spec]:
    """The spec of each line, on sale now: the one asked for, or the first of the product that is."""
    wanted = {line.product.pk for line in lines}
    known = set(TicketProduct.objects.filter(venue=venue, pk__in=wanted).values_list("pk", flat=True))
    selling = list(catalog.specs_on_sale(venue).filter(product__in=wanted))
    found = []
    for line in lines:
        if line.product.pk not in known:
            raise DomainError("order.product", "没有此产品。", "There is no such product here.", "product")
        fitting = [one for one in selling if one.product_id == line.product.pk and line.spec in (None, one)]
        if not fitting:
            name = line.product
            raise DomainError(
                "order.off_sale", f"“{name.name_zh}”已下架。", f"{name.name_en or name.name_zh} is off sale.", "product"
            )
        found.append(fitting[0])
    return found


def _slot(
    venue: Venue, product: TicketProduct, day: date | None, start: int | None
) -> tuple[datetime, datetime] | None:
    """A timed ticket for a day needs its slot; one that is booked later may come without."""
    rules = rules_of(product)
    if start is None and (not rules.slots or rules.book_first):
        return None
    if day is None:
        raise DomainError("order.slot", "只有指定日期的票可选时段。", "Only a ticket for a day has a slot.", "slot")
    return slot_bounds(venue, rules.slots, day, start)


def _visit_date(product: TicketProduct, asked: date | None, sold_on: date) -> date | None:
    if product.validity != TicketProduct.Validity.DATED:
        return None
    if asked is None:
        raise DomainError("order.visit_date", "请选择游览日期。", "Choose the day of the visit.", "visit_date")
    if asked < sold_on:
        raise DomainError("order.visit_date", f"{asked} 已过。", f"{asked} is over.", "visit_date")
    return asked


def _visitors(line: OrderLine) -> list[VisitorInput]:
    """Names trimmed, ID numbers in their one form."""
    if line.visitors and len(line.visitors) != line.quantity:
        raise DomainError(
            "order.visitors",
            f"{line.quantity} 张票需 {line.quantity} 位游客。",
            f"{line.quantity} tickets need {line.quantity} visitors.",
            "visitors",
        )
    visitors = [
        VisitorInput(required_text(each.name, "name", 60), normalise(each.id_number) if each.id_number.strip() else "")
        for each in line.visitors
    ]
    numbers = [each.id_number for each in visitors if each.id_number]
    if len(numbers) != len(set(numbers)):
        raise DomainError(
            "order.same_visitor",
            "同一证件号在同一票种中出现两次。",
            "The same ID number appears twice for one ticket type.",
            "visitors",
        )
    return visitors


def price_of(unit: Unit) -> int:
    """What the ticket costs, in fen. Raises DomainError "order.no_price"."""
    if unit.spec.price_fen is None:
        name = unit.product
        raise DomainError(
            "order.no_price",
            f"“{name.name_zh}”当天没有价格，不可售。",
            f"{name.name_en or name.name_zh} has no price on that day and is not sold.",
            "visit_date",
        )
    return unit.spec.price_fen


def validity(unit: Unit, calendar: Calendar, sold_on: date) -> tuple[datetime, datetime]:
    """First and last valid second. Dated: the booked business day. Open: `valid_days` from the day of sale on."""
    first = last = unit.visit_date or sold_on
    if unit.product.validity == TicketProduct.Validity.OPEN:
        last = date.fromordinal(first.toordinal() + unit.product.valid_days - 1)
    return calendar.start(first), datetime.fromtimestamp(calendar.last_second(last), UTC)


def request_hash(lines: Sequence[OrderLine]) -> str:
    """What was asked, under a key: it covers ID numbers, which a bare hash would let anybody guess."""
    asked = [
        [
            line.product.pk,
            line.quantity,
            line.visit_date.isoformat() if line.visit_date else None,
            [[each.name.strip(), each.id_number.strip().upper()] for each in line.visitors],
            *([line.slot] if line.slot is not None else []),
            *([{"spec": line.spec.pk}] if line.spec is not None else []),
        ]
        for line in lines
    ]
    return sealing.lookup_hash("order/request", hashlib.sha256(json.dumps(asked).encode()).digest()).hex()
