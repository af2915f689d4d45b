"""What is done every so often. Each is idempotent and harmless to do in two workers at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections, connections
from django.utils import timezone
from django_scopes import scope

from cloud.admissions.services import check_day
from cloud.bookings.services import settle_visits
from cloud.core import business_day
from cloud.core import jobs as background
from cloud.entitlements import day_keys, id_entries
from cloud.entitlements.live_services import keep_calendar
from cloud.entitlements.trim import trim
from cloud.gates.services import alarm_silent_edges, forget_questions, forget_tokens
from cloud.sales.services import expire_due, lapse_due, settle_due
from cloud.staff.services import clean_up_sessions
from cloud.venues.models import Venue
from cloud.worker import jobs, outbox

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Tick:
    """`every_s` after the last time it ended, failed or not; the first time at once."""

    name: str
    every_s: float
    run: Callable[[], object]
    due_at: float = 0.0


def ticks() -> list[Tick]:
    """The worker's periodic work."""
    listening_since = timezone.now()

    def silent_edges(venue: Venue) -> None:
        alarm_silent_edges(venue, listening_since=listening_since, now=timezone.now())

    return [
        Tick("outbox", 0.5, outbox.deliver_due),
        Tick("silent edges", 10, lambda: _each_venue(silent_edges)),
        Tick("jobs", 30, jobs.recover),
        Tick("lost jobs", 60, jobs.fail_lost),
        Tick("ledgers", 600, lambda: _each_venue(_check_ledgers)),
        Tick("unpaid orders", 10, lambda: _each_venue(lapse_due)),
        Tick("refunds", 5, lambda: _each_venue(settle_due)),
        Tick("expired tickets", 600, lambda: _each_venue(expire_due)),
        Tick("calendars", 3600, lambda: _each_venue(keep_calendar)),
        Tick("day keys", 600, lambda: _each_venue(day_keys.keep)),
        Tick("questions", 600, lambda: _each_venue(forget_questions)),
        Tick("visits", 600, lambda: _each_venue(settle_visits)),
        Tick("ID entries", 600, lambda: _each_venue(id_entries.turn)),
        Tick("feed", 600, lambda: _each_venue(trim)),
        Tick("tokens", 3600, lambda: _each_venue(lambda venue: forget_tokens(venue, now=timezone.now()))),
        Tick("old events", 3600, outbox.forget_old),
        Tick("old jobs", 3600, jobs.forget_old),
        Tick("results of jobs", 600, background.forget),
        Tick("logins", 600, clean_up_sessions),
        Tick("sessions", 3600, SessionStore.clear_expired),
    ]


@dataclass(slots=True)
class Clockwork:
    """Runs ticks when they are due. One that fails is logged and comes again; the others do not notice."""

    ticks: list[Tick] = field(default_factory=ticks)

    def run_due(self) -> float:
        """Runs what is due; seconds until the next."""
        for tick in self.ticks:
            if tick.due_at <= time.monotonic():
                self._run(tick)
        return max(0.0, min(tick.due_at for tick in self.ticks) - time.monotonic())

    def _run(self, tick: Tick) -> None:
        close_old_connections()
        try:
            tick.run()
        except Exception:
            logger.exception("%s failed", tick.name)
            connections.close_all()
        finally:
            tick.due_at = time.monotonic() + tick.every_s


def _each_venue(run: Callable[[Venue], object]) -> None:
    for venue in Venue.objects.order_by("pk"):
        with scope(venue=venue):
            run(venue)


def _check_ledgers(venue: Venue) -> None:
    today = business_day.today(venue)
    for day in (today - timedelta(days=1), today):
        check_day(venue, day)
