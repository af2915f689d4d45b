"""Products: the tickets that are sold, and which stations verify them (T-28)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.cells import enabled_pill
from cloud.admin.kit.depends import Depends
from cloud.admin.kit.import_spec import Import, ImportColumn
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Panel, Related, Section, Value, actor_of
from cloud.admin.kit.text import money, named
from cloud.admin.kit.yuan import YuanField, yuan
from cloud.admin.sections import product_rules, product_words
from cloud.admin.sections.product_rules import RulesForm
from cloud.catalog import selectors, services
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.staff.permissions import Permission
from cloud.venues.models import Station

VALIDITIES = (("dated", _("The booked day")), ("open", _("Some days from the sale")))
_RULES = ("name_zh", "name_en", "price", "validity", "valid_days", "persons", "uses", "keep_on_timeout")


class EditForm(RulesForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    price = YuanField(label=_("Price in yuan"), max_fen=services.MAX_PRICE_FEN)
    validity = forms.ChoiceField(label=_("Validity"), choices=VALIDITIES, initial="dated")
    valid_days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=services.MAX_DAYS, initial=1,
        help_text=_("Counted from the day of sale, which is the first."),
    )  # fmt: skip
    persons = forms.IntegerField(
        label=_("Persons"), min_value=1, max_value=services.MAX_PERSONS, initial=1,
        help_text=_("How many one code admits: 4 for a family ticket."),
    )  # fmt: skip
    uses = forms.IntegerField(
        label=_("Uses"), min_value=0, max_value=services.MAX_USES, initial=1,
        help_text=_("At each station; same-type stations count together. 0: as often as the rules below allow."),
    )  # fmt: skip
    keep_on_timeout = forms.BooleanField(
        label=_("A use stays spent if nobody walks through"), required=False,
        help_text=_("Otherwise it is given back when the gate closes."),
    )  # fmt: skip
    stations = forms.ModelMultipleChoiceField(
        Station.objects.none(), label=_("Stations that verify it"), required=False,
        widget=forms.CheckboxSelectMultiple, help_text=_("Same-type stations come and go together."),
    )  # fmt: skip
    depends = (Depends("valid_days", ("validity",), shown=lambda validity: validity == "open", otherwise=1),)
    layout = (
        (_("Only for tickets sold from now on: those already sold stay as they were"), _RULES),
        *product_rules.LAYOUT,
        (_("At once, for tickets already sold too"), ("stations",)),
    )
    error_fields = {"price_fen": "price"}

    def prepare(self) -> None:
        field = self.fields["stations"]
        entries = Station.objects.filter(venue=self.desk.venue, nature=Station.Nature.ENTRY)
        field.queryset = entries.order_by("number")  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return super().initial_of(row) | {"price": yuan(row.price_fen) if row.price_fen is not None else ""}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values["price_fen"] = values.pop("price", None)
        return values


class CreateForm(EditForm):
    code = forms.SlugField(
        label=_("Code"), max_length=32, help_text=_("Letters, digits, - and _; it cannot be changed.")
    )
    layout = ((_("Ticket"), ("code", *_RULES)), *product_rules.LAYOUT, (_("Entrances"), ("stations",)))


def _change(desk: Desk, product: TicketProduct, values: dict[str, Any], changed: set[str]) -> None:
    # A table has no columns for the rules at the gate: they stay as they are.
    terms = {name: value for name, value in values.items() if name not in ("code", "rules")}
    live_services.edit_product(**actor_of(desk), product=product, **terms)


IMPORT = Import(
    permission=Permission.PRODUCT_MANAGE,
    form=CreateForm,
    columns=(
        ImportColumn("code", example="adult"),
        ImportColumn("name_zh", example="成人票"),
        ImportColumn("name_en", example="Adult"),
        ImportColumn("price", example="80.00"),
        *(ImportColumn(name) for name in ("validity", "valid_days", "persons", "uses", "keep_on_timeout")),
        ImportColumn("stations", _("Names or numbers, with commas between them.")),
    ),
    key="code",
    create=lambda desk, values: live_services.create_product(**actor_of(desk), **values),
    change=_change,
)


def _stations(product: TicketProduct) -> str:
    return ", ".join(named(station) for station in product.stations.all())


def _sale(product: TicketProduct) -> Pill:
    if product.on_sale:
        return Pill(str(_("On sale")), Tone.GOOD, "circle-check")
    return Pill(str(_("Off sale")), Tone.IDLE, "circle-slash")


def _switch(on_sale: bool) -> Any:
    def run(desk: Desk, row: TicketProduct, values: dict[str, Any]) -> TicketProduct:
        return services.set_on_sale(**actor_of(desk), product=row, on_sale=on_sale)

    return run


VALUES = (
    Value("name", _("Product"), named, order=("name_zh",), main=True),
    Value("code", _("Code"), lambda one: one.code, order=("code",)),
    Value(
        "price", _("Price"), lambda one: money(one.price_fen), order=("price_fen",), numeric=True,
        plain=lambda one: yuan(one.price_fen) if one.price_fen is not None else "",
    ),
    Value("validity", _("Validity"), product_words.validity, order=("validity", "valid_days")),
    Value("persons", _("Persons"), lambda one: one.persons, order=("persons",), numeric=True),
    Value("uses", _("Uses"), lambda one: one.uses, order=("uses",), numeric=True),
    Value("stations", _("Stations"), _stations),
    Value("sale", _("On sale"), _sale, order=("on_sale", "product_class")),
    Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh, order=("name_zh",), listed=False),
    Value("name_en", _("Name in English"), lambda one: one.name_en, order=("name_en",), listed=False),
)  # fmt: skip


PRODUCTS = register(
    Section(
        key="products",
        group="tickets",
        icon="ticket",
        title=_("Products"),
        one=_("Product"),
        view=Permission.ORDER_VIEW,
        rows=lambda desk: selectors.products(desk.venue).prefetch_related("stations"),
        label=named,
        values=VALUES,
        order=("product_class",),
        search=("name_zh__icontains", "name_en__icontains", "code__icontains"),
        search_hint=_("Name or code"),
        filters={
            "sale": filters.switch(_("On sale"), "on_sale", _("On sale"), _("Off sale")),
            "validity": filters.choice(_("Validity"), "validity", VALIDITIES),
        },
        facts=(
            *(value for value in VALUES if value.key not in ("name", "stations", "sale")),
            Value("keep", _("A use stays spent if nobody walks through"), lambda one: one.keep_on_timeout),
        ),
        state=_sale,
        panels=(
            Panel(
                _("At the gate, if sold now"), lambda desk, one: {"sentence": product_words.sentence(one)},
                "console/products/gate.html",
            ),
        ),
        related=(
            Related(
                _("Stations"), lambda desk, one: one.stations.order_by("number"),
                (
                    Value("name", _("Station"), named, main=True),
                    Value("number", _("Number"), lambda one: one.number, numeric=True),
                    Value("status", _("Status"), lambda one: enabled_pill(one.enabled)),
                ),
                _("No station verifies this product."), "stations",
            ),
        ),
        imports=IMPORT,
        create=FormSpec(
            CreateForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: live_services.create_product(**actor_of(desk), **values),
            _("New product"), _("New product"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            EditForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: live_services.edit_product(**actor_of(desk), product=row, **values),
            _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "sell", _("Put on sale"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [_("It can be sold from now on.")], _("On sale: %(name)s"),
                run=_switch(True), fits=lambda one: not one.on_sale, icon="circle-check",
            ),
            Action(
                "stop", _("Take off sale"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [_("It can no longer be sold."), _("Tickets already sold stay valid.")],
                _("Off sale: %(name)s"),
                run=_switch(False), fits=lambda one: one.on_sale, icon="circle-slash", grave=True,
            ),
        ),
        empty=_("Products are the tickets you sell."),
        place=20,
    )
)  # fmt: skip
