"""The five views of the list of products (T-05), by the clock alone: each is on sale, off sale or in the warehouse."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.product_services.settings import soon_days
from cloud.catalog.selectors import is_on_sale, products
from cloud.venues.models import Venue

ALL, ON, OFF, SOON, WAREHOUSE = "all", "on", "off", "soon", "warehouse"
STATES = (ON, OFF, SOON, WAREHOUSE)
_Status = Spec.Status


def listed(venue: Venue, now: datetime | None = None) -> QuerySet[TicketProduct]:
    """`products`, with `was_on_sale` (a spec that is over or was taken off), `soon_off`, `published_at` (last)."""
    now = now or timezone.now()
    specs = Spec.objects.filter(product=OuterRef("pk"))
    soon = is_on_sale(now) & Q(off_at__lte=now + timedelta(days=soon_days(venue)))
    waiting = Q(status=_Status.TIMED, on_at__gt=now)
    over = ~Q(status=_Status.WAREHOUSE) & ~waiting
    return products(venue, now).annotate(
        was_on_sale=Exists(specs.filter(over)),
        soon_off=Exists(specs.filter(soon)),
        published_at=Subquery(specs.order_by().values("product").annotate(last=Max("published_at")).values("last")),
    )


def state_of(product: TicketProduct) -> str:
    """ON, OFF or WAREHOUSE of one that `listed` gave."""
    if product.on_sale:  # type: ignore[attr-defined]
        return ON
    return OFF if product.was_on_sale else WAREHOUSE  # type: ignore[attr-defined]


def in_state(rows: QuerySet[TicketProduct], state: str) -> QuerySet[TicketProduct]:
    """Of what `listed` gave those of a tab."""
    return rows.filter(_CONDITIONS[state]) if state in _CONDITIONS else rows


def counts(rows: QuerySet[TicketProduct]) -> dict[str, int]:
    """How many of each tab, in one query."""
    found: dict[str, int] = rows.order_by().aggregate(
        all=Count("pk"),
        **{state: Count("pk", filter=condition) for state, condition in _CONDITIONS.items()},
    )
    return found


_CONDITIONS = {
    ON: Q(on_sale=True),
    OFF: Q(on_sale=False, was_on_sale=True),
    SOON: Q(soon_off=True),
    WAREHOUSE: Q(on_sale=False, was_on_sale=False),
}


def spec_state(spec: Spec, now: datetime | None = None) -> str:
    """ON, OFF or WAREHOUSE of a spec, as `is_on_sale` has it; its category fetched along."""
    now = now or timezone.now()
    waiting = spec.status == _Status.TIMED and spec.on_at is not None and spec.on_at > now
    if spec.status == _Status.WAREHOUSE or waiting:
        return WAREHOUSE
    ended = spec.off_at is not None and spec.off_at <= now
    hidden = spec.category is not None and not spec.category.for_sale
    return OFF if spec.status == _Status.OFF or ended or hidden else ON
