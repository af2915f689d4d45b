"""A business day in figures, beside the day before and the same day a week ago. Within the venue's scope.

`reach` leaves out the stations somebody is not authorised at. Every figure is of rows with an index on their day.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncHour

from cloud.admissions.models import Admission, JournalEntry
from cloud.core.business_day import calendar_of
from cloud.staff.reach import Reach
from cloud.venues.models import Venue
from paifang.v1 import scan_pb2

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """Persons admitted in each hour of a business day; None for hours that have not begun."""

    day: date
    persons: tuple[int | None, ...]

    @property
    def total(self) -> int:
        return sum(one or 0 for one in self.persons)


def hours(venue: Venue, day: date, now: datetime, reach: Reach) -> list[Hours]:
    """The day, the day before and the day a week ago; as many hours each as the longest of them has."""
    calendar = calendar_of(venue)
    days = [day, day - timedelta(days=1), day - timedelta(days=7)]
    rows = reach.narrow(Admission.objects.filter(venue=venue, business_day__in=days), "station_id").order_by()
    counted: defaultdict[date, dict[int, int]] = defaultdict(dict)
    for of, hour, persons in rows.values_list("business_day", TruncHour("at")).annotate(total=Sum("persons")):
        place = int((hour - calendar.start(of)) // HOUR)
        counted[of][max(place, 0)] = counted[of].get(max(place, 0), 0) + persons
    count = max(int((calendar.end(one) - calendar.start(one)) // HOUR) for one in days)
    return [
        Hours(
            one,
            tuple(
                counted[one].get(n, 0) if calendar.start(one) + n * HOUR <= now else None for n in range(count)
            ),
        )
        for one in days
    ]  # fmt: skip


def admitted_until(venue: Venue, day: date, elapsed: timedelta, reach: Reach) -> int:
    """Persons admitted on a day within so long from its start: what today is to be compared with."""
    rows = Admission.objects.filter(venue=venue, business_day=day, at__lt=calendar_of(venue).start(day) + elapsed)
    return int(reach.narrow(rows, "station_id").aggregate(total=Sum("persons", default=0))["total"])


def by_station(venue: Venue, day: date, reach: Reach) -> list[tuple[int, int]]:
    """(station, persons admitted), the most first."""
    rows = reach.narrow(Admission.objects.filter(venue=venue, business_day=day), "station_id").order_by()
    counted = rows.values_list("station_id").annotate(total=Sum("persons"))
    return sorted(counted, key=lambda one: (-one[1], one[0]))


def refusals(venue: Venue, day: date, reach: Reach) -> list[tuple[int, int]]:
    """(reason, presentations refused for it), the most frequent first."""
    start = calendar_of(venue).start(day)
    rows: QuerySet[JournalEntry] = JournalEntry.objects.filter(
        venue=venue, kind=JournalEntry.Kind.PRESENTATION, at__gte=start, business_day=day,
        decision=scan_pb2.DECISION_REFUSE,
    )  # fmt: skip
    counted = reach.narrow(rows, "station_id").order_by().values_list("reason").annotate(times=Count("pk"))
    return sorted(counted, key=lambda one: (-one[1], one[0]))


def admissions(venue: Venue, day: date, reach: Reach) -> int:
    """Admit verdicts of the day."""
    return reach.narrow(Admission.objects.filter(venue=venue, business_day=day), "station_id").count()
