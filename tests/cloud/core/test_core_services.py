"""Audit, outbox, locks, actors and errors."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cloud.core import audit, outbox
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row, lock_rows
from cloud.core.models import AuditRow, OutboxEvent
from cloud.venues.models import Station, Venue
from tests.support.venue import make_actor, make_station


@pytest.mark.spec("Y-33")
def test_an_audit_row_names_who_what_and_where(venue: Venue, west: Station) -> None:
    someone = make_actor(venue, "viewer")
    audit.write(someone, "station.look", west, venue, number=west.number)
    row = AuditRow.objects.latest("pk")
    assert (row.actor_id, row.actor_name) == (someone.employee.pk, "a-viewer")  # type: ignore[union-attr]
    assert (row.action, row.target, row.venue_id) == ("station.look", f"venues.station:{west.pk}", venue.pk)
    assert row.detail == {"number": 1}
    assert timezone.now() - row.at < timedelta(minutes=1)


def test_an_audit_row_goes_with_its_transaction(venue: Venue) -> None:
    rows = AuditRow.objects.count()
    with transaction.atomic():
        audit.write(Actor.system(), "venue.look", venue, venue)
        outbox.emit(venue, "venue.looked", {})
        transaction.set_rollback(True)
    assert (AuditRow.objects.count(), OutboxEvent.objects.count()) == (rows, 0)


def test_an_event_waits_for_its_handlers(venue: Venue) -> None:
    event = outbox.emit(venue, "venue.looked", {"venue": venue.pk})
    later = outbox.emit(None, "tick", {}, due_at=timezone.now() + timedelta(hours=1))
    assert (event.venue_id, event.delivered_at, event.attempts) == (venue.pk, None, 0)
    assert event.due_at <= timezone.now() < later.due_at


def test_actors() -> None:
    assert Actor.system("edge West gate") == Actor(None, "edge West gate")
    user = SimpleNamespace(is_authenticated=True, get_full_name=lambda: "", get_username=lambda: "wang")
    assert Actor.of(user).name == "wang"
    with pytest.raises(ValueError, match="anonymous"):
        Actor.of(AnonymousUser())


def test_an_error_speaks_both_languages() -> None:
    error = DomainError("order.empty", "订单没有票。", "The order has no tickets.", "lines")
    assert (error.text("zh-hans"), error.text("en")) == ("订单没有票。", "The order has no tickets.")
    assert str(error) == "order.empty: The order has no tickets."


def test_rows_are_locked_in_the_order_of_their_ids_each_once(venue: Venue) -> None:
    first, second = make_station(venue, "a"), make_station(venue, "b")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        rows = lock_rows(Station, [second.pk, first.pk, second.pk])
    assert rows == [first, second]
    assert "ORDER BY" in seen[0]["sql"]
    if connection.vendor == "postgresql":
        assert "FOR NO KEY UPDATE" in seen[0]["sql"]


def test_a_row_that_is_not_there_cannot_be_locked(venue: Venue, west: Station) -> None:
    with pytest.raises(DomainError) as refused:
        lock_row(Station, west.pk + 1000)
    assert refused.value.code == "row.gone"


@pytest.mark.django_db(transaction=True)
def test_a_lock_outside_a_transaction_is_a_mistake(venue: Venue) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        lock_row(Venue, venue.pk)
