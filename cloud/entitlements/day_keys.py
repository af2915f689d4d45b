"""The venue's keys of rotating passes: one for each business day, made a few days ahead, gone when they are over.

Gates hold yesterday's (a day may just have turned), today's and those of the days they may be cut off for: that is
what a stolen gate exposes, and with them it can make codes of passes it has seen, never a pass.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cloud.core import business_day, sealing
from cloud.core.locks import lock_row
from cloud.entitlements import compile as compiled
from cloud.entitlements import publish
from cloud.entitlements.models import DayKey
from cloud.venues.models import Venue
from paifang.records import Op
from paifang.rotating import DAY_KEY_BYTES

_PURPOSE = "rotating/day"
_ONE_DAY = timedelta(days=1)


@transaction.atomic
def ensure(venue: Venue, now: datetime | None = None) -> None:
    """Makes and publishes the keys that are missing from today to the last day gates may be cut off for."""
    today = business_day.today(venue, now or timezone.now())
    wanted = [today + timedelta(days=ahead) for ahead in range(settings.OFFLINE_DAYS + 1)]
    rows = DayKey.objects.filter(venue=venue, day__in=wanted)
    if rows.count() == len(wanted):
        return
    lock_row(Venue, venue.pk)  # two who find the same key missing make one
    there = set(rows.values_list("day", flat=True))
    made = {day: secrets.token_bytes(DAY_KEY_BYTES) for day in wanted if day not in there}
    DayKey.objects.bulk_create(
        DayKey(venue=venue, day=day, sealed_key=sealing.seal(_PURPOSE, key)) for day, key in made.items()
    )
    publish.bulk(venue, [compiled.day_key_op(day.toordinal(), key) for day, key in made.items()])


@transaction.atomic
def keep(venue: Venue, now: datetime | None = None) -> None:
    """Makes what is missing and takes back what is over, here and at the gates. Within the venue's scope."""
    now = now or timezone.now()
    ensure(venue, now)
    yesterday = business_day.today(venue, now) - _ONE_DAY
    lock_row(Venue, venue.pk)
    over = list(DayKey.objects.filter(venue=venue, day__lt=yesterday).order_by("day"))
    DayKey.objects.filter(pk__in=[row.pk for row in over]).delete()
    publish.bulk(venue, [compiled.day_key_op(row.day.toordinal(), None) for row in over])


def key_of(venue: Venue, day: date) -> bytes:
    """The key of a day from today to the last day ahead, made if need be. Never shown to anybody but gates."""
    row = DayKey.objects.filter(venue=venue, day=day).first()
    if row is None:
        ensure(venue)
        row = DayKey.objects.get(venue=venue, day=day)
    return unsealed(row)


def unsealed(row: DayKey) -> bytes:
    return sealing.unseal(_PURPOSE, bytes(row.sealed_key))


def ops_after(venue_id: int, day: int, limit: int) -> list[Op]:
    """Those of later days (ordinal), as a snapshot holds them."""
    rows = DayKey.objects.filter(venue_id=venue_id)
    if day:
        rows = rows.filter(day__gt=date.fromordinal(day))
    return [compiled.day_key_op(row.day.toordinal(), unsealed(row)) for row in rows.order_by("day")[:limit]]
