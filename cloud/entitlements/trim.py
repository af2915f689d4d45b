"""Throws away feed rows nobody needs any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from cloud.entitlements.models import EdgeCursor, FeedHead, FeedRow
from cloud.venues.models import Edge, Venue

AT_ONCE = 10_000


def trim(venue: Venue, now: datetime | None = None) -> int:
    """Deletes the oldest rows; how many.

    A row goes when it is older than PAIFANG_FEED_KEEP_HOURS and every edge that ever acked has applied it.
    One that is silent for longer than PAIFANG_FEED_KEEP_SILENT_DAYS holds up nothing: it takes a snapshot.
    """
    now = now or timezone.now()
    return sum(_trim_stream(venue, head.stream, now) for head in FeedHead.objects.filter(venue=venue))


def _trim_stream(venue: Venue, stream: int, now: datetime) -> int:
    old = now - timedelta(hours=settings.FEED_KEEP_HOURS)
    ancient = now - timedelta(days=settings.FEED_KEEP_SILENT_DAYS)
    edges = Edge.objects.filter(venue=venue, retired_at=None)
    applied = EdgeCursor.objects.filter(edge__in=edges, stream=stream).aggregate(least=Min("seq"))["least"]
    limit = max(_last_before(venue, stream, ancient), min(_last_before(venue, stream, old), applied or 0))
    deleted = 0
    while True:
        with transaction.atomic():
            head = FeedHead.objects.select_for_update().get(venue=venue, stream=stream)
            until = min(limit, head.trimmed_to + AT_ONCE)
            if until <= head.trimmed_to:
                return deleted
            rows, _ = FeedRow.objects.filter(venue=venue, stream=stream, seq__lte=until).delete()
            FeedHead.objects.filter(pk=head.pk).update(trimmed_to=until)
        deleted += rows


def _last_before(venue: Venue, stream: int, instant: datetime) -> int:
    """The number up to which all rows were written before an instant: rows are trimmed from the front only."""
    rows = FeedRow.objects.filter(venue=venue, stream=stream, seq__isnull=False)
    first_kept = rows.filter(created_at__gte=instant).aggregate(first=Min("seq"))["first"]
    if first_kept is not None:
        return int(first_kept) - 1
    return FeedHead.objects.get(venue=venue, stream=stream).seq
