"""Conflicts: cases the gates could not settle by themselves. A person looks at each and decides."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, Panel, Related, Section, Value, actor_of
from cloud.admin.kit.table import Cell
from cloud.admin.kit.text import either, money, stamp
from cloud.admin.kit.verdict import outcome, verdict
from cloud.admin.sections.order_view import order_url
from cloud.admin.sections.places import edge_choices, lane_choices, station_choices
from cloud.admissions import case_selectors as selectors
from cloud.admissions.models import Case
from cloud.admissions.services import close_case, reopen_case, review_case
from cloud.sales.personal import masked_name
from cloud.staff.permissions import Permission

KINDS = (
    ("double_use", _("Used twice")),
    ("unticketed", _("Walked without a use left")),
    ("unknown", _("Not known whether they walked")),
    ("unsold", _("Let in with a ticket nobody sold")),
    ("ended", _("Let in after the ticket had ended")),
    ("set_aside", _("Records put aside")),
)
WHAT = {
    "double_use": _(
        "Entrances that could not hear of each other let the same ticket in, or tickets that share their uses, beyond "
        "what is allowed."
    ),
    "unticketed": _("Somebody walked through after the use was given back, and the ticket had none left."),
    "unknown": _("The entrance restarted before it saw whether anybody walked. The use stays spent."),
    "unsold": _(
        "A gate let in a ticket that nobody sold here. The value is what the product it claims to be costs now."
    ),
    "ended": _("The ticket had been revoked or refunded, and the gate had not heard of it yet."),
    "set_aside": _("Records of an entrance did not fit its journal. They are kept as they came, and counted nowhere."),
}
STATES = (("open", _("Undecided")), ("reviewed", _("Reviewed")), ("closed", _("Closed")))
WHY = (
    ("unreadable", _("Not readable")),
    ("chain", _("Does not follow the record before it: a copied or restored machine")),
    ("conflict", _("Another record has its number")),
    ("foreign", _("Of another edge")),
    ("gap", _("Records before it are missing")),
)


class DecideForm(SectionForm):
    note = forms.CharField(
        label=_("What was found"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept with the case and in the audit. No names of visitors, please."),
    )  # fmt: skip


class _WaitingFilter(django_filters.ChoiceFilter):
    def filter(self, qs: QuerySet[Case], value: str) -> QuerySet[Case]:
        if value not in ("on", "off"):
            return qs
        return qs.exclude(state=Case.State.CLOSED) if value == "on" else qs.filter(state=Case.State.CLOSED)


def kind_name(case: Case) -> str:
    return str(dict(KINDS)[case.kind])


def state_pill(case: Case) -> Pill:
    return {
        Case.State.OPEN: Pill(str(_("Undecided")), Tone.BAD, "circle-alert"),
        Case.State.REVIEWED: Pill(str(_("Reviewed")), Tone.WARN, "eye"),
        Case.State.CLOSED: Pill(str(_("Closed")), Tone.GOOD, "circle-check"),
    }[Case.State(case.state)]


def _order(case: Any) -> Cell:
    if not case.order_number:
        return Cell("–")
    return Cell(case.order_number, note=masked_name(case.visitor_name or ""), url=order_url(case.order_number))


def _who(case: Case) -> str:
    by = case.decided_by
    return (by.get_full_name() or by.get_username()) if by else ""


def _where(case: Any) -> Cell:
    station = either(case.station_zh, case.station_en) if case.station_zh else ""
    return Cell(case.device_name or case.edge.name, note=station)


def _sides(desk: Desk, case: Case) -> dict[str, Any]:
    """In words, and the admissions it is about beside each other, the earlier first."""
    rows = selectors.admissions(desk.venue, [pk for pk in (case.other_id, case.admission_id) if pk])
    return {
        "text": WHAT[case.kind],
        "sides": [_side(one, beyond=one.pk == case.admission_id) for one in sorted(rows, key=lambda one: one.at)],
    }


def _side(one: Any, beyond: bool) -> dict[str, Any]:
    return {
        "entry": one.entry,
        "beyond": beyond,
        "pill": outcome(one.outcome),
        "facts": (
            (_("When"), stamp(one.at)),
            (_("Station"), either(one.station_zh, one.station_en)),
            (_("Lane"), one.device_name or "–"),
            (_("Edge"), one.edge.name),
            (_("Order"), one.order_number or "–"),
            (_("Persons"), one.persons),
            (_("Walked"), one.passed),
            (_("Given back"), one.returned),
            (_("Settled at"), stamp(one.settled_at)),
        ),
    }


def _presented(desk: Desk, case: Case) -> Any:
    """What else was shown of the ticket, or of the two that share their uses: to judge by."""
    if case.entitlement_id is None:
        return None
    other = case.other.entitlement_id if case.other is not None else case.entitlement_id
    return selectors.of_tickets(desk.venue, {case.entitlement_id, other})


VALUES = (
    Value("at", _("When"), lambda one: one.at, order=("at",)),
    Value("kind", _("Kind"), kind_name, main=True),
    Value("state", _("State"), state_pill, order=("state",)),
    Value("product", _("Product"), lambda one: either(one.product_zh, one.product_en)),
    Value("order", _("Order"), _order),
    Value("where", _("Where"), _where),
    Value("persons", _("Persons"), lambda one: one.persons or None, numeric=True),
    Value(
        "value", _("Value"), lambda one: money(one.value_fen) if one.value_fen else "", order=("value_fen",),
        numeric=True, plain=lambda one: one.value_fen / 100,
    ),
    Value("edge", _("Edge"), lambda one: one.edge.name, listed=False),
    Value("number", _("Case"), lambda one: str(one.pk), listed=False),
    Value("opened", _("Came in"), lambda one: one.opened_at, listed=False),
    Value("note", _("What was found"), lambda one: one.note, listed=False),
    Value("who", _("Decided by"), _who, listed=False),
)  # fmt: skip


def _decision(key: str, verb: Any, run: Any, done: Any, says: Any, fits: Any, icon: str) -> Action:
    return Action(
        key, verb, Permission.CASE_MANAGE, lambda desk, rows: [says], done,
        run=lambda desk, row, values: run(**actor_of(desk), case=row, note=values["note"]),
        fits=fits, form=DecideForm, icon=icon,
    )  # fmt: skip


CONFLICTS = register(
    Section(
        key="conflicts",
        group="entrance",
        icon="triangle-alert",
        title=_("Conflicts"),
        one=_("Conflict"),
        view=Permission.ORDER_VIEW,  # it names orders
        rows=lambda desk: selectors.listed(desk.venue),
        label=lambda one: f"{kind_name(one)} · {one.pk}",
        values=VALUES,
        order=("-at",),
        search=(selectors.matching,),
        search_hint=_("Case, order number, visitor's name or ID number"),
        filters={
            "waiting": _WaitingFilter(
                label=_("Waits for somebody"), choices=(("on", _("Yes")), ("off", _("No"))), empty_label=_("All")
            ),
            "state": filters.choice(_("State"), "state", STATES),
            "kind": filters.choice(_("Kind"), "kind", KINDS),
            "station": filters.place(_("Station"), "station_id", station_choices),
            "lane": filters.place(_("Lane"), "device_id", lane_choices),
            "edge": filters.place(_("Edge"), "edge_id", edge_choices),
            "since": filters.since(_("From day"), "at"),
            "until": filters.until(_("To day"), "at"),
        },
        facts=(
            *(value for value in VALUES if value.key not in ("kind", "state", "number")),
            Value("decided", _("Decided at"), lambda one: one.decided_at),
        ),
        state=state_pill,
        panels=(Panel(_("What happened"), _sides, "console/conflicts/sides.html"),),
        related=(
            Related(
                _("Each time this ticket was presented"), _presented,
                (
                    Value("at", _("When"), lambda one: one.at, main=True),
                    Value("lane", _("Lane"), lambda one: one.device_name),
                    Value("station", _("Station"), lambda one: either(one.station_zh, one.station_en)),
                    Value("verdict", _("Verdict"), lambda one: verdict(one.decision, one.reason)),
                    Value("persons", _("Persons"), lambda one: one.persons, numeric=True),
                    Value("outcome", _("What followed"), lambda one: outcome(one.outcome) if one.outcome else ""),
                ),
                _("No ticket is concerned."), "admissions",
            ),
            Related(
                _("Records put aside"),
                lambda desk, one: one.entries.order_by("seq", "pk") if one.kind == Case.Kind.SET_ASIDE else None,
                (
                    Value("seq", _("Number in the journal"), lambda one: one.seq, numeric=True),
                    Value("why", _("Why"), lambda one: str(dict(WHY)[one.why]), main=True),
                    Value("detail", _("Details"), lambda one: one.detail),
                    Value("bytes", _("Bytes"), lambda one: len(bytes(one.raw)), numeric=True),
                    Value("received", _("Came in"), lambda one: one.received_at),
                ),
                _("No record was put aside."),
            ),
        ),
        actions=(
            _decision(
                "review", _("Note"), review_case, _("Noted: %(name)s"),
                _("It stays on the list of what waits to be closed."), lambda one: one.state != Case.State.CLOSED,
                "eye",
            ),
            _decision(
                "close", _("Close"), close_case, _("Closed: %(name)s"),
                _("Nothing changes at the gates, and no use is given back by this."),
                lambda one: one.state != Case.State.CLOSED, "check",
            ),
            _decision(
                "reopen", _("Reopen"), reopen_case, _("Open again: %(name)s"), _("It waits for somebody again."),
                lambda one: one.state == Case.State.CLOSED, "undo-2",
            ),
        ),
        personal=True,
        empty=_("What the gates cannot settle by themselves waits here for somebody."),
        badge=lambda desk: selectors.open_count(desk.venue, desk.reach(Permission.ORDER_VIEW)),
        place=30,
    )
)  # fmt: skip
