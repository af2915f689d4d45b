"""Ticket categories (T-02, T-03): made, named, put in order, hidden from selling, deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Related, Section, Value, actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections import product_cells as cells
from cloud.catalog import listing, product_services
from cloud.catalog.models import Category
from cloud.catalog.product_services.categories import MAX_NAME, MAX_POSITION
from cloud.staff.permissions import Permission


class NewForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=MAX_NAME)
    name_en = forms.CharField(label=_("Name in English"), max_length=MAX_NAME, required=False)
    position = forms.IntegerField(
        label=_("Place"), min_value=0, max_value=MAX_POSITION, required=False,
        help_text=_("1 comes first in lists to choose from. Empty: behind the others."),
    )  # fmt: skip
    for_sale = forms.BooleanField(
        label=_("Visible for sale"), required=False, initial=True,
        help_text=_("Otherwise its specs leave every selling screen; sold tickets are verified as before."),
    )  # fmt: skip


class EditForm(NewForm):
    position = forms.IntegerField(
        label=_("Place"), min_value=0, max_value=MAX_POSITION, help_text=_("1 comes first in lists to choose from.")
    )


class MoveForm(SectionForm):
    to = forms.ModelChoiceField(Category.objects.none(), label=_("To category"))

    def prepare(self) -> None:
        field = self.fields["to"]
        others = Category.objects.filter(venue=self.desk.venue)
        if self.row is not None:
            others = others.exclude(pk=self.row.pk)
        field.queryset = others  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]


def _state(category: Category) -> Pill:
    if category.for_sale:
        return Pill(str(_("Visible for sale")), Tone.GOOD, "eye")
    return Pill(str(_("Not visible for sale")), Tone.IDLE, "eye-off")


def _show(for_sale: bool) -> Any:
    def run(desk: Desk, row: Category, values: dict[str, Any]) -> Category:
        return product_services.set_category_for_sale(**actor_of(desk), category=row, for_sale=for_sale)

    return run


def _specs(category: Any) -> str:
    count: int = category.specs_count
    return ngettext("%(count)d spec", "%(count)d specs", count) % {"count": count}


CATEGORIES = register(
    Section(
        key="categories",
        group="tickets",
        icon="folder",
        title=_("Ticket categories"),
        one=_("Category"),
        view=Permission.ORDER_VIEW,
        rows=lambda desk: Category.objects.filter(venue=desk.venue).annotate(specs_count=Count("specs")),
        label=named,
        values=(
            Value("name", _("Name"), named, order=("name_zh",), main=True),
            Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh, order=("name_zh",), listed=False),
            Value("name_en", _("Name in English"), lambda one: one.name_en, order=("name_en",), listed=False),
            Value("place", _("Place"), lambda one: one.position, order=("position",), numeric=True),
            Value(
                "specs", _("Specs"), _specs, order=("specs_count",), numeric=True, plain=lambda one: one.specs_count
            ),
            Value("state", _("Status"), _state, order=("for_sale", "position")),
        ),
        order=("position",),
        search=("name_zh__icontains", "name_en__icontains"),
        search_hint=_("Name"),
        filters={"state": filters.switch(_("Status"), "for_sale", _("Visible for sale"), _("Not visible for sale"))},
        state=_state,
        related=(
            Related(
                _("Products"),
                lambda desk, one: listing.listed(desk.venue)
                .filter(specs__category=one).distinct().prefetch_related("specs__category"),
                (
                    Value("name", _("Product"), named, main=True),
                    Value("code", _("Code"), lambda one: one.code),
                    Value("price", _("Price"), cells.price, numeric=True),
                    Value("sale", _("On sale"), cells.sale),
                ),
                _("No product has it."), "products",
            ),
        ),
        create=FormSpec(
            NewForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: product_services.create_category(**actor_of(desk), **values),
            _("New category"), _("New category"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            EditForm, Permission.PRODUCT_MANAGE,
            lambda desk, row, values: product_services.edit_category(**actor_of(desk), category=row, **values),
            _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "hide", _("Not visible for sale"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [
                    _("Its specs leave every selling screen at once."),
                    _("Sold tickets are verified as before, and the products can still be managed."),
                ],
                _("Not visible for sale: %(name)s"),
                run=_show(False), fits=lambda one: one.for_sale, icon="eye-off", grave=True,
            ),
            Action(
                "show", _("Visible for sale"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [_("What is on sale of it can be sold again at once.")],
                _("Visible for sale: %(name)s"),
                run=_show(True), fits=lambda one: not one.for_sale, icon="eye",
            ),
            Action(
                "move", _("Move its specs"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [_("All its specs get the other category; then it can be deleted.")],
                _("Moved: the specs of %(name)s"),
                run=lambda desk, row, values: product_services.move_specs(**actor_of(desk), category=row, **values),
                form=MoveForm, icon="folder-input", bulk=False,
            ),
            Action(
                "delete", _("Delete"), Permission.PRODUCT_MANAGE,
                lambda desk, rows: [
                    _("It is gone for good. One that specs still have is refused: move these first, or hide it.")
                ],
                _("Deleted: %(name)s"),
                run=lambda desk, row, values: product_services.delete_category(**actor_of(desk), category=row),
                icon="trash-2", grave=True, removes=True, bulk=False,
            ),
        ),
        empty=_("Categories sort what is sold: single tickets, packages, special tickets."),
        place=25,
    )
)  # fmt: skip
