"""Delivers outbox events to their handlers: at least once, again later where one fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from cloud.core.alarms import EVENT, raise_alarm
from cloud.core.models import OutboxEvent
from cloud.venues.models import Venue
from cloud.wiring import HANDLERS, Handler

logger = logging.getLogger(__name__)

AT_ONCE = 200
MOST_WAIT = timedelta(hours=1)
ALARM_AFTER = 6  # failed attempts: about two minutes of trying
KEEP = timedelta(days=30)


def deliver_due(handlers: Mapping[str, Sequence[Handler]] = HANDLERS, now: datetime | None = None) -> int:
    """Delivers what is due, oldest first; how many got through."""
    now = now or timezone.now()
    due = OutboxEvent.objects.filter(delivered_at=None, due_at__lte=now).order_by("due_at", "pk")
    return sum(_deliver(pk, handlers, now) for pk in due.values_list("pk", flat=True)[:AT_ONCE])


def forget_old(now: datetime | None = None) -> int:
    """Deletes events delivered a month ago."""
    gone, _ = OutboxEvent.objects.filter(delivered_at__lt=(now or timezone.now()) - KEEP).delete()
    return gone


def _deliver(pk: int, handlers: Mapping[str, Sequence[Handler]], now: datetime) -> bool:
    """One transaction: what the handlers write and the mark that they did stand or fall together.

    A worker that dies in the middle leaves the event as it was. Another worker's event is passed over.
    """
    with transaction.atomic():
        rows = OutboxEvent.objects.select_for_update(skip_locked=True)
        event = rows.filter(pk=pk, delivered_at=None, due_at__lte=now).first()
        if event is None:
            return False
        try:
            with transaction.atomic():
                _call(event, handlers.get(event.kind, ()))
        except Exception as problem:  # noqa: BLE001 - whatever a handler raises, the event must come again
            _put_back(event, problem, now)
            return False
        event.delivered_at = now
        event.save(update_fields=["delivered_at"])
        return True


def _call(event: OutboxEvent, handlers: Sequence[Handler]) -> None:
    if event.venue_id is None:
        with scopes_disabled():
            for handler in handlers:
                handler(None, event.payload)
        return
    venue = Venue.objects.get(pk=event.venue_id)
    with scope(venue=venue):
        for handler in handlers:
            handler(venue, event.payload)


def _put_back(event: OutboxEvent, problem: Exception, now: datetime) -> None:
    event.attempts += 1
    event.due_at = now + min(timedelta(seconds=2 ** min(event.attempts, 12)), MOST_WAIT)
    event.last_error = f"{type(problem).__name__}: {problem}"[:500]
    event.save(update_fields=["attempts", "due_at", "last_error"])
    logger.warning("event %s %s failed (attempt %d): %s", event.kind, event.pk, event.attempts, event.last_error)
    if event.attempts == ALARM_AFTER and event.kind != EVENT:
        venue = Venue.objects.filter(pk=event.venue_id).first()
        raise_alarm("outbox.stuck", event, venue, kind=event.kind, error=event.last_error[:200])
