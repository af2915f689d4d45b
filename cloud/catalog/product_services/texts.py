"""Block 2: the five texts a buyer reads (T-10)."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from cloud.catalog.info import checked_texts
from cloud.catalog.models import TicketProduct
from cloud.catalog.product_services._edit import locked, save
from cloud.core.actors import Actor
from cloud.venues.models import Venue


@transaction.atomic
def set_texts(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    texts: Mapping[str, Mapping[str, str]],
    revision: int | None = None,
) -> TicketProduct:
    """Text -> language -> HTML, cleaned before it is kept. Orders show the texts they were made with.

    Raises:
        DomainError: "input.*", "product.revision", "permission.denied", "row.gone".
    """
    product = locked(actor, venue, product, revision)
    kept = checked_texts(texts)
    names = sorted(name for name in kept.keys() | product.texts.keys() if kept.get(name) != product.texts.get(name))
    save(actor, product, "product.texts", {"texts": kept}, texts=names)
    return product
