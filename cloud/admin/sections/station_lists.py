"""What the list of stations shows of each: the beginnings of its lists, and how long they are (S-01, S-02)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Count, Model, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django_scopes import get_scope

from cloud.admin.desk import Desk
from cloud.admin.kit.action_view import brief
from cloud.admin.kit.text import chinese, named
from cloud.admin.sections.employee_view import name_of
from cloud.catalog.models import ProductStation, StationCollect, StationSale, TicketProduct
from cloud.staff import selectors as staff
from cloud.staff.models import RoleGrant
from cloud.venues import selectors
from cloud.venues.models import Device, Station

SHOWN = 2  # of each list; the rest is counted


def rows(desk: Desk) -> QuerySet[Station]:
    """The stations, each with the beginnings of its lists and their lengths: long ones cost no more than short."""
    sold, handed_out = (model.objects.select_related("product") for model in (StationSale, StationCollect))
    grants = _limited_grants().select_related("employee").order_by("employee__first_name", "employee_id")
    return (
        selectors.stations(desk.venue)
        .annotate(
            products_count=_count(ProductStation.objects.all()),
            sales_count=_count(StationSale.objects.all()),
            collects_count=_count(StationCollect.objects.all()),
            devices_count=_count(_devices()),
            employees_count=_count(_limited_grants(), "stations", "employee"),
        )
        .prefetch_related(
            Prefetch("products", TicketProduct.objects.order_by("product_class")[:SHOWN], to_attr="some_products"),
            Prefetch("sales", sold.order_by("product__product_class")[:SHOWN], to_attr="some_sales"),
            Prefetch("collects", handed_out.order_by("product__product_class")[:SHOWN], to_attr="some_collects"),
            Prefetch("devices", _devices().order_by("identifier")[:SHOWN], to_attr="some_devices"),
            Prefetch("grants", grants[:SHOWN], to_attr="some_grants"),
        )
    )


def _devices() -> QuerySet[Device]:
    return Device.objects.filter(retired_at=None)


def _limited_grants() -> QuerySet[RoleGrant]:
    return RoleGrant.objects.filter(limited=True, employee__is_active=True)


def _count(rows: QuerySet[Any], path: str = "station", what: str = "pk") -> Coalesce:
    """How many of the rows are a station's."""
    of_station = rows.filter(**{path: OuterRef("pk")}).order_by().values(path)
    return Coalesce(Subquery(of_station.annotate(n=Count(what, distinct=True)).values("n")), 0)


# --- cells ------------------------------------------------------------------------------------------------------------


def products(station: Any) -> str:
    return brief([named(one) for one in station.some_products], station.products_count, SHOWN)


def sells(station: Any) -> str:
    return _list(station.sells_all, station.some_sales, station.sales_count)


def collects(station: Any) -> str:
    return _list(station.collects_all, station.some_collects, station.collects_count)


def devices(station: Any) -> str:
    return brief([device.name for device in station.some_devices], station.devices_count, SHOWN)


def employees(station: Any) -> str:
    """Those authorised for this station in so many words; whose role is for the whole venue works here too."""
    names = {grant.employee_id: name_of(grant.employee) for grant in station.some_grants}
    return brief(list(names.values()), station.employees_count, SHOWN)


def _list(everything: bool, some: Iterable[Any], count: int) -> str:
    if everything:
        return _("All products")
    return brief([named(link.product) for link in some], count, SHOWN) or _("No product")


def whole(read: Callable[[Station], Iterable[str]]) -> Callable[[Station], str]:
    """For an export: the list to its end."""
    return lambda station: ("、" if chinese() else ", ").join(read(station))


def all_products(station: Station) -> Iterable[str]:
    return (named(one) for one in station.products.order_by("product_class"))


def all_sold(station: Station) -> Iterable[str]:
    return _all(station.sells_all, station.sales)  # type: ignore[attr-defined]


def all_collected(station: Station) -> Iterable[str]:
    return _all(station.collects_all, station.collects)  # type: ignore[attr-defined]


def all_devices(station: Station) -> Iterable[str]:
    return (device.name for device in station.devices.filter(retired_at=None).order_by("identifier"))


def all_employees(station: Station) -> Iterable[str]:
    grants = _limited_grants().filter(stations=station).select_related("employee").order_by("employee__first_name")
    return dict.fromkeys(name_of(grant.employee) for grant in grants)


def _all(everything: bool, links: Any) -> Iterable[str]:
    if everything:
        return [_("All products")]
    return (named(link.product) for link in links.select_related("product").order_by("product__product_class"))


# --- searching --------------------------------------------------------------------------------------------------------


def by_product(text: str) -> Q:
    names = Q(product__name_zh__icontains=text) | Q(product__name_en__icontains=text) | Q(product__code__iexact=text)
    return _at(ProductStation.objects.filter(names))


def by_device(text: str) -> Q:
    return _at(_devices().filter(Q(name__icontains=text) | Q(identifier__icontains=text), station__isnull=False))


def by_employee(text: str) -> Q:
    """Whoever works at all stations is found at each of them."""
    names = Q(first_name__icontains=text) | Q(username__icontains=text)
    if staff.everywhere(get_scope()["venue"]).filter(names).exists():
        return Q(pk__isnull=False)
    of_grants = Q(employee__first_name__icontains=text) | Q(employee__username__icontains=text)
    return _at(_limited_grants().filter(of_grants, stations__isnull=False), "stations")


def _at(rows: QuerySet[Model], path: str = "station") -> Q:
    """Looked up apart: joined, a station of many products and many devices would be looked at many times over."""
    return Q(pk__in=rows.order_by().values(path))
