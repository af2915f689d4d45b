"""Exclusion groups and their stations with what was used of them today. Within the venue's scope."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum

from cloud.admissions.models import Admission
from cloud.core import business_day
from cloud.venues.models import ExclusionGroup, Station, Venue


def groups(venue: Venue) -> QuerySet[ExclusionGroup]:
    """The groups that have stations; each with `uses` (persons let in today less those given back, None for none),
    `second` (a second station's id, None where there is one alone) and `entry` (it has a station that verifies)."""
    members = Station.objects.filter(group=OuterRef("pk"))
    of_the_group = Station.objects.filter(group=OuterRef(OuterRef("pk"))).values("pk")
    return (
        ExclusionGroup.objects.filter(Exists(members), venue=venue)
        .annotate(
            uses=Subquery(_uses(venue).filter(station_id__in=of_the_group).values("used")),
            second=Subquery(members.order_by("pk").values("pk")[1:2]),
            entry=Exists(members.filter(nature=Station.Nature.ENTRY)),
        )
        .prefetch_related("stations__products")
    )


def with_uses(stations: QuerySet[Station], venue: Venue) -> QuerySet[Station]:
    """Each with `uses`, as of the groups."""
    return stations.annotate(uses=Subquery(_uses(venue).filter(station_id=OuterRef("pk")).values("used")))


def uses_today(venue: Venue, stations: Iterable[Station]) -> int:
    """Persons let in at these stations today, less those whose use was given back."""
    found = _uses(venue).filter(station_id__in=[station.pk for station in stations])
    return sum(found.values_list("used", flat=True))


def _uses(venue: Venue) -> QuerySet[Admission]:
    """The day's admissions as one row, `used`; to be narrowed to stations."""
    today = Admission.objects.filter(venue=venue, business_day=business_day.today(venue)).order_by()
    return today.values("business_day").annotate(used=Sum(F("persons") - F("returned")))  # type: ignore[return-value]
