"""What a package must ask at the least, for one of its tickets asks it: the strictest of all, and because of which.

Names, ages and the group minimum are asked at the sale (T-40, T-41), what may be shown at the gate (T-42).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import MEDIA, ProductRules
from cloud.catalog.sale_rules import REAL_NAMES, SaleRules
from cloud.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Inherited:
    """The least a package asks. `because`: the names of these fields -> the tickets that ask for it, in their order."""

    real_name: str = "none"
    age_min: int | None = None
    age_max: int | None = None
    group_min: int = 0
    media: tuple[str, ...] = ()  # none: every medium
    identity: bool = False
    because: dict[str, tuple[TicketProduct, ...]] = field(default_factory=dict)


def inherited(tickets: Sequence[TicketProduct]) -> Inherited:
    """Of the tickets of a package. Pure.

    Raises:
        DomainError: "package.age": no age fits all of them. "package.media": nothing may be shown for all of them.
    """
    sales = [SaleRules.from_json(ticket.sale_rules) for ticket in tickets]
    gates = [rules_of(ticket) for ticket in tickets]
    found = Inherited(
        real_name=max((one.real_name for one in sales), key=REAL_NAMES.index, default="none"),
        age_min=max((one.age_min for one in sales if one.age_min is not None), default=None),
        age_max=min((one.age_max for one in sales if one.age_max is not None), default=None),
        group_min=max((one.group_min for one in sales), default=0),
        media=_media(gates),
        identity=any(one.identity for one in gates),
    )
    if found.age_min is not None and found.age_max is not None and found.age_min > found.age_max:
        raise DomainError(
            "package.age",
            f"所含门票的年龄限制没有交集（最小 {found.age_min} 岁，最大 {found.age_max} 岁）。请更换门票。",
            f"No age fits all its tickets: from {found.age_min} and up to {found.age_max}. Choose other tickets.",
            "parts",
        )
    pairs = list(zip(tickets, sales, gates, strict=True))
    asked = {
        "real_name": (one for one, sale, _ in pairs if sale.real_name == found.real_name != "none"),
        "age_min": (one for one, sale, _ in pairs if found.age_min is not None and sale.age_min == found.age_min),
        "age_max": (one for one, sale, _ in pairs if found.age_max is not None and sale.age_max == found.age_max),
        "group_min": (one for one, sale, _ in pairs if sale.group_min == found.group_min > 0),
        "media": (one for one, _, gate in pairs if gate.media),
        "identity": (one for one, _, gate in pairs if gate.identity),
    }
    return replace(found, because={name: tuple(each) for name, rows in asked.items() if (each := list(rows))})


def _media(gates: Iterable[ProductRules]) -> tuple[str, ...]:
    kept = set(MEDIA)
    for rules in gates:
        kept &= set(rules.media or MEDIA)
    if not kept:
        raise DomainError(
            "package.media",
            "所含门票允许的验票方式没有交集。请更换门票。",
            "There is no medium that all its tickets allow. Choose other tickets.",
            "parts",
        )
    return () if len(kept) == len(MEDIA) else tuple(name for name in MEDIA if name in kept)


def sale_rules_of(product: TicketProduct, tickets: Sequence[TicketProduct] = ()) -> SaleRules:
    """What a sale of the product asks: its own rules, and of a package with these tickets at least what they ask."""
    own = SaleRules.from_json(product.sale_rules)
    if not tickets:
        return own
    least = inherited(tickets)
    return replace(
        own,
        real_name=max(own.real_name, least.real_name, key=REAL_NAMES.index),
        age_min=max((age for age in (own.age_min, least.age_min) if age is not None), default=None),
        age_max=min((age for age in (own.age_max, least.age_max) if age is not None), default=None),
        group_min=max(own.group_min, least.group_min),
    )
