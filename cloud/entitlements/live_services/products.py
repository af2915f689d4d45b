"""Which station verifies which product: one relation, edited from either side (S-06, T-28)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction

from cloud.catalog.models import ProductStation, TicketProduct
from cloud.catalog.services import lock_groups
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.locks import lock_row, lock_rows
from cloud.entitlements import lanes, live
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue


@transaction.atomic
def set_product_stations(
    *, actor: Actor, venue: Venue, product: TicketProduct, stations: Iterable[Station]
) -> list[Station]:
    """The stations that verify the product from now on, tickets already sold included. Returns them.

    A group goes as a whole (S-13): a station added brings its same-type stations, one removed takes them along.

    Raises:
        DomainError: "station.exit_products", "permission.denied", "row.gone".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    lock_row(Venue, venue.pk)
    product, change = change_stations(product, stations)
    if change.after != change.before:
        live.publish_stations(venue, change.touched)
        audit.write(actor, "product.stations", product, venue, code=product.code, stations=numbers(change.after))
    return list(Station.objects.filter(pk__in=change.after))


@transaction.atomic
def set_station_products(
    *, actor: Actor, venue: Venue, station: Station, products: Iterable[TicketProduct]
) -> list[Station]:
    """What the station and its same-type stations verify from now on (S-13). Returns those stations.

    Raises:
        DomainError: "station.exit_products", "permission.denied", "row.gone".
    """
    require(actor, Permission.STATION_MANAGE, venue)
    lock_row(Venue, venue.pk)
    members = lock_groups([station])
    chosen = lock_rows(TicketProduct, (product.pk for product in products))
    force_products(venue, members, {product.pk for product in chosen})
    live.publish_stations(venue, members)
    audit.write(
        actor, "station.products", station, venue,
        stations=[member.number for member in members], products=[product.code for product in chosen],
    )  # fmt: skip
    return members


@dataclass(frozen=True, slots=True)
class StationChange:
    """Ids of the stations that verified a product and of those that do now; `touched` are locked and to be told."""

    before: set[int]
    after: set[int]
    touched: list[Station]


def change_stations(product: TicketProduct, stations: Iterable[Station]) -> tuple[TicketProduct, StationChange]:
    """Makes these the product's stations, groups as a whole. Returns the product, locked.

    The caller holds the venue's lock, and tells the gates.
    """
    wanted = {station.pk: station for station in stations}
    before = set(ProductStation.objects.filter(product=product).values_list("station_id", flat=True))
    removed = Station.objects.filter(pk__in=before - wanted.keys())
    touched = lock_groups([*removed, *(station for pk, station in wanted.items() if pk not in before)])
    product = lock_row(TicketProduct, product.pk)
    leaving = {station.group_id for station in touched if station.pk in before}
    off = {station.pk for station in touched if station.group_id in leaving}
    on = {station.pk for station in touched} - off
    after = (before | on) - off
    ProductStation.objects.filter(product=product, station__in=off).delete()
    ProductStation.objects.bulk_create(ProductStation(product=product, station_id=pk) for pk in sorted(on))
    lanes.drop_removed(product.venue, touched)
    return product, StationChange(before, after, touched)


def force_products(venue: Venue, stations: Collection[Station], product_ids: Collection[int]) -> None:
    """Gives each station exactly these products; its lanes lose what it loses. The caller holds the stations' locks."""
    ProductStation.objects.filter(station__in=stations).exclude(product__in=product_ids).delete()
    there = set(ProductStation.objects.filter(station__in=stations).values_list("station_id", "product_id"))
    ProductStation.objects.bulk_create(
        ProductStation(product_id=product, station=station)
        for station in stations
        for product in sorted(product_ids)
        if (station.pk, product) not in there
    )
    lanes.drop_removed(venue, stations)


def numbers(station_ids: Iterable[int]) -> list[int]:
    return list(Station.objects.filter(pk__in=set(station_ids)).values_list("number", flat=True))
