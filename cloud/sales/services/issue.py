"""Issues an order: units with frozen names and prices, visitors, entitlements, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from cloud.catalog.compile import rules_of
from cloud.catalog.services import snapshot_rules
from cloud.core import audit, ids
from cloud.core.actors import Actor
from cloud.core.business_day import Calendar, calendar_of
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.entitlements.credentials import CredentialHasher
from cloud.entitlements.services import Grant, issue_all
from cloud.sales.asked import Unit, checked_units, price_of, request_hash, validity
from cloud.sales.models import Order, OrderUnit, Visitor
from cloud.sales.personal import put_id_number
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

_NUMBER_TRIES = 3


@transaction.atomic
def issue_order(*, actor: Actor, venue: Venue, lines: Sequence[OrderLine], idempotency_key: str) -> Order:
    """Issues the order, or returns the one this key issued before.

    Raises:
        DomainError: "order.empty", "order.too_large", "order.key_reused" (the key came with another order),
            "order.product" (not this venue's), "order.off_sale", "order.visit_date", "order.visitors",
            "order.same_visitor", "order.identity", "order.slot", "booking.slot", "id_number.invalid", "input.*",
            "permission.denied".
    """
    require(actor, Permission.ORDER_ISSUE, venue)
    key = required_text(idempotency_key, "idempotency_key", 64)
    asked = request_hash(lines)
    earlier = Order.objects.filter(venue=venue, idempotency_key=key).first()
    if earlier:
        return _same(earlier, asked)
    now = timezone.now()
    calendar = calendar_of(venue)
    units = checked_units(venue, lines, calendar.day(now))
    order = Order(
        venue=venue,
        idempotency_key=key,
        request_hash=asked,
        total_fen=sum(price_of(unit) for unit in units),
        created_by=actor.employee,
        business_day=calendar.day(now),
    )
    if not _inserted(order):
        return _same(Order.objects.get(venue=venue, idempotency_key=key), asked)
    _fill(order, units, calendar)
    audit.write(actor, "order.issue", order, venue, number=order.number, units=len(units), total_fen=order.total_fen)
    return order


def _inserted(order: Order) -> bool:
    """False where another transaction has just used the idempotency key. A number taken before is drawn again."""
    for attempt in range(_NUMBER_TRIES):
        order.number = ids.order_number(order.business_day)
        try:
            with transaction.atomic():
                order.save(force_insert=True)
        except IntegrityError:
            if Order.objects.filter(venue=order.venue, idempotency_key=order.idempotency_key).exists():
                return False
            if attempt == _NUMBER_TRIES - 1:
                raise
        else:
            return True
    return False


def _fill(order: Order, units: Sequence[Unit], calendar: Calendar) -> None:
    """Visitors, entitlements and units of an inserted order."""
    hasher = CredentialHasher(order.venue)
    visitors = [_visitor(order, unit.visitor) if unit.visitor else None for unit in units]
    Visitor.objects.bulk_create(each for each in visitors if each)
    rules = {
        product.pk: snapshot_rules(product) for product in {unit.product.pk: unit.product for unit in units}.values()
    }
    grants = []
    for unit in units:
        first, last = validity(unit, calendar, order.business_day)
        number = unit.visitor.id_number if unit.visitor else ""
        wanted = rules_of(unit.product)
        slot_from, slot_to = unit.slot or (None, None)
        grants.append(
            Grant(
                product=unit.product,
                rules=rules[unit.product.pk],
                not_before=first,
                not_after=last,
                persons=unit.product.persons,
                id_number_hash=hasher.id_number(number) if number else None,
                slot_from=slot_from,
                slot_to=slot_to,
                pool=unit.product.code if wanted.shared else "",
                rotating=wanted.rotating,
                short_code=wanted.short_code,
            )
        )
    entitlements = issue_all(order.venue, grants)
    OrderUnit.objects.bulk_create(
        OrderUnit(
            venue=order.venue,
            order=order,
            position=position,
            product=unit.product,
            product_name_zh=unit.product.name_zh,
            product_name_en=unit.product.name_en,
            price_fen=price_of(unit),
            visitor=visitor,
            entitlement=entitlement,
        )
        for position, (unit, visitor, entitlement) in enumerate(zip(units, visitors, entitlements, strict=True), 1)
    )


def _visitor(order: Order, asked: VisitorInput) -> Visitor:
    visitor = Visitor(venue=order.venue, order=order, name=asked.name)
    if asked.id_number:
        put_id_number(visitor, asked.id_number)
    return visitor


def _same(order: Order, asked: str) -> Order:
    if not constant_time_compare(order.request_hash, asked):
        raise DomainError(
            "order.key_reused",
            f"此幂等键已用于订单 {order.number}，内容不同。请换新键重试。",
            f"This idempotency key issued order {order.number}, which asked for something else. Use a new key.",
            "idempotency_key",
        )
    return order
