"""How often a ticket may still be used, as far as the gates have told: for people to read, never to decide by."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from cloud.catalog.models import ProductStation
from cloud.core.business_day import calendar_of, month_number
from cloud.entitlements.models import Entitlement
from cloud.entitlements.models import Usage as UsageRow
from paifang.rulesets import RuleSet
from paifang.usage import WHOLE_GROUP, Usage


def persons_left(entitlement: Entitlement, now: datetime | None = None) -> int | None:
    """Persons that may still be let in today, at the group of stations that has most left; None: no limit."""
    rules = RuleSet.unpack(bytes(entitlement.rules.compiled))
    day = calendar_of(entitlement.venue).day(now or timezone.now())
    owner = entitlement.owner_id or entitlement.pk
    used: dict[int, list[Usage]] = {}
    for row in UsageRow.objects.filter(venue=entitlement.venue, owner_id=owner):
        used.setdefault(row.group_id, []).append(Usage.unpack(bytes(row.record)))
    whole = used.get(WHOLE_GROUP, [])
    counts = (
        (rules.uses_total, sum(one.total for one in whole)),
        (rules.uses_month, sum(one.month_count for one in whole if one.month == month_number(day))),
        (rules.uses_day, sum(one.day_count for one in whole if one.day == day.toordinal())),
    )
    lefts = [limit * entitlement.persons - count for limit, count in counts if limit]
    each = entitlement.uses or rules.uses_per_group
    if each:
        links = ProductStation.objects.filter(product=entitlement.product_id)
        groups = set(links.values_list("station__group_id", flat=True))
        spent = [sum(one.total for one in used.get(group, [])) for group in groups]
        lefts.append(each * entitlement.persons - min(spent, default=0))
    return max(0, min(lefts)) if lefts else None
