"""What is done to one product or to many: sale, copies, categories, prices, stations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.section import Action, actor_of
from cloud.admin.kit.text import money, named
from cloud.catalog import product_services, services
from cloud.catalog.models import Category, TicketProduct
from cloud.catalog.product_services import Change
from cloud.core.errors import DomainError
from cloud.entitlements import live_services
from cloud.staff.permissions import Permission
from cloud.venues.models import Station

HOW = (("percent", _("Per cent of each price")), ("amount", _("Yuan")))
WAY = (("more", _("More")), ("less", _("Less")))
SHOWN = 5  # so many products' prices are said before they are changed


class CopyForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    code = forms.SlugField(label=_("Code"), max_length=32, required=False, help_text=_("Empty: it is given one."))
    calendars = forms.BooleanField(label=_("Prices and stock of days to come too"), required=False)

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        english = f"{row.name_en} (copy)"[:80] if row.name_en else ""
        return {"name_zh": f"{row.name_zh}（副本）"[:80], "name_en": english}


class CategoryForm(SectionForm):
    category = forms.ModelChoiceField(Category.objects.none(), label=_("Category"))

    def prepare(self) -> None:
        field = self.fields["category"]
        field.queryset = Category.objects.filter(venue=self.desk.venue)  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]


class PricesForm(SectionForm):
    way = forms.ChoiceField(label=_("Prices become"), choices=WAY, initial="more")
    amount = forms.DecimalField(label=_("By"), min_value=Decimal("0.01"), max_digits=10, decimal_places=2)
    how = forms.ChoiceField(label=_("Of what"), choices=HOW, initial="percent")
    calendars = forms.BooleanField(label=_("Days to come with a price of their own too"), required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values = {"change": _change(values), "calendars": values["calendars"]}
        return values


class StationsForm(SectionForm):
    way = forms.ChoiceField(
        label=_("The stations chosen"), choices=(("add", _("verify it too")), ("remove", _("no longer verify it"))),
        initial="add",
    )  # fmt: skip
    stations = forms.ModelMultipleChoiceField(
        Station.objects.none(), label=_("Stations"), widget=forms.CheckboxSelectMultiple,
        help_text=_("Same-type stations come and go together."),
    )  # fmt: skip

    def prepare(self) -> None:
        field = self.fields["stations"]
        entries = Station.objects.filter(venue=self.desk.venue, nature=Station.Nature.ENTRY)
        field.queryset = entries.order_by("number")  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]


def _change(values: dict[str, Any]) -> Change:
    sign = -1 if values["way"] == "less" else 1
    if values["how"] == "amount":
        return Change(fen=sign * int(values["amount"].scaleb(2)))
    return Change(hundredths=sign * int(values["amount"].scaleb(2)))


def _switch(on_sale: bool) -> Callable[[Desk, TicketProduct, dict[str, Any]], TicketProduct]:
    def run(desk: Desk, row: TicketProduct, values: dict[str, Any]) -> TicketProduct:
        return services.set_on_sale(**actor_of(desk), product=row, on_sale=on_sale)

    return run


def _prices_preview(desk: Desk, rows: Sequence[TicketProduct], values: dict[str, Any]) -> list[str]:
    """The first prices as they are and as they will be."""
    lines = []
    for product in rows[:SHOWN]:
        pairs = [_pair(spec.price_fen, values["change"]) for spec in product.specs.all() if spec.price_fen is not None]
        lines.append(f"{named(product)}: {', '.join(pairs) or gettext('by the day')}")
    if len(rows) > SHOWN:
        lines.append(gettext("… and %(count)d more products.") % {"count": len(rows) - SHOWN})
    lines.append(gettext("Tickets already sold keep the price that was paid."))
    return lines


def _pair(fen: int, change: Change) -> str:
    try:
        return f"{money(fen)} → {money(change.of(fen))}"
    except DomainError:
        return gettext("%(price)s: would be no price, left as it is") % {"price": money(fen)}


def _set_stations(desk: Desk, row: TicketProduct, values: dict[str, Any]) -> TicketProduct:
    chosen = {station.pk: station for station in values["stations"]}
    there = {station.pk: station for station in row.stations.all()}
    after = (
        {**there, **chosen} if values["way"] == "add" else {pk: one for pk, one in there.items() if pk not in chosen}
    )
    live_services.set_product_stations(**actor_of(desk), product=row, stations=after.values())
    return row


ACTIONS = (
    Action(
        "sell", _("Put on sale"), Permission.PRODUCT_MANAGE,
        lambda desk, rows: [
            _("It can be sold from now on, all its specs, whatever was timed."),
            _("One that lacks something is left as it is, and you are told what."),
        ],
        _("On sale: %(name)s"),
        run=_switch(True), fits=lambda one: not one.on_sale, icon="circle-check",
    ),
    Action(
        "stop", _("Take off sale"), Permission.PRODUCT_MANAGE,
        lambda desk, rows: [_("It can no longer be sold."), _("Tickets already sold stay valid.")],
        _("Off sale: %(name)s"),
        run=_switch(False), fits=lambda one: one.on_sale, icon="circle-slash", grave=True,
    ),
    Action(
        "copy", _("Copy"), Permission.PRODUCT_MANAGE,
        lambda desk, rows: [
            _("A draft in the warehouse with all its blocks, specs, stations and pictures."),
            _("Nothing of the product itself changes."),
        ],
        _("Copied: %(name)s"),
        run=lambda desk, row, values: product_services.copy_product(**actor_of(desk), product=row, **values),
        form=CopyForm, icon="copy", bulk=False,
    ),
    Action(
        "category", _("Change category"), Permission.PRODUCT_MANAGE,
        lambda desk, rows: [_("All specs of the product get this category.")],
        _("Category changed: %(name)s"),
        run=lambda desk, row, values: product_services.set_category(**actor_of(desk), product=row, **values),
        form=CategoryForm, icon="folder-input",
    ),
    Action(
        "prices", _("Change prices"), Permission.PRODUCT_MANAGE,
        lambda desk, rows: [_("Of all specs. You see what they become before anything is changed.")],
        _("Prices changed: %(name)s"),
        run=lambda desk, row, values: product_services.change_prices(**actor_of(desk), product=row, **values),
        form=PricesForm, preview=_prices_preview, icon="percent",
    ),
    Action(
        "stations", _("Change stations"), Permission.PRODUCT_MANAGE,
        lambda desk, rows: [_("At once, for tickets already sold too.")],
        _("Stations changed: %(name)s"),
        run=_set_stations, form=StationsForm, icon="map-pin",
    ),
)  # fmt: skip
