"""What a refund does to a group that falls below its minimum (T-22): refused, charged the difference, or allowed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Sum

from cloud.core.errors import DomainError
from cloud.sales import terms
from cloud.sales.models import Order, OrderLine, OrderUnit, RefundCase


@dataclass(frozen=True, slots=True)
class Returned:
    """What a unit returns; `reason`: the tier it was by, in words of both languages."""

    unit: OrderUnit
    paid_fen: int
    returned_fen: int
    reason: tuple[str, str] = ("", "")


def apply(
    order: Order, units: Sequence[OrderUnit], found: Sequence[Returned], *, override: bool
) -> tuple[list[Returned], int]:
    """The units with what is charged taken off, and how much that is.

    Raises:
        DomainError: "refund.group".
    """
    given = {one.unit.pk for one in found}
    charge = 0
    for lines in _groups(units):
        promised = terms.read(lines[0].terms)
        left = sum(_left(line, units, given) for line in lines)
        if not 0 < left < promised.group_min:
            continue
        name_zh, name_en = lines[0].product_name_zh, lines[0].product_name_en or lines[0].product_name_zh
        if promised.group_refund == "refuse" and not override:
            raise DomainError(
                "refund.group",
                f"“{name_zh}”为团体票，退后剩 {left} 张，少于 {promised.group_min} 张。请全部退。",
                f"{name_en} is a group ticket: {left} would be left of at least {promised.group_min}. "
                "Give all of them back.",
                "units",
            )
        if promised.group_refund == "reprice":
            charge += sum(
                _left(line, units, given) * max(promised.group_single_fen - line.price_fen, 0) for line in lines
            )
    before = RefundCase.objects.filter(order=order).exclude(state=RefundCase.State.REJECTED)
    charge = max(0, charge - (before.aggregate(fen=Sum("deducted_fen"))["fen"] or 0))
    charge = min(charge, sum(one.returned_fen for one in found))
    rest, charged = charge, []
    for one in found:
        taken = min(rest, one.returned_fen)
        rest -= taken
        charged.append(replace(one, returned_fen=one.returned_fen - taken))
    return charged, charge


def _groups(units: Sequence[OrderUnit]) -> list[list[OrderLine]]:
    """The lines of each product that is sold to groups."""
    lines = {unit.line.pk: unit.line for unit in units if unit.line is not None}
    found: dict[int, list[OrderLine]] = defaultdict(list)
    for line in lines.values():
        if terms.read(line.terms).group_min > 1:
            found[line.product_id].append(line)
    return list(found.values())


def _left(line: OrderLine, units: Sequence[OrderUnit], given: set[int]) -> int:
    """How many of a line somebody still has, once those are given back: a package with a part left counts."""
    bundles: dict[int, int] = {}
    for unit in units:
        if unit.line_id == line.pk and unit.pk not in given and unit.refunded_at is None and unit.case_id is None:
            bundles[unit.bundle] = unit.tickets
    return sum(bundles.values())
