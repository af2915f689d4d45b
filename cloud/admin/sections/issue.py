"""Issuing tickets: a product, how many, the day, and whom they are for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, said, show
from cloud.admin.kit.rows import BoundRows, RowForm, Rows
from cloud.admin.kit.table import Empty
from cloud.admin.kit.text import named
from cloud.admin.sections.order_view import order_url
from cloud.admin.sections.people_list import read_people
from cloud.admin.sections.rule_fields import period
from cloud.catalog import selectors as catalog
from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.core import idnumber
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff.permissions import Permission

MAX_QUANTITY = 100
PASTED = 10_000  # characters


@dataclass(frozen=True, slots=True)
class Choice:
    """A product in the picker."""

    code: str
    name: str
    price_fen: int
    validity: str
    note: str
    checked: bool


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


def _has_a_day(product: TicketProduct | None) -> bool:
    return product is None or product.validity == TicketProduct.Validity.DATED or bool(rules_of(product).slots)


def _starts(product: TicketProduct | None) -> list[int]:
    """When the slots of a timed ticket begin, in minutes."""
    return [] if product is None else [slot.start for slot in rules_of(product).slots]


class IssueForm(SectionForm):
    """The key makes sending it twice issue one order."""

    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    product = forms.ModelChoiceField(
        TicketProduct.objects.none(), to_field_name="code", label=_("Ticket"),
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
    depends = (
        Depends("visit_date", ("product",), shown=_has_a_day),
        Depends("slot", ("product",), shown=lambda product: bool(_starts(product)), choices=_starts),
    )
    error_fields = {"lines": "quantity", "name": "visitors", "id_number": "visitors"}

    def prepare(self) -> None:
        self.today = today(self.desk.venue)
        self.fields["product"].queryset = catalog.on_sale(self.desk.venue)  # type: ignore[attr-defined]
        self.fields["quantity"].widget.attrs.update(inputmode="numeric", autocomplete="off")
        timed = {one.start: one for product in catalog.on_sale(self.desk.venue) for one in rules_of(product).slots}
        self.fields["slot"].choices = [("", "–"), *((start, period(timed[start])) for start in sorted(timed))]  # type: ignore[attr-defined]
        when = self.fields["visit_date"]
        when.initial = self.today
        when.widget.attrs["min"] = self.today.isoformat()

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
        product, quantity, day = (self.cleaned_data[name] for name in ("product", "quantity", "visit_date"))
        slot = self.cleaned_data.get("slot")
        named_ones = [VisitorInput(one["name"], one["id_number"]) for one in self.cleaned_data["visitors"]]
        rest = quantity - len(named_ones)
        lines = [OrderLine(product, len(named_ones), day, named_ones, slot)] if named_ones else []
        return [*lines, OrderLine(product, rest, day, slot=slot)] if rest else lines


@page(Permission.ORDER_ISSUE)
def issue(request: HttpRequest, desk: Desk) -> HttpResponse:
    if request.method != "POST":
        return _show(request, desk, IssueForm(desk, None, initial={"idempotency_key": uuid4().hex, "visitors": [{}]}))
    data = request.POST.copy()
    data["product"] = data.get("product", "").replace("\0", "")  # PostgreSQL takes no such character
    form = IssueForm(desk, None, data)
    if form.take_pasted():
        return _show(request, desk, form, 422 if form.errors else 200)
    if form.asked_again():
        return _show(request, desk, form)
    if not form.is_valid():
        return _show(request, desk, form, 422)
    try:
        order = issue_order(
            actor=desk.actor, venue=desk.venue, lines=form.lines(), idempotency_key=form.cleaned_data["idempotency_key"]
        )
    except DomainError as error:
        if error.code == "order.key_reused":
            # An order already sent, brought back with the browser's "back" and changed: it is a new one now.
            form.data["idempotency_key"] = uuid4().hex
        form.refuse(error)
        return _show(request, desk, form, 422)
    count = order.units.count()
    text = ngettext("Issued %(count)d ticket.", "Issued %(count)d tickets.", count)
    messages.success(request, text % {"count": count})
    return redirect(order_url(order.number))


def _show(request: HttpRequest, desk: Desk, form: IssueForm, status: int = 200) -> HttpResponse:
    wanted = str(form["product"].value() or "")
    products = list(catalog.on_sale(desk.venue))
    choices = [_choice(product, product.code == wanted or len(products) == 1) for product in products]
    empty = Empty(
        gettext("Nothing is on sale"),
        gettext("Products are created by a product manager and put on sale first."),
        "ticket",
    )
    template = "issue_parts" if request.headers.get("HX-Request") else "issue"
    context = {"form": form, "products": choices, "no_products": empty}
    return show(request, desk, f"console/orders/{template}.html", context, status)


def _choice(product: TicketProduct, checked: bool) -> Choice:
    if product.validity == TicketProduct.Validity.DATED:
        when = gettext("on the day chosen")
    else:
        when = ngettext("%(days)d day from today", "%(days)d days from today", product.valid_days)
        when %= {"days": product.valid_days}
    who = ngettext("%(persons)d person", "%(persons)d persons", product.persons) % {"persons": product.persons}
    return Choice(product.code, named(product), product.price_fen, product.validity, f"{who} · {when}", checked)
