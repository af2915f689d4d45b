"""Sells at once: places and pays in one transaction, as a desk does."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from cloud.core.actors import Actor
from cloud.sales.models import Order
from cloud.sales.services.lapse import lapse_due
from cloud.sales.services.place import put_order
from cloud.sales.values import Buyer, Consents, OrderLine
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue


def issue_order(
    *,
    actor: Actor,
    venue: Venue,
    lines: Sequence[OrderLine],
    idempotency_key: str,
    channel: str = "desk",
    buyer: Buyer | None = None,
    consents: Consents | None = None,
    station: Station | None = None,
    pay_method: str = "cash",
) -> Order:
    """The paid order with its tickets, or the one this key issued before.

    Raises:
        DomainError: as place_order; "order.pay_method".
    """
    require(actor, Permission.ORDER_ISSUE, venue)
    lapse_due(venue)
    with transaction.atomic():
        return put_order(
            actor=actor, venue=venue, lines=lines, idempotency_key=idempotency_key, channel=channel,
            buyer=buyer or Buyer(), consents=consents or Consents(), station=station, method=pay_method,
        )  # fmt: skip
