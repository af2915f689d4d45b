"""Gates hold the ID numbers of the next days only: at issue, by the worker, in snapshots."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_scopes import scope
from pytest_django import Settings

from cloud.catalog.models import TicketProduct
from cloud.catalog.services import snapshot_rules
from cloud.core.errors import DomainError
from cloud.entitlements import id_entries, services, snapshot
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.entitlements.services import Grant
from cloud.venues.models import Edge, Venue
from paifang import records
from paifang.records import CredentialKind, Op, Table
from paifang.v1.feed_pb2 import STREAM_BULK
from tests.support.race import race
from tests.support.venue import feed_rows, last_feed_row, make_venue

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def sell(venue: Venue, product: TicketProduct, first: datetime, days: int = 1, count: int = 1) -> list[Entitlement]:
    """Tickets valid for whole days from `first` on, each with an ID number of its own."""
    rules = snapshot_rules(product)
    last = first + days * DAY - timedelta(seconds=1)
    return services.issue_all(venue, [Grant(product, rules, first, last, 1, bytes([n + 1]) * 16) for n in range(count)])


def key(ticket: Entitlement, number: int = 1) -> bytes:
    return records.index_key(CredentialKind.ID_NUMBER, bytes([number]) * 16, ticket.pk)


def told(mark: int) -> list[Op]:
    """Index entries the gates were told since, and that on the bulk stream."""
    rows = [row for row in feed_rows(mark) if any(op.table == Table.INDEX for op in row.ops)]
    assert all(row.stream == STREAM_BULK for row in rows)
    return [op for row in rows for op in row.ops if op.table == Table.INDEX]


def test_told_at_the_sale_when_it_is_valid_within_three_days(venue: Venue, adult: TicketProduct, now: datetime) -> None:
    mark = last_feed_row()
    [soon] = sell(venue, adult, now + 3 * DAY - MINUTE)
    assert told(mark) == [Op(Table.INDEX, key(soon), b"\x01\0\0\0")]
    mark = last_feed_row()
    [later] = sell(venue, adult, now + 3 * DAY + MINUTE)
    [row] = feed_rows(mark)
    [op] = row.ops
    assert (op.table, op.key) == (Table.ENTITLEMENT, records.entitlement_key(later.pk))
    assert bytes([1]) * 16 not in (op.value or b""), "nor in its record"


def test_the_days_are_a_setting(venue: Venue, adult: TicketProduct, now: datetime, settings: Settings) -> None:
    settings.ID_DAYS_AHEAD = 10
    mark = last_feed_row()
    [ticket] = sell(venue, adult, now + 9 * DAY)
    assert [op.key for op in told(mark)] == [key(ticket)]


def test_the_worker_tells_it_when_its_days_come_and_takes_it_back_a_day_after(
    venue: Venue, adult: TicketProduct, now: datetime
) -> None:
    [ticket] = sell(venue, adult, now + 30 * DAY, days=2)
    services.reissue(venue, ticket)
    mark = last_feed_row()
    assert id_entries.turn(venue, now + 27 * DAY - MINUTE) == 0
    assert told(mark) == []
    assert id_entries.turn(venue, now + 27 * DAY) == 1
    assert told(mark) == [Op(Table.INDEX, key(ticket), b"\x02\0\0\0")], "once, with the revision it has now"
    assert id_entries.turn(venue, now + 33 * DAY - MINUTE) == 0
    mark = last_feed_row()
    assert id_entries.turn(venue, now + 33 * DAY + MINUTE) == 1
    assert told(mark) == [Op(Table.INDEX, key(ticket), None)]
    assert id_entries.turn(venue, now + 4000 * DAY) == 0
    assert told(mark) == [Op(Table.INDEX, key(ticket), None)]


def test_an_annual_cards_entry_stays_all_year(venue: Venue, adult: TicketProduct, now: datetime) -> None:
    mark = last_feed_row()
    [card] = sell(venue, adult, now, days=365)
    assert [op.key for op in told(mark)] == [key(card)]
    assert id_entries.turn(venue, now + 365 * DAY) == 0


def test_one_that_was_never_told_of_in_its_days_is_not_any_more(
    venue: Venue, adult: TicketProduct, now: datetime
) -> None:
    """The worker was down for all of them."""
    sell(venue, adult, now + 30 * DAY)
    mark = last_feed_row()
    assert id_entries.turn(venue, now + 40 * DAY) == 1
    assert told(mark) == []
    assert id_entries.turn(venue, now + 40 * DAY) == 0


def test_a_revoked_tickets_entry_is_told_too(venue: Venue, adult: TicketProduct, now: datetime) -> None:
    """So that a gate says "revoked" to the card, not "unknown"."""
    [ticket] = sell(venue, adult, now + 30 * DAY)
    services.revoke(venue, [ticket], Entitlement.State.REVOKED)
    mark = last_feed_row()
    id_entries.turn(venue, now + 28 * DAY)
    assert told(mark) == [Op(Table.INDEX, key(ticket), b"\x02\0\0\0")]


def test_many_go_in_batches(venue: Venue, adult: TicketProduct, now: datetime) -> None:
    tickets = sell(venue, adult, now + 30 * DAY, count=7)
    mark = last_feed_row()
    assert id_entries.turn(venue, now + 28 * DAY, limit=3) == 7
    assert [len(row.ops) for row in feed_rows(mark)] == [3, 3, 1]
    assert sorted(op.key for op in told(mark)) == sorted(key(ticket, n + 1) for n, ticket in enumerate(tickets))


def test_another_venues_are_left_alone(venue: Venue, adult: TicketProduct, now: datetime) -> None:
    sell(venue, adult, now + 30 * DAY)
    other = make_venue("other")
    with scope(venue=other):
        assert id_entries.turn(other, now + 28 * DAY) == 0


def test_a_snapshot_holds_those_told_alone(venue: Venue, edge: Edge, adult: TicketProduct, now: datetime) -> None:
    [soon] = sell(venue, adult, now)
    [later] = sell(venue, adult, now + 30 * DAY)

    def entries(at: datetime) -> list[bytes]:
        page = snapshot.page(edge, Table.INDEX, b"", at)
        return [op.key for op in page.ops if op.table == Table.INDEX]

    assert entries(now) == [key(soon)]
    id_entries.turn(venue, now + 28 * DAY)
    assert entries(now + 2 * DAY) == [key(later)], "and of what is over not even while its record is kept"


@pytest.mark.django_db(transaction=True)
def test_workers_revocations_and_new_codes_at_once(venue: Venue, adult: TicketProduct) -> None:
    now = timezone.now()
    for turn in range(4):
        tickets = sell(venue, adult, now + (30 + turn) * DAY, count=12)
        mark, at = last_feed_row(), now + (28 + turn) * DAY
        results = race(
            venue,
            lambda at=at: id_entries.turn(venue, at, limit=5),
            lambda at=at: id_entries.turn(venue, at, limit=4),
            lambda tickets=tickets: _revoked(venue, tickets),
            lambda tickets=tickets: [_reissued(venue, ticket) for ticket in tickets],
        )
        assert results[2] == 12, results
        assert set(results[3]) <= {"", "entitlement.ended"}
        assert results[0] + results[1] == 12
        keys = [op.key for op in told(mark) if op.value is not None]
        assert sorted(keys) == sorted(key(ticket, n + 1) for n, ticket in enumerate(tickets)), "each once"
    assert not EntitlementCredential.objects.filter(published=False, turns_at__isnull=False).exists()


@transaction.atomic
def _revoked(venue: Venue, tickets: list[Entitlement]) -> int:
    return len(services.revoke(venue, reversed(tickets), Entitlement.State.REVOKED))


def _reissued(venue: Venue, ticket: Entitlement) -> str:
    try:
        with transaction.atomic():
            services.reissue(venue, ticket)
    except DomainError as refused:
        return refused.code
    return ""
