"""Stations: where visitors enter and leave (S-01 to S-15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.cells import enabled_pill
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Related, Section, Value, actor_of
from cloud.admin.kit.text import money, named
from cloud.admin.sections.groups import says_joined
from cloud.catalog import selectors as catalog
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.staff.permissions import Permission
from cloud.venues import selectors
from cloud.venues.models import Station

NATURES = (("entry", _("Entry")), ("exit", _("Exit")))


class EditForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)


class CreateForm(EditForm):
    nature = forms.ChoiceField(
        label=_("Type"), choices=NATURES, initial="entry", help_text=_("An exit only counts. This cannot be changed.")
    )


class ProductsForm(SectionForm):
    products = forms.ModelMultipleChoiceField(
        TicketProduct.objects.none(), label=_("Products"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def prepare(self) -> None:
        field = self.fields["products"]
        field.queryset = TicketProduct.objects.filter(venue=self.desk.venue)  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]


def _nature(station: Station) -> Pill:
    entry = station.nature == Station.Nature.ENTRY
    return Pill(str(dict(NATURES)[station.nature]), Tone.BUSY if entry else Tone.IDLE, "log-in" if entry else "log-out")


def _products(station: Station) -> str:
    return ", ".join(named(product) for product in station.products.all())


def _devices(station: Station) -> str:
    return ", ".join(device.name for device in station.devices.all())


def _others(desk: Desk, station: Station) -> QuerySet[Station]:
    return selectors.group_members(station).exclude(pk=station.pk)


def _says_off(desk: Desk, stations: Sequence[Station]) -> Iterable[Any]:
    lanes = sum(len(station.devices.all()) for station in stations)
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
    Value("status", _("Status"), lambda one: enabled_pill(one.enabled), order=("enabled", "number")),
    Value("products", _("Verifies"), _products),
    Value("devices", _("Devices"), _devices),
    Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh, order=("name_zh",), listed=False),
    Value("name_en", _("Name in English"), lambda one: one.name_en, order=("name_en",), listed=False),
)


STATIONS = register(
    Section(
        key="stations",
        group="venue",
        icon="door-open",
        title=_("Stations"),
        one=_("Station"),
        view=Permission.LIVE_VIEW,
        rows=lambda desk: selectors.stations(desk.venue).prefetch_related("products", "devices"),
        label=named,
        values=VALUES,
        order=("number",),
        search=(
            "number__exact", "name_zh__icontains", "name_en__icontains", "products__name_zh__icontains",
            "products__name_en__icontains", "devices__name__icontains", "devices__identifier__icontains",
        ),
        search_hint=_("Number, station, product or device"),
        filters={
            "nature": filters.choice(_("Type"), "nature", NATURES),
            "status": filters.switch(_("Status"), "enabled"),
        },
        facts=tuple(value for value in VALUES if value.key not in ("name", "status", "products", "devices")),
        state=lambda one: enabled_pill(one.enabled),
        related=(
            Related(
                _("Devices"), lambda desk, one: one.devices.select_related("edge"),
                (
                    Value("name", _("Device"), lambda one: one.name, main=True),
                    Value("identifier", _("Identifier"), lambda one: one.identifier),
                    Value("edge", _("Edge"), lambda one: one.edge.name if one.edge else ""),
                    Value("status", _("Status"), lambda one: enabled_pill(one.enabled)),
                ),
                _("No device belongs to this station."), "devices",
            ),
            Related(
                _("Verifies"), lambda desk, one: catalog.products(desk.venue).filter(stations=one),
                (
                    Value("name", _("Product"), named, main=True),
                    Value("code", _("Code"), lambda one: one.code),
                    Value("price", _("Price"), lambda one: money(one.price_fen), numeric=True),
                ),
                _("No product is verified here."), "products",
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
            CreateForm, Permission.STATION_MANAGE,
            lambda desk, row, values: live_services.create_station(**actor_of(desk), **values),
            _("New station"), _("New station"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            EditForm, Permission.STATION_MANAGE,
            lambda desk, row, values: live_services.edit_station(**actor_of(desk), station=row, **values),
            _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "products", _("Products"), Permission.STATION_MANAGE,
                lambda desk, rows: [
                    _("The station and its same-type stations verify just these from now on."),
                    _("Tickets already sold are included."),
                ],
                _("The products of %(name)s are set."),
                run=lambda desk, row, values: live_services.set_station_products(
                    **actor_of(desk), station=row, products=values["products"]
                ),
                fits=lambda one: one.nature == Station.Nature.ENTRY, form=ProductsForm, icon="ticket", bulk=False,
            ),
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
