"""What is asked of a sale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

    `visitors` are as many as are named, in order: the first is bound to the first ticket. `slot` books one of the
    product's slots on the day, by the minute it starts at; `part_slots` (spec id -> minute) those of a package's
    timed parts, where they are not the package's own. `spec` none: the product's first that is on sale.
    """

    product: TicketProduct
    quantity: int
    visit_date: date | None = None
    visitors: Sequence[VisitorInput] = ()
    slot: int | None = None
    spec: Spec | None = None
    part_slots: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys, as far as they said. `member`: their member number."""

    name: str = ""
    phone: str = ""
    member: str = ""


@dataclass(frozen=True, slots=True)
class Consents:
    """What the buyer confirmed of all lines that ask for it; `proof`: somebody saw the proof of a lower price."""

    notice: bool = False
    agreement: bool = False
    proof: bool = False
