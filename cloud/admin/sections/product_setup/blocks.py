"""The blocks of each kind of product, in the manual's order, and what is missing in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud.admin.sections.product_setup.basics import BASICS
from cloud.admin.sections.product_setup.block import Block, Text
from cloud.admin.sections.product_setup.card import CARD
from cloud.admin.sections.product_setup.detail import DETAIL
from cloud.admin.sections.product_setup.gate import GATE
from cloud.admin.sections.product_setup.order import ORDER
from cloud.admin.sections.product_setup.package import PACKAGE
from cloud.admin.sections.product_setup.price import PRICE
from cloud.admin.sections.product_setup.publishing import PUBLISH
from cloud.admin.sections.product_setup.refund import REFUND
from cloud.catalog.models import TicketProduct
from cloud.catalog.readiness import Missing

BLOCKS = (BASICS, DETAIL, PACKAGE, CARD, PRICE, ORDER, GATE, REFUND, PUBLISH)


@dataclass(frozen=True, slots=True)
class Step:
    """A block in the line of steps above the form. `done`: nothing needed is missing in it."""

    block: Block
    number: int
    title: Text
    lacking: tuple[Missing, ...]
    advice: tuple[Missing, ...]
    current: bool

    @property
    def done(self) -> bool:
        return not self.lacking


def blocks_of(kind: str) -> list[Block]:
    return [block for block in BLOCKS if kind in block.kinds]


def steps_of(product: TicketProduct, missing: Sequence[Missing], current: str = "") -> list[Step]:
    return [
        Step(
            block=block,
            number=number,
            title=block.called(product.kind),
            lacking=tuple(one for one in missing if one.block == block.key and one.needed),
            advice=tuple(one for one in missing if one.block == block.key and not one.needed),
            current=block.key == current,
        )
        for number, block in enumerate(blocks_of(product.kind), 1)
    ]
