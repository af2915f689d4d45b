"""The part of a product's form that is about its rules: fields in groups, and what they are to the catalogue."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.forms import SectionForm
from cloud.admin.sections.rule_fields import MEDIA, WEEKDAYS, DaysField, TimesField, days_text, times_text
from cloud.catalog import rules as catalogue
from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ProductRules

ACTIVATIONS = (("none", _("Not needed")), ("holder", _("By the holder")), ("desk", _("At the front desk")))
HOLIDAYS = (("allowed", _("As on other days")), ("refused", _("Not on public holidays")), ("only", _("Only then")))
NAMES = tuple(one.name for one in fields(ProductRules))
_NONE = {"required": False, "min_value": 0}

OFTEN = ("total", "per_month", "per_day", "at_once", "together", "shared")
WHEN = ("weekdays", "holidays", "hours", "dates", "blackout", "after_first_hours", "after_first_days")
BOOKED = ("slots", "book_first", "early_minutes", "late_minutes")
SHOWN = (
    "media", "rotating", "short_code", "identity", "activation", "collect_first", "reentry_minutes", "anti_passback",
    "signed_only", "outage_persons", "outage_refused",
)  # fmt: skip
LAYOUT: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (_("How often"), OFTEN),
    (_("When"), WHEN),
    (_("Slots"), BOOKED),
    (_("At the gate"), SHOWN),
)


class RulesForm(SectionForm):
    """Fields are named as the rules: a refusal of the catalogue finds its own. Empty: no such rule."""

    total = forms.IntegerField(
        label=_("Uses in all"), max_value=catalogue.MAX_LIMIT, **_NONE,
        help_text=_("Over the whole venue, for each person of the ticket. Empty: no limit."),
    )  # fmt: skip
    per_month = forms.IntegerField(label=_("Uses a month"), max_value=catalogue.MAX_LIMIT, **_NONE)
    per_day = forms.IntegerField(label=_("Uses a day"), max_value=catalogue.MAX_LIMIT, **_NONE)
    at_once = forms.IntegerField(
        label=_("Persons at once"), max_value=catalogue.MAX_AT_ONCE, **_NONE,
        help_text=_("Of a ticket for several, by one scan at most. Empty: all that are left."),
    )  # fmt: skip
    together = forms.BooleanField(label=_("All persons go in together or nobody"), required=False)
    shared = forms.BooleanField(
        label=_("The tickets of one order share their uses"), required=False,
        help_text=_("For a card with one pool of uses and several holders or rides."),
    )  # fmt: skip
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Weekdays"), choices=tuple(enumerate(WEEKDAYS)), coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple, help_text=_("None ticked: every day."),
    )  # fmt: skip
    holidays = forms.ChoiceField(
        label=_("Public holidays"), choices=HOLIDAYS, initial="allowed", required=False,
        help_text=_("As the venue's calendar has them."),
    )  # fmt: skip
    hours = TimesField(
        label=_("Hours"),
        help_text=_("One period a line: 08:00-17:30, or 17:00-26:00 Fri Sat for nights. Empty: at any time."),
    )  # fmt: skip
    dates = DaysField(label=_("Only on these days"), help_text=_("One a line: 2026-10-01 - 2026-10-07."))
    blackout = DaysField(label=_("Not on these days"))
    after_first_hours = forms.IntegerField(
        label=_("Hours from the first use"), max_value=catalogue.MAX_AFTER_HOURS, **_NONE,
        help_text=_("It is valid for so long once it is used. Hours or days, not both."),
    )  # fmt: skip
    after_first_days = forms.IntegerField(
        label=_("Days from the first use"), max_value=catalogue.MAX_AFTER_DAYS, **_NONE
    )
    slots = TimesField(
        label=_("Slots that are booked"), help_text=_("One a line: 09:00-10:00. A ticket then names one of them.")
    )
    book_first = forms.BooleanField(
        label=_("A day or slot must be booked first"), required=False,
        help_text=_("It may be sold without; until it is booked the gate refuses it."),
    )  # fmt: skip
    early_minutes = forms.IntegerField(label=_("Minutes early"), max_value=catalogue.DAY_MINUTES, **_NONE)
    late_minutes = forms.IntegerField(
        label=_("Minutes late"), max_value=catalogue.DAY_MINUTES, **_NONE, help_text=_("After the slot's end.")
    )
    media = forms.MultipleChoiceField(
        label=_("What may be shown"), choices=MEDIA, required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: anything that belongs to the ticket."),
    )  # fmt: skip
    rotating = forms.BooleanField(
        label=_("Live code on the phone"), required=False,
        help_text=_("It changes all the time; a picture of it, or a print, is refused."),
    )  # fmt: skip
    short_code = forms.BooleanField(
        label=_("Short code"), required=False, help_text=_("Twelve characters to be typed when a code cannot be read.")
    )
    identity = forms.BooleanField(
        label=_("The holder's ID card must be read"), required=False,
        help_text=_("Each visitor's ID number is then asked at the sale."),
    )  # fmt: skip
    activation = forms.ChoiceField(label=_("Activation"), choices=ACTIVATIONS, initial="none", required=False)
    collect_first = forms.BooleanField(label=_("The ticket must be collected first"), required=False)
    reentry_minutes = forms.IntegerField(
        label=_("Minutes until it can be used again"), max_value=catalogue.MAX_GAP_MINUTES, **_NONE
    )
    anti_passback = forms.BooleanField(
        label=_("Not again while inside"), required=False, help_text=_("Needs exits that scan.")
    )
    signed_only = forms.IntegerField(
        label=_("Admissions on the signature alone"), max_value=catalogue.MAX_SIGNED, **_NONE,
        help_text=_("How many a gate may let in whose sale has not reached it yet. Empty: nobody."),
    )  # fmt: skip
    outage_persons = forms.IntegerField(
        label=_("Persons while the entrances are cut off"), max_value=catalogue.MAX_OUTAGE, **_NONE,
        help_text=_(
            "Where several entrances take the same ticket: how many each may let in while they cannot tell each other "
            "who came in, in one such outage. Empty: 100."
        ),
    )  # fmt: skip
    outage_refused = forms.BooleanField(
        label=_("Nobody while the entrances are cut off"), required=False,
        help_text=_("Then nobody gets in twice, and nobody gets in until the outage is over."),
    )  # fmt: skip

    @classmethod
    def initial_of(cls, row: TicketProduct) -> dict[str, Any]:
        return super().initial_of(row) | _initial(rules_of(row))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        typed = {name: values.pop(name) for name in NAMES if name in values}
        if not self.errors:
            # A form that has some of the rules leaves the others as they are.
            rules = rules_of(self.row) if isinstance(self.row, TicketProduct) else _DEFAULT
            typed = {name: _value(value, getattr(_DEFAULT, name)) for name, value in typed.items()}
            values["rules"] = replace(rules, **typed)
        return values


_DEFAULT = ProductRules()


def _value(typed: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple(typed or ())
    return default if typed in (None, "") else typed


def _initial(rules: ProductRules) -> dict[str, Any]:
    """As the form shows them: a limit that is none as an empty field."""
    shown = {name: getattr(rules, name) for name in NAMES}
    numbers = {name: value or None for name, value in shown.items() if type(value) is int}
    lists = {name: list(shown[name]) for name in ("media", "weekdays")}
    times = {name: times_text(shown[name]) for name in ("hours", "slots")}
    return shown | numbers | lists | times | {name: days_text(shown[name]) for name in ("dates", "blackout")}
