"""Block 3: the specs with their prices and stock (T-11). Days and slots of their own are in the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.kit.yuan import YuanField, yuan
from cloud.admin.sections.product_setup.block import Block
from cloud.catalog import product_services
from cloud.catalog.models import Category, Spec, TicketProduct
from cloud.catalog.product_services.specs import MAX_SPECS, MAX_STOCK, SpecInput
from cloud.catalog.services import MAX_PRICE_FEN

if TYPE_CHECKING:
    from cloud.admin.desk import Desk


class SpecRow(RowForm):
    pk = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name_zh = forms.CharField(
        label=_("Name in Chinese"), max_length=40, required=False, help_text=_("Adult, child: empty for just one.")
    )
    name_en = forms.CharField(label=_("Name in English"), max_length=40, required=False)
    description_zh = forms.CharField(label=_("Description in Chinese"), max_length=200, required=False)
    description_en = forms.CharField(label=_("Description in English"), max_length=200, required=False)
    category = forms.ModelChoiceField(Category.objects.none(), label=_("Category"), required=False)
    code = forms.CharField(
        label=_("Code"), max_length=32, required=False, help_text=_("Its bar code. Empty: it is given one.")
    )
    price = YuanField(
        label=_("Price in yuan"), max_fen=MAX_PRICE_FEN, required=False,
        help_text=_("Of days without a price of their own. Empty: only the calendar's days are sold."),
    )  # fmt: skip
    stock = forms.IntegerField(
        label=_("Stock a day"), min_value=0, max_value=MAX_STOCK, required=False,
        help_text=_("Of days, or slots, without a stock of their own. Empty: no limit."),
    )  # fmt: skip

    def prepare(self) -> None:
        field = self.fields["category"]
        field.queryset = Category.objects.filter(venue=self.desk.venue)  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        names = ("pk", "code", "name_zh", "name_en", "description_zh", "description_en", "stock")
        price = yuan(row.price_fen) if row.price_fen is not None else ""
        return {name: getattr(row, name) for name in names} | {"category": row.category_id, "price": price}


class PriceForm(SectionForm):
    specs = Rows(
        SpecRow,
        label=_("Specs"),
        one=_("Spec"),
        add=_("Add a spec"),
        read=lambda product: product.specs.order_by("position", "pk"),
        min_rows=1,
        max_rows=MAX_SPECS,
        ordered=True,
    )
    error_fields = {"price_fen": "price"}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values["specs"] = [_input(one) for one in values["specs"]]
        return values


def _input(values: dict[str, Any]) -> SpecInput:
    fields = {name: value for name, value in values.items() if name != "price"}
    return SpecInput(**fields, price_fen=values["price"])


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    """The preview shows what is typed: specs that are nobody's yet."""
    drafted = [
        Spec(
            pk=one.pk, venue=product.venue, product=product, name_zh=one.name_zh, name_en=one.name_en,
            description_zh=one.description_zh, description_en=one.description_en, price_fen=one.price_fen,
        )
        for one in values["specs"]
    ]  # fmt: skip
    product._prefetched_objects_cache = {**getattr(product, "_prefetched_objects_cache", {}), "specs": drafted}


def _context(desk: Desk, product: TicketProduct) -> dict[str, Any]:
    """Where the days and slots of each spec are priced."""
    specs = list(product.specs.all())
    return {
        "calendars": [(named(spec) or named(product), address) for spec in specs if (address := calendar_url(spec))],
        "no_category": not Category.objects.filter(venue=desk.venue).exists(),
    }


def calendar_url(spec: Spec) -> str:
    """The page of a spec's calendar of prices and stock; "" where the console has none."""
    try:
        return f"{reverse('console:calendar', args=[spec.product_id])}?spec={spec.pk}"
    except NoReverseMatch:
        return ""


PRICE = Block(
    "price",
    _("Price and stock"),
    "tags",
    PriceForm,
    lambda desk, product, values: product_services.set_specs(**actor_of(desk), product=product, **values),
    _draft,
    keeps=(_("Tickets already sold keep the price that was paid."),),
    below="console/products/calendars.html",
    context=_context,
)
