"""Gives a unit a new QR code; the old one is then refused as replaced."""

from __future__ import annotations

from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import services as entitlements
from cloud.sales.models import Order, OrderUnit
from cloud.sales.states import STANDING
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue


@transaction.atomic
def reissue_unit(*, actor: Actor, venue: Venue, unit: OrderUnit) -> OrderUnit:
    """The unit with its entitlement's new pass.

    Raises:
        DomainError: "permission.denied", "order.revoked", "entitlement.ended", "row.gone".
    """
    require(actor, Permission.ORDER_REISSUE, venue)
    order = lock_row(Order, unit.order_id)  # revoking locks it first too
    if order.state not in STANDING:
        raise DomainError(
            "order.revoked", f"订单 {order.number} 已作废，不能换码。", f"Order {order.number} is revoked: no new code."
        )
    unit = lock_row(OrderUnit, unit.pk)
    unit.entitlement = entitlements.reissue(venue, unit.entitlement)
    audit.write(actor, "unit.reissue", unit, venue, number=order.number, position=unit.position)
    return unit
