"""What a sale asks for, checked against the products as they are now and taken apart. Reads; writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from cloud.capacity.selectors import Available, WhyNot, availability
from cloud.catalog import selectors as catalog
from cloud.catalog.compile import rules_of
from cloud.catalog.contents import Content, contents
from cloud.catalog.dates import bought_by_day
from cloud.catalog.inherited import sale_rules_of
from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.offers import WHOLE_DAY
from cloud.catalog.sale_rules import SaleRules
from cloud.core import sealing
from cloud.core.business_day import calendar_of
from cloud.core.errors import DomainError
from cloud.core.idnumber import normalise
from cloud.core.inputs import required_text, within
from cloud.entitlements.lifecycle import slot_bounds
from cloud.sales.stock import takes_of
from cloud.sales.values import Buyer, Consents, OrderLine, VisitorInput
from cloud.venues.models import Venue

MAX_UNITS = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is sold.

    Attributes:
        tickets: those of a package's or a card's contents, each once.
        price_fen: of one. takes: the stock of one (cloud.sales.stock).
        day: that of the visit, or of the sale where no visit is chosen.
        slot: the minute it begins at; bounds: its first and last second.
    """

    spec: Spec
    quantity: int
    contents: tuple[Content, ...]
    tickets: tuple[TicketProduct, ...]
    sale: SaleRules
    price_fen: int
    day: date
    visit_date: date | None
    slot: int | None
    bounds: tuple[datetime, datetime] | None
    part_slots: Mapping[int, int]
    visitors: tuple[VisitorInput, ...]
    takes: dict[str, Any]

    @property
    def product(self) -> TicketProduct:
        return self.spec.product


def checked_lines(venue: Venue, lines: Sequence[OrderLine], now: datetime) -> list[Line]:
    """The lines, each for sale on its day.

    Raises:
        DomainError: "order.empty", "order.too_large", "order.product", "order.off_sale", "order.visit_date",
            "order.slot", "order.part_slot", "order.not_available", "order.no_price", "order.visitors",
            "order.same_visitor", "booking.slot", "id_number.invalid", "input.*".
    """
    quantity = 0
    for line in lines:
        quantity += within(line.quantity, "quantity", 1, MAX_UNITS)
    if not quantity:
        raise DomainError("order.empty", "订单没有票。", "The order has no tickets.", "lines")
    if quantity > MAX_UNITS:
        raise DomainError(
            "order.too_large", f"一单最多 {MAX_UNITS} 张票。", f"An order has at most {MAX_UNITS} tickets.", "lines"
        )
    sold_on = calendar_of(venue).day(now)
    return [_line(venue, line, spec, sold_on, now) for line, spec in zip(lines, _specs(venue, lines, now), strict=True)]


def _line(venue: Venue, line: OrderLine, spec: Spec, sold_on: date, now: datetime) -> Line:
    product = spec.product
    visit_date = _visit_date(product, line.visit_date, sold_on)
    bounds = _slot(venue, product, visit_date, line.slot)
    day = visit_date or sold_on
    slot = line.slot if bounds is not None else None
    found = _available(venue, spec, day, slot, now)
    if found.price_fen is None:
        raise _not_sold(spec, day, WhyNot.NO_PRICE)
    made = contents(spec, found.price_fen)
    tickets = {content.product.pk: content.product for content in made if content.product.pk != product.pk}
    parts = tuple(tickets.values())
    return Line(
        spec=spec,
        quantity=line.quantity,
        contents=made,
        tickets=parts,
        sale=sale_rules_of(product, parts if product.kind == TicketProduct.Kind.PACKAGE else ()),
        price_fen=found.price_fen,
        day=day,
        visit_date=visit_date,
        slot=slot,
        bounds=bounds,
        part_slots=dict(line.part_slots),
        visitors=_visitors(line),
        takes=takes_of(spec, made, day, slot, line.part_slots),
    )


def _specs(venue: Venue, lines: Sequence[OrderLine], now: datetime) -> list[Spec]:
    """The spec of each line, on sale now: the one asked for, or the first of the product that is."""
    wanted = {line.product.pk for line in lines}
    known = set(TicketProduct.objects.filter(venue=venue, pk__in=wanted).values_list("pk", flat=True))
    selling = list(catalog.specs_on_sale(venue, now).filter(product__in=wanted))
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


def _visit_date(product: TicketProduct, asked: date | None, sold_on: date) -> date | None:
    if bought_by_day(product):
        return None
    if asked is None:
        raise DomainError("order.visit_date", "请选择游览日期。", "Choose the day of the visit.", "visit_date")
    if asked < sold_on:
        raise DomainError("order.visit_date", f"{asked} 已过。", f"{asked} is over.", "visit_date")
    return asked


def _slot(
    venue: Venue, product: TicketProduct, day: date | None, start: int | None
) -> tuple[datetime, datetime] | None:
    """A timed ticket for a day needs its slot; one that is booked later may come without."""
    rules = rules_of(product)
    if start is None and (not rules.slots or rules.book_first or bought_by_day(product)):
        return None
    if day is None:
        raise DomainError("order.slot", "只有指定日期的票可选时段。", "Only a ticket for a day has a slot.", "slot")
    return slot_bounds(venue, rules.slots, day, start)


def _available(venue: Venue, spec: Spec, day: date, slot: int | None, now: datetime) -> Available:
    """What the day or slot is sold for. How many are left is asked again under locks."""
    rows = availability(venue, [spec], [day], now)
    wanted = WHOLE_DAY if slot is None else slot
    found = next((row for row in rows if row.slot == wanted), None)
    if found is None:  # a timed ticket that is booked later: any of its slots says what it costs
        found = next((row for row in rows if row.why is None), rows[0] if rows else None)
    if found is None:
        raise _not_sold(spec, day, WhyNot.NO_SLOT)
    if found.why is not None and found.why != WhyNot.SOLD_OUT:
        raise _not_sold(spec, day, found.why)
    return found


_WHY_NOT: dict[WhyNot, tuple[str, str]] = {
    WhyNot.PAST: ("已过", "is over"),
    WhyNot.BEFORE_SALE: ("尚未开售", "is not on sale yet"),
    WhyNot.AFTER_SALE: ("已下架", "is off sale"),
    WhyNot.NOT_ADMITTED: ("当天不接待", "is not admitted on that day"),
    WhyNot.NO_SLOT: ("当天没有时段", "has no slot on that day"),
    WhyNot.CLOSED: ("当天不售", "is closed"),
    WhyNot.NO_PRICE: ("当天没有价格，不可售", "has no price and is not sold"),
    WhyNot.TOO_EARLY: ("尚未到可预订时间", "cannot be booked so far ahead yet"),
    WhyNot.TOO_LATE: ("已截止预订", "can no longer be booked"),
}


def _not_sold(spec: Spec, day: date, why: WhyNot) -> DomainError:
    zh, en = _WHY_NOT[why]
    name = spec.product
    code = "order.no_price" if why == WhyNot.NO_PRICE else "order.not_available"
    return DomainError(
        code, f"“{name.name_zh}”{day} {zh}。", f"{name.name_en or name.name_zh}, {day}: it {en}.", "visit_date"
    )


def _visitors(line: OrderLine) -> tuple[VisitorInput, ...]:
    """Names trimmed, ID numbers in their one form."""
    if len(line.visitors) > line.quantity:
        raise DomainError(
            "order.visitors",
            f"{line.quantity} 张票最多 {line.quantity} 位游客。",
            f"{line.quantity} tickets have at most {line.quantity} visitors.",
            "visitors",
        )
    visitors = tuple(
        VisitorInput(required_text(each.name, "name", 60), normalise(each.id_number) if each.id_number.strip() else "")
        for each in line.visitors
    )
    numbers = [each.id_number for each in visitors if each.id_number]
    if len(numbers) != len(set(numbers)):
        raise DomainError(
            "order.same_visitor",
            "同一证件号在同一票种中出现两次。",
            "The same ID number appears twice for one ticket type.",
            "visitors",
        )
    return visitors


def request_hash(lines: Sequence[OrderLine], channel: str, buyer: Buyer, consents: Consents) -> str:
    """What was asked, under a key: it covers ID numbers, which a bare hash would let anybody guess."""
    asked: list[Any] = [
        [
            line.product.pk,
            line.quantity,
            line.visit_date.isoformat() if line.visit_date else None,
            [[each.name.strip(), each.id_number.strip().upper()] for each in line.visitors],
            *([line.slot] if line.slot is not None else []),
            *([{"spec": line.spec.pk}] if line.spec is not None else []),
            *([{"parts": sorted(line.part_slots.items())}] if line.part_slots else []),
        ]
        for line in lines
    ]
    if (channel, buyer, consents) != ("desk", Buyer(), Consents()):
        asked.append([channel, asdict(buyer), asdict(consents)])
    return sealing.lookup_hash("order/request", hashlib.sha256(json.dumps(asked).encode()).digest()).hex()
