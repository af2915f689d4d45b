"""People who entered and left, by business day, station and edge. Counted in the ingest's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db.models import F

from cloud.admissions.models import Occupancy
from cloud.admissions.settle import Passage
from cloud.venues.models import Edge, Station, Venue

Row = tuple[date, int, str]  # business day, station, "entered" or "left"


def exit_stations(venue: Venue) -> set[int]:
    return set(Station.objects.filter(venue=venue, nature=Station.Nature.EXIT).values_list("pk", flat=True))


def walked(venue: Venue, passages: Iterable[Passage]) -> dict[Row, int]:
    """How many persons walked where, in or out. An edge says who left; older ones left that to the station."""
    exits = exit_stations(venue)
    found: defaultdict[Row, int] = defaultdict(int)
    for passage in passages:
        if passage.walked:
            side = "left" if passage.leaving or passage.station_id in exits else "entered"
            found[passage.business_day, passage.station_id, side] += passage.walked
    return dict(found)


def count(edge: Edge, passages: Iterable[Passage]) -> None:
    """Adds the persons who walked, on the business day their admission belongs to."""
    found = walked(edge.venue, passages)
    if not found:
        return
    Occupancy.objects.bulk_create(
        (
            Occupancy(venue_id=edge.venue_id, business_day=day, station_id=station, edge_id=edge.pk)
            for day, station in sorted({(day, station) for day, station, _ in found})
        ),
        ignore_conflicts=True,
    )
    # In one order everywhere: uploads that count at once wait for each other, never in a circle.
    for (day, station, side), persons in sorted(found.items()):
        rows = Occupancy.objects.filter(venue_id=edge.venue_id, business_day=day, station_id=station, edge_id=edge.pk)
        rows.update(**{side: F(side) + persons})
