"""People who entered and left, by business day and station. Counted in the ingest's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db.models import F

from cloud.admissions.models import Occupancy
from cloud.admissions.settle import Passage
from cloud.venues.models import Station, Venue


def exit_stations(venue: Venue) -> set[int]:
    return set(Station.objects.filter(venue=venue, nature=Station.Nature.EXIT).values_list("pk", flat=True))


def count(venue: Venue, passages: Iterable[Passage]) -> None:
    """Adds the persons who walked, on the business day their admission belongs to."""
    walked: defaultdict[tuple[date, int], int] = defaultdict(int)
    for passage in passages:
        if passage.walked:
            walked[passage.business_day, passage.station_id] += passage.walked
    if not walked:
        return
    exits = exit_stations(venue)
    Occupancy.objects.bulk_create(
        (Occupancy(venue=venue, business_day=day, station_id=station) for day, station in sorted(walked)),
        ignore_conflicts=True,
    )
    # In one order everywhere: two edges of a station counting at once wait for each other, never in a circle.
    for (day, station), persons in sorted(walked.items()):
        column = "left" if station in exits else "entered"
        Occupancy.objects.filter(venue=venue, business_day=day, station_id=station).update(
            **{column: F(column) + persons}
        )
