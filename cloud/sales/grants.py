"""The tickets of an order: rows with what they will be, and the entitlements once they are paid."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cloud.catalog.contents import Content, card_term
from cloud.catalog.dates import valid_days
from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.catalog.services import snapshot
from cloud.core import sealing
from cloud.core.business_day import calendar_of
from cloud.core.errors import DomainError
from cloud.entitlements.credentials import CredentialHasher
from cloud.entitlements.lifecycle import slot_bounds
from cloud.entitlements.services import Grant, issue_all
from cloud.sales.asked import Line
from cloud.sales.models import Order, OrderLine, OrderUnit, Visitor
from cloud.sales.personal import id_number
from cloud.sales.stock import part_slot
from cloud.venues.models import Venue
from paifang import passes
from paifang.rulesets import RuleSet

MAX_PERSONS = passes.LIMITS[6]
CARD_CODE = "order/card-code"  # the purpose it is sealed for
_CARD_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Validity:
    """First and last second; months and days of a card that begins with its activation."""

    first: datetime
    last: datetime
    months: int = 0
    days: int = 0


def units_of(
    order: Order, rows: Sequence[tuple[OrderLine, Line]], visitors: dict[int, list[Visitor]]
) -> list[OrderUnit]:
    """The units of an inserted order, in the order of its lines, not saved. `visitors`: line id -> those named.

    Raises:
        DomainError: "order.too_many_persons": more than one code admits.
    """
    units: list[OrderUnit] = []
    snapshots: dict[RuleSet, RuleSnapshot] = {}
    for row, line in rows:
        valid = validity(order.venue, line, order.business_day)
        together = line.sale.printing == "together" and line.product.kind != TicketProduct.Kind.ANNUAL
        for bundle in range(1, 2 if together else line.quantity + 1):
            named = visitors.get(row.pk, [])
            card = _card_code() if any(content.carded for content in line.contents) else ""
            for content in line.contents:
                if content.ruleset not in snapshots:
                    snapshots[content.ruleset] = snapshot(order.venue_id, content.ruleset)
                tickets = line.quantity if together else 1
                unit = OrderUnit(
                    venue=order.venue, order=order, line=row, bundle=bundle, tickets=tickets, position=len(units) + 1,
                    product=content.product, product_name_zh=content.product.name_zh,
                    product_name_en=content.product.name_en, price_fen=content.share_fen * tickets,
                    visitor=named[bundle - 1] if bundle <= len(named) else None, rules=snapshots[content.ruleset],
                )  # fmt: skip
                unit.grant = _grant(order, row, line, content, valid, unit, card)
                units.append(unit)
    return units


def validity(venue: Venue, line: Line, sold_on: date) -> Validity:
    """When what a line gives is valid: the whole's days hold for all its parts (T-15, T-16, T-59)."""
    calendar = calendar_of(venue)
    months = days = 0
    if line.product.kind == TicketProduct.Kind.ANNUAL:
        term = card_term(line.product, sold_on)
        first, last, months, days = term.first, term.last, term.months, term.days
    else:
        first, last = valid_days(line.product, line.visit_date, sold_on)
    return Validity(calendar.start(first), datetime.fromtimestamp(calendar.last_second(last), UTC), months, days)


def issue(order: Order, units: Sequence[OrderUnit]) -> None:
    """Entitlements for units that were paid, with the rules they were sold under. Sets them; saves no unit.

    Inside the transaction of the payment.
    """
    numbers: dict[int, str] = {}
    for unit in units:
        if unit.visitor is not None and unit.visitor.pk not in numbers:
            numbers[unit.visitor.pk] = id_number(unit.visitor) or ""
    hasher = CredentialHasher(order.venue) if any(numbers.values()) else None
    wanted = []
    for unit in units:
        stored = dict(unit.grant or {})
        number = numbers[unit.visitor.pk] if unit.visitor is not None else ""
        if card := stored.pop("card", ""):
            stored["member_code"] = sealing.unseal(CARD_CODE, bytes.fromhex(card)).decode("ascii")
        for name in _TIMES:
            if stored.get(name) is not None:
                stored[name] = datetime.fromisoformat(stored[name])
        bound = hasher.id_number(number) if number and hasher else None
        wanted.append(Grant(product=unit.product, rules=unit.rules, id_number_hash=bound, **stored))  # type: ignore[arg-type]
    for unit, entitlement in zip(units, issue_all(order.venue, wanted), strict=True):
        unit.entitlement = entitlement


_TIMES = ("not_before", "not_after", "slot_from", "slot_to")


def _grant(
    order: Order, row: OrderLine, line: Line, content: Content, valid: Validity, unit: OrderUnit, card: str
) -> dict[str, object]:
    """What of a Grant is not a row, as JSON. The pool of a card is its own, that of shared tickets the order's."""
    persons = content.persons * unit.tickets
    if persons > MAX_PERSONS:
        raise DomainError(
            "order.too_many_persons",
            f"一码最多 {MAX_PERSONS} 人，请分成几单。",
            f"One code admits at most {MAX_PERSONS} persons: make several orders.",
            "quantity",
        )
    bounds = line.bounds
    if content.stock is not None:
        start = part_slot(line.product, content.stock, line.day, line.slot, line.part_slots)
        if start is not None:
            bounds = slot_bounds(order.venue, content.rules.slots, line.day, start)
    first, last = bounds or (None, None)
    stored: dict[str, object] = {
        "not_before": valid.first.isoformat(),
        "not_after": valid.last.isoformat(),
        "persons": persons,
        "product_class": 0 if content.product_class == content.product.product_class else content.product_class,
        "slot_from": first.isoformat() if first else None,
        "slot_to": last.isoformat() if last else None,
        "pool": f"{row.position}/{unit.bundle}/{content.pool}" if content.carded and content.pool else content.pool,
        "rotating": content.rules.rotating,
        "short_code": content.rules.short_code,
        "term_months": valid.months,
        "term_days": valid.days,
    }
    return stored | ({"card": sealing.seal(CARD_CODE, card.encode("ascii")).hex()} if card and content.carded else {})


def _card_code() -> str:
    """Nobody guesses it; digits alone, for a card that is typed in."""
    return "".join(secrets.choice("0123456789") for _ in range(_CARD_DIGITS))
