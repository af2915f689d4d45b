"""Uses that count in a group they were not made in: a station left a group, or groups became one.

Leaving must not give a used ticket a second entry (S-14), nor joining one that was used at either (S-11). What
was used in the old group up to that instant is copied to the new one, edge by edge, under sources of their own;
uses that an edge uploads later, but made before, follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from cloud.core.locks import lock_rows
from cloud.entitlements import compile as compiled
from cloud.entitlements import publish
from cloud.entitlements.models import CarriedGroup, Entitlement, Usage
from cloud.entitlements.usage_rows import keep_newest
from cloud.venues.models import Edge, Venue
from paifang.usage import Usage as UsageRecord

_CARRIED = 1 << 31
_EDGE_BITS = 20
_MAX_ORDINAL = (1 << 31 - _EDGE_BITS) - 1


@dataclass(frozen=True, slots=True)
class _Origin:
    from_group_id: int
    until: datetime


def source_of(ordinal: int, edge_id: int) -> int:
    """The number in the gates' OTHERS key: above every edge's own, different for each group and edge."""
    if not 0 < ordinal <= _MAX_ORDINAL or edge_id >> _EDGE_BITS:
        raise ValueError(f"carried group {ordinal} of edge {edge_id} is out of range")
    return _CARRIED | ordinal << _EDGE_BITS | edge_id


def carry(venue: Venue, from_group_id: int, to_group_id: int, now: datetime) -> None:
    """Lets what was used in one group until now count in another; the gates learn it urgently.

    The caller holds the venue's lock. The edges' locks keep their reports out: each is either seen here or
    sees the links made here.
    """
    lock_rows(Edge, Edge.objects.filter(venue=venue).values_list("pk", flat=True))
    origins = [_Origin(from_group_id, now)]
    origins += (
        _Origin(link.from_group_id, link.until)
        for link in CarriedGroup.objects.filter(to_group_id=from_group_id).exclude(from_group_id=to_group_id)
    )
    links = {origin.from_group_id: _link(venue, origin, to_group_id) for origin in origins}
    still_valid = Entitlement.objects.filter(venue=venue, not_after__gte=now).values("pk")
    rows = Usage.objects.filter(venue=venue, group_id=from_group_id, owner_id__in=still_valid).order_by("owner_id")
    copies = (_copy(row, links[row.from_group_id or from_group_id]) for row in rows if row.from_group_id != to_group_id)
    publish.urgent(venue, [compiled.others_op(row) for row in keep_newest(copies)])


def late(edge: Edge, news: Sequence[Usage]) -> list[Usage]:
    """Copies of reported uses that were made before their group was carried elsewhere. Those that are news."""
    links = CarriedGroup.objects.filter(venue_id=edge.venue_id, from_group_id__in={row.group_id for row in news})
    return keep_newest(_late(news, list(links)))


def _late(news: Iterable[Usage], links: Iterable[CarriedGroup]) -> Iterator[Usage]:
    for row in news:
        for link in links:
            last_ms = UsageRecord.unpack(bytes(row.record)).last_ms
            if link.from_group_id == row.group_id and last_ms <= link.until.timestamp() * 1000:
                yield _copy(row, link)


def _link(venue: Venue, origin: _Origin, to_group_id: int) -> CarriedGroup:
    """Made, or prolonged: a station may leave and join the same group again."""
    link = CarriedGroup.objects.filter(to_group_id=to_group_id, from_group_id=origin.from_group_id).first()
    if link is None:
        highest = CarriedGroup.objects.filter(to_group_id=to_group_id).aggregate(highest=Max("ordinal"))["highest"]
        return CarriedGroup.objects.create(
            venue=venue,
            to_group_id=to_group_id,
            from_group_id=origin.from_group_id,
            ordinal=(highest or 0) + 1,
            until=origin.until,
        )
    if link.until < origin.until:
        link.until = origin.until
        link.save(update_fields=["until"])
    return link


def _copy(row: Usage, link: CarriedGroup) -> Usage:
    return Usage(
        venue_id=row.venue_id,
        edge_id=row.edge_id,
        owner_id=row.owner_id,
        group_id=link.to_group_id,
        from_group_id=link.from_group_id,
        source=source_of(link.ordinal, row.edge_id),
        revision=row.revision,
        record=bytes(row.record),
    )
