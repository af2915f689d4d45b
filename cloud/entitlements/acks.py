"""What the edges have applied durably."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from cloud.core.errors import DomainError
from cloud.entitlements.models import EdgeCursor
from cloud.entitlements.sequencer import head
from cloud.venues.models import Edge, Venue


@dataclass(frozen=True, slots=True)
class Applied:
    """How far a numbered change has got.

    Attributes:
        by: when the last of the edges had it for certain; None while one of them has not, or there is none.
        waiting: the edges that have not applied it, or never said.
    """

    by: datetime | None
    waiting: list[Edge]


@transaction.atomic
def record(edge: Edge, stream: int, seq: int, applied_at_ms: int, generation: int = 0) -> None:
    """Notes an ack. It rises, except in a new generation: the edge then has a new store.

    Raises:
        DomainError: "ack.ahead": the number was never given out.
    """
    if seq > head(edge.venue, stream).seq:
        raise DomainError("ack.ahead", f"序号 {seq} 尚未发出。", f"Number {seq} was never given out.", "seq")
    at = min(datetime.fromtimestamp(min(max(applied_at_ms, 0), 2**41) / 1000, UTC), timezone.now())
    fresh = EdgeCursor(venue_id=edge.venue_id, edge=edge, stream=stream, seq=seq, generation=generation, applied_at=at)
    EdgeCursor.objects.bulk_create([fresh], ignore_conflicts=True)
    cursor = EdgeCursor.objects.select_for_update().get(edge=edge, stream=stream)
    if seq > cursor.seq or generation > cursor.generation:
        EdgeCursor.objects.filter(pk=cursor.pk).update(
            seq=seq, generation=max(generation, cursor.generation), applied_at=at
        )


def resumed(edge: Edge, stream: int, seq: int) -> None:
    """An edge subscribes from `seq`: when that is less than it once had, its store is an older one."""
    EdgeCursor.objects.filter(edge=edge, stream=stream, seq__gt=seq).update(seq=seq, applied_at=timezone.now())


def last_generation(edge: Edge) -> int:
    """The generation of the last snapshot the edge said it holds; 0 for none."""
    found = EdgeCursor.objects.filter(edge=edge).order_by("-generation").values_list("generation", flat=True).first()
    return found or 0


def applied_at(venue: Venue, stream: int, seq: int) -> Applied:
    """Whether every edge of the venue has applied a numbered change: "revoked at every gate by 09:14:03".

    An edge's last ack is all that is kept, so for older numbers `by` may be later than the truth, never earlier.
    """
    cursors = {cursor.edge_id: cursor for cursor in EdgeCursor.objects.filter(venue=venue, stream=stream, seq__gte=seq)}
    edges = list(Edge.objects.filter(venue=venue, retired_at=None).order_by("name"))
    waiting = [edge for edge in edges if edge.pk not in cursors]
    have = [cursors[edge.pk].applied_at for edge in edges if edge.pk in cursors]
    return Applied(max(have) if have and not waiting else None, waiting)
