"""What every edit of a product does: the permission, the lock, the revision, the audit."""

from __future__ import annotations

from typing import Any

from cloud.catalog import pinyin
from cloud.catalog.models import TicketProduct
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue


def locked(actor: Actor, venue: Venue, product: TicketProduct, revision: int | None = None) -> TicketProduct:
    """The product, locked and read anew. `revision`: what the caller saw; none: whatever it is now.

    Raises:
        DomainError: "permission.denied", "row.gone", "product.revision": somebody changed it meanwhile.
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    found = lock_row(TicketProduct, product.pk)
    if revision is not None and found.revision != revision:
        raise DomainError(
            "product.revision",
            "此产品刚被别人修改过，请查看后再保存。",
            "Somebody else has just changed this product. Look at it, then save again.",
        )
    return found


def save(actor: Actor, product: TicketProduct, action: str, values: dict[str, Any], **detail: Any) -> bool:
    """Writes the fields that differ, and the audit of them. Whether there were any.

    `detail` is what the audit says instead of the fields, where these are long.
    """
    changed = {name: [getattr(product, name), value] for name, value in values.items()}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    if not changed:
        return False
    for name, (_before, after) in changed.items():
        setattr(product, name, after)
    touched(product, *changed)
    audit.write(actor, action, product, product.venue, code=product.code, **(detail or changed))
    return True


def touched(product: TicketProduct, *fields: str) -> None:
    """Something of the product changed: its revision rises, and it is found by the names it has now."""
    product.revision += 1
    product.pinyin = pinyin.of_names([product.name_zh, *product.specs.values_list("name_zh", flat=True)])
    product.save(update_fields=[*fields, "revision", "pinyin", "updated_at"])
