"""Products from a table: one a line, with its first spec. Rules and further specs are set in the guided form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.import_spec import Import, ImportColumn
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.kit.yuan import YuanField, yuan
from cloud.catalog import product_services, services
from cloud.catalog.models import Category, Spec, TicketProduct
from cloud.catalog.product_services import Publishing
from cloud.catalog.product_services.specs import MAX_STOCK, SpecInput
from cloud.core.errors import DomainError
from cloud.entitlements import live_services
from cloud.staff.permissions import Permission
from cloud.venues.models import Station

KINDS = (("ticket", _("Ticket")), ("package", _("Package")), ("annual", _("Annual card")))
VALIDITIES = (("dated", _("The booked day")), ("open", _("Some days from the sale")))
STATUSES = (
    ("warehouse", _("In the warehouse")),
    ("on", _("On sale")),
    ("timed", _("On sale at a time")),
    ("off", _("Off sale")),
)
_TERMS = ("name_zh", "name_en", "validity", "valid_days", "persons", "uses", "keep_on_timeout", "stations")
_SPEC = {"spec_zh": "name_zh", "spec_en": "name_en", "category": "category", "price": "price_fen", "stock": "stock"}


class ImportForm(SectionForm):
    code = forms.SlugField(label=_("Code"), max_length=32)
    kind = forms.ChoiceField(label=_("Type"), choices=KINDS, initial="ticket")
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    spec_zh = forms.CharField(label=_("Spec in Chinese"), max_length=40, required=False)
    spec_en = forms.CharField(label=_("Spec in English"), max_length=40, required=False)
    category = forms.ModelChoiceField(Category.objects.none(), label=_("Category"), required=False)
    price = YuanField(label=_("Price in yuan"), max_fen=services.MAX_PRICE_FEN, required=False)
    stock = forms.IntegerField(label=_("Stock a day"), min_value=0, max_value=MAX_STOCK, required=False)
    validity = forms.ChoiceField(label=_("Validity"), choices=VALIDITIES, initial="dated")
    valid_days = forms.IntegerField(label=_("Days"), min_value=1, max_value=services.MAX_DAYS, initial=1)
    persons = forms.IntegerField(label=_("Persons"), min_value=1, max_value=services.MAX_PERSONS, initial=1)
    uses = forms.IntegerField(label=_("Uses"), min_value=0, max_value=services.MAX_USES, initial=1)
    keep_on_timeout = forms.BooleanField(label=_("A use stays spent if nobody walks through"), required=False)
    stations = forms.ModelMultipleChoiceField(
        Station.objects.none(), label=_("Stations that verify it"), required=False, widget=forms.CheckboxSelectMultiple
    )
    status = forms.ChoiceField(label=_("Publish status"), choices=STATUSES, initial="warehouse")
    error_fields = {
        "price_fen": "price", **{f"specs.0.{there}": here for here, there in _SPEC.items()}, "specs.0.code": "code",
    }  # fmt: skip

    def prepare(self) -> None:
        entries = Station.objects.filter(venue=self.desk.venue, nature=Station.Nature.ENTRY).order_by("number")
        categories = Category.objects.filter(venue=self.desk.venue)
        for name, rows in (("stations", entries), ("category", categories)):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
            self.fields[name].label_from_instance = named  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        spec = _first(row)
        if spec is None:
            return super().initial_of(row)
        of_spec = {here: getattr(spec, there) for here, there in _SPEC.items()}
        price = yuan(spec.price_fen) if spec.price_fen is not None else ""
        return super().initial_of(row) | of_spec | {"price": price, "status": spec.status}


def _first(product: TicketProduct) -> Spec | None:
    return next(iter(product.specs.all()), None)


def _create(desk: Desk, values: dict[str, Any]) -> TicketProduct:
    """A draft, then its spec, then on sale: so that nothing is sold that lacks something."""
    terms = {name: values[name] for name in _TERMS}
    product = live_services.create_product(
        **actor_of(desk), code=values["code"], kind=values["kind"], price_fen=None, on_sale=None, **terms
    )
    _set_spec(desk, product, values)
    if values["status"] != Spec.Status.WAREHOUSE:
        _set_status(desk, product, values["status"])
    return product


def _change(desk: Desk, product: TicketProduct, values: dict[str, Any], changed: set[str]) -> None:
    if "kind" in changed:
        raise DomainError(
            "product.kind",
            "产品类型不能更改，请新建产品。",
            "The type of a product cannot be changed: make a new one.",
            "kind",
        )
    # A table has no columns for the rules at the gate: they stay as they are.
    live_services.edit_product(**actor_of(desk), product=product, **{name: values[name] for name in _TERMS})
    _set_spec(desk, product, values)
    if "status" in changed:
        _set_status(desk, product, values["status"])


def _set_spec(desk: Desk, product: TicketProduct, values: dict[str, Any]) -> None:
    """The first spec as the line has it; the others as they are."""
    first, *others = product.specs.all()
    typed = {there: values[here] for here, there in _SPEC.items()}
    kept = {"description_zh": first.description_zh, "description_en": first.description_en}
    product_services.set_specs(
        **actor_of(desk), product=product,
        specs=[SpecInput(pk=first.pk, code=first.code, **kept, **typed), *(_as_it_is(one) for one in others)],
    )  # fmt: skip


def _as_it_is(spec: Spec) -> SpecInput:
    names = ("pk", "code", "name_zh", "name_en", "description_zh", "description_en", "category", "price_fen", "stock")
    return SpecInput(**{name: getattr(spec, name) for name in names})


def _set_status(desk: Desk, product: TicketProduct, status: str) -> None:
    if status == Spec.Status.TIMED:
        raise DomainError(
            "publish.timed",
            "定时上架请在产品的“发布”页设置时间。",
            "When it goes on sale is set on the product's page “Publish”.",
            "status",
        )
    first = _first(TicketProduct.objects.get(pk=product.pk))
    assert first is not None
    product_services.set_publishing(**actor_of(desk), product=product, wanted={first.pk: Publishing(status)})


IMPORT = Import(
    permission=Permission.PRODUCT_MANAGE,
    form=ImportForm,
    columns=(
        ImportColumn("code", example="adult"),
        ImportColumn("kind"),
        ImportColumn("name_zh", example="成人票"),
        ImportColumn("name_en", example="Adult"),
        ImportColumn("spec_zh", _("Empty where there is just one.")),
        ImportColumn("spec_en"),
        ImportColumn("category", _("One of the categories, by its name.")),
        ImportColumn("price", _("Empty: only days with a price of their own are sold."), example="80.00"),
        ImportColumn("stock", _("Empty: no limit.")),
        *(ImportColumn(name) for name in ("validity", "valid_days", "persons", "uses", "keep_on_timeout")),
        ImportColumn("stations", _("Names or numbers, with commas between them.")),
        ImportColumn("status", _("On sale only where nothing is missing.")),
    ),
    key="code",
    create=_create,
    change=_change,
)
