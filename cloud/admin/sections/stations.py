"""Stations: where visitors enter and leave (S-01 to S-15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.cells import enabled_pill
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Related, Section, Value, actor_of
from cloud.admin.kit.text import money, named
from cloud.admin.sections import employee_view as people
from cloud.admin.sections import station_lists as lists
from cloud.admin.sections.device_cells import DEVICES, effective_cell
from cloud.admin.sections.groups import says_joined
from cloud.admin.sections.station_form import NATURES, StationForm, save
from cloud.catalog import selectors as catalog
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.staff import selectors as staff
from cloud.staff.models import Employee, RoleGrant
from cloud.staff.permissions import Permission
from cloud.venues import selectors
from cloud.venues.models import Station


def _nature(station: Station) -> Pill:
    entry = station.nature == Station.Nature.ENTRY
    return Pill(str(dict(NATURES)[station.nature]), Tone.BUSY if entry else Tone.IDLE, "log-in" if entry else "log-out")


def _others(desk: Desk, station: Station) -> QuerySet[Station]:
    return selectors.group_members(station).exclude(pk=station.pk)


def _employees(desk: Desk, station: Station) -> QuerySet[Employee]:
    """Who may work there: authorised for it, or for the whole venue by their role."""
    authorised = RoleGrant.objects.filter(Q(limited=False) | Q(stations=station), venue_id=desk.venue.pk)
    people = staff.employees(desk.venue).filter(is_active=True, pk__in=authorised.values("employee"))
    return people.order_by("first_name", "pk")


def _listed(title: Any, whole: str, links: str, empty: Any) -> Related:
    """Products of a list; nothing where it is all of them."""

    def products(desk: Desk, station: Station) -> QuerySet[TicketProduct] | None:
        if getattr(station, whole):
            return None
        listed = getattr(station, links).values("product")
        return catalog.products(desk.venue).filter(pk__in=listed).order_by("product_class")

    return Related(title, products, PRODUCT, empty, "products")


def _says_off(desk: Desk, stations: Sequence[Station]) -> Iterable[Any]:
    lanes = sum(station.devices_count for station in stations)  # type: ignore[attr-defined]
    yield ngettext_lazy(
        "%(lanes)d device there refuses every code within a moment.",
        "%(lanes)d devices there refuse every code within a moment.",
        lanes,
    ) % {"lanes": lanes}
    yield _("Visitors are sent to another entrance.")


VALUES = (
    Value("number", _("Number"), lambda one: one.number, order=("number",), numeric=True),
    Value("name", _("Station"), named, order=("name_zh",), main=True),
    Value("nature", _("Type"), _nature, order=("nature", "number")),
    Value("products", _("Verifies"), lists.products, plain=lists.whole(lists.all_products)),
    Value("sells", _("Sells"), lists.sells, plain=lists.whole(lists.all_sold)),
    Value("collects", _("Hands out"), lists.collects, plain=lists.whole(lists.all_collected)),
    Value("employees", _("Authorised employees"), lists.employees, plain=lists.whole(lists.all_employees)),
    Value("devices", _("Devices"), lists.devices, plain=lists.whole(lists.all_devices)),
    Value("status", _("Status"), lambda one: enabled_pill(one.enabled), order=("enabled", "number")),
    Value("inner", _("Inside the venue"), lambda one: one.inner, order=("inner", "number"), listed=False),
    Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh, order=("name_zh",), listed=False),
    Value("name_en", _("Name in English"), lambda one: one.name_en, order=("name_en",), listed=False),
)
LISTS = frozenset({"products", "employees", "devices"})  # shown whole further down the page
PRODUCT = (
    Value("name", _("Product"), named, main=True),
    Value("code", _("Code"), lambda one: one.code),
    Value("price", _("Price"), lambda one: money(one.price_fen), numeric=True),
)


STATIONS = register(
    Section(
        key="stations",
        group="venue",
        icon="door-open",
        title=_("Stations"),
        one=_("Station"),
        view=Permission.LIVE_VIEW,
        rows=lists.rows,
        label=named,
        values=VALUES,
        order=("number",),
        search=(
            "number__exact", "name_zh__icontains", "name_en__icontains", lists.by_product, lists.by_device,
            lists.by_employee,
        ),
        search_hint=_("Number, station, product, device or employee"),
        filters={
            "nature": filters.choice(_("Type"), "nature", NATURES),
            "status": filters.switch(_("Status"), "enabled"),
        },
        facts=tuple(value for value in VALUES if value.key not in LISTS | {"name", "status"}),
        state=lambda one: enabled_pill(one.enabled),
        related=(
            Related(
                _("Devices"), lambda desk, one: one.devices.filter(retired_at=None).select_related("edge", "station"),
                (
                    Value("name", _("Device"), lambda one: one.name, main=True),
                    Value("identifier", _("Identifier"), lambda one: one.identifier),
                    Value("kind", _("Type"), lambda one: DEVICES[one.kind]),
                    Value("edge", _("Edge"), lambda one: one.edge.name if one.edge else ""),
                    Value("status", _("Status"), effective_cell),
                ),
                _("No device belongs to this station."), "devices",
            ),
            Related(
                _("Verifies"), lambda desk, one: catalog.products(desk.venue).filter(stations=one), PRODUCT,
                _("No product is verified here."), "products",
            ),
            _listed(_("Sells"), "sells_all", "sales", _("Nothing is sold here.")),
            _listed(_("Hands out"), "collects_all", "collects", _("Nothing is handed out here.")),
            Related(
                _("Authorised employees"), _employees,
                (
                    Value("name", _("Name"), people.name_of, main=True),
                    Value("roles", _("Roles"), people.roles_text),
                ),
                _("Nobody works here."), "employees",
            ),
            Related(
                _("Same-type stations"), _others,
                (
                    Value("name", _("Station"), named, main=True),
                    Value("number", _("Number"), lambda one: one.number, numeric=True),
                ),
                _("No other station shares its count of uses."), "stations",
            ),
        ),
        create=FormSpec(
            StationForm, Permission.STATION_MANAGE, save, _("New station"), _("New station"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            StationForm, Permission.STATION_MANAGE, save, _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "same_type", _("Make same-type"), Permission.STATION_MANAGE, lambda desk, rows: says_joined(desk, rows),
                _("Same-type from now on: %(name)s"),
                run_all=lambda desk, rows, values: live_services.join_groups(
                    **actor_of(desk), station=rows[0], others=rows[1:]
                ),
                fits=lambda one: one.nature == Station.Nature.ENTRY, icon="link",
            ),
            Action(
                "enable", _("Enable"), Permission.STATION_SWITCH,
                lambda desk, rows: [
                    _("Its lanes admit visitors again within a moment; those taken out of service one by one stay out.")
                ],
                _("Enabled: %(name)s"),
                run=lambda desk, row, values: live_services.set_station_enabled(
                    **actor_of(desk), station=row, enabled=True
                ),
                fits=lambda one: not one.enabled, icon="circle-check",
            ),
            Action(
                "disable", _("Disable"), Permission.STATION_SWITCH, _says_off, _("Disabled: %(name)s"),
                run=lambda desk, row, values: live_services.set_station_enabled(
                    **actor_of(desk), station=row, enabled=False
                ),
                fits=lambda one: one.enabled, icon="circle-slash", grave=True,
            ),
        ),
        empty=_("Stations are where visitors enter and leave."),
        place=10,
    )
)  # fmt: skip
