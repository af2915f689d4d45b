"""Uses the edges report, passed on to the other edges. The highest revision of each wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from cloud.core.locks import lock_row
from cloud.entitlements import carried, publish
from cloud.entitlements import compile as compiled
from cloud.entitlements.models import Usage
from cloud.entitlements.usage_rows import keep_newest
from cloud.venues.models import Edge
from cloud.venues.selectors import live_edges
from paifang.usage import Usage as UsageRecord


@dataclass(frozen=True, slots=True)
class Reported:
    """A usage record as an edge's journal states it."""

    owner_id: int
    group_id: int
    record: bytes


def relay_all(edge: Edge, reported: Iterable[Reported]) -> list[Usage]:
    """Keeps the newest record of each counter and tells the other edges, in the caller's transaction.

    An edge alone at its venue has nobody to tell; uses its stations carry from another group are told to all.
    Returns the rows that were news.

    Raises:
        ValueError: bytes that are no usage record.
    """
    newest: dict[tuple[int, int], tuple[int, bytes]] = {}
    for each in reported:
        revision = UsageRecord.unpack(each.record).revision
        counter = (each.owner_id, each.group_id)
        if revision > newest.get(counter, (0, b""))[0]:
            newest[counter] = (revision, each.record)
    if not newest:
        return []
    lock_row(Edge, edge.pk)  # its reports one after the other: a row's revision never falls
    news = keep_newest(
        Usage(
            venue_id=edge.venue_id, edge=edge, owner_id=owner, group_id=group, source=edge.pk,
            revision=revision, record=record,
        )
        for (owner, group), (revision, record) in sorted(newest.items())
    )  # fmt: skip
    tell = carried.late(edge, news)
    if live_edges(edge.venue).count() > 1:
        tell += news
    publish.bulk(edge.venue, [compiled.others_op(row) for row in tell])
    return news


def told_to(edge: Edge) -> QuerySet[Usage]:
    """What a snapshot for this edge holds of uses, in the order of the gates' keys.

    Its own too: an edge whose store was lost takes them back, any other leaves them alone.
    """
    return Usage.objects.filter(venue_id=edge.venue_id).order_by("owner_id", "group_id", "source")
