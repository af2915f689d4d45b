"""What is asked when tickets are issued: what is sold, the day, whom they are for, on which terms, how it is paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import said
from cloud.admin.kit.rows import BoundRows, RowForm, Rows
from cloud.admin.kit.text import named
from cloud.admin.sections.order_lines import method_choices
from cloud.admin.sections.people_list import read_people
from cloud.admin.sections.rule_fields import period
from cloud.catalog import selectors as catalog
from cloud.catalog.channels import PAY_METHODS
from cloud.catalog.compile import rules_of
from cloud.catalog.dates import bought_by_day, slots_on
from cloud.catalog.models import PackagePart, Spec, TicketProduct
from cloud.catalog.sale_rules import SaleRules
from cloud.core import idnumber
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.sales.models import Order
from cloud.sales.services import issue_order, place_order
from cloud.sales.values import Buyer, Consents, OrderLine, VisitorInput
from cloud.staff.permissions import Permission
from cloud.venues.models import Station
from cloud.venues.workplaces import workplaces

MAX_QUANTITY = 100
PASTED = 10_000  # characters


class VisitorRow(RowForm):
    name = forms.CharField(label=pgettext_lazy("person", "Name"), max_length=60)
    id_number = forms.CharField(label=_("ID number"), max_length=24, required=False)

    def prepare(self) -> None:
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["id_number"].widget.attrs.update(
            autocomplete="off", autocapitalize="characters", spellcheck="false"
        )

    def clean_id_number(self) -> str:
        number: str = self.cleaned_data["id_number"]
        if number:
            try:
                number = idnumber.normalise(number)
            except DomainError as error:
                raise forms.ValidationError(said(error)) from None
        return number


LATER = "later"
_NOTICE, _AGREEMENT, _PROOF = "notice", "agreement", "proof"


def _has_a_day(spec: Spec | None) -> bool:
    return spec is None or not bought_by_day(spec.product)


def _starts(spec: Spec | None, day: date | None = None) -> list[int]:
    """When the slots of a timed ticket begin on a day, in minutes."""
    if spec is None or bought_by_day(spec.product):
        return []
    return [slot.start for slot in (rules_of(spec.product).slots if day is None else slots_on(spec.product, day))]


def _asks(what: str) -> Callable[[Spec | None], bool]:
    """Whether a sale of the spec asks for a confirmation."""

    def asked(spec: Spec | None) -> bool:
        if spec is None:
            return False
        rules = SaleRules.from_json(spec.product.sale_rules)
        return {
            _NOTICE: rules.notice,
            _AGREEMENT: rules.agreement,
            _PROOF: rules.proof == "sale" and rules.preference != "age",
        }[what]

    return asked


def _methods(spec: Spec | None) -> list[str]:
    allowed = SaleRules.from_json(spec.product.sale_rules).pay_methods if spec is not None else ()
    return [*(allowed or PAY_METHODS), LATER]


def _of_package(holders: set[int]) -> Callable[[Spec | None], bool]:
    """Whether the spec is one of these packages."""
    return lambda spec: spec is not None and spec.product_id in holders


class IssueForm(SectionForm):
    """The key makes sending it twice issue one order."""

    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    product = forms.ModelChoiceField(
        Spec.objects.none(), to_field_name="code", label=_("Ticket"),
        error_messages={"required": _("Choose a ticket."), "invalid_choice": _("This ticket is not on sale.")},
    )  # fmt: skip
    quantity = forms.IntegerField(label=_("Quantity"), min_value=1, max_value=MAX_QUANTITY, initial=1)
    visit_date = forms.DateField(
        label=_("Day of the visit"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    slot = forms.TypedChoiceField(
        label=_("Slot"), coerce=int, empty_value=None, help_text=_("Of a timed ticket."),
        error_messages={"required": _("Choose one of its slots.")},
    )  # fmt: skip
    pasted = forms.CharField(
        label=_("Paste a list of visitors"), required=False, strip=False, max_length=PASTED,
        help_text=_("A line each: the name, a tab or comma, the ID number. From a spreadsheet copy the two columns."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    visitors = Rows(
        VisitorRow, label=_("Visitors"), one=_("Visitor"), add=_("Add a visitor"), max_rows=MAX_QUANTITY,
        distinct="id_number",
        help_text=_("One for each ticket, from the first; the others carry no name. An ID card opens the gate too."),
    )  # fmt: skip
    station = forms.ModelChoiceField(Station.objects.none(), label=_("Selling station"), empty_label="–")
    contact_name = forms.CharField(label=_("Contact"), max_length=60, required=False)
    phone = forms.CharField(
        label=_("Phone"), max_length=40, required=False, widget=forms.TextInput(attrs={"inputmode": "tel"})
    )
    notice = forms.BooleanField(label=_("The buyer confirmed the risk notice"))
    agreement = forms.BooleanField(label=_("The buyer agreed to the purchase agreement"))
    proof = forms.BooleanField(label=_("I have seen the proof for this price"))
    pay_method = forms.ChoiceField(label=_("Payment"), initial="cash")
    depends: tuple[Depends, ...] = (
        Depends("visit_date", ("product",), shown=_has_a_day),
        Depends(
            "slot", ("product", "visit_date"), shown=lambda spec, day: bool(_starts(spec)), choices=_starts,
            required=lambda spec, day: spec is not None and not rules_of(spec.product).book_first,
        ),
        Depends(_NOTICE, ("product",), shown=_asks(_NOTICE)),
        Depends(_AGREEMENT, ("product",), shown=_asks(_AGREEMENT)),
        Depends(_PROOF, ("product",), shown=_asks(_PROOF)),
        Depends("pay_method", ("product",), choices=_methods),
    )  # fmt: skip
    error_fields = {"lines": "quantity", "name": "visitors", "id_number": "visitors", "member": "phone"}

    def prepare(self) -> None:
        self.today = today(self.desk.venue)
        self.fields["product"].queryset = catalog.specs_on_sale(self.desk.venue)  # type: ignore[attr-defined]
        self.fields["quantity"].widget.attrs.update(inputmode="numeric", autocomplete="off")
        self.specs = list(catalog.specs_on_sale(self.desk.venue))
        timed = {one.start: one for spec in self.specs for one in rules_of(spec.product).slots}
        self.fields["slot"].choices = [("", "–"), *((start, period(timed[start])) for start in sorted(timed))]  # type: ignore[attr-defined]
        self.fields["pay_method"].choices = [*method_choices(), (LATER, gettext("Later: hold it until then"))]  # type: ignore[attr-defined]
        self._places()
        for name in ("contact_name", "phone"):
            self.fields[name].widget.attrs["autocomplete"] = "off"
        self._part_slots()
        when = self.fields["visit_date"]
        when.initial = self.today
        when.widget.attrs["min"] = self.today.isoformat()

    def _places(self) -> None:
        """Who is limited to stations sells as one of them (S-09); others may leave it open."""
        field = self.fields["station"]
        field.queryset = workplaces(self.desk.actor, self.desk.venue, Permission.ORDER_ISSUE)  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]
        field.required = not self.desk.reach(Permission.ORDER_ISSUE).everywhere
        if field.required:
            field.initial = field.queryset.first()  # type: ignore[attr-defined]

    def _part_slots(self) -> None:
        """A slot for each timed ticket of a package, where the package has none of its own."""
        packages = [spec.product_id for spec in self.specs if spec.product.kind == TicketProduct.Kind.PACKAGE]
        rows = PackagePart.objects.filter(package__in=packages, current=True).select_related("spec__product")
        self.timed_parts: dict[int, set[int]] = defaultdict(set)
        for part in rows.order_by("position") if packages else ():
            slots = rules_of(part.spec.product).slots
            if not slots or bought_by_day(part.spec.product):
                continue
            self.timed_parts[part.spec_id].add(part.package_id)
            name = f"part_{part.spec_id}"
            if name in self.fields:
                continue
            field = forms.TypedChoiceField(
                label=gettext("Slot of %(ticket)s") % {"ticket": named(part.spec.product)}, coerce=int,
                empty_value=None, required=False, choices=[("", "–"), *((one.start, period(one)) for one in slots)],
            )  # fmt: skip
            self.fields[name] = field
            self.error_fields = {"part_slots": name, **self.error_fields}
            self.base_fields = self.base_fields | {name: field}
            holders = self.timed_parts[part.spec_id]
            self.depends = (
                *self.depends,
                Depends(
                    name, ("product",), shown=lambda spec, holders=holders: bool(spec and spec.product_id in holders)
                ),
            )

    @property
    def part_fields(self) -> list[forms.BoundField]:
        return [self[f"part_{spec}"] for spec in self.timed_parts]

    def take_pasted(self) -> bool:
        """Puts a pasted list into rows, behind those filled in, for a look at them; False where there is none.

        The quantity rises to as many. What does not fit stays in the field.
        """
        text = str(self.data.get("pasted", ""))
        if not text.strip():
            return False
        self.keep_quiet()
        bound = self["visitors"]
        assert isinstance(bound, BoundRows)
        people = [{"name": name, "id_number": number} for name, number in read_people(text[:PASTED])]
        rows = [*bound.typed(), *people]
        if len(rows) > MAX_QUANTITY:
            self.add_error("pasted", gettext("At most %(limit)d are possible.") % {"limit": MAX_QUANTITY})
            return True
        self.data = self.data.copy()
        bound.put(self.data, rows)
        bound.forget()
        self.data["pasted"] = ""
        quantity = str(self.data.get("quantity", ""))
        if not quantity.isdecimal() or int(quantity[:9]) < len(rows):
            self.data["quantity"] = str(len(rows))
        return True

    def clean_visit_date(self) -> date | None:
        wanted: date | None = self.cleaned_data["visit_date"]
        if wanted is not None and wanted < self.today:
            raise forms.ValidationError(gettext("This day is over."))
        return wanted

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        quantity, visitors = cleaned.get("quantity"), cleaned.get("visitors")
        if quantity and visitors and len(visitors) > quantity:
            self.add_error("visitors", gettext("There are more visitors than tickets."))
        return cleaned

    def lines(self) -> list[OrderLine]:
        spec, quantity, day = (self.cleaned_data[name] for name in ("product", "quantity", "visit_date"))
        people = [VisitorInput(one["name"], one["id_number"]) for one in self.cleaned_data["visitors"]]
        parts = {
            part: start for part in self.timed_parts if (start := self.cleaned_data.get(f"part_{part}")) is not None
        }
        return [OrderLine(spec.product, quantity, day, people, self.cleaned_data.get("slot"), spec, parts)]

    def sell(self) -> Order:
        """Sold at once, or held until it is paid. Raises DomainError."""
        typed = self.cleaned_data
        asked: dict[str, Any] = {
            "actor": self.desk.actor, "venue": self.desk.venue, "lines": self.lines(),
            "idempotency_key": typed["idempotency_key"], "buyer": Buyer(typed["contact_name"], typed["phone"]),
            "station": typed["station"],
            "consents": Consents(bool(typed[_NOTICE]), bool(typed[_AGREEMENT]), bool(typed[_PROOF])),
        }  # fmt: skip
        if typed["pay_method"] == LATER:
            return place_order(**asked)
        return issue_order(**asked, pay_method=typed["pay_method"])
