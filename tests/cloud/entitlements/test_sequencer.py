"""Numbers without gaps, whoever numbers."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django_scopes import scope

from cloud.entitlements import sequencer
from cloud.entitlements.models import FeedRow
from cloud.entitlements.sequencer import Head, head, look, number_waiting
from cloud.venues.models import Venue
from paifang.v1.feed_pb2 import STREAM_BULK, STREAM_URGENT
from tests.support.race import race
from tests.support.venue import make_venue


def write(venue: Venue, stream: int, rows: int) -> None:
    FeedRow.objects.bulk_create(FeedRow(venue=venue, stream=stream, ops=b"") for _ in range(rows))


def numbers(stream: int) -> list[int | None]:
    return list(FeedRow.objects.filter(stream=stream).order_by("pk").values_list("seq", flat=True))


def test_each_stream_counts_for_itself(venue: Venue) -> None:
    for stream in (STREAM_BULK, STREAM_URGENT, STREAM_BULK, STREAM_BULK):
        write(venue, stream, 1)
    assert look([venue.pk]) == ({}, {(venue.pk, STREAM_BULK), (venue.pk, STREAM_URGENT)})
    assert number_waiting(venue) == 4
    assert numbers(STREAM_BULK) == [1, 2, 3]
    assert numbers(STREAM_URGENT) == [1]
    assert look([venue.pk]) == ({(venue.pk, STREAM_BULK): 3, (venue.pk, STREAM_URGENT): 1}, set())
    assert number_waiting(venue) == 0
    assert (head(venue, STREAM_BULK), head(venue, STREAM_URGENT)) == (Head(3, 0), Head(1, 0))


def test_each_venue_counts_for_itself(venue: Venue) -> None:
    other = make_venue("hill")
    write(venue, STREAM_BULK, 2)
    with scope(venue=other):
        write(other, STREAM_BULK, 3)
        assert number_waiting(other) == 3
    theirs = {(other.pk, STREAM_BULK): 3, (other.pk, STREAM_URGENT): 0}
    assert look([venue.pk, other.pk]) == (theirs, {(venue.pk, STREAM_BULK)})
    assert look([]) == ({}, set())
    assert numbers(STREAM_BULK) == [None, None]
    assert number_waiting(venue) == 2
    assert numbers(STREAM_BULK) == [1, 2]


def test_more_rows_than_one_transaction_takes(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "AT_ONCE", 3)
    write(venue, STREAM_BULK, 10)
    assert number_waiting(venue) == 10
    assert numbers(STREAM_BULK) == list(range(1, 11))


@pytest.mark.django_db(transaction=True)
def test_sequencers_at_once_with_writers(venue: Venue) -> None:
    """Three sequencers beside three writers: every row has its own number, without a gap."""

    def write_some() -> None:
        for _ in range(20):
            write(venue, STREAM_BULK, 3)

    def number_some() -> None:
        for _ in range(20):
            number_waiting(venue)

    before = FeedRow.objects.count()
    assert race(venue, *[write_some] * 3, *[number_some] * 3) == [None] * 6
    number_waiting(venue)
    given = sorted(FeedRow.objects.filter(stream=STREAM_BULK).values_list("seq", flat=True))
    assert len(given) == before + 180
    assert given == list(range(1, len(given) + 1))
    assert head(venue, STREAM_BULK).seq == len(given)


@pytest.mark.django_db(transaction=True)
def test_a_row_committed_late_gets_a_later_number(venue: Venue) -> None:
    """On PostgreSQL a transaction may commit after one with higher ids; on SQLite they take turns."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    wrote, numbered = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            write(venue, STREAM_URGENT, 1)
            wrote.set()
            assert numbered.wait(30)

    def quick() -> int:
        assert wrote.wait(30)
        write(venue, STREAM_URGENT, 1)
        count = number_waiting(venue)
        numbered.set()
        return count

    assert race(venue, slow, quick) == [None, 1]
    assert numbers(STREAM_URGENT) == [None, 1]
    assert number_waiting(venue) == 1
    assert numbers(STREAM_URGENT) == [2, 1]
