"""Orders that were not paid in time give back what they held (T-23): by the worker, and whenever somebody buys."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cloud.capacity import services as capacity
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.sales import quotas, states
from cloud.sales.models import Order
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

AT_ONCE = 50
SYSTEM = Actor.system("unpaid orders")


def lapse_due(venue: Venue, now: datetime | None = None) -> int:
    """Each due order in a transaction of its own; how many. One that somebody works on is left to the next turn."""
    now = now or timezone.now()
    due = Order.objects.filter(venue=venue, state=Order.State.PLACED, pay_by__lte=now).order_by("pay_by")
    return sum(_lapse(venue, pk, now) for pk in due.values_list("pk", flat=True)[:AT_ONCE])


def release(order: Order) -> None:
    """Gives back its stock and what it counted against limits. Inside the transaction that holds its lock."""
    quotas.give_back(order)
    capacity.give_back(order.venue, reference=f"order:{order.number}")


@transaction.atomic
def cancel_unpaid(*, actor: Actor, venue: Venue, order: Order) -> Order:
    """Somebody does not want it any more: it never revives. Doing it again changes nothing.

    Raises:
        DomainError: "order.paid": what is paid is refunded, not cancelled. "permission.denied", "row.gone".
    """
    require(actor, Permission.ORDER_ISSUE, venue)
    order = lock_row(Order, order.pk)
    if order.state == Order.State.CANCELLED:
        return order
    if order.state not in states.UNPAID:
        raise DomainError(
            "order.paid",
            f"订单 {order.number} 已付款，请办理退票。",
            f"Order {order.number} is paid: refund its tickets instead.",
        )
    release(order)
    states.move(order, Order.State.CANCELLED)
    order.cancelled_at = timezone.now()
    order.save(update_fields=["state", "cancelled_at"])
    audit.write(actor, "order.cancel", order, venue, number=order.number)
    return order


@transaction.atomic
def _lapse(venue: Venue, pk: int, now: datetime) -> int:
    rows = Order.objects.select_for_update(skip_locked=True, no_key=True)
    order = rows.filter(pk=pk, state=Order.State.PLACED, pay_by__lte=now).first()
    if order is None:
        return 0
    release(order)
    states.move(order, Order.State.LAPSED)
    order.save(update_fields=["state"])
    audit.write(SYSTEM, "order.lapse", order, venue, number=order.number)
    return 1
