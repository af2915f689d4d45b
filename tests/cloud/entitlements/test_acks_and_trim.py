"""What the edges have, and what may therefore go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from cloud.core.errors import DomainError
from cloud.entitlements import acks
from cloud.entitlements.acks import Applied, applied_at
from cloud.entitlements.models import EdgeCursor, FeedHead, FeedRow
from cloud.entitlements.sequencer import number_waiting
from cloud.entitlements.trim import trim
from cloud.venues.models import Edge, Venue
from paifang.v1.feed_pb2 import STREAM_BULK, STREAM_URGENT

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


@pytest.fixture
def other(venue: Venue) -> Edge:
    return Edge.objects.create(venue=venue, name="东门主机")


def publish(venue: Venue, rows: int, hours_old: float = 0) -> None:
    for _ in range(rows):
        row = FeedRow.objects.create(venue=venue, stream=STREAM_URGENT, ops=b"")
        FeedRow.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=hours_old))
    number_waiting(venue)


def test_applied_when_every_edge_has_it(venue: Venue, edge: Edge, other: Edge) -> None:
    publish(venue, 3)
    assert applied_at(venue, STREAM_URGENT, 2) == Applied(None, [other, edge])
    acks.record(edge, STREAM_URGENT, 2, AT_MS)
    acks.record(other, STREAM_URGENT, 1, AT_MS)
    assert applied_at(venue, STREAM_URGENT, 2) == Applied(None, [other])
    acks.record(other, STREAM_URGENT, 3, AT_MS + 5000)
    assert applied_at(venue, STREAM_URGENT, 2) == Applied(AT + timedelta(seconds=5), [])
    assert applied_at(venue, STREAM_URGENT, 3) == Applied(None, [edge])


def test_a_retired_edge_is_not_waited_for(venue: Venue, edge: Edge, other: Edge) -> None:
    publish(venue, 1)
    acks.record(edge, STREAM_URGENT, 1, AT_MS)
    Edge.objects.filter(pk=other.pk).update(retired_at=timezone.now())
    assert applied_at(venue, STREAM_URGENT, 1) == Applied(AT, [])


def test_an_ack_rises_and_falls_only_with_a_new_store(venue: Venue, edge: Edge) -> None:
    publish(venue, 5)
    acks.record(edge, STREAM_URGENT, 4, AT_MS)
    acks.record(edge, STREAM_URGENT, 3, AT_MS)
    assert EdgeCursor.objects.get().seq == 4
    acks.resumed(edge, STREAM_URGENT, 2)
    assert EdgeCursor.objects.get().seq == 2
    acks.record(edge, STREAM_URGENT, 1, AT_MS, generation=9)
    assert EdgeCursor.objects.values_list("seq", "generation").get() == (1, 9)
    assert acks.last_generation(edge) == 9


def test_an_ack_of_what_was_never_given_out(venue: Venue, edge: Edge) -> None:
    publish(venue, 2)
    with pytest.raises(DomainError) as refused:
        acks.record(edge, STREAM_URGENT, 3, AT_MS)
    assert refused.value.code == "ack.ahead"


def test_an_edge_with_a_clock_in_the_future_applied_now(venue: Venue, edge: Edge) -> None:
    publish(venue, 1)
    acks.record(edge, STREAM_URGENT, 1, 2**62)
    by = applied_at(venue, STREAM_URGENT, 1).by
    assert by is not None
    assert by <= timezone.now()


def left(venue: Venue) -> tuple[list[int], int]:
    rows = FeedRow.objects.filter(stream=STREAM_URGENT).order_by("seq").values_list("seq", flat=True)
    return list(rows), FeedHead.objects.get(stream=STREAM_URGENT).trimmed_to


def test_trim_takes_what_is_old_and_applied_everywhere(venue: Venue, edge: Edge, other: Edge) -> None:
    publish(venue, 4, hours_old=100)
    publish(venue, 2, hours_old=1)
    acks.record(edge, STREAM_URGENT, 6, AT_MS)
    acks.record(other, STREAM_URGENT, 3, AT_MS)
    assert trim(venue) == 3
    assert left(venue) == ([4, 5, 6], 3)
    acks.record(other, STREAM_URGENT, 6, AT_MS)
    assert trim(venue) == 1
    assert left(venue) == ([5, 6], 4)
    assert trim(venue) == 0


def test_trim_waits_for_no_edge_for_ever(venue: Venue, edge: Edge) -> None:
    publish(venue, 2, hours_old=31 * 24)
    publish(venue, 2, hours_old=29 * 24)
    assert trim(venue) == 2
    assert left(venue) == ([3, 4], 2)


def test_trim_is_from_the_front_only(venue: Venue, edge: Edge) -> None:
    """A row written late keeps those behind it, however old they are."""
    publish(venue, 1, hours_old=100)
    publish(venue, 1, hours_old=1)
    publish(venue, 1, hours_old=100)
    acks.record(edge, STREAM_URGENT, 3, AT_MS)
    acks.record(edge, STREAM_BULK, 0, AT_MS)
    assert trim(venue) == 1
    assert left(venue) == ([2, 3], 1)
