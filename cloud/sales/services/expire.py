"""What becomes of tickets that were not used in time (T-35): nothing, voided, or refunded with their fee."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.locks import lock_row
from cloud.entitlements import holds, services
from cloud.entitlements.models import Entitlement
from cloud.sales import states
from cloud.sales.models import Order, OrderUnit
from cloud.sales.services.refund import open_case
from cloud.venues.models import Venue

SYSTEM = Actor.system("expiry")
AT_ONCE = 100
WHY = "过期自动退款 / refunded on expiry"


def expire_due(venue: Venue, now: datetime | None = None) -> int:
    """Acts on tickets that are over, order by order, each once; how many. Running it again does nothing more."""
    now = now or timezone.now()
    due = OrderUnit.objects.filter(
        venue=venue, line__on_expiry__in=("refund", "void"), expired_at=None, case=None, refunded_at=None,
        entitlement__not_after__lt=now, order__state__in=states.STANDING,
    )  # fmt: skip
    orders = list(due.order_by("order_id").values_list("order_id", flat=True).distinct()[:AT_ONCE])
    return sum(_expire(venue, order, now) for order in orders)


@transaction.atomic
def _expire(venue: Venue, order_id: int, now: datetime) -> int:
    order = lock_row(Order, order_id)
    if order.state not in states.STANDING:
        return 0
    rows = order.units.filter(
        line__on_expiry__in=("refund", "void"), expired_at=None, case=None, refunded_at=None,
        entitlement__not_after__lt=now,
    )  # fmt: skip
    units = list(rows.select_related("line", "entitlement"))
    if not units:
        return 0
    OrderUnit.objects.filter(pk__in=[unit.pk for unit in units]).update(expired_at=now)
    used = holds.used(venue, [unit.entitlement for unit in units if unit.entitlement is not None])
    unused: dict[str, list[OrderUnit]] = defaultdict(list)
    for unit in units:
        if unit.entitlement_id not in used and unit.line is not None:
            unused[unit.line.on_expiry].append(unit)
    if void := unused["void"]:
        services.revoke(venue, [unit.entitlement for unit in void if unit.entitlement], Entitlement.State.REVOKED)
        audit.write(SYSTEM, "order.expire", order, venue, number=order.number, units=len(void))
    if back := unused["refund"]:
        key = f"expiry:{order.number}:{min(unit.position for unit in back)}"
        open_case(SYSTEM, order, back, key, WHY, expired=True)
    return len(units)
