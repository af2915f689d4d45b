"""Creation at a running venue: as the rooms below do it, and the gates are told in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from cloud.catalog import services as catalog
from cloud.catalog.models import ProductStation, TicketProduct
from cloud.catalog.rules import ProductRules
from cloud.core.actors import Actor
from cloud.entitlements import lanes, live
from cloud.venues import services as venues
from cloud.venues.models import Device, Edge, ExclusionGroup, Station, Venue


@transaction.atomic
def create_station(
    *,
    actor: Actor,
    venue: Venue,
    name_zh: str,
    name_en: str = "",
    nature: str = Station.Nature.ENTRY,
    group: ExclusionGroup | None = None,
    inner: bool = False,
) -> Station:
    """As cloud.venues.services; a station made in a group verifies what the group verifies (S-13)."""
    station = venues.create_station(
        actor=actor, venue=venue, name_zh=name_zh, name_en=name_en, nature=nature, group=group, inner=inner
    )
    products = ProductStation.objects.filter(station__group_id=station.group_id).values_list("product_id", flat=True)
    ProductStation.objects.bulk_create(ProductStation(product_id=pk, station=station) for pk in set(products))
    live.publish_venue(venue)
    live.publish_stations(venue, [station])
    return station


@transaction.atomic
def create_device(
    *,
    actor: Actor,
    venue: Venue,
    identifier: str,
    name: str,
    kind: str = Device.Kind.GATE,
    station: Station | None = None,
    edge: Edge | None = None,
) -> Device:
    """As cloud.venues.services."""
    device = venues.create_device(
        actor=actor, venue=venue, identifier=identifier, name=name, kind=kind, station=station, edge=edge
    )
    lanes.publish_devices(venue, [device])
    return device


@transaction.atomic
def create_product(
    *,
    actor: Actor,
    venue: Venue,
    code: str,
    name_zh: str,
    price_fen: int | None,
    name_en: str = "",
    kind: str = TicketProduct.Kind.TICKET,
    validity: str = TicketProduct.Validity.DATED,
    valid_days: int = 1,
    persons: int = 1,
    uses: int = 1,
    keep_on_timeout: bool = False,
    rules: ProductRules | None = None,
    stations: Iterable[Station] = (),
    on_sale: bool = True,
) -> TicketProduct:
    """As cloud.catalog.services."""
    product = catalog.create_product(
        actor=actor, venue=venue, code=code, name_zh=name_zh, price_fen=price_fen, name_en=name_en,
        kind=kind, validity=validity, valid_days=valid_days, persons=persons, uses=uses,
        keep_on_timeout=keep_on_timeout, rules=rules, stations=stations, on_sale=on_sale,
    )  # fmt: skip
    if live.IN_VENUE & product.rules.keys():
        live.publish_venue(venue)
    live.publish_stations(venue, product.stations.all())
    return product
