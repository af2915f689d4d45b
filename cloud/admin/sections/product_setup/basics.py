"""Block 1: name, place, phone (T-07)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections.product_setup.block import Block
from cloud.catalog import product_services
from cloud.catalog.info import PHONE, ProductInfo
from cloud.catalog.models import Place, TicketProduct

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

_INFO = ("poi", "area_zh", "area_en", "address_zh", "address_en", "latitude", "longitude", "phone")
_DEGREES = {"required": False, "max_digits": 9, "decimal_places": 6}


class BasicsForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    poi = forms.CharField(
        label=_("Place (POI)"), max_length=80, required=False,
        widget=forms.TextInput(attrs={"list": "places", "autocomplete": "off", "data-poi": ""}),
        help_text=_("A place of the venue's list by its name fills in what follows; all of it can be changed here."),
    )  # fmt: skip
    area_zh = forms.CharField(label=_("Scenic area in Chinese"), max_length=80, required=False)
    area_en = forms.CharField(label=_("Scenic area in English"), max_length=80, required=False)
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
    layout = (
        (_("Name"), ("name_zh", "name_en")),
        (_("Place"), _INFO[:-1]),
        (_("For visitors' questions"), ("phone",)),
    )

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        info = ProductInfo.from_json(row.info)
        shown = {name: getattr(info, name) for name in _INFO}
        return {"name_zh": row.name_zh, "name_en": row.name_en} | shown

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values["info"] = ProductInfo(**{name: values.pop(name) for name in _INFO})
        return values


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    product.name_zh, product.name_en = values["name_zh"], values["name_en"]
    product.info = values["info"].to_json()


def _places(desk: Desk, product: TicketProduct) -> dict[str, Any]:
    """What the form is filled in from: read by its script."""
    known = [
        {
            "name": place.name_zh, "label": named(place), "area_zh": place.name_zh, "area_en": place.name_en,
            "address_zh": place.address_zh, "address_en": place.address_en, "phone": place.phone,
            "latitude": _degrees(place.latitude), "longitude": _degrees(place.longitude),
        }
        for place in Place.objects.filter(venue=desk.venue)
    ]  # fmt: skip
    return {"places": known}


def _degrees(value: Any) -> str:
    return "" if value is None else str(value)


BASICS = Block(
    "basics",
    _("Basic information"),
    "info",
    BasicsForm,
    lambda desk, product, values: product_services.set_basics(**actor_of(desk), product=product, **values),
    _draft,
    keeps=(_("Orders show the name they were made with."),),
    below="console/products/places.html",
    context=_places,
)
