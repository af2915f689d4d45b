"""A new product, half filled in: it waits in the warehouse until its blocks are done (T-06)."""

from __future__ import annotations

from django.db import transaction

from cloud.catalog import services
from cloud.catalog.models import Spec, TicketProduct
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

_LETTERS = {"ticket": "T", "package": "P", "annual": "A"}


@transaction.atomic
def create_draft(
    *, actor: Actor, venue: Venue, kind: str, name_zh: str, name_en: str = "", code: str = ""
) -> TicketProduct:
    """A product of a kind with one spec without a price, in the warehouse. Without a code it is given one: "T0042".

    Raises:
        DomainError: "product.kind", "product.code", "product.class", "input.*", "permission.denied".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    if kind not in TicketProduct.Kind.values:
        raise DomainError("product.kind", "没有这种产品类型。", "There is no such type of product.", "kind")
    lock_row(Venue, venue.pk)  # of two drafts made at once each has a code of its own
    return services.create_product(
        actor=actor, venue=venue, code=code.strip() or free_code(kind), name_zh=name_zh, name_en=name_en,
        price_fen=None, kind=kind, on_sale=None,
    )  # fmt: skip


def free_code(kind: str) -> str:
    """A code that no product and no spec of the venue has. The caller holds the venue's lock."""
    letter = _LETTERS[kind]
    taken = set(TicketProduct.objects.filter(code__startswith=letter).values_list("code", flat=True))
    taken |= set(Spec.objects.filter(code__startswith=letter).values_list("code", flat=True))
    number = TicketProduct.objects.count() + 1
    while f"{letter}{number:04d}" in taken:
        number += 1
    return f"{letter}{number:04d}"
