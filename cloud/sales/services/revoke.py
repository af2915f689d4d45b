"""Revokes an order: its tickets are refused at the gates within a moment."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.inputs import required_text
from cloud.core.locks import lock_row
from cloud.entitlements import holds
from cloud.entitlements import services as entitlements
from cloud.entitlements.models import Entitlement
from cloud.sales.models import Order
from cloud.sales.services.lapse import release
from cloud.sales.states import STANDING
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue


@transaction.atomic
def revoke_order(*, actor: Actor, venue: Venue, order: Order, why: str) -> Order:
    """Revokes every unit of the order. Once revoked it stays so; revoking it again changes nothing.

    Raises:
        DomainError: "permission.denied", "input.required" (no reason given), "row.gone".
    """
    require(actor, Permission.ORDER_REVOKE, venue)
    reason = required_text(why, "why", 200)
    order = lock_row(Order, order.pk)
    changed = Order.objects.filter(pk=order.pk, state__in=STANDING).update(
        state=Order.State.REVOKED, revoked_at=timezone.now(), revoked_why=reason
    )
    if changed:
        held = list(Entitlement.objects.filter(unit__order=order))
        if not holds.used(venue, held):
            release(order)  # what nobody used is free for others
        ended = entitlements.revoke(venue, held, Entitlement.State.REVOKED)
        audit.write(actor, "order.revoke", order, venue, number=order.number, entitlements=len(ended))
    order.refresh_from_db()
    return order
