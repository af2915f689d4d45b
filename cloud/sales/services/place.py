"""Places an order: everything it wants is held for it, all or nothing, until it is paid or its time is up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from cloud.capacity import services as capacity
from cloud.capacity.models import Entry
from cloud.catalog.station_lists import require_sellable
from cloud.core import audit, ids, sealing
from cloud.core.actors import Actor
from cloud.core.business_day import calendar_of
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.sales import allowed, grants, quotas, stock, terms
from cloud.sales.asked import Line, checked_lines, request_hash
from cloud.sales.models import Order, OrderLine, OrderUnit, Visitor
from cloud.sales.personal import put_id_number, put_phone
from cloud.sales.services.lapse import lapse_due
from cloud.sales.values import Buyer, Consents, VisitorInput
from cloud.sales.values import OrderLine as Asked
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue
from cloud.venues.workplaces import work_as

_NUMBER_TRIES = 3


def place_order(
    *,
    actor: Actor,
    venue: Venue,
    lines: Sequence[Asked],
    idempotency_key: str,
    channel: str = "desk",
    buyer: Buyer | None = None,
    consents: Consents | None = None,
    station: Station | None = None,
) -> Order:
    """The order, not paid yet, or the one this key placed before. `station`: where it is sold, if at one.

    Orders whose time to be paid is up give back what they hold first, each in a transaction of its own.

    Raises:
        DomainError: as cloud.sales.asked.checked_lines and cloud.sales.allowed; "capacity.closed",
            "capacity.sold_out"; "order.limit"; "order.key_reused": the key came with another order;
            "station.not_sold", "permission.station", "station.disabled"; "permission.denied".
    """
    require(actor, Permission.ORDER_ISSUE, venue)
    lapse_due(venue)
    with transaction.atomic():
        return put_order(
            actor=actor, venue=venue, lines=lines, idempotency_key=idempotency_key, channel=channel,
            buyer=buyer or Buyer(), consents=consents or Consents(), station=station, method=None,
        )  # fmt: skip


def put_order(
    *,
    actor: Actor,
    venue: Venue,
    lines: Sequence[Asked],
    idempotency_key: str,
    channel: str,
    buyer: Buyer,
    consents: Consents,
    station: Station | None,
    method: str | None,
) -> Order:
    """Inside a transaction. `method`: it is paid at once, that way; None: it is held until it is paid."""
    key = required_text(idempotency_key, "idempotency_key", 64)
    asked = request_hash(lines, channel, buyer, consents)
    earlier = Order.objects.filter(venue=venue, idempotency_key=key).first()
    if earlier:
        return _same(earlier, asked)
    now = timezone.now()
    checked = checked_lines(venue, lines, now)
    allowed.check(checked, channel, buyer, consents)
    if station is not None:
        station = work_as(actor, venue, station, Permission.ORDER_ISSUE)
    for line in checked:
        if station is not None:
            require_sellable(station, line.product)
        if method is not None:
            allowed.check_method([method], line.sale.pay_methods, (line.product.name_zh, line.product.name_en))
    order = _order(actor, venue, checked, key, asked, channel, buyer, station, now, method)
    if not _inserted(order):
        return _same(Order.objects.get(venue=venue, idempotency_key=key), asked)
    rows = list(zip(_lines(order, checked, consents, now), checked, strict=True))
    quotas.take(order, rows, buyer)
    capacity.take(
        venue,
        (wish for line in checked for wish in stock.wishes(line.takes, line.quantity)),
        why=Entry.Why.HELD if method is None else Entry.Why.SOLD,
        reference=reference(order),
    )
    units = grants.units_of(order, rows, _visitors(order, rows))
    if method is not None:
        grants.issue(order, units)
        for unit in units:
            unit.grant = None
    OrderUnit.objects.bulk_create(units)
    audit.write(
        actor, "order.place" if method is None else "order.issue", order, venue,
        number=order.number, units=len(units), total_fen=order.total_fen,
    )  # fmt: skip
    return order


def reference(order: Order) -> str:
    """What its stock is taken for."""
    return f"order:{order.number}"


def _order(
    actor: Actor,
    venue: Venue,
    lines: Sequence[Line],
    key: str,
    asked: str,
    channel: str,
    buyer: Buyer,
    station: Station | None,
    now: datetime,
    method: str | None,
) -> Order:
    order = Order(
        venue=venue, idempotency_key=key, request_hash=asked, channel=channel, station=station,
        total_fen=sum(line.price_fen * line.quantity for line in lines), created_by=actor.employee,
        business_day=calendar_of(venue).day(now), contact_name=optional_text(buyer.name, "contact_name", 60),
    )  # fmt: skip
    if buyer.phone.strip():
        put_phone(order, buyer.phone)
    if buyer.member.strip():
        order.member_hash = sealing.lookup_hash("order/member", buyer.member.strip().encode())
    if method is None:
        order.state = Order.State.PLACED
        order.pay_by = now + timedelta(minutes=min(line.sale.pay_minutes for line in lines))
    else:
        order.state, order.paid_at, order.pay_method = Order.State.ISSUED, now, method
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


def _lines(order: Order, lines: Sequence[Line], consents: Consents, now: datetime) -> list[OrderLine]:
    rows = []
    for position, line in enumerate(lines, 1):
        spec, product = line.spec, line.product
        frozen = terms.freeze(product, line.sale, line.tickets)
        rows.append(
            OrderLine(
                venue=order.venue,
                order=order,
                position=position,
                product=product,
                kind=product.kind,
                spec=spec,
                product_name_zh=product.name_zh,
                product_name_en=product.name_en,
                spec_name_zh=spec.name_zh,
                spec_name_en=spec.name_en,
                quantity=line.quantity,
                price_fen=line.price_fen,
                visit_date=line.visit_date,
                slot=line.slot,
                part_slots={str(part): start for part, start in line.part_slots.items()},
                terms=frozen,
                on_expiry=terms.read(frozen).refund.on_expiry,
                takes=line.takes,
                notice_at=now if line.sale.notice and consents.notice else None,
                agreement_at=now if line.sale.agreement and consents.agreement else None,
                proof_at=now if line.sale.proof == "sale" and consents.proof else None,
            )
        )  # fmt: skip
    return OrderLine.objects.bulk_create(rows)


def _visitors(order: Order, rows: Sequence[tuple[OrderLine, Line]]) -> dict[int, list[Visitor]]:
    made = {row.pk: [_visitor(order, each) for each in line.visitors] for row, line in rows}
    Visitor.objects.bulk_create(each for of_line in made.values() for each in of_line)
    return made


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
