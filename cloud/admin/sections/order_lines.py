"""What of an order's page is about money: its lines and terms, taking the payment, its refunds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.section import Text
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import either, minute, money, named
from cloud.catalog.channels import PAY_METHODS
from cloud.core.business_day import clock_text
from cloud.sales import terms
from cloud.sales.models import Order, OrderLine, RefundCase
from cloud.sales.states import STANDING
from cloud.staff.permissions import Permission

REFUND_STATES: dict[str, tuple[Text, Tone, str]] = {
    RefundCase.State.WAITING: (_("Waits for review"), Tone.WARN, "hourglass"),
    RefundCase.State.REJECTED: (_("Refused"), Tone.BAD, "circle-x"),
    RefundCase.State.AGREED: (_("Gates are confirming"), Tone.BUSY, "radio-tower"),
    RefundCase.State.DUE: (_("To be paid back"), Tone.WARN, "banknote"),
    RefundCase.State.PAID: (_("Paid back"), Tone.GOOD, "circle-check"),
    RefundCase.State.VOID: (_("Used after all"), Tone.BAD, "ban"),
}


def refund_pill(case: RefundCase) -> Pill:
    text, tone, icon = REFUND_STATES[case.state]
    return Pill(str(text), tone, icon)


def method_choices() -> list[tuple[str, str]]:
    return [(code, either(name.zh, name.en)) for code, name in PAY_METHODS.items()]


class PayForm(SectionForm):
    method = forms.ChoiceField(label=_("Paid by"))

    def prepare(self) -> None:
        self.fields["method"].choices = method_choices()  # type: ignore[attr-defined]


def says_paid(desk: Desk, orders: Sequence[Order]) -> Iterable[Any]:
    for order in orders:
        yield _("%(total)s is to be paid.") % {"total": money(order.total_fen)}
        if order.state == Order.State.LAPSED:
            yield _("Its time was up: its tickets are taken anew, if there are any left.")
    yield _("Its tickets are valid at once.")


def line_name(line: OrderLine) -> str:
    spec = named(line, "spec_name")
    return f"{named(line, 'product_name')} · {spec}" if spec else named(line, "product_name")


def lines_table(desk: Desk, order: Order) -> Table | None:
    """What was ordered, on which terms; None of an order of before there were lines."""
    lines = list(order.lines.select_related("terms"))
    if not lines:
        return None
    columns = (
        Column(_("Product"), main=True), Column(_("For")), Column(_("Quantity"), numeric=True),
        Column(_("Price"), numeric=True), Column(_("Confirmed")),
    )  # fmt: skip
    rows = tuple(
        Row(
            f"line-{line.position}",
            (
                Cell(line_name(line)),
                Cell(_when(line)),
                Cell(str(line.quantity)),
                Cell(money(line.price_fen)),
                Cell(_confirmed(line)),
            ),
        )
        for line in lines
    )
    return Table(_("Ordered"), columns, rows, Empty(_("Nothing found"), "", "receipt-text"))


def _when(line: OrderLine) -> str:
    if line.visit_date is None:
        return str(_("any day"))
    return f"{line.visit_date}" if line.slot is None else f"{line.visit_date} {clock_text(line.slot)}"


def _confirmed(line: OrderLine) -> str:
    """What the buyer agreed to, and in which version of the text."""
    said = {_("Risk notice"): line.notice_at, _("Agreement"): line.agreement_at, _("Proof"): line.proof_at}
    texts = [f"{name} {minute(at)}" for name, at in said.items() if at is not None]
    promised = terms.read(line.terms)
    if texts and (promised.notice or promised.agreement):
        texts.append(str(_("version %(number)d") % {"number": line.terms_id}))
    return " · ".join(texts)


def refunds_table(desk: Desk, order: Order) -> Table | None:
    cases = list(order.refunds.order_by("applied_at").prefetch_related("units__unit"))
    if not cases:
        return None
    columns = (
        Column(_("Refund"), main=True), Column(_("State")), Column(_("Tickets")), Column(_("Amount"), numeric=True),
        Column(_("Applied for")),
    )  # fmt: skip
    rows = tuple(
        Row(
            f"refund-{case.pk}",
            (
                Cell(case.number, url=reverse("console:section-detail", args=["refunds", case.pk])),
                Cell(pill=refund_pill(case)),
                Cell(", ".join(str(row.unit.position) for row in case.units.all())),
                Cell(money(case.amount_fen)),
                Cell(minute(case.applied_at)),
            ),
        )
        for case in cases
    )
    return Table(_("Refunds"), columns, rows, Empty(_("Nothing found"), "", "undo-2"))


def refund_url(desk: Desk, order: Order) -> str:
    """Where its tickets are given back; empty where there is nothing to, or this person may not."""
    may = order.state in STANDING and desk.may(Permission.ORDER_REFUND)
    return reverse("console:refund", args=[order.number]) if may else ""
