"""Block 5: pick-up, print and what gates ask (T-25 to T-29); of an annual card also its activation (T-58, T-60)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections.product_rules import LAYOUT, RulesForm
from cloud.admin.sections.product_setup.block import Block
from cloud.admin.sections.product_setup.order import sale_of
from cloud.catalog import sale_rules, services
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.venues.models import Station

PRINTINGS = (("each", _("A code for each ticket")), ("together", _("One code for all of a line")))
_ELSEWHERE = ("slots", "book_first", "early_minutes", "late_minutes")  # block 4's
_PLACED = (*_ELSEWHERE, "collect_first")
_COLUMNS = ("persons", "uses", "keep_on_timeout")


def _rest() -> list[tuple[str | Promise, tuple[str, ...]]]:
    """The rules that have no other place here, under their titles."""
    kept = [(title, tuple(name for name in names if name not in _PLACED)) for title, names in LAYOUT]
    return [(title, names) for title, names in kept if names]


class GateForm(RulesForm):
    slots = book_first = early_minutes = late_minutes = None
    printing = forms.ChoiceField(label=_("Printed"), choices=PRINTINGS, initial="each")
    pick_up_hours = forms.IntegerField(
        label=_("Handed out from so many hours before the visit"), required=False, min_value=0,
        max_value=sale_rules.MAX_PICK_UP_HOURS, help_text=_("Empty: at any time."),
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
    layout = (
        (_("Entrances: at once, for tickets already sold too"), ("stations",)),
        (_("Pick-up and print"), ("collect_first", "pick_up_hours", "printing")),
        (_("Admits"), ("persons", "uses", "keep_on_timeout")),
        *_rest(),
    )
    depends = (Depends("pick_up_hours", ("collect_first",), shown=bool),)

    def prepare(self) -> None:
        field = self.fields["stations"]
        entries = Station.objects.filter(venue=self.desk.venue, nature=Station.Nature.ENTRY)
        field.queryset = entries.order_by("number")  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        sale = sale_of(row)
        return super().initial_of(row) | {"printing": sale.printing, "pick_up_hours": sale.pick_up_hours or None}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            printing, hours = values.pop("printing"), values.pop("pick_up_hours") or 0
            values["sale_rules"] = replace(sale_of(self.row), printing=printing, pick_up_hours=hours)
        return values


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    for name in _COLUMNS:
        setattr(product, name, values[name])
    product.rules = values["rules"].to_json()
    stations = list(values["stations"])
    product._prefetched_objects_cache = {**getattr(product, "_prefetched_objects_cache", {}), "stations": stations}


GATE = Block(
    "gate",
    _("Pick-up and verification"),
    "scan-line",
    GateForm,
    lambda desk, product, values: live_services.edit_product(**actor_of(desk), product=product, **values),
    _draft,
    keeps=(_("Tickets already sold keep their persons, uses and rules: each names the rules it was sold under."),),
    changes=(_("The stations hold for tickets already sold too: gates hear of them at once."),),
    titles={"annual": _("Activation and use")},
)
