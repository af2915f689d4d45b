"""Same-type stations: groups that share one use counter and one list of products (S-11 to S-14)."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from cloud.catalog.models import ProductStation, TicketProduct
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.inputs import required_text
from cloud.core.locks import lock_row, lock_rows
from cloud.entitlements import carried, live
from cloud.entitlements.live_services.products import force_products
from cloud.staff.permissions import Permission, require
from cloud.venues.models import ExclusionGroup, Station, Venue
from cloud.venues.services import exit_has_no_group


@transaction.atomic
def join_groups(
    *,
    actor: Actor,
    venue: Venue,
    station: Station,
    others: Iterable[Station],
    products: Iterable[TicketProduct] | None = None,
) -> list[Station]:
    """Makes the groups of the station and the others one: all their members exclude each other from now on.

    The station's own group stays, the others' become empty. Their products become one list: `products`, or
    everything any of them verifies (S-12). What was used at either counts in the group. Returns its stations.

    Raises:
        DomainError: "station.exit_group", "permission.denied", "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    lock_row(Venue, venue.pk)
    named = {station.pk, *(other.pk for other in others)}
    groups = sorted(set(Station.objects.filter(pk__in=named).values_list("group_id", flat=True)))
    members = set(Station.objects.filter(group_id__in=groups).values_list("pk", flat=True))
    stations = lock_rows(Station, named | members)
    if any(member.nature == Station.Nature.EXIT for member in stations):
        raise exit_has_no_group()
    if products is None:
        kept = set(ProductStation.objects.filter(station__in=stations).values_list("product_id", flat=True))
    else:
        kept = {product.pk for product in lock_rows(TicketProduct, (product.pk for product in products))}
    target, now = next(one.group_id for one in stations if one.pk == station.pk), timezone.now()
    for other in groups:
        if other != target:
            carried.carry(venue, other, target, now)
    for member in stations:
        member.group_id = target
    Station.objects.bulk_update(stations, ["group"])
    force_products(venue, stations, kept)
    live.publish_stations(venue, stations)
    audit.write(actor, "station.join", station, venue, stations=[member.number for member in stations])
    return stations


@transaction.atomic
def rename_group(*, actor: Actor, venue: Venue, group: ExclusionGroup, name: str) -> ExclusionGroup:
    """What the group is called in the console: no gate shows it.

    Raises:
        DomainError: "input.*", "permission.denied", "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    name = required_text(name, "name", 80)
    group = lock_row(ExclusionGroup, group.pk)
    if group.name != name:
        before, group.name = group.name, name
        group.save(update_fields=["name"])
        audit.write(actor, "group.rename", group, venue, name=[before, name])
    return group


@transaction.atomic
def leave_group(*, actor: Actor, venue: Venue, station: Station) -> Station:
    """Takes the station out of its group: it keeps its products, and what was used in the group still counts (S-14).

    A station alone in its group is left as it is.
    """
    require(actor, Permission.STATION_MANAGE, venue)
    lock_row(Venue, venue.pk)
    station = lock_row(Station, station.pk)
    if not Station.objects.filter(group_id=station.group_id).exclude(pk=station.pk).exists():
        return station
    old, fresh = station.group_id, ExclusionGroup.objects.create(venue=venue, name=station.name_zh)
    carried.carry(venue, old, fresh.pk, timezone.now())
    station.group = fresh
    station.save(update_fields=["group"])
    live.publish_stations(venue, [station])
    audit.write(actor, "station.leave", station, venue, number=station.number)
    return station
