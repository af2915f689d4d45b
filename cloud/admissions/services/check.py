"""Every total equals the sum of its ledger: admissions and occupancy against the journal, for one business day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from cloud.admissions.models import Admission, JournalEntry, Occupancy
from cloud.admissions.services.occupancy import walked
from cloud.admissions.settle import Passage
from cloud.core.alarms import raise_alarm, raised
from cloud.core.business_day import calendar_of
from cloud.core.locks import lock_row
from cloud.venues.models import Venue
from paifang.v1 import scan_pb2

Key = tuple[int, int]  # edge, seq of the admitting presentation


@dataclass(frozen=True, slots=True)
class Difference:
    """One total that is not what the journal adds up to."""

    what: str  # "admissions", "passed", "returned", "entered:<station>", "left:<station>"
    total: int
    journal: int


def check_day(venue: Venue, day: date) -> list[Difference]:
    """Compares, and alarms "ledger.mismatch" once for the same differences. Within the venue's scope.

    Edges go on uploading while the tables are read one after the other, and no lock makes them wait: what is
    found must be found twice, unchanged, to count.
    """
    differences = _differences(venue, day)
    if not differences or _differences(venue, day) != differences:
        return []
    found = {difference.what: [difference.total, difference.journal] for difference in differences[:20]}
    with transaction.atomic():
        lock_row(Venue, venue.pk)  # two workers looking at once raise one alarm
        if not raised("ledger.mismatch", venue, day=day.isoformat(), found=found):
            raise_alarm("ledger.mismatch", venue, venue, day=day.isoformat(), found=found)
    return differences


def _differences(venue: Venue, day: date) -> list[Difference]:
    journal = _from_journal(venue, day)
    admissions = Admission.objects.filter(venue=venue, business_day=day)
    sums = admissions.aggregate(passed=Sum("passed", default=0), returned=Sum("returned", default=0))
    totals = {
        "admissions": (admissions.count(), len(journal)),
        "passed": (sums["passed"], sum(passage.passed for passage in journal.values())),
        "returned": (sums["returned"], sum(passage.returned for passage in journal.values())),
    }
    ledger = {(side, station): persons for (_, station, side), persons in walked(venue, journal.values()).items()}
    rows = Occupancy.objects.filter(venue=venue, business_day=day).values("station_id")
    counted: dict[tuple[str, int], int] = {}
    for row in rows.annotate(entered_sum=Sum("entered"), left_sum=Sum("left")):
        counted["entered", row["station_id"]] = row["entered_sum"]
        counted["left", row["station_id"]] = row["left_sum"]
    for side, station in sorted(ledger.keys() | counted.keys()):
        totals[f"{side}:{station}"] = (counted.get((side, station), 0), ledger.get((side, station), 0))
    return [Difference(what, total, ledger) for what, (total, ledger) in totals.items() if total != ledger]


def _from_journal(venue: Venue, day: date) -> dict[Key, Passage]:
    """The day's admissions as the stored entries tell them, by the same rules as the ingest."""
    passages: dict[Key, Passage] = {}
    admits = JournalEntry.objects.filter(
        venue=venue, business_day=day, kind=JournalEntry.Kind.PRESENTATION, decision=scan_pb2.DECISION_ADMIT
    )
    for edge_id, entry in _entries(admits.values_list("edge_id", "raw")):
        body = entry.presentation
        passages[edge_id, entry.seq] = Passage(day, body.station_id, body.persons, leaving=body.leaving)
    # A use is settled seconds later, after a crash hours later: the next business day is far enough.
    calendar = calendar_of(venue)
    settlements = JournalEntry.objects.filter(
        venue=venue,
        kind=JournalEntry.Kind.SETTLEMENT,
        at__gte=calendar.start(day),
        business_day__in=(day, day + timedelta(days=1)),
    )
    for edge_id, entry in _entries(settlements.order_by("edge_id", "seq").values_list("edge_id", "raw")):
        passage = passages.get((edge_id, entry.settlement.admission_seq))
        if passage is not None:
            passage.settle(entry.settlement, datetime.fromtimestamp(entry.at_ms / 1000, UTC))
    return passages


def _entries(rows: object) -> Iterator[tuple[int, scan_pb2.Entry]]:
    for edge_id, raw in rows.iterator(chunk_size=2000):  # type: ignore[attr-defined]
        yield edge_id, scan_pb2.Entry.FromString(bytes(raw))
