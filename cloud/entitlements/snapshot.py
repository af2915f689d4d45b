"""The whole state for an edge that has none: pages of records in key order, resumable after any of them.

Stations, devices and the venue's record are not in it: they have no revision, so of a snapshot and the urgent
stream overtaking each other an old state could win. They come on the urgent stream alone, published anew when an
edge starts it (`start`), and with them the rule sets: a gate has those before the records that name them. Rule sets
and the keys of rotating passes never change, so a snapshot may hold them.

A snapshot is read page by page while sales go on. What changes meanwhile has a number above the base, which was
read first, and follows as deltas; revisions make it harmless to get a change twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.core.locks import lock_row, lock_rows
from cloud.entitlements import acks, day_keys, live, publish, usage
from cloud.entitlements import compile as compiled
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.entitlements.sequencer import head, number_waiting
from cloud.venues.models import Device, Edge, Station, Venue
from paifang import records
from paifang.records import Op, Table
from paifang.v1 import feed_pb2

PAGE = 2048  # records a query


@dataclass(frozen=True, slots=True)
class Base:
    """What a snapshot is: its generation, and the bulk number everything up to which it contains."""

    generation: int
    seq: int


@dataclass(frozen=True, slots=True)
class Page:
    """Operations in key order. The next page begins after (table, key); `end`: there is none."""

    ops: list[Op]
    table: int
    key: bytes
    end: bool


def start(venue: Venue) -> int:
    """For an edge without an urgent cursor: the number it begins after.

    Every live record and rule set is published again behind that number, under the locks of the live rows:
    whatever the edge hears from then on is in order.
    """
    number_waiting(venue)
    seq = head(venue, feed_pb2.STREAM_URGENT).seq
    with transaction.atomic():
        lock_row(Venue, venue.pk)
        lock_rows(Station, Station.objects.filter(venue=venue).values_list("pk", flat=True))
        lock_rows(Device, Device.objects.filter(venue=venue).values_list("pk", flat=True))
        live.publish_all(venue)
        publish.urgent(venue, [compiled.ruleset_op(row) for row in RuleSnapshot.objects.filter(venue=venue)])
    return seq


def begin(edge: Edge) -> Base:
    """A new snapshot for an edge. Generations are Unix seconds and rise; a record keeps 32 bits of them."""
    number_waiting(edge.venue)
    seq = head(edge.venue, feed_pb2.STREAM_BULK).seq
    return Base(max(int(time.time()), acks.last_generation(edge) + 1), seq)


def page(edge: Edge, table: int, key: bytes, now: datetime, limit: int = PAGE) -> Page:
    """The records after (table, key); (0, b"") for the first page.

    Entitlements that ended more than PAIFANG_SNAPSHOT_EXPIRED_DAYS ago are left out, with what belongs to them.

    Raises:
        ValueError: the key is not one of that table's.
    """
    live_after = now - timedelta(days=settings.SNAPSHOT_EXPIRED_DAYS)
    at = _ORDER.index(table) if table in _ORDER else 0
    after = key if table in _ORDER else b""
    while True:
        ops = _READERS[_ORDER[at]](edge, after, live_after, limit)
        last = at == len(_ORDER) - 1
        if ops or last:
            done = last and len(ops) < limit
            return Page(ops, _ORDER[at], ops[-1].key if ops else after, done)
        at, after = at + 1, b""


def _entitlements(edge: Edge, after: bytes, live_after: datetime, limit: int) -> list[Op]:
    number = int.from_bytes(_sized(after, 8), "big")
    rows = Entitlement.objects.filter(venue_id=edge.venue_id, pk__gt=number, not_after__gte=live_after)
    found = list(rows.order_by("pk").only(*_RECORD_COLUMNS)[:limit])
    # Joining the product would double the cost of a million rows; there are few products.
    classes = dict(TicketProduct.objects.filter(venue_id=edge.venue_id).values_list("pk", "product_class"))
    return [compiled.entitlement_op(row, classes[row.product_id]) for row in found]


def _index(edge: Edge, after: bytes, live_after: datetime, limit: int) -> list[Op]:
    rows = EntitlementCredential.objects.filter(
        venue_id=edge.venue_id, published=True, entitlement__not_after__gte=live_after
    )
    if after:
        after = _sized(after, 25)
        kind, hashed, number = after[0], after[1:17], int.from_bytes(after[17:], "big")
        rows = rows.filter(
            Q(kind__gt=kind) | Q(kind=kind, hashed__gt=hashed) | Q(kind=kind, hashed=hashed, entitlement_id__gt=number)
        )
    rows = rows.order_by("kind", "hashed", "entitlement_id").select_related("entitlement")
    rows = rows.only("kind", "hashed", "entitlement__revision")
    return [compiled.index_op(row, row.entitlement.revision) for row in rows[:limit]]


def _others(edge: Edge, after: bytes, live_after: datetime, limit: int) -> list[Op]:
    owner = Entitlement.objects.filter(pk=OuterRef("owner_id"), not_after__gte=live_after)
    rows = usage.told_to(edge).filter(Exists(owner))
    if after:
        after = _sized(after, 16)
        owner_id, group, source = (int.from_bytes(part, "big") for part in (after[:8], after[8:12], after[12:]))
        rows = rows.filter(
            Q(owner_id__gt=owner_id)
            | Q(owner_id=owner_id, group_id__gt=group)
            | Q(owner_id=owner_id, group_id=group, source__gt=source)
        )
    return [compiled.others_op(row) for row in rows[:limit]]


def _rulesets(edge: Edge, after: bytes, live_after: datetime, limit: int) -> list[Op]:
    """All of them, for one made between the edge's start and the snapshot's base is in neither stream."""
    number = int.from_bytes(_sized(after, 4), "big")
    rows = RuleSnapshot.objects.filter(venue_id=edge.venue_id, pk__gt=number).order_by("pk")[:limit]
    return [compiled.ruleset_op(row) for row in rows]


def _day_keys(edge: Edge, after: bytes, live_after: datetime, limit: int) -> list[Op]:
    return day_keys.ops_after(edge.venue_id, int.from_bytes(_sized(after, 4), "big"), limit)


def _sized(key: bytes, size: int) -> bytes:
    if key and len(key) != size:
        raise ValueError(f"a key of {len(key)} bytes where {size} are due")
    return key


_RECORD_COLUMNS = (
    "revision", "rules_id", "not_before", "not_after", "pass_digest", "state", "persons", "product_id",
    "product_class", "owner_id", "uses", "slot_from", "slot_to", "rotating", "activated_at", "collected_at",
)  # fmt: skip
# In the order of the tables' numbers: an edge compares (table, key) to know what it has.
_READERS: dict[int, Callable[[Edge, bytes, datetime, int], list[Op]]] = {
    Table.ENTITLEMENT: _entitlements,
    Table.INDEX: _index,
    Table.OTHERS: _others,
    Table.RULESET: _rulesets,
    Table.DAYKEY: _day_keys,
}
_ORDER = tuple(_READERS)


def pack(ops: list[Op], limit: int) -> list[bytes]:
    """The operations in slices of at most `limit`, as batches carry them."""
    return [records.pack_ops(ops[at : at + limit]) for at in range(0, len(ops), limit)]
