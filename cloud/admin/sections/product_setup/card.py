"""What an annual card is good for, how often and how long (T-51 to T-53, T-58, T-59, T-63)."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.section import actor_of
from cloud.admin.sections.product_rules import RulesForm
from cloud.admin.sections.product_setup.block import Block
from cloud.admin.sections.product_setup.tickets import TicketField, offers, product_text
from cloud.admin.sections.rule_fields import days_text, times_text
from cloud.catalog import card_rules
from cloud.catalog.card_rules import ACTIVATION, BLOCKED, DATES, FIRST_USE, POOL, CardRules
from cloud.catalog.contents import rides_of
from cloud.catalog.models import CardPart, TicketProduct
from cloud.catalog.rules import MAX_LIMIT, ProductRules
from cloud.entitlements import live_services
from cloud.entitlements.live_services.parts import MAX_PARTS

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

COMBINATIONS = (("fixed", _("Each ticket has its own limits")), ("pool", _("One count of uses over all tickets")))
VALID_FROM = (
    ("purchase", _("The day it is bought")),
    ("activation", _("Its activation")),
    ("first_use", _("Its first use")),
    ("dates", _("Fixed dates")),
)
NO_SHOWS = (("nothing", _("Nothing")), ("blocked", _("No booking for some days")))
_NONE = {"required": False, "min_value": 0}
_DAY = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), "required": False}
_LIMITS = ("total", "per_month", "per_day")
_TIMES = ("weekdays", "holidays", "hours", "dates")


class RideRow(RowForm):
    product = TicketField("products", label=_("Ticket"), help_text=_("Type its code or its name."))
    total = forms.IntegerField(label=_("Uses in all"), max_value=MAX_LIMIT, **_NONE)
    per_month = forms.IntegerField(label=_("Uses a month"), max_value=MAX_LIMIT, **_NONE)
    per_day = forms.IntegerField(label=_("Uses a day"), max_value=MAX_LIMIT, **_NONE, help_text=_("Empty: no limit."))
    weekdays = RulesForm.base_fields["weekdays"]
    holidays = RulesForm.base_fields["holidays"]
    hours = RulesForm.base_fields["hours"]
    dates = RulesForm.base_fields["dates"]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        assert isinstance(row, CardPart)
        times = ProductRules.from_json(row.times)
        return {
            "product": product_text(row.product),
            **{name: getattr(row, name) or None for name in _LIMITS},
            "weekdays": list(times.weekdays),
            "holidays": times.holidays,
            "hours": times_text(times.hours),
            "dates": days_text(times.dates),
        }

    @property
    def counts(self) -> bool:
        return not self.is_bound or any(self.typed_in(name) for name in ("product", *_LIMITS))


class CardForm(SectionForm):
    combination = forms.ChoiceField(label=_("Combination"), choices=COMBINATIONS, initial="fixed")
    pool_total = forms.IntegerField(
        label=_("Uses over all tickets"), max_value=card_rules.MAX_USES, **_NONE, help_text=_("Empty: no limit.")
    )
    rides = Rows(
        RideRow,
        label=_("Tickets it is good for"),
        one=_("Ticket"),
        add=_("Add a ticket"),
        read=lambda card: rides_of(card),
        min_rows=1,
        max_rows=MAX_PARTS,
        ordered=True,
        help_text=_("With one count over all of them their own limits are not looked at."),
    )
    valid_from = forms.ChoiceField(label=_("Valid from"), choices=VALID_FROM, initial="purchase")
    months = forms.IntegerField(
        label=_("Months"), max_value=card_rules.MAX_MONTHS, **_NONE, help_text=_("Months or days, not both.")
    )
    days = forms.IntegerField(label=_("Days"), max_value=card_rules.MAX_DAYS, **_NONE)
    first_day = forms.DateField(label=_("First day"), **_DAY)
    last_day = forms.DateField(label=_("Last day"), **_DAY)
    activate_within_days = forms.IntegerField(
        label=_("To be activated, or first used, within so many days"), max_value=card_rules.MAX_DAYS, **_NONE,
        help_text=_("From the day of sale. Empty: no limit."),
    )  # fmt: skip
    cancel_hours = forms.IntegerField(
        label=_("A booking can be cancelled until so many hours before"), max_value=card_rules.MAX_HOURS, **_NONE
    )
    no_show = forms.ChoiceField(label=_("After a booked visit nobody made"), choices=NO_SHOWS, initial="nothing")
    block_days = forms.IntegerField(label=_("For so many days"), max_value=card_rules.MAX_DAYS, **_NONE)
    layout = (
        (_("Combination"), ("combination", "pool_total", "rides")),
        (
            _("Validity"),
            ("valid_from", "months", "days", "first_day", "last_day", "activate_within_days"),
        ),
        (_("Bookings"), ("cancel_hours", "no_show", "block_days")),
    )
    depends = (
        Depends("pool_total", ("combination",), shown=lambda one: one == POOL),
        Depends("months", ("valid_from",), shown=lambda start: start not in (DATES, FIRST_USE)),
        Depends("days", ("valid_from",), shown=lambda start: start != DATES),
        Depends("first_day", ("valid_from",), shown=lambda start: start == DATES),
        Depends("last_day", ("valid_from",), shown=lambda start: start == DATES),
        Depends("activate_within_days", ("valid_from",), shown=lambda start: start in (ACTIVATION, FIRST_USE)),
        Depends("block_days", ("no_show",), shown=lambda what: what == BLOCKED),
    )
    error_fields = {"parts": "rides"}

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        rules = CardRules.from_json(row.card_rules)
        shown = {name: getattr(rules, name) for name in _RULES}
        numbers = {name: value or None for name, value in shown.items() if type(value) is int}
        return {**super().initial_of(row), **shown, **numbers}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        rules = {name: values[name] for name in _RULES}
        return {
            "rules": CardRules(**{name: _value(name, value) for name, value in rules.items()}),
            "rides": [_ride(one) for one in values["rides"]],
        }


_RULES = tuple(one.name for one in fields(CardRules) if one.name in CardForm.base_fields)


def _value(name: str, value: Any) -> Any:
    return 0 if value is None and name not in ("first_day", "last_day") else value


def _ride(values: dict[str, Any]) -> live_services.Ride:
    times = ProductRules(
        weekdays=tuple(values["weekdays"] or ()),
        holidays=values["holidays"] or "allowed",
        hours=tuple(values["hours"] or ()),
        dates=tuple(values["dates"] or ()),
    )
    return live_services.Ride(values["product"], **{name: values[name] or 0 for name in _LIMITS}, times=times)


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    product.card_rules = card_rules.checked(values["rules"]).to_json()


def _context(desk: Desk, product: TicketProduct) -> dict[str, Any]:
    return {"lists": [("products", offers("products", ""))]}


CARD = Block(
    "contents",
    _("What the card is good for"),
    "id-card",
    CardForm,
    lambda desk, product, values: live_services.set_card_parts(**actor_of(desk), card=product, **values),
    _draft,
    keeps=(_("Cards already sold keep their tickets, limits and validity."),),
    below="console/products/tickets.html",
    context=_context,
    kinds=("annual",),
)
