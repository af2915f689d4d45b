"""Explain: staff ask a lane why it refuses something, or would. The edge answers; nothing is used up."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit import verdict
from cloud.admin.kit.page import page, said, show
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import chinese, minute, named, stamp
from cloud.admin.sections.order_view import order_url
from cloud.core.errors import DomainError
from cloud.gates import selectors as gates
from cloud.gates import services
from cloud.gates.models import Question
from cloud.gates.services.questions import MAX_BYTES
from cloud.sales.models import OrderUnit
from cloud.staff.permissions import Permission
from cloud.venues import selectors as venues
from cloud.venues.models import Device
from paifang.checks import INPUTS, LABELS, value_text
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2

KINDS = (
    (int(CredentialKind.LINE), gettext_lazy("A code: ticket, live code, member, channel or typed")),
    (int(CredentialKind.ID_NUMBER), gettext_lazy("An ID card's number")),
    (int(CredentialKind.CARD_UID), gettext_lazy("A card's number")),
)


class ExplainForm(forms.Form):
    """What would be presented, where and when. Of a ticket that is known (`unit`) nothing need be typed."""

    lane = forms.ModelChoiceField(Device.objects.none(), label=gettext_lazy("Lane"), empty_label=None)
    kind = forms.TypedChoiceField(label=gettext_lazy("What is presented"), choices=KINDS, coerce=int, required=False)
    credential = forms.CharField(
        label=gettext_lazy("Code or number"), max_length=MAX_BYTES, required=False, strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
        help_text=gettext_lazy("Scan it here or type it."),
    )  # fmt: skip
    at = forms.DateTimeField(
        label=gettext_lazy("At"), required=False, help_text=gettext_lazy("The venue's time. Empty: now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
    )  # fmt: skip

    def __init__(self, desk: Desk, unit: OrderUnit | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lanes = self.fields["lane"]
        reach = desk.reach(Permission.ENTITLEMENT_EXPLAIN)
        within = reach.narrow(venues.gates(desk.venue).exclude(edge=None), "station_id")
        lanes.queryset = within.order_by("station__number", "identifier")  # type: ignore[attr-defined]
        lanes.label_from_instance = _lane_name  # type: ignore[attr-defined]
        if unit is not None:
            del self.fields["kind"], self.fields["credential"]

    def refuse(self, error: DomainError) -> None:
        field = {"device": "lane"}.get(error.field or "", error.field)
        self.add_error(field if field in self.fields else None, said(error))


@page(Permission.ENTITLEMENT_EXPLAIN)
def ask(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The form; a ticket's page leads here with its order and position."""
    unit = _unit(desk, request)
    form = ExplainForm(desk, unit, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("console:explained", _asked(desk, unit, form.cleaned_data).pk)
        except DomainError as error:
            form.refuse(error)
    back = order_url(unit.order.number) if unit is not None else ""
    context = {"form": form, "unit": unit, "back": back, "no_lanes": not form.fields["lane"].queryset.exists()}  # type: ignore[attr-defined]
    return show(request, desk, "console/explain/ask.html", context, status=422 if form.is_bound else 200)


def _asked(desk: Desk, unit: OrderUnit | None, values: dict[str, Any]) -> Question:
    place = {"actor": desk.actor, "venue": desk.venue, "device": values["lane"], "at": values["at"]}
    if unit is not None:
        return services.ask_about(**place, entitlement=unit.entitlement)
    kind, text = CredentialKind(values["kind"]), values["credential"]
    if kind != CredentialKind.LINE:
        text = text.replace(" ", "").upper()
    return services.ask(**place, kind=kind, credential=text.encode("utf-8"))


@page(Permission.ENTITLEMENT_EXPLAIN)
def explained(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """A question and its answer, which comes within a second or two; asked for by itself until then."""
    answer = gates.answer_to(desk.venue, pk)
    if answer is None:
        raise Http404(pk)
    template = "console/explain/answer.html" if request.headers.get("HX-Request") else "console/explain/page.html"
    return show(request, desk, template, _context(desk, answer))


def _context(desk: Desk, answer: gates.Answer) -> dict[str, Any]:
    question = answer.question
    view = gates.edge_view(question.edge, timezone.now())
    context: dict[str, Any] = {
        "question": question,
        "lane": _lane_name(question.device),
        "kind": dict(KINDS).get(question.credential_kind, ""),
        "when": minute(question.at) if question.at else _("now"),
        "asked": stamp(question.asked_at),
        "edge": question.edge.name,
        "online": view.online,
        "late": answer.late,
        "waiting": answer.explanation is None and not answer.late,
    }
    if answer.explanation is not None:
        told = answer.explanation
        decision = scan_pb2.DECISION_ADMIT if told.admit else scan_pb2.DECISION_REFUSE
        context |= {
            "pill": verdict.verdict(decision, told.reason),
            "advice": verdict.reason_advice(told.reason),
            "checks": checks_table(told, _tickets(desk, told)),
        }
    return context


def checks_table(told: scan_pb2.Explanation, tickets: dict[int, str]) -> Table:
    """Each check with what it looked at. `tickets`: entitlement id -> how people know it."""
    several = len({check.inputs["entitlement"] for check in told.checks if "entitlement" in check.inputs}) > 1
    rows = []
    for place, check in enumerate(told.checks):
        inputs = dict(check.inputs)
        label = LABELS.get(inputs.pop("check", ""))
        number = inputs.pop("entitlement", "")
        chosen = inputs.pop("chosen", "")
        ticket = tickets.get(int(number) if number.isdecimal() else 0, number)
        if several and ticket and chosen == "yes":
            ticket = _("%(ticket)s, the one decided by") % {"ticket": ticket}
        cells = (
            Cell(_word(label) if label else "–", ticket if several else ""),
            Cell(pill=_outcome(check)),
            Cell("; ".join(f"{_input(name)}: {value_text(inputs[name], _language())}" for name in sorted(inputs))),
        )
        rows.append(Row(f"check-{place}", cells))
    return Table(
        caption=_("Checks"),
        columns=(Column(_("Check"), main=True), Column(_("Outcome")), Column(_("What it looked at"))),
        rows=tuple(rows),
        empty=Empty(_("No checks"), _("The edge has told nothing."), "list-checks"),
    )


def _outcome(check: scan_pb2.Check) -> Pill:
    if check.outcome == scan_pb2.CHECK_OUTCOME_PASSED:
        return Pill(_("Passed"), Tone.GOOD, "circle-check")
    if check.outcome == scan_pb2.CHECK_OUTCOME_FAILED:
        return Pill(verdict.reason_label(check.reason), Tone.BAD, "circle-x")
    return Pill(_("Not asked"), Tone.IDLE, "circle-dashed")


def _tickets(desk: Desk, told: scan_pb2.Explanation) -> dict[int, str]:
    numbers = {check.inputs["entitlement"] for check in told.checks if "entitlement" in check.inputs}
    ids = [int(number) for number in numbers if number.isdecimal() and len(number) < 20]
    units = OrderUnit.objects.filter(venue=desk.venue, entitlement_id__in=ids).select_related("order")
    return {unit.entitlement_id: f"{unit.order.number} · {unit.position}" for unit in units}


def _unit(desk: Desk, request: HttpRequest) -> OrderUnit | None:
    """The ticket the address names, if any; 404 where there is none such."""
    number, position = request.GET.get("order", ""), request.GET.get("position", "")
    if not number:
        return None
    units = OrderUnit.objects.filter(venue=desk.venue, order__number=number).select_related("order", "entitlement")
    unit = units.filter(position=int(position)).first() if position.isdecimal() and len(position) < 5 else None
    if unit is None or unit.entitlement_id is None:  # or it is not paid yet
        raise Http404(number)
    return unit


def _lane_name(device: Device) -> str:
    return f"{named(device.station)} · {device.name}" if device.station else device.name


def _language() -> str:
    return "zh" if chinese() else "en"


def _input(name: str) -> str:
    """What a check looked at, in words; a name an edge of another version gives is shown as it is."""
    return _word(INPUTS[name]) if name in INPUTS else name


def _word(text: Any) -> str:
    return str(text.zh if chinese() else text.en)
