"""A station that is to be for entry or for exit after all: until somebody showed something there (S-04)."""

from __future__ import annotations

from django.db import transaction

from cloud.admissions.models import EdgeChain
from cloud.admissions.selectors import is_verified_at
from cloud.catalog.models import ProductStation
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue
from cloud.venues.services import exit_has_no_group


@transaction.atomic
def set_station_nature(*, actor: Actor, venue: Venue, station: Station, nature: str) -> Station:
    """Makes an entry an exit or the other way round.

    What a gate out of contact recorded and has not sent yet is not known here, and does not prevent it.

    Raises:
        DomainError: "station.nature_used" (there are verifications), "station.nature", "station.exit_products",
            "station.exit_group", "permission.denied", "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    if nature not in Station.Nature.values:
        raise DomainError("station.nature", "站点性质应为入园或出园。", "A station is for entry or for exit.", "nature")
    lock_row(Venue, venue.pk)
    station = lock_row(Station, station.pk)
    if station.nature == nature:
        return station
    list(EdgeChain.objects.select_for_update().filter(venue_id=venue.pk).order_by("pk"))  # no report comes between
    if is_verified_at(station):
        raise DomainError(
            "station.nature_used",
            "该站点已有核验记录，站点性质不能再更改。请新建一个站点。",
            "Codes were shown at this station, so its type cannot be changed any more. Make a new station.",
            "nature",
        )
    if nature == Station.Nature.EXIT:
        _require_bare(station)
    before, station.nature = station.nature, nature
    station.save(update_fields=["nature"])
    live.publish_stations(venue, [station])
    audit.write(actor, "station.nature", station, venue, number=station.number, nature=[before, nature])
    return station


def _require_bare(station: Station) -> None:
    """An exit counts only: it has no products and no same-type stations."""
    if ProductStation.objects.filter(station=station).exists():
        raise DomainError(
            "station.exit_products",
            "出园站点只计数，请先取消它的可验产品。",
            "An exit only counts: take its products away first.",
            "nature",
        )
    if Station.objects.filter(group_id=station.group_id).exclude(pk=station.pk).exists():
        raise exit_has_no_group()
