"""Events reach their handlers at least once, whatever the handlers do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import get_scope

from cloud.core import audit, outbox
from cloud.core.alarms import raise_alarm
from cloud.core.models import AuditRow, OutboxEvent
from cloud.venues.models import Venue
from cloud.wiring import HANDLERS
from cloud.worker.outbox import deliver_due, forget_old
from tests.support.race import race
from tests.support.venue import SYSTEM

pytestmark = pytest.mark.django_db

NOW = timezone.now()


class Handler:
    """Fails the first `failures` times, having written a row; then remembers what it was told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.heard: list[tuple[Venue | None, dict[str, Any]]] = []

    def __call__(self, venue: Venue | None, payload: dict[str, Any]) -> None:
        if venue is not None:
            audit.write(SYSTEM, "test.handled", venue, venue)
            assert get_scope()["venue"] == venue
        if self.failures:
            self.failures -= 1
            raise RuntimeError("not now")
        self.heard.append((venue, payload))


@pytest.fixture(autouse=True)
def quiet(db: None) -> None:
    OutboxEvent.objects.all().delete()


def test_an_event_is_delivered_once_in_its_venues_scope(venue: Venue) -> None:
    first, second = Handler(), Handler()
    outbox.emit(venue, "order.issued", {"order": 1})
    assert deliver_due({"order.issued": (first, second)}) == 1
    assert deliver_due({"order.issued": (first, second)}) == 0
    assert first.heard == second.heard == [(venue, {"order": 1})]


def test_an_event_of_no_venue_and_one_nobody_hears(venue: Venue) -> None:
    handler = Handler()
    outbox.emit(None, "installation.event", {})
    outbox.emit(venue, "nobody.listens", {})
    assert deliver_due({"installation.event": (handler,)}) == 2
    assert handler.heard == [(None, {})]
    assert not OutboxEvent.objects.filter(delivered_at=None).exists()


def test_an_event_waits_until_it_is_due(venue: Venue) -> None:
    handler = Handler()
    outbox.emit(venue, "x", {}, due_at=NOW + timedelta(hours=1))
    assert deliver_due({"x": (handler,)}, NOW) == 0
    assert deliver_due({"x": (handler,)}, NOW + timedelta(hours=1)) == 1


def test_a_failing_handler_is_tried_again_later_and_leaves_nothing(venue: Venue) -> None:
    handler, good = Handler(failures=2), Handler()
    outbox.emit(venue, "x", {"n": 1}, due_at=NOW)
    outbox.emit(venue, "y", {"n": 2}, due_at=NOW)
    handlers = {"x": (handler,), "y": (good,)}
    assert deliver_due(handlers, NOW) == 1
    assert good.heard == [(venue, {"n": 2})]
    event = OutboxEvent.objects.get(kind="x")
    assert (event.attempts, event.due_at - NOW, event.last_error) == (1, timedelta(seconds=2), "RuntimeError: not now")
    assert AuditRow.objects.filter(action="test.handled").count() == 1  # the good one's
    assert deliver_due(handlers, NOW + timedelta(seconds=1)) == 0
    assert deliver_due(handlers, NOW + timedelta(seconds=2)) == 0
    assert deliver_due(handlers, NOW + timedelta(seconds=6)) == 1
    assert handler.heard == [(venue, {"n": 1})]


def test_an_event_that_never_succeeds_is_alarmed_and_stays(venue: Venue) -> None:
    handlers = {"x": (Handler(failures=1000),)}
    outbox.emit(venue, "x", {}, due_at=NOW)
    at = NOW
    for _ in range(20):
        deliver_due(handlers, at)
        at += timedelta(hours=1)
    event = OutboxEvent.objects.get(kind="x")
    assert (event.attempts, event.delivered_at) == (20, None)
    assert event.due_at <= at
    assert AuditRow.objects.filter(action="alarm.outbox.stuck").count() == 1


def test_alarms_are_logged(venue: Venue, caplog: pytest.LogCaptureFixture) -> None:
    raise_alarm("edge.silent", venue, venue, last_heard="09:14:03")
    assert deliver_due(HANDLERS) == 1
    assert "edge.silent venues.venue:" in caplog.text
    assert "09:14:03" in caplog.text


def test_delivered_events_are_forgotten_after_a_month(venue: Venue) -> None:
    outbox.emit(venue, "x", {})
    outbox.emit(venue, "y", {}, due_at=NOW + timedelta(days=90))
    deliver_due({})
    assert forget_old(timezone.now() + timedelta(days=29)) == 0
    assert forget_old(timezone.now() + timedelta(days=31)) == 1
    assert OutboxEvent.objects.get().kind == "y"


@pytest.mark.django_db(transaction=True)
def test_two_workers_deliver_each_event_once(venue: Venue) -> None:
    for number in range(40):
        outbox.emit(venue, "x", {"n": number})
    handler = Handler()

    def work() -> int:
        return sum(deliver_due({"x": (handler,)}) for _ in range(3))

    results = race(venue, *[work] * 4)
    assert sum(results) == 40
    assert sorted(payload["n"] for _, payload in handler.heard) == list(range(40))
