"""How far an urgent change of entitlements has got: which gates have it for certain, and since when."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from cloud.entitlements.acks import Applied, applied_at
from cloud.entitlements.models import FeedRow
from cloud.venues.models import Edge, Venue
from paifang.records import Table, entitlement_key, unpack_ops
from paifang.v1 import feed_pb2

# A business transaction notes its time, then writes its feed rows.
_TRANSACTION = timedelta(minutes=1)


def revocation(venue: Venue, entitlement_ids: Collection[int], since: datetime) -> Applied | None:
    """Where the gates stand with a revocation noted at `since`.

    None when its feed rows are no longer kept: they are trimmed only after every edge has had them.
    """
    wanted = {entitlement_key(one) for one in entitlement_ids}
    rows = FeedRow.objects.filter(
        venue=venue, stream=feed_pb2.STREAM_URGENT, created_at__gte=since, created_at__lt=since + _TRANSACTION
    ).order_by("pk")
    ours = [
        row
        for row in rows
        if any(op.table == Table.ENTITLEMENT and op.key in wanted for op in unpack_ops(bytes(row.ops)))
    ]
    if not ours:
        return None
    numbers = [row.seq for row in ours]
    if None in numbers:
        return Applied(None, list(Edge.objects.filter(venue=venue, retired_at=None).order_by("name")))
    return applied_at(venue, feed_pb2.STREAM_URGENT, max(number for number in numbers if number is not None))
