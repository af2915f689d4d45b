"""What a sold spec gives: the entitlements behind a ticket, a package or an annual card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from cloud.catalog.allocation import allocate
from cloud.catalog.card_rules import ACTIVATION, DATES, FIRST_USE, MAX_DAYS, POOL, CardRules, term_end
from cloud.catalog.compile import compile_terms, rules_of
from cloud.catalog.models import CardPart, PackagePart, Spec, TicketProduct
from cloud.catalog.rules import ProductRules
from cloud.catalog.stricter import both_times, stricter
from paifang.rulesets import RuleSet


@dataclass(frozen=True, slots=True)
class Content:
    """One entitlement.

    Attributes:
        product: what it is called; a part's own ticket.
        product_class: what the pass and the stations name it by.
        stock: the part's spec, whose stock is taken beside the sold one's; None: only the sold spec's.
        rules, ruleset: what gates ask, the whole's and the part's together.
        share_fen: of the price; all shares of a spec sum to it.
        pool: those of one sale with the same pool spend one count of uses; "": its own.
        carded: presented by the card's code, as all the rides of a card are.
    """

    product: TicketProduct
    product_class: int
    stock: Spec | None
    rules: ProductRules
    ruleset: RuleSet
    persons: int
    share_fen: int
    pool: str = ""
    carded: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """Business days an annual card is valid on, both included.

    `months`, `days`: from its activation on, which may be on any of these days; 0 and 0: no such term.
    """

    first: date
    last: date
    months: int = 0
    days: int = 0


def contents(spec: Spec, price_fen: int) -> tuple[Content, ...]:
    """The entitlements one of the spec gives when sold for the price, as the product is now.

    Raises:
        DomainError: "rules.*": the package and a ticket of it leave nothing both allow.
    """
    product = spec.product
    match product.kind:
        case TicketProduct.Kind.PACKAGE:
            return _package(product, price_fen)
        case TicketProduct.Kind.ANNUAL:
            return _card(product, price_fen)
    rules = rules_of(product)
    return (_content(product, product.product_class, None, rules, product.uses, product.persons, price_fen),)


def card_rules_of(product: TicketProduct) -> CardRules:
    return CardRules.from_json(product.card_rules)


def card_term(product: TicketProduct, sold_on: date) -> Term:
    """When an annual card sold on a business day is valid (T-59)."""
    card = card_rules_of(product)
    if card.valid_from == DATES and card.first_day is not None and card.last_day is not None:
        return Term(card.first_day, card.last_day)
    within = card.activate_within_days or MAX_DAYS
    if card.valid_from == ACTIVATION:
        return Term(sold_on, sold_on + timedelta(days=within - 1), card.months, card.days)
    if card.valid_from == FIRST_USE:
        # The gate counts the days from the first use; the window ends with those of a first use on the last day.
        return Term(sold_on, sold_on + timedelta(days=within - 1 + card.days - 1))
    return Term(sold_on, term_end(sold_on, card.months, card.days))


def parts_of(package: TicketProduct) -> list[PackagePart]:
    """What is in the package now, in its order."""
    return list(package.parts.filter(current=True).select_related("spec__product").order_by("position", "pk"))


def rides_of(card: TicketProduct) -> list[CardPart]:
    """What the card is good for now, in its order."""
    return list(card.card_parts.filter(current=True).select_related("product").order_by("position", "pk"))


def _package(package: TicketProduct, price_fen: int) -> tuple[Content, ...]:
    each = [part for part in parts_of(package) for _ in range(part.quantity)]
    if not each:
        return ()
    shares = allocate(price_fen, [weight_of(part) for part in each])
    over = rules_of(package)
    return tuple(
        _content(
            part.spec.product, part.product_class, part.spec, stricter(rules_of(part.spec.product), over),
            part.spec.product.uses, part.spec.product.persons, share,
        )
        for part, share in zip(each, shares, strict=True)
    )  # fmt: skip


def weight_of(part: PackagePart) -> int:
    """What its share of the price is in proportion to: as somebody set it, or its own price."""
    return part.weight_fen if part.weight_fen is not None else part.spec.price_fen or 0


def _card(card: TicketProduct, price_fen: int) -> tuple[Content, ...]:
    rules, over = card_rules_of(card), rules_of(card)
    if rules.valid_from == FIRST_USE:
        over = replace(over, after_first_days=rules.days, after_first_hours=0)
    rides = rides_of(card)
    if not rides:
        return (_content(card, card.product_class, None, over, card.uses, card.persons, price_fen, carded=True),)
    shares = allocate(price_fen, [1] * len(rides))
    return tuple(
        _content(
            ride.product, ride.product_class, None, _ride(ride, over, rules), 0, card.persons, share,
            pool="card" if rules.combination == POOL else "", carded=True,
        )
        for ride, share in zip(rides, shares, strict=True)
    )  # fmt: skip


def _ride(ride: CardPart, over: ProductRules, card: CardRules) -> ProductRules:
    """The card's limits stand for the ticket's own: a ticket that is good for one entry is good for many by card."""
    merged = both_times(both_times(rules_of(ride.product), over), ProductRules.from_json(ride.times))
    pooled = card.combination == POOL
    return replace(
        merged,
        total=card.pool_total if pooled else ride.total,
        per_month=0 if pooled else ride.per_month,
        per_day=0 if pooled else ride.per_day,
        shared=pooled,
        at_once=over.at_once,
        together=over.together,
        reentry_minutes=over.reentry_minutes,
        anti_passback=over.anti_passback,
        after_first_hours=over.after_first_hours,
        after_first_days=over.after_first_days,
    )


def _content(
    product: TicketProduct,
    product_class: int,
    stock: Spec | None,
    rules: ProductRules,
    uses: int,
    persons: int,
    share_fen: int,
    *,
    pool: str = "",
    carded: bool = False,
) -> Content:
    ruleset = compile_terms(rules, uses=uses, persons=persons, keep_on_timeout=product.keep_on_timeout)
    if not pool and rules.shared and not carded:
        pool = product.code
    return Content(product, product_class, stock, rules, ruleset, persons, share_fen, pool, carded)
