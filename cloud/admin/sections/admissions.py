"""Admissions: every code shown at a gate, let in or refused, and what became of it. Written by the gates alone."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Panel, Section, Value
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import either, stamp
from cloud.admin.kit.verdict import clock_state, outcome, reason_advice, reason_label, remark, verdict
from cloud.admin.sections.order_view import order_url
from cloud.admin.sections.places import edge_choices, lane_choices, station_choices
from cloud.admissions import presented as selectors
from cloud.admissions.models import Admission, JournalEntry
from cloud.admissions.settle import OUTCOMES
from cloud.sales.personal import masked_name
from cloud.staff.permissions import Permission
from paifang.reasons import Reason
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2

DECISIONS = (
    (str(scan_pb2.DECISION_ADMIT), _("Admitted")),
    (str(scan_pb2.DECISION_REFUSE), _("Refused")),
    (str(scan_pb2.DECISION_GO_AHEAD), _("Shown again while open")),
)
CREDENTIALS: dict[int, Any] = {
    CredentialKind.PASS: _("Pass (QR code)"),
    CredentialKind.ROTATING: _("Rotating code"),
    CredentialKind.CHANNEL: _("A sales channel's code"),
    CredentialKind.ID_NUMBER: _("ID card"),
    CredentialKind.CARD_UID: _("Card"),
    CredentialKind.MEMBER: _("Member's code"),
    CredentialKind.SHORT: _("Short code"),
}

FLAGS = (("unknown", _("No such ticket here")), ("ended", _("Had been revoked or refunded")))


class _Moment(django_filters.DateTimeFilter):
    """From an instant, or up to one, in the venue's time; a day alone means its beginning."""

    def __init__(self, label: Any, end: bool) -> None:
        super().__init__(
            field_name="at", label=label, lookup_expr="lt" if end else "gte",
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        )  # fmt: skip


class _OutcomeFilter(filters.AskedChoiceFilter):
    def filter(self, qs: QuerySet[JournalEntry], value: str) -> QuerySet[JournalEntry]:
        return selectors.followed_by(qs, value) if value else qs


def _reasons() -> list[tuple[str, str]]:
    return [(str(int(code)), reason_label(code)) for code in Reason]


def _outcomes() -> list[tuple[str, str]]:
    return [(code, outcome(code).text) for code in Admission.Outcome.values]


def _order(row: Any) -> Cell:
    if not row.order_number:
        return Cell("–")
    return Cell(row.order_number, note=masked_name(row.visitor_name or ""), url=order_url(row.order_number))


def _outcome(row: Any) -> Pill | str:
    return outcome(row.outcome) if row.outcome else ""


def _station(row: Any) -> str:
    return either(row.station_zh, row.station_en)


def _journal(desk: Desk, row: JournalEntry) -> dict[str, Any]:
    """The entry as its edge wrote it, and its place in the chain."""
    link = selectors.link_of(row)
    body = link.entry.presentation
    chain = (
        Pill(str(_("Follows the record before it")), Tone.GOOD, "link")
        if link.follows or row.seq == 1
        else Pill(str(_("The record before it is missing")), Tone.WARN, "unlink")
        if link.before is None
        else Pill(str(_("Does not follow the record before it")), Tone.BAD, "unlink")
    )
    advice = reason_advice(row.reason or 0) if row.decision == scan_pb2.DECISION_REFUSE else ""
    return {
        "pill": chain,
        "advice": advice,
        "facts": (
            (_("Credential"), CREDENTIALS.get(body.credential_kind, "–")),
            (_("Begins with"), bytes(body.credential_tag).hex() or "–"),
            (_("Ticket's own number"), row.entitlement_id or "–"),
            (_("Counted for"), body.owner_id or "–"),
            (_("Decided in"), f"{body.decided_us / 1000:.2f} ms" if body.decided_us else "–"),
            (_("Edge"), row.edge.name),
            (_("Edge's clock"), clock_state(link.entry.clock)[0]),
            (_("Number in the journal"), f"{row.seq:,}"),
            (_("Start of the daemon"), bytes(row.epoch).hex()),
            (_("Came in"), stamp(row.received_at)),
        ),
        "hashes": ((_("Hash"), bytes(row.entry_hash).hex()), (_("Hash before it"), link.entry.prev_hash.hex())),
    }  # fmt: skip


def _settlements(desk: Desk, row: JournalEntry) -> Table | None:
    if row.decision != scan_pb2.DECISION_ADMIT:
        return None
    columns = (
        Column(_("When"), main=True), Column(_("What followed")), Column(_("Walked"), numeric=True),
        Column(_("Given back"), numeric=True), Column(_("After a restart")),
        Column(_("Number in the journal"), numeric=True),
    )  # fmt: skip
    rows = tuple(
        Row(
            f"settled-{one.row.pk}",
            (
                Cell(stamp(one.at)), Cell(pill=outcome(OUTCOMES[one.body.outcome])), Cell(str(one.body.passed)),
                Cell(str(one.body.returned)), Cell(str(_("Yes") if one.body.recovered else _("No"))),
                Cell(f"{one.row.seq:,}"),
            ),
        )
        for one in selectors.settlements_of(row)
    )  # fmt: skip
    empty = Empty(str(_("Not settled yet")), str(_("What the barrier saw is written here by the gate.")), "hourglass")
    return Table(str(_("What followed")), columns, rows, empty)


VALUES = (
    Value("at", _("When"), lambda one: one.at, order=("at",), main=True),
    Value("verdict", _("Verdict"), lambda one: verdict(one.decision or 0, one.reason or 0)),
    Value("product", _("Product"), lambda one: either(one.product_zh, one.product_en)),
    Value("lane", _("Lane"), lambda one: Cell(one.device_name or "–", note=_station(one))),
    Value("order", _("Order"), _order),
    Value("persons", _("Persons"), lambda one: one.persons, numeric=True),
    Value("outcome", _("What followed"), _outcome),
    Value("remark", _("Remark"), lambda one: remark(flag=one.flag or "", signed_only=bool(one.signed_only))),
    Value("station", _("Station"), _station, listed=False),
    Value("passed", _("Walked"), lambda one: one.passed, numeric=True, listed=False),
    Value("returned", _("Given back"), lambda one: one.returned, numeric=True, listed=False),
    Value("settled", _("Settled at"), lambda one: one.settled_at, listed=False),
    Value("edge", _("Edge"), lambda one: one.edge.name, listed=False),
    Value("ticket", _("Ticket's own number"), lambda one: str(one.entitlement_id or ""), listed=False),
    Value("day", _("Business day"), lambda one: one.business_day.isoformat(), listed=False),
)


ADMISSIONS = register(
    Section(
        key="admissions",
        group="entrance",
        icon="footprints",
        title=_("Admissions"),
        one=_("Admission"),
        view=Permission.ORDER_VIEW,  # it names orders
        rows=lambda desk: selectors.presented(desk.venue),
        label=lambda one: f"#{one.pk}",
        values=VALUES,
        order=("-at",),
        search=(selectors.matching,),
        search_hint=_("Order number, visitor's name or ID number, ticket's own number"),
        filters={
            "decision": filters.choice(_("Verdict"), "decision", DECISIONS),
            "reason": filters.choice(_("Reason"), "reason", _reasons),
            "station": filters.place(_("Station"), "station_id", station_choices),
            "lane": filters.place(_("Lane"), "device_id", lane_choices),
            "edge": filters.place(_("Edge"), "edge_id", edge_choices),
            "outcome": _OutcomeFilter("outcome", label=_("What followed"), choices=_outcomes, empty_label=_("All")),
            "since": _Moment(_("From"), end=False),
            "until": _Moment(_("Until"), end=True),
        },
        facts=tuple(value for value in VALUES if value.key not in ("verdict", "ticket", "edge")),
        state=lambda one: verdict(one.decision or 0, one.reason or 0),
        panels=(
            Panel(_("What followed"), _settlements),
            Panel(_("In the edge's journal"), _journal, "console/admissions/journal.html"),
        ),
        history=False,
        personal=True,
        live=2,
        empty=_("Every code shown at a gate is listed here within a moment, let in or refused."),
        place=20,
    )
)  # fmt: skip
