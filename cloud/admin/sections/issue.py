"""Issuing tickets: a product, how many, the day, and whom the first one is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit.page import page, said, show
from cloud.admin.kit.table import Empty
from cloud.admin.kit.text import named
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

# Fields of services -> fields of this form.
FIELDS = {"product": "product", "quantity": "quantity", "lines": "quantity", "visit_date": "visit_date",
          "slot": "slot", "name": "visitor_name", "visitors": "id_number", "id_number": "id_number"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """A product in the picker."""

    code: str
    name: str
    price_fen: int
    validity: str
    note: str
    checked: bool


class IssueForm(forms.Form):
    """The key makes sending it twice issue one order."""

    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    product = forms.ModelChoiceField(TicketProduct.objects.none(), to_field_name="code")
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, initial=1)
    visit_date = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    slot = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    visitor_name = forms.CharField(max_length=60, required=False)
    id_number = forms.CharField(max_length=24, required=False)

    def __init__(self, desk: Desk, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.today = today(desk.venue)
        product = self.fields["product"]
        product.queryset = catalog.on_sale(desk.venue)  # type: ignore[attr-defined]
        product.label = _("Ticket")
        product.error_messages = {"required": _("Choose a ticket."), "invalid_choice": _("This ticket is not on sale.")}
        self.fields["quantity"].label = _("Quantity")
        self.fields["quantity"].widget.attrs.update(inputmode="numeric", autocomplete="off")
        when = self.fields["visit_date"]
        when.label, when.initial = _("Day of the visit"), self.today
        when.required = True
        when.widget.attrs["min"] = self.today.isoformat()
        slot = self.fields["slot"]
        slot.label, slot.help_text = _("Slot"), _("Of a timed ticket.")
        timed = {one.start: one for product in catalog.on_sale(desk.venue) for one in rules_of(product).slots}
        slot.choices = [("", "–"), *((start, period(timed[start])) for start in sorted(timed))]  # type: ignore[attr-defined]
        if not timed:
            del self.fields["slot"]
        who = self.fields["visitor_name"]
        who.label, who.help_text = _("Visitor's name"), _("Of the first ticket; the others carry no name.")
        who.widget.attrs["autocomplete"] = "off"
        card = self.fields["id_number"]
        card.label, card.help_text = _("ID number"), _("Eighteen characters; the ID card then opens the gate too.")
        card.widget.attrs.update(autocomplete="off", autocapitalize="characters", spellcheck="false")

    def clean_visit_date(self) -> date:
        wanted: date = self.cleaned_data["visit_date"]
        if wanted < self.today:
            raise forms.ValidationError(_("This day is over."))
        return wanted

    def clean_id_number(self) -> str:
        number: str = self.cleaned_data["id_number"]
        if number:
            try:
                number = idnumber.normalise(number)
            except DomainError as error:
                raise forms.ValidationError(said(error)) from None
        return number

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if cleaned.get("id_number") and not cleaned.get("visitor_name") and "visitor_name" not in self.errors:
            self.add_error("visitor_name", _("An ID number needs its holder's name."))
        return cleaned

    def lines(self) -> list[OrderLine]:
        product, quantity = self.cleaned_data["product"], self.cleaned_data["quantity"]
        day, name = self.cleaned_data["visit_date"], self.cleaned_data["visitor_name"]
        slot = self.cleaned_data.get("slot") if rules_of(product).slots else None
        if not name:
            return [OrderLine(product, quantity, day, slot=slot)]
        lines = [OrderLine(product, 1, day, [VisitorInput(name, self.cleaned_data["id_number"])], slot)]
        return [*lines, OrderLine(product, quantity - 1, day, slot=slot)] if quantity > 1 else lines

    def refuse(self, error: DomainError) -> None:
        """Shows a service's refusal beside the field it is about, else above the form."""
        field = FIELDS.get(error.field or "")
        self.add_error(field if field in self.fields else None, said(error))


@page(Permission.ORDER_ISSUE)
def issue(request: HttpRequest, desk: Desk) -> HttpResponse:
    if request.method != "POST":
        return _show(request, desk, IssueForm(desk, initial={"idempotency_key": uuid4().hex}))
    data = request.POST.copy()
    data["product"] = data.get("product", "").replace("\0", "")  # PostgreSQL takes no such character
    products = {product.code: product for product in catalog.on_sale(desk.venue)}
    chosen = products.get(data["product"])
    if chosen and chosen.validity == TicketProduct.Validity.OPEN:
        data["visit_date"] = today(desk.venue).isoformat()  # the field is not shown for an open ticket
    form = IssueForm(desk, data)
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
    return redirect("console:order", order.number)


def _show(request: HttpRequest, desk: Desk, form: IssueForm, status: int = 200) -> HttpResponse:
    wanted = str(form["product"].value() or "")
    products = list(catalog.on_sale(desk.venue))
    choices = [_choice(product, product.code == wanted or len(products) == 1) for product in products]
    empty = Empty(
        _("Nothing is on sale"), _("Products are created by a product manager and put on sale first."), "ticket"
    )
    return show(request, desk, "console/orders/issue.html",
                {"form": form, "products": choices, "no_products": empty}, status)  # fmt: skip


def _choice(product: TicketProduct, checked: bool) -> Choice:
    if product.validity == TicketProduct.Validity.DATED:
        when = _("on the day chosen")
    else:
        when = ngettext("%(days)d day from today", "%(days)d days from today", product.valid_days)
        when %= {"days": product.valid_days}
    who = ngettext("%(persons)d person", "%(persons)d persons", product.persons) % {"persons": product.persons}
    return Choice(product.code, named(product), product.price_fen, product.validity, f"{who} · {when}", checked)
