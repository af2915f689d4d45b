"""Giving tickets of an order back: which, what that returns, and only then whether it is meant."""

from __future__ import annotations

from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, said, show
from cloud.admin.kit.text import money, named
from cloud.admin.sections.order_view import order_url
from cloud.admin.sections.orders import order_or_404
from cloud.core.errors import DomainError
from cloud.sales.models import OrderUnit, RefundCase
from cloud.sales.services import apply_refund, quote_refund
from cloud.sales.states import STANDING
from cloud.staff.permissions import Permission


class RefundForm(SectionForm):
    """`shown_fen` is what the last quote returned: another amount is asked about once more."""

    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    shown_fen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    units = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Tickets to give back"), coerce=int, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose the tickets to give back.")},
    )  # fmt: skip
    override = forms.BooleanField(
        label=gettext_lazy("Against the rules"), required=False,
        help_text=gettext_lazy("Whether it is refundable is not asked; the fee still holds. Needs a reason."),
    )  # fmt: skip
    why = forms.CharField(
        label=gettext_lazy("Why"), max_length=200, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def prepare(self) -> None:
        standing = [one for one in self.row or [] if one.case_id is None and one.entitlement_id is not None]
        self.fields["units"].choices = [(one.pk, _choice(one)) for one in standing]  # type: ignore[attr-defined]
        if not self.desk.may(Permission.REFUND_OVERRIDE):
            del self.fields["override"]

    def initial_of(self, row: object) -> dict[str, object]:
        return {}

    @property
    def against(self) -> bool:
        return bool(self.cleaned_data.get("override"))


def _choice(unit: OrderUnit) -> str:
    return f"{unit.position} · {named(unit, 'product_name')} · {money(unit.price_fen)}"


@page(Permission.ORDER_REFUND)
def refund(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """First what it returns is shown; sent again with that amount it is done."""
    order, units = order_or_404(desk, number)
    if order.state not in STANDING:
        raise Http404(f"nothing of {number} is refundable")
    if request.method != "POST":
        form = RefundForm(desk, units, initial={"idempotency_key": uuid4().hex})
        return _show(request, desk, number, form)
    form = RefundForm(desk, units, request.POST)
    if not form.is_valid():
        return _show(request, desk, number, form, status=422)
    chosen = [unit for unit in units if unit.pk in form.cleaned_data["units"]]
    shown = form.cleaned_data["shown_fen"]
    try:
        if shown is None or "quote" in request.POST:
            quote = quote_refund(
                actor=desk.actor, venue=desk.venue, order=order, units=chosen, override=form.against
            )  # fmt: skip
            return _show(request, desk, number, form, plan=quote)
        case = apply_refund(
            actor=desk.actor, venue=desk.venue, order=order, units=chosen, shown_fen=shown,
            idempotency_key=form.cleaned_data["idempotency_key"], override=form.against,
            why=form.cleaned_data["why"],
        )  # fmt: skip
    except DomainError as error:
        form.refuse(error)
        return _show(request, desk, number, form, status=422)
    messages.success(request, _done(case))
    return redirect(f"{order_url(number)}")


def _done(case: RefundCase) -> str:
    if case.state == RefundCase.State.WAITING:
        return _("Refund %(number)s waits for review; its tickets are refused meanwhile.") % {"number": case.number}
    if case.state == RefundCase.State.DUE:
        return _("Refund %(number)s: pay back %(amount)s, then note it there.") % {
            "number": case.number, "amount": money(case.amount_fen),
        }  # fmt: skip
    return _("Refund %(number)s is agreed; the gates are confirming.") % {"number": case.number}


def _show(
    request: HttpRequest, desk: Desk, number: str, form: RefundForm, plan: object = None, status: int = 200
) -> HttpResponse:
    says = ""
    if plan is not None:
        says = said(DomainError("refund.quote", plan.zh, plan.en))  # type: ignore[attr-defined]
    context = {"form": form, "number": number, "back": order_url(number), "plan": plan, "says": says}
    return show(request, desk, "console/orders/refund.html", context, status)
