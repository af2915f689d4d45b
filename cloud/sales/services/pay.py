"""An order is paid: its tickets are issued in the same transaction, or the payment is refused."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cloud.capacity import services as capacity
from cloud.capacity.models import Entry
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.sales import grants, quotas, states, stock, terms
from cloud.sales.allowed import check_method
from cloud.sales.models import Order, OrderUnit
from cloud.sales.services.lapse import release
from cloud.sales.services.place import reference
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue


@transaction.atomic
def pay_order(*, actor: Actor, venue: Venue, order: Order, method: str) -> Order:
    """The order with its tickets. Paying a paid one again changes nothing.

    After its time what it held may be gone: it is taken anew, or the payment is refused and must be given back.
    A cancelled order never revives.

    Raises:
        DomainError: "order.cancelled"; "order.too_late": its tickets are gone, or its day is over; "order.pay_method";
            "order.notice", "order.agreement": not confirmed; "permission.denied", "row.gone".
    """
    require(actor, Permission.ORDER_ISSUE, venue)
    order = lock_row(Order, order.pk)
    if order.state in states.STANDING:
        return order
    if order.state not in states.UNPAID:
        raise DomainError(
            "order.cancelled",
            f"订单 {order.number} 已取消或已作废，不能付款。请退回款项。",
            f"Order {order.number} was cancelled or revoked and cannot be paid: give the money back.",
        )
    now = timezone.now()
    lines = list(order.lines.select_related("terms", "product"))
    for line in lines:
        promised = terms.read(line.terms)
        check_method([method], promised.pay_methods, (line.product_name_zh, line.product_name_en))
        if promised.notice and line.notice_at is None:
            raise DomainError("order.notice", "请先确认风险提示。", "Confirm the risk notice first.", "notice")
        if promised.agreement and line.agreement_at is None:
            raise DomainError(
                "order.agreement", "请先同意购买协议。", "Agree to the purchase agreement first.", "agreement"
            )
    if order.state == Order.State.LAPSED or (order.pay_by is not None and order.pay_by <= now):
        _take_anew(order)
    else:
        capacity.settle(venue, reference=reference(order))
    units = list(order.units.select_related("visitor", "product", "rules"))
    grants.issue(order, units)
    for unit in units:
        unit.grant = None
    OrderUnit.objects.bulk_update(units, ["entitlement", "grant"])
    states.move(order, Order.State.ISSUED)
    order.paid_at, order.pay_method = now, method
    order.save(update_fields=["state", "paid_at", "pay_method"])
    audit.write(actor, "order.pay", order, venue, number=order.number, method=method, total_fen=order.total_fen)
    return order


def _take_anew(order: Order) -> None:
    """What its time had freed, or what others may have by now."""
    release(order)
    lines = list(order.lines.all())
    ends = [datetime.fromisoformat(unit.grant["not_after"]) for unit in order.units.all() if unit.grant]
    if any(end < timezone.now() for end in ends):
        raise _too_late(order)
    try:
        quotas.take_again(order)
        capacity.take(
            order.venue,
            (wish for line in lines for wish in stock.wishes(line.takes, line.quantity)),
            why=Entry.Why.SOLD,
            reference=reference(order),
        )
    except DomainError as gone:
        raise _too_late(order) from gone


def _too_late(order: Order) -> DomainError:
    return DomainError(
        "order.too_late",
        f"订单 {order.number} 付款超时，票已售出或已过期。请退回款项，重新下单。",
        f"Order {order.number} was paid too late: its tickets are gone. Give the money back and order anew.",
    )
