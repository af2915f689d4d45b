"""Places (景区POI): what a product's place, address and coordinates are filled in from by name (T-07)."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Section, Value, actor_of
from cloud.admin.kit.text import either, named
from cloud.catalog import product_services
from cloud.catalog.info import PHONE
from cloud.catalog.models import Place
from cloud.staff.permissions import Permission

_DEGREES = {"required": False, "max_digits": 9, "decimal_places": 6}


class PlaceForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    address_zh = forms.CharField(label=_("Address in Chinese"), max_length=200, required=False)
    address_en = forms.CharField(label=_("Address in English"), max_length=200, required=False)
    latitude = forms.DecimalField(label=_("Latitude (GCJ-02)"), min_value=-90, max_value=90, **_DEGREES)
    longitude = forms.DecimalField(
        label=_("Longitude (GCJ-02)"), min_value=-180, max_value=180, **_DEGREES,
        help_text=_("As maps in China have them: Amap, Tencent. Those of a GPS are up to 500 m off."),
    )  # fmt: skip
    phone = forms.RegexField(
        PHONE, label=_("Phone"), max_length=40, required=False, widget=forms.TextInput(attrs={"inputmode": "tel"}),
        error_messages={"invalid": _("Digits, + - ( ) and commas only.")},
    )  # fmt: skip


def _coordinates(place: Place) -> str:
    return f"{place.latitude}, {place.longitude}" if place.latitude is not None else ""


POIS = register(
    Section(
        key="pois",
        group="tickets",
        icon="map-pin",
        title=_("Places"),
        one=_("Place"),
        view=Permission.ORDER_VIEW,
        rows=lambda desk: Place.objects.filter(venue=desk.venue),
        label=named,
        values=(
            Value("name", _("Name"), named, order=("name_zh",), main=True),
            Value("address", _("Address"), lambda one: either(one.address_zh, one.address_en)),
            Value("coordinates", _("Coordinates (GCJ-02)"), _coordinates),
            Value("phone", _("Phone"), lambda one: one.phone),
        ),
        order=("name_zh",),
        search=("name_zh__icontains", "name_en__icontains", "address_zh__icontains"),
        search_hint=_("Name or address"),
        create=FormSpec(
            PlaceForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: product_services.create_place(**actor_of(desk), **values),
            _("New place"), _("New place"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            PlaceForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: product_services.edit_place(**actor_of(desk), place=row, **values),
            _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "delete", _("Delete"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [_("Products that were filled in from it stay as they are.")],
                _("Deleted: %(name)s"),
                run=lambda desk, row, values: product_services.delete_place(**actor_of(desk), place=row),
                icon="trash-2", grave=True, removes=True,
            ),
        ),
        empty=_("A product's form fills in address and coordinates from here by a place's name."),
        place=90,
    )
)  # fmt: skip
