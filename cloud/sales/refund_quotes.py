"""What giving back some tickets of an order would return: by the terms they were sold on, judged as things are now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cloud.catalog.models import TicketProduct
from cloud.catalog.refund_rules import ANY, NONE, Quote, RefundRules, part_returned, refund_quote, yuan
from cloud.core.business_day import calendar_of, wall
from cloud.core.errors import DomainError
from cloud.entitlements import holds
from cloud.entitlements.models import Entitlement
from cloud.sales import group_refunds, terms
from cloud.sales.models import Order, OrderLine, OrderUnit
from paifang.rulesets import RuleSet


@dataclass(frozen=True, slots=True)
class UnitQuote:
    """Of one unit: what was paid for it and what it returns."""

    unit: OrderUnit
    paid_fen: int
    returned_fen: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Of all that is to be given back. `review`: somebody is asked first. `zh`, `en`: it in a sentence.

    `deducted_fen`: charged for what a group falls below its minimum, in the figures already.
    """

    quotes: tuple[UnitQuote, ...]
    review: bool
    deducted_fen: int
    zh: str
    en: str

    @property
    def paid_fen(self) -> int:
        return sum(one.paid_fen for one in self.quotes)

    @property
    def returned_fen(self) -> int:
        return sum(one.returned_fen for one in self.quotes)


def plan(order: Order, chosen: Collection[int], at: datetime, *, override: bool = False) -> Plan:
    """What the chosen units (ids) would return now. Reads only.

    Raises:
        DomainError: "refund.none" (nothing chosen), "refund.gone": a unit is given back or in another refund,
            "refund.refused": the rules do not allow it, with the reason; "refund.whole": a card goes back whole;
            "refund.group": fewer than the minimum would be left.
    """
    units = list(order.units.select_related("entitlement__rules", "line__terms", "product"))
    wanted = [unit for unit in units if unit.pk in set(chosen)]
    if not wanted or len(wanted) != len(set(chosen)):
        raise DomainError("refund.none", "请选择要退的票。", "Choose the tickets to give back.", "units")
    for unit in wanted:
        if unit.refunded_at is not None or unit.case_id is not None or unit.entitlement is None:
            raise DomainError(
                "refund.gone",
                f"第 {unit.position} 张已退或正在退。",
                f"Ticket {unit.position} is given back already, or being so.",
                "units",
            )
    found = _Reader(order, units, at, override).quotes(wanted)
    found, deducted = group_refunds.apply(order, units, found, override=override)
    lines = {unit.line_id: unit.line for unit in wanted if unit.line is not None}
    review = not override and any(terms.read(line.terms).refund.review == "review" for line in lines.values())
    zh, en = _words(found, deducted)
    return Plan(tuple(UnitQuote(one.unit, one.paid_fen, one.returned_fen) for one in found), review, deducted, zh, en)


def _words(found: Sequence[group_refunds.Returned], deducted: int) -> tuple[str, str]:
    paid, returned = sum(one.paid_fen for one in found), sum(one.returned_fen for one in found)
    zh = f"{len(found)} 张：退 {yuan(returned)}，实付 {yuan(paid)}，扣 {yuan(paid - returned)}"
    tickets = "1 ticket" if len(found) == 1 else f"{len(found)} tickets"
    en = f"{tickets}: returns {yuan(returned)} of {yuan(paid)}, keeps {yuan(paid - returned)}"
    reasons = list(dict.fromkeys(one.reason for one in found if one.reason != ("", "")))
    if len(reasons) == 1:
        zh, en = f"{zh}（{reasons[0][0]}）", f"{en} ({reasons[0][1]})"
    if deducted:
        zh = f"{zh}；其中 {yuan(deducted)} 为不足起订量的差价"
        en = f"{en}; {yuan(deducted)} of it because the group falls below its minimum"
    return f"{zh}。", f"{en}."


class _Reader:
    """One plan's rows."""

    def __init__(self, order: Order, units: Sequence[OrderUnit], at: datetime, override: bool) -> None:
        self.order, self.at, self.override = order, at, override
        self.used = holds.used(order.venue, [unit.entitlement for unit in units if unit.entitlement is not None])
        self.bundles: dict[tuple[int | None, int], list[OrderUnit]] = defaultdict(list)
        for unit in units:
            self.bundles[unit.line_id, unit.bundle if unit.line_id else unit.position].append(unit)

    def quotes(self, wanted: Sequence[OrderUnit]) -> list[group_refunds.Returned]:
        chosen = {unit.pk for unit in wanted}
        found: list[group_refunds.Returned] = []
        for bundle in self.bundles.values():
            mine = [unit for unit in bundle if unit.pk in chosen]
            if not mine:
                continue
            line = mine[0].line
            match line.kind if line is not None else TicketProduct.Kind.TICKET:
                case TicketProduct.Kind.PACKAGE:
                    found += self._package(line, bundle, mine)
                case TicketProduct.Kind.ANNUAL:
                    found += self._card(line, bundle, mine)
                case _:
                    rules = terms.read(line.terms).refund if line is not None else RefundRules()
                    found += [self._unit(unit, rules) for unit in mine]
        return sorted(found, key=lambda one: one.unit.position)

    def _unit(self, unit: OrderUnit, rules: RefundRules) -> group_refunds.Returned:
        quote = self._quote(unit, rules)
        if not quote.refundable:
            raise _refused(unit, quote)
        return group_refunds.Returned(unit, unit.price_fen, quote.returned_fen, _tier(quote))

    def _quote(self, unit: OrderUnit, rules: RefundRules) -> Quote:
        entitlement = _issued(unit)
        return refund_quote(
            rules, unit.price_fen // unit.tickets, unit.tickets, at=self.at, check_in_at=check_in(self.order, unit),
            expires_at=entitlement.not_after, sold_at=self.order.paid_at or self.order.created_at,
            used=entitlement.pk in self.used, activated=entitlement.activated_at is not None, override=self.override,
        )  # fmt: skip

    def _package(
        self, line: OrderLine, bundle: Sequence[OrderUnit], mine: Sequence[OrderUnit]
    ) -> list[group_refunds.Returned]:
        """T-44 to T-46: nothing; or the whole where all its parts can be returned, else those that can."""
        promised = terms.read(line.terms)
        if promised.refund.kind == NONE and not self.override:
            raise DomainError("refund.refused", "此套票不可退。", "This package is not refundable.", "units")
        parts = [self._unit(unit, promised.parts.get(unit.product_id, RefundRules())) for unit in mine]
        if not promised.refund.own_fee:
            return parts
        whole_fen = sum(unit.price_fen for unit in bundle)
        tickets = bundle[0].tickets
        quote = refund_quote(
            replace(promised.refund, kind=ANY), whole_fen // tickets, tickets, at=self.at,
            check_in_at=min(check_in(self.order, unit) for unit in bundle), override=True,
        )  # fmt: skip
        gone = [unit for unit in bundle if unit.case_id is not None]  # given back, or being so
        before = sum(unit.price_fen for unit in gone)
        already = sum(row.amount_fen for unit in gone for row in unit.refunds.filter(case=unit.case_id))
        found = []
        for part in parts:
            back = part_returned(whole_fen, quote.returned_fen, before, part.paid_fen, already)
            found.append(replace(part, returned_fen=back, reason=_tier(quote)))
            before, already = before + part.paid_fen, already + back
        return found

    def _card(
        self, line: OrderLine, bundle: Sequence[OrderUnit], mine: Sequence[OrderUnit]
    ) -> list[group_refunds.Returned]:
        """T-61: all its rides at once. What was paid for it is worked out once and shared among them."""
        if len(mine) != len(bundle):
            raise DomainError("refund.whole", "年卡须整卡退。", "An annual card goes back as a whole.", "units")
        rides = [_issued(unit) for unit in bundle]
        rules = terms.read(line.terms).refund
        calendar = calendar_of(self.order.venue)
        first, last = calendar.day(rides[0].not_before), calendar.day(rides[0].not_after)
        quote = refund_quote(
            rules, sum(unit.price_fen for unit in bundle), at=self.at, check_in_at=rides[0].not_before,
            expires_at=rides[0].not_after, sold_at=self.order.paid_at or self.order.created_at,
            used=any(ride.pk in self.used for ride in rides),
            activated=any(ride.activated_at is not None for ride in rides),
            valid_days=((last - max(first, calendar.day(self.at))).days + (self.at < rides[0].not_before),
                        (last - first).days + 1),
            override=self.override,
        )  # fmt: skip
        if not quote.refundable:
            raise _refused(bundle[0], quote)
        found, before, already = [], 0, 0
        for unit in bundle:
            back = part_returned(quote.paid_fen, quote.returned_fen, before, unit.price_fen, already)
            found.append(group_refunds.Returned(unit, unit.price_fen, back, _tier(quote)))
            before, already = before + unit.price_fen, already + back
        return found


def check_in(order: Order, unit: OrderUnit) -> datetime:
    """The check-in time of a ticket: its booked slot's start; else that of the day's first hours, or of the day. Of an
    open ticket that is not booked its last second: it is before check-in as long as it is valid."""
    entitlement = _issued(unit)
    if entitlement.slot_from is not None:
        return entitlement.slot_from
    if unit.line is not None and unit.line.visit_date is None and unit.line.kind != TicketProduct.Kind.ANNUAL:
        return entitlement.not_after
    day = calendar_of(order.venue).day(entitlement.not_before)
    hours = RuleSet.unpack(bytes(entitlement.rules.compiled)).hours
    starts = [row.start for row in hours if not row.days or row.days >> day.weekday() & 1]
    return max(entitlement.not_before, wall(order.venue, day, min(starts))) if starts else entitlement.not_before


def _issued(unit: OrderUnit) -> Entitlement:
    if unit.entitlement is None:
        raise ValueError(f"unit {unit.pk} was never issued")
    return unit.entitlement


def _refused(unit: OrderUnit, quote: Quote) -> DomainError:
    name_zh, name_en = unit.product_name_zh, unit.product_name_en or unit.product_name_zh
    return DomainError(
        "refund.refused",
        f"第 {unit.position} 张“{name_zh}”：{quote.zh}",
        f"Ticket {unit.position}, {name_en}: {quote.en}",
        "units",
    )


def _tier(quote: Quote) -> tuple[str, str]:
    """Which tier it is, in words; nothing without tiers."""
    return quote.tier_zh, quote.tier_en
