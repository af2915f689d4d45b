"""Every code shown at a gate, with what became of it: the list of admissions and refusals. Within the venue's scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from cloud.admissions.models import Admission, JournalEntry
from cloud.sales.models import OrderUnit
from cloud.sales.selectors import found_ids
from cloud.venues.models import Device, Station, Venue
from paifang.v1 import scan_pb2

RARE = 2_000  # admissions; of more the newest pages are found by reading on


def presented(venue: Venue) -> QuerySet[JournalEntry]:
    """The presentations with the names a list shows, None where there is none: `station_zh`, `station_en`,
    `device_name`, `edge_name`, `product_zh`, `product_en` (as sold), `order_number`, `visitor_name`; and of an
    admission `outcome`, `persons`, `passed`, `returned`, `settled_at`, `flag`, `signed_only`. The raw bytes come
    when they are asked for.
    """
    stations = Station.objects.filter(pk=OuterRef("station_id"))
    devices = Device.objects.filter(pk=OuterRef("device_id"))
    units = OrderUnit.objects.filter(entitlement_id=OuterRef("entitlement_id")).order_by()
    admission = Admission.objects.filter(
        venue_id=OuterRef("venue_id"), edge_id=OuterRef("edge_id"), seq=OuterRef("seq"), at=OuterRef("at")
    )
    return (
        JournalEntry.objects.filter(venue=venue, kind=JournalEntry.Kind.PRESENTATION)
        .select_related("edge")
        .defer("raw")
        .annotate(
            station_zh=Subquery(stations.values("name_zh")),
            station_en=Subquery(stations.values("name_en")),
            device_name=Subquery(devices.values("name")),
            product_zh=Subquery(units.values("product_name_zh")),
            product_en=Subquery(units.values("product_name_en")),
            order_number=Subquery(units.values("order__number")),
            visitor_name=Subquery(units.values("visitor__name")),
            outcome=Subquery(admission.values("outcome")),
            persons=Subquery(admission.values("persons")),
            passed=Subquery(admission.values("passed")),
            returned=Subquery(admission.values("returned")),
            settled_at=Subquery(admission.values("settled_at")),
            flag=Subquery(admission.values("flag")),
            signed_only=Subquery(admission.values("signed_only")),
        )
    )


def matching(text: str) -> Q:
    """Of the tickets whose orders are found by what was typed (O-04), of a ticket's own number, or "#" and a record's.

    A visitor is found by a name, or a whole ID number through its keyed hash.
    """
    if text.startswith("#") and text[1:].isascii() and text[1:].isdigit() and len(text) < 20:
        return Q(pk=int(text[1:]))
    tickets = set(OrderUnit.objects.filter(order__in=found_ids(text)).values_list("entitlement_id", flat=True))
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63:
        tickets.add(int(text))
    return Q(entitlement_id__in=tickets)


def followed_by(rows: QuerySet[JournalEntry], outcome: str) -> QuerySet[JournalEntry]:
    """Those whose admission was settled so. The tickets of a rare outcome are looked up first; where it is common
    the list need not be read far to fill a page."""
    found = Admission.objects.filter(outcome=outcome)
    tickets = list(found.order_by("-at").values_list("entitlement_id", flat=True)[: RARE + 1])
    rows = rows.filter(outcome=outcome)
    return rows.filter(entitlement_id__in=tickets) if len(tickets) <= RARE else rows


@dataclass(frozen=True, slots=True)
class Link:
    """An entry's place in its edge's journal: whether the entry before it is here and is the one it names."""

    entry: scan_pb2.Entry
    before: JournalEntry | None
    follows: bool


def link_of(row: JournalEntry) -> Link:
    entry = scan_pb2.Entry.FromString(bytes(row.raw))
    before = JournalEntry.objects.filter(venue_id=row.venue_id, edge_id=row.edge_id, seq=row.seq - 1).first()
    return Link(entry, before, before is not None and bytes(before.entry_hash) == entry.prev_hash)


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement of an admission, as the edge wrote it."""

    row: JournalEntry
    body: scan_pb2.Settlement

    @property
    def at(self) -> datetime:
        return self.row.at


def settlements_of(row: JournalEntry) -> list[Settled]:
    """Everything the edge wrote of what followed, in order: seldom more than one."""
    rows = JournalEntry.objects.filter(
        venue_id=row.venue_id, edge_id=row.edge_id, kind=JournalEntry.Kind.SETTLEMENT,
        entitlement_id=row.entitlement_id, seq__gt=row.seq,
    ).order_by("seq")  # fmt: skip
    found = ((one, scan_pb2.Entry.FromString(bytes(one.raw)).settlement) for one in rows)
    return [Settled(one, body) for one, body in found if body.admission_seq == row.seq]


def entries_of(venue: Venue, admissions: QuerySet[Admission]) -> QuerySet[Admission]:
    """The admissions, each with `entry`: the id of the presentation that admitted."""
    rows = JournalEntry.objects.filter(
        venue=venue, kind=JournalEntry.Kind.PRESENTATION, edge_id=OuterRef("edge_id"), seq=OuterRef("seq"),
        at=OuterRef("at"),
    )  # fmt: skip
    return admissions.annotate(entry=Subquery(rows.values("pk")[:1]))
