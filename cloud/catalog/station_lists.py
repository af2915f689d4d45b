"""What a station sells and hands out: everything, also what is made later, or just some products (S-07, S-08).

No gate looks at either, so nothing is told to one. The desk asks `cloud.venues.workplaces.work_as` who may work
there at all, `require_sellable` in its sale's transaction and `require_collectable` where a ticket is picked up.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q, QuerySet

from cloud.catalog.models import StationCollect, StationSale, TicketProduct
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row, lock_rows
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue

NAMED = 3  # so many other stations a refusal names
_List = type[StationSale] | type[StationCollect]
_ALL: dict[_List, str] = {StationSale: "sells_all", StationCollect: "collects_all"}


def sellable_at(station: Station) -> QuerySet[TicketProduct]:
    """What may be sold there, whether it is on sale just now or not."""
    return _at(station, StationSale)


def collectable_at(station: Station) -> QuerySet[TicketProduct]:
    """What may be picked up there."""
    return _at(station, StationCollect)


def stations_selling(product: TicketProduct) -> QuerySet[Station]:
    """The enabled stations that may sell it, by number."""
    return _stations(product, StationSale)


def stations_collecting(product: TicketProduct) -> QuerySet[Station]:
    """The enabled stations where it may be picked up, by number."""
    return _stations(product, StationCollect)


def require_sellable(station: Station, product: TicketProduct) -> None:
    """Raises DomainError "station.not_sold", naming stations that sell it."""
    if not sellable_at(station).filter(pk=product.pk).exists():
        zh, en = _elsewhere(stations_selling(product), "没有站点出售此产品", "no station sells it")
        raise DomainError(
            "station.not_sold",
            f"“{station}”不出售“{product.name_zh}”（{zh}）。",
            f"{_en(station)} does not sell {product.name_en or product.name_zh} ({en}).",
        )


def require_collectable(station: Station, product: TicketProduct) -> None:
    """Raises DomainError "station.not_collected", naming stations that hand it out."""
    if not collectable_at(station).filter(pk=product.pk).exists():
        zh, en = _elsewhere(stations_collecting(product), "没有站点可取此票", "no station hands it out")
        raise DomainError(
            "station.not_collected",
            f"“{product.name_zh}”不能在“{station}”取票（{zh}）。",
            f"{product.name_en or product.name_zh} cannot be picked up at {_en(station)} ({en}).",
            "station",
        )


@transaction.atomic
def set_station_sales(
    *, actor: Actor, venue: Venue, station: Station, products: Iterable[TicketProduct] | None
) -> Station:
    """What the station sells from now on; None: everything, also what is made later.

    Raises:
        DomainError: "permission.denied", "row.gone".
    """
    return _set(actor, venue, station, StationSale, products, "station.sales")


@transaction.atomic
def set_station_collects(
    *, actor: Actor, venue: Venue, station: Station, products: Iterable[TicketProduct] | None
) -> Station:
    """What is handed out at the station from now on. As set_station_sales."""
    return _set(actor, venue, station, StationCollect, products, "station.collects")


def _set(
    actor: Actor, venue: Venue, station: Station, model: _List, products: Iterable[TicketProduct] | None, action: str
) -> Station:
    require(actor, Permission.STATION_MANAGE, venue)
    station = lock_row(Station, station.pk)
    chosen = lock_rows(TicketProduct, (product.pk for product in products or ()))
    before = set(model.objects.filter(station=station).values_list("product_id", flat=True))
    after = {product.pk for product in chosen}
    everything = products is None
    if (getattr(station, _ALL[model]), before) == (everything, after):
        return station
    model.objects.filter(station=station, product__in=before - after).delete()
    model.objects.bulk_create(model(station=station, product_id=pk) for pk in sorted(after - before))
    setattr(station, _ALL[model], everything)
    station.save(update_fields=[_ALL[model]])
    said = {"all": True} if everything else {"products": [product.code for product in chosen]}
    audit.write(actor, action, station, venue, number=station.number, **said)
    return station


def _at(station: Station, model: _List) -> QuerySet[TicketProduct]:
    products = TicketProduct.objects.filter(venue_id=station.venue_id)
    if getattr(station, _ALL[model]):
        return products
    return products.filter(pk__in=model.objects.filter(station=station).values("product"))


def _stations(product: TicketProduct, model: _List) -> QuerySet[Station]:
    named = model.objects.filter(product=product).values("station")
    wanted = Q(**{_ALL[model]: True}) | Q(pk__in=named)
    return Station.objects.filter(wanted, venue_id=product.venue_id, enabled=True).order_by("number")


def _elsewhere(stations: QuerySet[Station], none_zh: str, none_en: str) -> tuple[str, str]:
    """Where else, in both languages."""
    found = list(stations[: NAMED + 1])
    if not found:
        return none_zh, none_en
    more = len(found) > NAMED
    zh = "、".join(one.name_zh for one in found[:NAMED]) + ("等" if more else "")
    en = ", ".join(_en(one) for one in found[:NAMED]) + (" and others" if more else "")
    return f"请到{zh}", f"go to {en}"


def _en(station: Station) -> str:
    return station.name_en or station.name_zh
