"""What a phone needs to show a rotating pass: the pass, and its key of the business day. Never the day's own key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cloud.core.business_day import calendar_of
from cloud.entitlements import day_keys
from cloud.entitlements.models import Entitlement
from paifang import rotating


@dataclass(frozen=True, slots=True)
class KeyOfDay:
    """A pass's key and the seconds it is good for: from the business day's first until before the next one's."""

    key: bytes
    from_s: int
    until_s: int


def key_for_today(entitlement: Entitlement, now: datetime | None = None) -> KeyOfDay:
    """Of the pass as it is issued now. Within the venue's scope."""
    now = now or timezone.now()
    calendar = calendar_of(entitlement.venue)
    day = calendar.day(now)
    key = rotating.pass_key(day_keys.key_of(entitlement.venue, day), bytes(entitlement.pass_digest))
    return KeyOfDay(key, int(calendar.start(day).timestamp()), int(calendar.end(day).timestamp()))
