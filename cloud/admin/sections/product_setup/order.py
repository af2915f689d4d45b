"""Block 4: which days, who may buy how many, where and on what terms (T-15 to T-24, T-65)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.yuan import YuanField, yuan
from cloud.admin.sections.product_rules import RulesForm
from cloud.admin.sections.product_setup.block import Block
from cloud.admin.sections.rule_fields import times_text
from cloud.catalog import booking, sale_rules
from cloud.catalog.booking import BookingRules
from cloud.catalog.channels import CHANNELS, PAY_METHODS, PREFERENCES, Named, why_closed
from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ProductRules
from cloud.catalog.sale_rules import Limit, SaleRules
from cloud.catalog.services import MAX_DAYS, MAX_PRICE_FEN
from cloud.entitlements import live_services

if TYPE_CHECKING:
    pass

DATE_KINDS = (
    ("single", _("Calendar ticket: the booked day")),
    ("multi", _("Calendar ticket: several days in a row from the booked one")),
    ("open", _("Open-dated ticket: any day while it is valid")),
    ("timed", _("Timed ticket: a slot of the booked day")),
)
REAL_NAMES = (
    ("none", _("Nobody's name")),
    ("one", _("One person's for the order")),
    ("all", _("Every visitor's")),
)
GROUP_REFUNDS = (
    ("refuse", _("Refused")),
    ("reprice", _("Those left are charged the single price")),
    ("allow", _("Allowed as it is")),
)
LIMIT_OF = (("order", _("Each order")), ("member", _("Member")), ("phone", _("Phone")), ("id", _("ID number")))
LIMIT_IN = (
    ("visit_day", _("for a visit's day")),
    ("sale_day", _("on a day of sale")),
    ("ever", _("for ever")),
)
PROOFS = (("none", _("Nowhere")), ("sale", _("At the sale")), ("entry", _("At the entrance")))
CLOSES = (("start", _("the slot's start")), ("end", _("the slot's end")))
_NONE = {"required": False, "min_value": 0}
_TEXT = {"required": False, "max_length": sale_rules.MAX_TEXT}


def _named(one: Named) -> str:
    return one.zh if (get_language() or "zh").startswith("zh") else one.en


def _lazy_names(table: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(key, _LazyName(one)) for key, one in table.items()]


class _LazyName:
    """A name that is read in the language of whoever reads it; a channel that is not connected says so."""

    def __init__(self, one: Named, closed: tuple[str, str] | None = None) -> None:
        self.one, self.closed = one, closed

    def __str__(self) -> str:
        why = self.closed
        if why is None:
            return _named(self.one)
        return f"{_named(self.one)} ({why[0] if (get_language() or 'zh').startswith('zh') else why[1]})"


class ChannelBoxes(forms.CheckboxSelectMultiple):
    """One that is not connected cannot be ticked, and says why (T-18)."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if why_closed(str(value)) is not None:
            option["attrs"]["disabled"] = True
        return option


class LimitRow(RowForm):
    per = forms.ChoiceField(label=_("For each"), choices=(("", "–"), *LIMIT_OF), required=False)
    most = forms.IntegerField(label=_("At most"), min_value=1, max_value=sale_rules.MAX_LIMIT, required=False)
    span = forms.ChoiceField(label=_("Counted"), choices=LIMIT_IN, initial="visit_day", required=False)

    @property
    def counts(self) -> bool:
        return not self.is_bound or bool(self.typed_in("per") or self.typed_in("most"))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name in ("per", "most"):
            if not values.get(name) and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])
        return values


_DATES = (
    "date_kind", "valid_days", "valid_until", "slots", "early_minutes", "late_minutes", "slot_closes",
    "slot_closes_minutes",
)  # fmt: skip


class OrderForm(SectionForm):
    """Fields are named as the rules: a refusal of the catalogue finds its own."""

    date_kind = forms.ChoiceField(label=_("Type of date"), choices=DATE_KINDS, initial="single")
    valid_days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=MAX_DAYS, initial=1,
        help_text=_("In a row from the booked day; of an open ticket from its sale, which is the first."),
    )  # fmt: skip
    valid_until = forms.DateField(
        label=_("Valid until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("A last day for all of them, whenever sold; then the days above are not counted."),
    )  # fmt: skip
    slots = RulesForm.base_fields["slots"]
    book_first = RulesForm.base_fields["book_first"]
    early_minutes = RulesForm.base_fields["early_minutes"]
    late_minutes = RulesForm.base_fields["late_minutes"]
    earliest_days = forms.IntegerField(
        label=_("Booked at most so many days ahead"), max_value=booking.MAX_DAYS_AHEAD, **_NONE,
        help_text=_("Empty: as far as there are prices."),
    )  # fmt: skip
    latest_days = forms.IntegerField(
        label=_("Booked at least so many days ahead"), max_value=booking.MAX_DAYS_AHEAD, **_NONE,
        help_text=_("0: on the day itself too."),
    )  # fmt: skip
    latest_time = forms.TimeField(
        label=_("On the last of these until"), required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), help_text=_("Empty: all day."),
    )  # fmt: skip
    slot_closes_minutes = forms.IntegerField(label=_("Minutes before"), max_value=booking.DAY_MINUTES, **_NONE)
    slot_closes = forms.ChoiceField(label=_("A slot's sale ends before"), choices=CLOSES, initial="end", required=False)
    channels = forms.MultipleChoiceField(
        label=_("Sold at"), required=False, widget=ChannelBoxes,
        choices=[(key, _LazyName(one, why_closed(key))) for key, one in CHANNELS.items()],
    )  # fmt: skip
    real_name = forms.ChoiceField(label=_("Names and ID numbers"), choices=REAL_NAMES, initial="none")
    age_min = forms.IntegerField(
        label=_("Youngest"), max_value=sale_rules.MAX_AGE, **_NONE,
        help_text=_("Years on the day of the visit, both included."),
    )  # fmt: skip
    age_max = forms.IntegerField(label=_("Oldest"), max_value=sale_rules.MAX_AGE, **_NONE)
    preference = forms.ChoiceField(label=_("Lower price for"), choices=_lazy_names(PREFERENCES), required=False)
    proof = forms.ChoiceField(label=_("Proof is seen"), choices=PROOFS, initial="none", required=False)
    policy_zh = forms.CharField(label=_("Policy in Chinese"), widget=forms.Textarea(attrs={"rows": 2}), **_TEXT)
    policy_en = forms.CharField(label=_("Policy in English"), widget=forms.Textarea(attrs={"rows": 2}), **_TEXT)
    notice_zh = forms.CharField(
        label=_("Risk notice in Chinese"), widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("A buyer confirms it before paying. Empty: none."), **_TEXT,
    )  # fmt: skip
    notice_en = forms.CharField(label=_("Risk notice in English"), widget=forms.Textarea(attrs={"rows": 3}), **_TEXT)
    agreement_zh = forms.CharField(
        label=_("Purchase agreement in Chinese"), widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("A buyer agrees to it before paying. Empty: none."), **_TEXT,
    )  # fmt: skip
    agreement_en = forms.CharField(
        label=_("Purchase agreement in English"), widget=forms.Textarea(attrs={"rows": 3}), **_TEXT
    )
    group_min = forms.IntegerField(
        label=_("Group ticket: tickets at least"), max_value=sale_rules.MAX_GROUP, **_NONE,
        help_text=_("Empty: it is no group ticket."),
    )  # fmt: skip
    group_refund = forms.ChoiceField(
        label=_("A refund that leaves fewer is"), choices=GROUP_REFUNDS, initial="refuse", required=False
    )
    group_single = YuanField(label=_("Single price in yuan"), max_fen=MAX_PRICE_FEN, required=False)
    pay_methods = forms.MultipleChoiceField(
        label=_("Paid by"), choices=_lazy_names(PAY_METHODS), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: any."),
    )  # fmt: skip
    pay_minutes = forms.IntegerField(
        label=_("Minutes to pay"), min_value=1, max_value=sale_rules.MAX_PAY_MINUTES, initial=30,
        help_text=_("After them an unpaid order is cancelled and its stock is free again."),
    )  # fmt: skip
    limits = Rows(
        LimitRow,
        label=_("Limits"),
        one=_("Limit"),
        add=_("Add a limit"),
        read=lambda product: [
            {"per": one.per, "most": one.most, "span": one.span} for one in sale_of(product).limits
        ],
        max_rows=sale_rules.MAX_LIMITS,
        help_text=_("Two for each ID number for a visit's day, say. All of them hold."),
    )  # fmt: skip
    layout = (
        (
            _("Date"),
            ("date_kind", "valid_days", "valid_until", "slots", "book_first", "early_minutes", "late_minutes"),
        ),
        (_("Booking"), ("earliest_days", "latest_days", "latest_time", "slot_closes_minutes", "slot_closes")),
        (_("Sold at"), ("channels",)),
        (_("Visitors"), ("real_name", "age_min", "age_max", "preference", "proof", "policy_zh", "policy_en")),
        (_("Risk notice"), ("notice_zh", "notice_en")),
        (_("Purchase agreement"), ("agreement_zh", "agreement_en")),
        (_("Groups"), ("group_min", "group_refund", "group_single")),
        (_("Payment"), ("pay_methods", "pay_minutes")),
        (_("How many one may buy"), ("limits",)),
    )
    depends = (
        Depends("valid_days", ("date_kind",), shown=lambda kind: kind in ("multi", "open"), otherwise=1),
        Depends("valid_until", ("date_kind",), shown=lambda kind: kind == "open"),
        Depends("slots", ("date_kind",), shown=lambda kind: kind in ("timed", "open"), otherwise=()),
        Depends("book_first", ("date_kind",), shown=lambda kind: kind in ("open", "timed"), otherwise=False),
        Depends("early_minutes", ("date_kind",), shown=lambda kind: kind in ("timed", "open")),
        Depends("late_minutes", ("date_kind",), shown=lambda kind: kind in ("timed", "open")),
        Depends("slot_closes_minutes", ("date_kind",), shown=lambda kind: kind in ("timed", "open")),
        Depends("slot_closes", ("date_kind",), shown=lambda kind: kind in ("timed", "open"), otherwise="end"),
        Depends("age_min", ("real_name",), shown=lambda names: names == "all"),
        Depends("age_max", ("real_name",), shown=lambda names: names == "all"),
        Depends("proof", ("preference",), shown=bool, otherwise="none"),
        Depends("policy_zh", ("preference",), shown=bool, otherwise=""),
        Depends("policy_en", ("preference",), shown=bool, otherwise=""),
        Depends("group_refund", ("group_min",), shown=bool, otherwise="refuse"),
        Depends("group_single", ("group_refund",), shown=lambda what: what == "reprice"),
    )
    error_fields = {"group_single_fen": "group_single", "latest_minute": "latest_time", "validity": "date_kind"}

    def prepare(self) -> None:
        """A card has its own days: nothing is asked about them here but whether a visit is booked."""
        if isinstance(self.row, TicketProduct) and self.row.kind == TicketProduct.Kind.ANNUAL:
            for name in _DATES:
                self.fields.pop(name, None)
        self.depends = tuple(
            one for one in type(self).depends if one.field in self.fields and set(one.on) <= self.fields.keys()
        )
        self.layout = tuple(
            (title, kept)
            for title, names in type(self).layout
            if (kept := tuple(name for name in names if name in self.fields))
        )

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        sale, booked, gate = sale_of(row), BookingRules.from_json(row.booking_rules), rules_of(row)
        return {
            **super().initial_of(row),
            **{name: getattr(sale, name) for name in SALE},
            **{name: getattr(booked, name) for name in BOOKING},
            "date_kind": date_kind_of(row),
            "valid_days": row.valid_days,
            "valid_until": row.valid_until,
            "slots": times_text(gate.slots),
            "book_first": gate.book_first,
            "early_minutes": gate.early_minutes or None,
            "late_minutes": gate.late_minutes or None,
            "slot_closes_minutes": booked.slot_closes_minutes or None,
            "latest_time": _clock(booked.latest_minute),
            "group_min": sale.group_min or None,
            "group_single": yuan(sale.group_single_fen) if sale.group_single_fen else "",
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        rules = self._rules(values)
        if rules is None:
            return values
        days = self._days(values)
        sold = {"sale_rules": self._sale(values), "booking_rules": self._booking(values)}
        return {**days, "rules": rules, **sold}

    def _days(self, values: dict[str, Any]) -> dict[str, Any]:
        if "date_kind" not in values:
            return {}
        return {
            "validity": "open" if values["date_kind"] == "open" else "dated",
            "valid_days": values["valid_days"] or 1,
            "valid_until": values["valid_until"],
        }

    def _rules(self, values: dict[str, Any]) -> ProductRules | None:
        """None: the form says what is wrong."""
        kind = values.get("date_kind")
        if kind is None:
            return replace(rules_of(self.row), book_first=bool(values["book_first"]))
        if kind == "timed" and not values["slots"]:
            self.add_error("slots", str(_("A timed ticket needs at least one slot.")))
            return None
        return replace(
            rules_of(self.row),
            slots=tuple(values["slots"] or ()),
            book_first=bool(values["book_first"]),
            early_minutes=values["early_minutes"] or 0,
            late_minutes=values["late_minutes"] or 0,
        )

    def _sale(self, values: dict[str, Any]) -> SaleRules:
        given = {name: values[name] for name in SALE if name not in ("channels", "pay_methods")}
        for name in ("group_min", "pay_minutes"):
            given[name] = given[name] or 0
        return replace(
            sale_of(self.row),
            **given,
            channels=tuple(values["channels"]),
            pay_methods=tuple(values["pay_methods"]),
            limits=tuple(Limit(one["per"], one["span"] or "ever", one["most"]) for one in values["limits"]),
            group_single_fen=values["group_single"] or 0,
        )

    def _booking(self, values: dict[str, Any]) -> BookingRules:
        latest = values["latest_time"]
        return BookingRules(
            earliest_days=values["earliest_days"],
            latest_days=values["latest_days"] or 0,
            latest_minute=latest.hour * 60 + latest.minute if latest else None,
            slot_closes=values.get("slot_closes") or "end",
            slot_closes_minutes=values.get("slot_closes_minutes") or 0,
        )


SALE = tuple(one.name for one in fields(SaleRules) if one.name in OrderForm.base_fields and one.name != "limits")
BOOKING = tuple(one.name for one in fields(BookingRules) if one.name in OrderForm.base_fields)


def sale_of(product: TicketProduct) -> SaleRules:
    return SaleRules.from_json(product.sale_rules)


def date_kind_of(product: TicketProduct) -> str:
    if product.validity == TicketProduct.Validity.OPEN:
        return "open"
    if rules_of(product).slots:
        return "timed"
    return "multi" if product.valid_days > 1 else "single"


def _clock(minute: int | None) -> str:
    return "" if minute is None else f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    for name in ("validity", "valid_days", "valid_until"):
        setattr(product, name, values.get(name, getattr(product, name)))
    product.rules = values["rules"].to_json()
    product.sale_rules = sale_rules.checked(values["sale_rules"]).to_json()
    product.booking_rules = values["booking_rules"].to_json()


ORDER = Block(
    "order",
    _("Order rules"),
    "shopping-cart",
    OrderForm,
    lambda desk, product, values: live_services.edit_product(**actor_of(desk), product=product, **values),
    _draft,
    keeps=(_("Tickets already sold keep their day, slot, names and rules."),),
)
