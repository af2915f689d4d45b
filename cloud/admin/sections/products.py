"""Products: the tickets, packages and annual cards that are sold. They are set up in the pages of product_setup."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.cells import enabled_pill
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Editor, FormSpec, Link, Panel, Related, Section, Tabs, Value, actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections import product_cells as cells
from cloud.admin.sections import product_words
from cloud.admin.sections.product_actions import ACTIONS
from cloud.admin.sections.product_import import IMPORT, KINDS, VALIDITIES
from cloud.catalog import listing, pinyin, product_services
from cloud.catalog.models import Category, TicketProduct
from cloud.catalog.readiness import missing
from cloud.staff.permissions import Permission

STATES = (
    (listing.ON, _("On sale")),
    (listing.OFF, _("Off sale")),
    (listing.SOON, _("About to go off sale")),
    (listing.WAREHOUSE, _("In the warehouse")),
)
TAB = "tab"


class NewForm(SectionForm):
    """A draft: the blocks come afterwards, one page each."""

    kind = forms.ChoiceField(
        label=_("Type"), choices=KINDS, initial="ticket", widget=forms.RadioSelect,
        help_text=_("A package is of several tickets; an annual card is good for several for a long time."),
    )  # fmt: skip
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    code = forms.SlugField(
        label=_("Code"), max_length=32, required=False,
        help_text=_("Letters, digits, - and _; it cannot be changed. Empty: it is given one."),
    )  # fmt: skip


def _found_by_letters(text: str) -> Q | None:
    """ "crp" and "chengren" find 成人票."""
    letters = pinyin.typed(text)
    return Q(pinyin__icontains=letters) if len(letters) > 1 and letters.isascii() else None


class _TabFilter(filters.AskedChoiceFilter):
    def filter(self, qs: Any, value: str) -> Any:
        return listing.in_state(qs, value)


def _missing_panel(desk: Desk, product: TicketProduct) -> dict[str, Any] | None:
    lacking = [one for one in missing(product) if one.needed]
    if not lacking:
        return None
    return {
        "product": product,
        "missing": [(one, reverse("console:product-setup", args=[product.pk, one.block])) for one in lacking],
    }


VALUES = (
    Value("name", _("Product"), named, order=("name_zh",), main=True),
    Value("code", _("Code"), lambda one: one.code, order=("code",)),
    Value("kind", _("Type"), cells.kind, order=("kind", "product_class")),
    Value("sale", _("On sale"), cells.sale, order=("on_sale", "product_class")),
    Value("spec", _("Specs"), cells.specs),
    Value("category", _("Category"), cells.categories),
    Value("price", _("Price"), cells.price, order=("price_fen",), numeric=True, plain=cells.plain_price),
    Value("validity", _("Validity"), product_words.validity, order=("validity", "valid_days")),
    Value("stations", _("Stations"), cells.stations),
    Value("published", _("Published"), lambda one: one.published_at, order=("published_at",), listed=False),
    Value("persons", _("Persons"), lambda one: one.persons, order=("persons",), numeric=True, listed=False),
    Value("uses", _("Uses"), lambda one: one.uses, order=("uses",), numeric=True, listed=False),
    Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh, order=("name_zh",), listed=False),
    Value("name_en", _("Name in English"), lambda one: one.name_en, order=("name_en",), listed=False),
)


PRODUCTS = register(
    Section(
        key="products",
        group="tickets",
        icon="ticket",
        title=_("Products"),
        one=_("Product"),
        view=Permission.ORDER_VIEW,
        rows=lambda desk: listing.listed(desk.venue).prefetch_related("stations", "specs__category"),
        label=named,
        values=VALUES,
        order=("product_class",),
        search=(
            "name_zh__icontains", "name_en__icontains", "code__icontains", "specs__code__icontains",
            "specs__name_zh__icontains", "specs__name_en__icontains", _found_by_letters,
        ),
        search_hint=_("Name, code, bar code or pinyin"),
        filters={
            TAB: _TabFilter(label=_("View"), choices=STATES, empty_label=_("All")),
            "kind": filters.choice(_("Type"), "kind", KINDS),
            "category": filters.row(
                _("Category"), "specs__category", lambda: Category.objects.order_by("position"), distinct=True
            ),
            "validity": filters.choice(_("Validity"), "validity", VALIDITIES),
            "since": filters.since(_("Published from"), "published_at"),
            "until": filters.until(_("Published until"), "published_at"),
        },
        tabs=Tabs(TAB, STATES, listing.counts),
        facts=(
            *(value for value in VALUES if value.key not in ("name", "stations", "sale", "spec", "category")),
            Value("keep", _("A use stays spent if nobody walks through"), lambda one: one.keep_on_timeout),
        ),
        state=cells.sale,
        panels=(
            Panel(_("Before it can be sold"), _missing_panel, "console/products/lacking.html"),
            Panel(
                _("At the gate, if sold now"), lambda desk, one: {"sentence": product_words.sentence(one)},
                "console/products/gate.html",
            ),
        ),
        related=(
            Related(
                _("Specs"), lambda desk, one: one.specs.select_related("category", "product"), cells.SPECS,
                _("It has no specs."),
            ),
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
            NewForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: product_services.create_draft(**actor_of(desk), **values),
            _("New product"), _("New product"), _("%(name)s is created."),
            then=lambda one: reverse("console:product-setup", args=[one.pk, "basics"]),
        ),
        editor=lambda one: Editor(
            _("Set up"), reverse("console:product-start", args=[one.pk]), Permission.PRODUCT_MANAGE
        ),
        actions=ACTIONS,
        links=(
            Link(_("List settings"), "console:product-settings", Permission.PRODUCT_MANAGE, "settings"),
        ),
        pages=("console:product-setup", "console:product-settings"),
        empty=_("Products are the tickets you sell."),
        place=20,
    )
)  # fmt: skip
