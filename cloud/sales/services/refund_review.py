"""Somebody decides on a refund that waits, and somebody notes that the money went back."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from cloud.catalog.channels import PAY_METHODS
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.entitlements import holds
from cloud.sales import states
from cloud.sales.models import MoneyBack, Order, OrderUnit, RefundCase
from cloud.sales.services.refund_settle import agree_case
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

_State = RefundCase.State


@transaction.atomic
def agree_refund(*, actor: Actor, venue: Venue, case: RefundCase) -> RefundCase:
    """Its tickets are revoked; two who press at once make one refund.

    Raises:
        DomainError: "refund.decided": it was refused before. "refund.order": its order was revoked meanwhile.
            "permission.denied", "row.gone".
    """
    require(actor, Permission.REFUND_REVIEW, venue)
    order, case = _locked(case)
    if case.state == _State.REJECTED:
        raise _decided(case)
    if case.state != _State.WAITING:
        return case
    if order.state not in states.STANDING:
        raise DomainError(
            "refund.order",
            f"订单 {order.number} 已作废，请拒绝此退款。",
            f"Order {order.number} is revoked: refuse this.",
        )
    return agree_case(actor, case, order)


@transaction.atomic
def reject_refund(*, actor: Actor, venue: Venue, case: RefundCase, why: str) -> RefundCase:
    """Its tickets are valid again; the reason is for the visitor.

    Raises:
        DomainError: "refund.decided": it was agreed before. "input.required", "permission.denied", "row.gone".
    """
    require(actor, Permission.REFUND_REVIEW, venue)
    reason = required_text(why, "why", 200)
    _order, case = _locked(case)
    if case.state == _State.REJECTED:
        return case
    if case.state != _State.WAITING:
        raise _decided(case)
    states.move_case(case, _State.REJECTED)
    case.decided_by, case.decided_at, case.closed_at = actor.employee, timezone.now(), timezone.now()
    case.decision = reason
    case.save(update_fields=["state", "decided_by", "decided_at", "closed_at", "decision"])
    units = OrderUnit.objects.filter(case=case)
    held = list(units.values_list("entitlement_id", flat=True))
    units.update(case=None)
    holds.let_go(venue, held)
    audit.write(actor, "refund.reject", case, venue, number=case.number, why=reason)
    return case


@transaction.atomic
def pay_back(*, actor: Actor, venue: Venue, case: RefundCase, method: str = "", receipt: str = "") -> RefundCase:
    """Notes that somebody gave the money back; nothing here moves it. Noting it again changes nothing.

    Args:
        method: a key of PAY_METHODS; empty: as the order was paid. receipt: the slip's number.

    Raises:
        DomainError: "refund.not_due": the gates have not confirmed yet, or it was refused. "order.pay_method",
            "input.*", "permission.denied", "row.gone".
    """
    require(actor, Permission.ORDER_REFUND, venue)
    slip = optional_text(receipt, "receipt", 80)
    _order, case = _locked(case)
    if case.state == _State.PAID:
        return case
    if case.state != _State.DUE:
        raise DomainError(
            "refund.not_due",
            "尚不能退款：等待闸机确认作废，或此退款未通过。",
            "Nothing is due yet: the gates have not confirmed it, or it was refused.",
        )
    way = method or case.method
    if way not in PAY_METHODS:
        raise DomainError("order.pay_method", "请选择退款方式。", "Choose how it was paid back.", "method")
    states.move_case(case, _State.PAID)
    case.closed_at = timezone.now()
    case.save(update_fields=["state", "closed_at"])
    MoneyBack.objects.create(
        venue=venue, case=case, amount_fen=case.amount_fen, method=way, receipt=slip, by=actor.employee
    )
    audit.write(
        actor, "refund.pay", case, venue, number=case.number, amount_fen=case.amount_fen, method=way, receipt=slip
    )
    return case


def _locked(case: RefundCase) -> tuple[Order, RefundCase]:
    """The order first, as everybody does."""
    order = lock_row(Order, case.order_id)
    return order, lock_row(RefundCase, case.pk)


def _decided(case: RefundCase) -> DomainError:
    return DomainError(
        "refund.decided", f"退款 {case.number} 已有结论，请刷新页面。", f"Refund {case.number} was decided. Reload."
    )
