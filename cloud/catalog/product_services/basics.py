"""Block 1: what the product is called and where it is (T-07)."""

from __future__ import annotations

from django.db import transaction

from cloud.catalog.info import ProductInfo, checked_info
from cloud.catalog.models import TicketProduct
from cloud.catalog.product_services._edit import locked, save
from cloud.core.actors import Actor
from cloud.core.inputs import optional_text, required_text
from cloud.venues.models import Venue


@transaction.atomic
def set_basics(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    name_zh: str,
    name_en: str = "",
    info: ProductInfo,
    revision: int | None = None,
) -> TicketProduct:
    """Names and place. What is sold keeps the name it was sold under.

    Raises:
        DomainError: "info.*", "input.*", "product.revision", "permission.denied", "row.gone".
    """
    product = locked(actor, venue, product, revision)
    values = {
        "name_zh": required_text(name_zh, "name_zh", 80),
        "name_en": optional_text(name_en, "name_en", 80),
        "info": checked_info(info).to_json(),
    }
    save(actor, product, "product.edit", values)
    return product
