"""The venue's data came back from a backup: the gates know more than it does, and must take its word from now on.

Numbers given out since the backup were given to other rows; records the gates hold have revisions that will be given
again. So everything the cloud says from now on is put above all it can have said before: the streams' numbers, the
entitlements' revisions, the key set's version. Every gate then takes a snapshot, and spares what the backup forgot
(edge.sweep). What the gates recorded comes up again by itself: an edge keeps its journal for days after the ack.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from cloud.core.alarms import raise_alarm
from cloud.entitlements.models import EdgeCursor, Entitlement, FeedHead, FeedRow, VenueSecrets
from cloud.entitlements.sequencer import STREAMS
from cloud.venues.models import Venue

ABOVE = 1_000_000  # more than a venue says between two backups


def restores(venue: Venue) -> int:
    """How often that happened, as the gates are told with each report."""
    told = FeedHead.objects.filter(venue=venue).order_by("-restores").values_list("restores", flat=True).first()
    return told or 0


@transaction.atomic
def outrank(venue: Venue) -> int:
    """Puts everything said from now on above everything said before; how many entitlements there are."""
    return _outrank(venue, _heads(venue))


@transaction.atomic
def noticed_ahead(venue: Venue, stream: int, seq: int) -> bool:
    """An edge has a number of a stream that was never given out. Whether that was news."""
    heads = _heads(venue)
    if seq <= heads[stream].seq:
        return False
    _outrank(venue, heads)
    return True


@transaction.atomic
def noticed_lost(venue: Venue, heard_at: datetime | None) -> bool:
    """An edge was acked journal entries that are not here. Whether that was news.

    Args:
        heard_at: of the edge's report before this one, None where there is none. One that was not heard of since the
            last restore has that to tell, not another.
    """
    heads = _heads(venue)
    last = max((head.restored_at for head in heads.values() if head.restored_at is not None), default=None)
    if last is not None and (heard_at is None or heard_at <= last):
        return False
    _outrank(venue, heads)
    return True


def _heads(venue: Venue) -> dict[int, FeedHead]:
    """Locked in the order of their streams, as the sequencer takes them."""
    fresh = [FeedHead(venue=venue, stream=stream) for stream in STREAMS]
    FeedHead.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = FeedHead.objects.select_for_update().filter(venue=venue).order_by("stream")
    return {row.stream: row for row in rows}


def _outrank(venue: Venue, heads: dict[int, FeedHead]) -> int:
    for head in heads.values():
        head.seq = head.trimmed_to = head.seq + ABOVE
        head.restores += 1
        head.restored_at = timezone.now()
        head.save(update_fields=["seq", "trimmed_to", "restores", "restored_at"])
    FeedRow.objects.filter(venue=venue, seq__isnull=False).delete()
    EdgeCursor.objects.filter(venue=venue).delete()
    VenueSecrets.objects.filter(venue=venue).update(keyset_version=F("keyset_version") + ABOVE)
    count = Entitlement.objects.filter(venue=venue).update(revision=F("revision") + ABOVE)
    raise_alarm("cloud.restored", venue, venue, entitlements=count)
    return count
