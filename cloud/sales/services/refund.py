"""Somebody gives tickets back: quoted, frozen, and locked or revoked at the gates in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from cloud.core import audit, ids, sealing
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.entitlements import holds
from cloud.sales import states
from cloud.sales.models import Order, OrderUnit, RefundCase, RefundUnit
from cloud.sales.refund_quotes import Plan, plan
from cloud.sales.services.refund_settle import agree_case
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

_NUMBER_TRIES = 3


def quote_refund(
    *, actor: Actor, venue: Venue, order: Order, units: Sequence[OrderUnit], override: bool = False
) -> Plan:
    """What giving them back would return this moment: to be shown before it is confirmed. Changes nothing.

    Raises:
        DomainError: as cloud.sales.refund_quotes.plan; "refund.order": the order was never paid, or is closed;
            "permission.denied".
    """
    _may(actor, venue, override)
    _refundable(order)
    return plan(order, [unit.pk for unit in units], timezone.now(), override=override)


@transaction.atomic
def apply_refund(
    *,
    actor: Actor,
    venue: Venue,
    order: Order,
    units: Sequence[OrderUnit],
    idempotency_key: str,
    why: str = "",
    override: bool = False,
    shown_fen: int | None = None,
) -> RefundCase:
    """The case: agreed at once, or waiting for review with its tickets refused at the gates. The same key: the same.

    Args:
        override: against the rules; needs a reason (T-30).
        shown_fen: what was shown before it was confirmed; a tier may have ended since.

    Raises:
        DomainError: as quote_refund; "refund.changed": it is not what was shown; "refund.cap": more than was paid;
            "refund.key_reused"; "input.required" (an override without a reason), "row.gone".
    """
    _may(actor, venue, override)
    key = required_text(idempotency_key, "idempotency_key", 64)
    reason = required_text(why, "why", 200) if override else optional_text(why, "why", 200)
    return open_case(actor, order, units, key, reason, override=override, shown_fen=shown_fen)


def open_case(
    actor: Actor,
    order: Order,
    units: Sequence[OrderUnit],
    key: str,
    reason: str,
    *,
    override: bool = False,
    expired: bool = False,
    shown_fen: int | None = None,
) -> RefundCase:
    """The case, inside a transaction; what the actor may was asked. `expired`: by the job that looks after what is
    over, by its fee and without review. Raises as apply_refund."""
    venue = order.venue
    asked = _request_hash(order, units, override)
    order = lock_row(Order, order.pk)
    earlier = RefundCase.objects.filter(venue=venue, idempotency_key=key).first()
    if earlier is not None:
        return _same(earlier, asked)
    _refundable(order)
    now = timezone.now()
    found = plan(order, [unit.pk for unit in units], now, override=override or expired)
    if shown_fen is not None and shown_fen != found.returned_fen:
        raise DomainError(
            "refund.changed", f"退款金额已变化，请重新确认。{found.zh}", f"The amount has changed. Now: {found.en}"
        )
    _within_payment(order, found)
    case = RefundCase(
        venue=venue, order=order, state=RefundCase.State.WAITING, review=found.review, override=override,
        idempotency_key=key, request_hash=asked, why=reason, paid_fen=found.paid_fen, amount_fen=found.returned_fen,
        deducted_fen=found.deducted_fen, method=order.pay_method, says_zh=found.zh, says_en=found.en,
        applied_by=actor.employee, applied_at=now,
    )  # fmt: skip
    _insert(case, order)
    RefundUnit.objects.bulk_create(
        RefundUnit(venue=venue, case=case, unit=one.unit, paid_fen=one.paid_fen, amount_fen=one.returned_fen)
        for one in found.quotes
    )
    OrderUnit.objects.filter(pk__in=[one.unit.pk for one in found.quotes]).update(case=case)
    audit.write(
        actor, "refund.apply", case, venue, number=case.number, order=order.number, units=len(found.quotes),
        amount_fen=case.amount_fen, override=override, why=reason,
    )  # fmt: skip
    if found.review:
        holds.hold(venue, [one.unit.entitlement_id for one in found.quotes])
        return case
    return agree_case(actor, case, order)


def _may(actor: Actor, venue: Venue, override: bool) -> None:
    require(actor, Permission.ORDER_REFUND, venue)
    if override:
        require(actor, Permission.REFUND_OVERRIDE, venue)


def _refundable(order: Order) -> None:
    if order.state not in states.STANDING:
        raise DomainError(
            "refund.order",
            f"订单 {order.number} 未付款或已结束，不能退票。",
            f"Order {order.number} was never paid or is closed: nothing of it can be refunded.",
        )


def _within_payment(order: Order, found: Plan) -> None:
    """Never more than was paid, over all refunds of the order. Under its lock."""
    others = RefundCase.objects.filter(order=order).exclude(state=RefundCase.State.REJECTED)
    before = others.aggregate(fen=Sum("amount_fen"))["fen"] or 0
    if before + found.returned_fen > order.total_fen:
        raise DomainError(
            "refund.cap", "退款总额超过实付金额。", "The refunds of this order would exceed what was paid for it."
        )


def _insert(case: RefundCase, order: Order) -> None:
    for attempt in range(_NUMBER_TRIES):
        case.number = "R" + ids.order_number(order.business_day)
        try:
            with transaction.atomic():
                case.save(force_insert=True)
        except IntegrityError:
            if attempt == _NUMBER_TRIES - 1:
                raise
        else:
            return


def _request_hash(order: Order, units: Sequence[OrderUnit], override: bool) -> str:
    asked = json.dumps([order.pk, sorted(unit.pk for unit in units), override])
    return sealing.lookup_hash("refund/request", hashlib.sha256(asked.encode()).digest()).hex()


def _same(case: RefundCase, asked: str) -> RefundCase:
    if case.request_hash != asked:
        raise DomainError(
            "refund.key_reused",
            f"此幂等键已用于退款 {case.number}，内容不同。请换新键重试。",
            f"This idempotency key made refund {case.number}, which asked for something else. Use a new key.",
        )
    return case
