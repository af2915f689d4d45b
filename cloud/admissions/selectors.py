"""What happened at the gates, for pages. Everything here is within the venue's scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import TruncMinute
from django.utils import timezone

from cloud.admissions.models import Admission, EdgeChain, JournalEntry, Occupancy
from cloud.core import business_day
from cloud.sales.models import OrderUnit
from cloud.staff.reach import EVERYWHERE, Reach
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.v1 import scan_pb2


@dataclass(frozen=True, slots=True)
class Minute:
    """Persons admitted in the minute that begins `at`."""

    at: datetime
    persons: int


@dataclass(frozen=True, slots=True)
class Recent:
    """One presentation. `decision` and `reason` are the numbers of paifang.v1 and paifang.reasons."""

    at: datetime
    device: Device | None
    station: Station | None
    decision: int
    reason: int
    credential_kind: int
    entitlement_id: int | None
    persons: int


@dataclass(frozen=True, slots=True)
class Today:
    """A business day so far. `admissions` are verdicts, the rest persons, `refusals` presentations.

    `entered` and `left`: the venue; who passes a station inside it is counted there alone. For some stations only:
    through just those.
    """

    day: date
    admissions: int
    persons: int
    refusals: int
    entered: int
    left: int

    @property
    def inside(self) -> int:
        """Persons inside, as far as the gates counted them today: a new day begins empty. Never below zero."""
        return max(0, self.entered - self.left)


def entries(venue: Venue) -> QuerySet[Admission]:
    """Admissions into the venue or a place in it: not those who were let out."""
    return Admission.objects.filter(venue=venue, leaving=False)


def admitted_per_minute(
    venue: Venue, minutes: int = 30, now: datetime | None = None, reach: Reach = EVERYWHERE
) -> list[Minute]:
    """The last `minutes` whole minutes and the running one last; minutes without admissions are there, as 0."""
    last = (now or timezone.now()).replace(second=0, microsecond=0)
    first = last - timedelta(minutes=minutes - 1)
    rows = (
        reach.narrow(entries(venue).filter(at__gte=first, at__lt=last + timedelta(minutes=1)), "station_id")
        .annotate(minute=TruncMinute("at"))
        .values_list("minute")
        .annotate(total=Sum("persons"))
    )
    totals = dict(rows)
    instants = [first + timedelta(minutes=at) for at in range(minutes)]
    return [Minute(instant, totals.get(instant, 0)) for instant in instants]


def refusals_by_reason(venue: Venue, since: datetime, reach: Reach = EVERYWHERE) -> list[tuple[int, int]]:
    """(reason, presentations refused for it), the most frequent first."""
    rows = reach.narrow(_presentations(venue), "station_id").filter(decision=scan_pb2.DECISION_REFUSE, at__gte=since)
    counted = rows.values_list("reason").annotate(times=Count("pk")).order_by("-times", "reason")
    return [(reason, times) for reason, times in counted]


def today(venue: Venue, now: datetime | None = None, reach: Reach = EVERYWHERE) -> Today:
    """The running business day's totals at the stations within reach."""
    day = business_day.today(venue, now)
    admitted = reach.narrow(entries(venue).filter(business_day=day), "station_id").aggregate(
        admissions=Count("pk"), persons=Sum("persons", default=0)
    )
    since = business_day.calendar_of(venue).start(day)
    presented = reach.narrow(_presentations(venue), "station_id")
    refusals = presented.filter(business_day=day, at__gte=since, decision=scan_pb2.DECISION_REFUSE)
    entered, left = _crossed(venue, day, reach=reach)
    return Today(
        day=day,
        admissions=admitted["admissions"],
        persons=admitted["persons"],
        refusals=refusals.count(),
        entered=entered,
        left=left,
    )


def journal_tail(edge: Edge) -> scan_pb2.JournalTail:
    """The last entry of an edge's journal that is here; seq 0 where none is."""
    chain = EdgeChain.objects.filter(edge=edge).first()
    if chain is None:
        return scan_pb2.JournalTail()
    return scan_pb2.JournalTail(epoch=bytes(chain.epoch), seq=chain.seq, hash=bytes(chain.last_hash))


def elsewhere(edge: Edge, now: datetime | None = None) -> tuple[date, int, int]:
    """The running business day, and who entered and left the venue on it as its other edges counted."""
    day = business_day.today(edge.venue, now)
    return (day, *_crossed(edge.venue, day, without=edge))


def _crossed(venue: Venue, day: date, without: Edge | None = None, reach: Reach = EVERYWHERE) -> tuple[int, int]:
    """Entered and left: of the whole venue not at the stations inside it, of some stations at each."""
    rows = reach.narrow(Occupancy.objects.filter(venue=venue, business_day=day), "station_id")
    if reach.everywhere:
        rows = rows.exclude(station_id__in=Station.objects.filter(venue=venue, inner=True).values("pk"))
    if without is not None:
        rows = rows.exclude(edge_id=without.pk)
    counted = rows.aggregate(entered=Sum("entered", default=0), gone=Sum("left", default=0))
    return counted["entered"], counted["gone"]


def recent(venue: Venue, limit: int = 20, reach: Reach = EVERYWHERE) -> list[Recent]:
    """The last presentations at stations within reach, the newest first."""
    rows = (
        reach.narrow(_presentations(venue), "station_id")
        .order_by("-at", "-pk")
        .values_list("at", "device_id", "station_id", "decision", "reason", "entitlement_id", "raw")[:limit]
    )
    found = list(rows)
    devices = Device.objects.in_bulk({row[1] for row in found})
    stations = Station.objects.in_bulk({row[2] for row in found})
    return [
        _recent(at, devices.get(device), stations.get(station), decision, reason, entitlement, bytes(raw))
        for at, device, station, decision, reason, entitlement, raw in found
    ]


def for_entitlements(venue: Venue, ids: Iterable[int]) -> dict[int, list[Admission]]:
    """The admissions of entitlements, by id, the newest first; an id without any is not there."""
    found: defaultdict[int, list[Admission]] = defaultdict(list)
    for admission in entries(venue).filter(entitlement_id__in=list(ids)).order_by("-at", "-pk"):
        found[admission.entitlement_id].append(admission)
    return dict(found)


def listed(venue: Venue) -> QuerySet[Admission]:
    """All of them with the names a list shows, None where there is none: `station_zh`, `station_en`, `device_name`,
    `product_zh`, `product_en` (as sold) and `order_number`."""
    stations = Station.objects.filter(pk=OuterRef("station_id"))
    devices = Device.objects.filter(pk=OuterRef("device_id"))
    units = OrderUnit.objects.filter(entitlement_id=OuterRef("entitlement_id")).order_by()
    return entries(venue).annotate(
        station_zh=Subquery(stations.values("name_zh")),
        station_en=Subquery(stations.values("name_en")),
        device_name=Subquery(devices.values("name")),
        product_zh=Subquery(units.values("product_name_zh")),
        product_en=Subquery(units.values("product_name_en")),
        order_number=Subquery(units.values("order__number")),
    )


def _presentations(venue: Venue) -> QuerySet[JournalEntry]:
    return JournalEntry.objects.filter(venue=venue, kind=JournalEntry.Kind.PRESENTATION)


def _recent(
    at: datetime,
    device: Device | None,
    station: Station | None,
    decision: int,
    reason: int,
    entitlement_id: int | None,
    raw: bytes,
) -> Recent:
    body = scan_pb2.Entry.FromString(raw).presentation
    return Recent(at, device, station, decision, reason, body.credential_kind, entitlement_id, body.persons)


def is_verified_at(station: Station) -> bool:
    """Whether anything was ever shown at its gates, as far as these have told (S-04)."""
    shown = JournalEntry.objects.filter(venue_id=station.venue_id, kind=JournalEntry.Kind.PRESENTATION)
    return shown.filter(station_id=station.pk).exists()
