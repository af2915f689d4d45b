"""Refunds: what waits for somebody to decide, what is to be paid back, and what was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, Related, Section, Value, actor_of
from cloud.admin.kit.table import Cell
from cloud.admin.kit.text import either, money, named
from cloud.admin.sections.order_lines import REFUND_STATES, method_choices, refund_pill
from cloud.admin.sections.order_view import called
from cloud.catalog.channels import PAY_METHODS
from cloud.sales.models import RefundCase, RefundUnit
from cloud.sales.selectors import found_ids
from cloud.sales.services import agree_refund, pay_back, reject_refund
from cloud.staff.permissions import Permission
from cloud.venues.models import Venue

_State = RefundCase.State
STATES = tuple((state, text) for state, (text, _tone, _icon) in REFUND_STATES.items())


class RejectForm(SectionForm):
    why = forms.CharField(
        label=_("Why"), max_length=200, help_text=_("Shown to the visitor."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


class PaidForm(SectionForm):
    method = forms.ChoiceField(label=_("Paid back by"))
    receipt = forms.CharField(
        label=_("Receipt number"), max_length=80, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def prepare(self) -> None:
        same = ("", _("The way it was paid"))
        self.fields["method"].choices = [same, *method_choices()]  # type: ignore[attr-defined]
        self.fields["method"].required = False


def listed(venue: Venue) -> QuerySet[RefundCase]:
    return (
        RefundCase.objects.filter(venue=venue)
        .select_related("order", "applied_by", "decided_by", "money")
        .annotate(unit_count=Count("units"))
    )


def _order(case: RefundCase) -> Cell:
    return Cell(case.order.number, url=reverse("console:section-detail", args=["orders", case.order.number]))


def _who(employee: Any) -> str:
    return (employee.get_full_name() or employee.get_username()) if employee else str(_("the system"))


def _matching(text: str) -> Q | None:
    """Its own number, or what somebody knows of its order (O-04)."""
    text = text.replace("\0", "").strip()
    return Q(number__startswith=text) | Q(order__in=found_ids(text)) if text else None


def _says_agreed(desk: Desk, cases: Sequence[RefundCase]) -> Iterable[Any]:
    for case in cases:
        yield either(case.says_zh, case.says_en)
    yield _("The tickets are refused at every gate at once; money is due when the gates have confirmed.")


def _says_paid(desk: Desk, cases: Sequence[RefundCase]) -> Iterable[Any]:
    for case in cases:
        yield _("%(number)s: pay %(amount)s back yourself first. Nothing here moves money.") % {
            "number": case.number, "amount": money(case.amount_fen),
        }  # fmt: skip


def _money(case: RefundCase) -> str:
    """How and when it was paid back."""
    paid = getattr(case, "money", None)
    return " · ".join(filter(None, (called(PAY_METHODS, paid.method), paid.receipt))) if paid else ""


def _ticket_pill(row: RefundUnit) -> Pill | None:
    return Pill(str(_("Used after all")), Tone.BAD, "ban") if row.used_late else None


VALUES = (
    Value("number", _("Refund"), lambda one: one.number, main=True),
    Value("state", _("State"), refund_pill),
    Value("order", _("Order"), _order, plain=lambda one: one.order.number),
    Value("units", _("Tickets"), lambda one: one.unit_count, numeric=True),
    Value("paid", _("Was paid"), lambda one: money(one.paid_fen), numeric=True, plain=lambda one: one.paid_fen / 100),
    Value(
        "amount", _("Amount"), lambda one: money(one.amount_fen), numeric=True, plain=lambda one: one.amount_fen / 100
    ),
    Value("at", _("Applied for"), lambda one: one.applied_at, order=("applied_at",)),
    Value("by", _("Applied by"), lambda one: _who(one.applied_by), listed=False),
    Value("why", _("Why"), lambda one: one.why),
    Value("override", _("Against the rules"), lambda one: one.override, listed=False),
)

REFUNDS = register(
    Section(
        key="refunds",
        group="tickets",
        icon="undo-2",
        title=_("Refunds"),
        one=_("Refund"),
        view=Permission.ORDER_VIEW,
        rows=lambda desk: listed(desk.venue),
        label=lambda one: one.number,
        values=VALUES,
        order=("-applied_at",),
        search=(_matching,),
        search_hint=_("Refund or order number, visitor's name or ID number, product"),
        filters={
            "state": filters.choice(_("State"), "state", STATES),
            "since": filters.since(_("From day"), "applied_at"),
            "until": filters.until(_("To day"), "applied_at"),
        },
        facts=(
            *(value for value in VALUES if value.key not in ("number", "state", "why")),
            Value("quote", _("As quoted"), lambda one: either(one.says_zh, one.says_en)),
            Value("why", _("Why"), lambda one: one.why, if_any=True),
            Value("decided", _("Decided at"), lambda one: one.decided_at, if_any=True),
            Value(
                "decided_by", _("Decided by"), lambda one: _who(one.decided_by) if one.decided_at else "", if_any=True
            ),
            Value("decision", _("Why refused"), lambda one: one.decision, if_any=True),
            Value("settled", _("Confirmed by the gates"), lambda one: one.settled_at, if_any=True),
            Value("unreached", _("Gates out of reach, at the venue's risk"), lambda one: ", ".join(one.unreached),
                  if_any=True),
            Value("money", _("Paid back by"), _money, if_any=True),
            Value("closed", _("Closed at"), lambda one: one.closed_at, if_any=True),
        ),
        state=refund_pill,
        related=(
            Related(
                _("Tickets"), lambda desk, one: one.units.select_related("unit"),
                (
                    Value("ticket", _("Ticket"), lambda row: f"{row.unit.position} · {named(row.unit, 'product_name')}",
                          main=True),
                    Value("paid", _("Was paid"), lambda row: money(row.paid_fen), numeric=True),
                    Value("amount", _("Amount"), lambda row: money(row.amount_fen), numeric=True),
                    Value("late", _("State"), _ticket_pill),
                ),
                _("No ticket is concerned."),
            ),
        ),
        actions=(
            Action(
                "agree", _("Agree"), Permission.REFUND_REVIEW, _says_agreed, _("Agreed: %(name)s"),
                run=lambda desk, row, values: agree_refund(**actor_of(desk), case=row),
                fits=lambda one: one.state == _State.WAITING, icon="check",
            ),
            Action(
                "reject", _("Refuse"), Permission.REFUND_REVIEW,
                lambda desk, rows: [_("The tickets are valid again within a moment.")], _("Refused: %(name)s"),
                run=lambda desk, row, values: reject_refund(**actor_of(desk), case=row, why=values["why"]),
                fits=lambda one: one.state == _State.WAITING, form=RejectForm, icon="x",
            ),
            Action(
                "paid", _("Note that it is paid back"), Permission.ORDER_REFUND, _says_paid,
                _("Noted as paid back: %(name)s"),
                run=lambda desk, row, values: pay_back(
                    **actor_of(desk), case=row, method=values["method"], receipt=values["receipt"]
                ),
                fits=lambda one: one.state == _State.DUE, form=PaidForm, icon="banknote",
            ),
        ),
        empty=_("Tickets that are given back appear here, from the application to the money."),
        place=15,
        badge=lambda desk: RefundCase.objects.filter(venue=desk.venue, state__in=(_State.WAITING, _State.DUE)).count(),
    )
)  # fmt: skip
