"""What is asked of a sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cloud.catalog.models import Spec, TicketProduct


@dataclass(frozen=True, slots=True)
class VisitorInput:
    """A person who visits. An empty `id_number` binds no card."""

    name: str
    id_number: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`quantity` tickets of a product. A dated product needs its `visit_date`, the venue's business day.

    `visitors` are none, or one for each ticket in order: the first is bound to the first ticket. `slot` books one of
    the product's slots on the day, by the minute it starts at. `spec` none: the product's first that is on sale.
    """

    product: TicketProduct
    quantity: int
    visit_date: date | None = None
    visitors: Sequence[VisitorInput] = ()
    slot: int | None = None
    spec: Spec | None = None
