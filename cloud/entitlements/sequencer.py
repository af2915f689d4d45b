"""Numbers the waiting feed rows: gap-free, per venue and stream. Many may run at once; a row lock makes them one.

A business transaction writes its rows unnumbered. Numbers are given here, after its commit, in the order of the
rows' ids among those visible. On PostgreSQL a transaction may commit after one whose rows have higher ids: its
rows then simply get later numbers. So a number, once given, never has a lower one come after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from cloud.entitlements.models import FeedHead
from cloud.venues.models import Venue
from paifang.v1 import feed_pb2

STREAMS = (feed_pb2.STREAM_URGENT, feed_pb2.STREAM_BULK)
AT_ONCE = 5000  # rows a transaction: a large sale does not hold the lock for seconds

_NUMBER = """
    UPDATE entitlements_feedrow SET seq = %s + waiting.place
    FROM (
        SELECT id AS row_id, row_number() OVER (ORDER BY id) AS place FROM entitlements_feedrow
        WHERE venue_id = %s AND stream = %s AND seq IS NULL ORDER BY id LIMIT %s
    ) AS waiting
    WHERE entitlements_feedrow.id = waiting.row_id
"""

_LOOK = """
    SELECT venue_id, stream, seq FROM entitlements_feedhead WHERE venue_id IN ({marks})
    UNION
    SELECT venue_id, stream, NULL FROM entitlements_feedrow WHERE seq IS NULL AND venue_id IN ({marks})
"""


@dataclass(frozen=True, slots=True)
class Head:
    """A stream's state: the last number given, and up to which number rows were trimmed."""

    seq: int
    trimmed_to: int


def look(venue_ids: Sequence[int]) -> tuple[dict[tuple[int, int], int], set[tuple[int, int]]]:
    """The last numbers given, by (venue, stream), and which streams have rows to be numbered.

    One small query, for it is asked fifty times a second; the ids are the caller's, so no scope is needed.
    """
    if not venue_ids:
        return {}, set()
    marks = ", ".join(["%s"] * len(venue_ids))
    with connection.cursor() as cursor:
        cursor.execute(_LOOK.format(marks=marks), [*venue_ids, *venue_ids])
        rows = cursor.fetchall()
    heads = {(venue, stream): seq for venue, stream, seq in rows if seq is not None}
    return heads, {(venue, stream) for venue, stream, seq in rows if seq is None}


def number_waiting(venue: Venue, streams: Iterable[int] = STREAMS) -> int:
    """Numbers every row committed before this call, and perhaps later ones; how many. Own transactions."""
    numbered = 0
    for stream in sorted(streams):
        while True:
            with transaction.atomic():
                count = _number(venue, stream)
            numbered += count
            if count < AT_ONCE:
                break
    return numbered


def head(venue: Venue, stream: int) -> Head:
    row = FeedHead.objects.filter(venue=venue, stream=stream).first()
    return Head(row.seq, row.trimmed_to) if row else Head(0, 0)


def _number(venue: Venue, stream: int) -> int:
    row = _locked_head(venue, stream)
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER, [row.seq, venue.pk, stream, AT_ONCE])
        count = cursor.rowcount
    if count:
        FeedHead.objects.filter(pk=row.pk).update(seq=row.seq + count)
    return count


def _locked_head(venue: Venue, stream: int) -> FeedHead:
    """Locked before the waiting rows are read, so that what another sequencer numbered meanwhile is seen."""
    rows = FeedHead.objects.select_for_update().filter(venue=venue, stream=stream)
    found = rows.first()
    if found is None:
        FeedHead.objects.bulk_create([FeedHead(venue=venue, stream=stream)], ignore_conflicts=True)
        found = rows.get()
    return found
