"""A ticket's entry code, large and printable; in a demo also presented at a lane from here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cloud.admin import emulators
from cloud.admin.desk import Desk
from cloud.admin.kit import verdict
from cloud.admin.kit.page import page, said, show
from cloud.admin.kit.pill import Pill
from cloud.admin.kit.text import minute, named, stamp
from cloud.admin.sections.order_view import Fact, UnitView, order_url, unit_view
from cloud.admin.sections.orders import SESSION_REPLACED, unit_or_404, verifying_groups
from cloud.admissions import history
from cloud.admissions import selectors as admissions
from cloud.core.errors import DomainError
from cloud.entitlements.attach import card_code, short_code
from cloud.entitlements.links import token_of
from cloud.entitlements.selectors import shown_line
from cloud.gates import selectors as gates
from cloud.sales.models import OrderUnit
from cloud.staff.permissions import Permission
from cloud.venues import selectors as venues
from cloud.venues.models import Device

POLLS = 25  # 0.4 s apart: after ten seconds without a record the page says so
_SHOWABLE = re.compile(r"P[FR]1:[0-9A-Z $%*+\-./:]{1,400}")  # what a pass's text may look like (base45)


@dataclass(frozen=True, slots=True)
class LaneChoice:
    identifier: str
    name: str
    station_name: str
    pill: Pill


@dataclass(frozen=True, slots=True)
class QrView:
    """`lanes` is None outside a demo; `replaced_line` is the code that this session has just replaced.

    A `rotating` ticket's code is drawn by its holder's phone alone: `line` is then the address of that page.
    """

    number: str
    unit: UnitView
    svg: SafeString
    line: str
    facts: tuple[Fact, ...]
    order_url: str
    present_url: str
    lanes: tuple[LaneChoice, ...] | None
    replaced_line: str
    rotating: bool
    phone_url: str


def drawn(line: str, label: str) -> SafeString:
    """The QR code as SVG, error correction M, with the quiet zone the standard asks for."""
    code = segno.make_qr(line, error="m", boost_error=False)
    markup: str = code.svg_inline(
        border=4, omitsize=True, dark="#000", light="#fff", title=label, svgclass=None, lineclass=None
    )
    return mark_safe(markup)  # noqa: S308 - drawn here; the label is escaped by the writer


@page(Permission.ORDER_PASS)
def qr(request: HttpRequest, desk: Desk, number: str, position: int) -> HttpResponse:
    order, unit = unit_or_404(desk, number, position)
    entered = admissions.for_entitlements(desk.venue, [unit.entitlement_id])
    shown = unit_view(unit, entered.get(unit.entitlement_id, []), verifying_groups([unit])[unit.product_id])
    phone = request.build_absolute_uri(reverse("storefront:ticket", args=[token_of(unit.entitlement)]))
    line = phone if unit.entitlement.rotating else shown_line(unit.entitlement)
    facts = [Fact(_("Order"), f"{order.number} · {position}"), Fact(_("Validity"), shown.window)]
    if unit.entitlement.persons > 1:
        facts.append(Fact(_("Persons"), str(unit.entitlement.persons)))
    if shown.visitor:
        facts.append(Fact(_("Visitor"), shown.visitor))
    facts.append(Fact(_("Price"), shown.price))
    if code := short_code(unit.entitlement):
        facts.append(Fact(_("Short code"), code))
    if code := card_code(unit.entitlement):
        facts.append(Fact(_("Card number"), code))
    context = QrView(
        number=order.number,
        unit=shown,
        svg=drawn(line, _("Entry code of ticket %(position)s") % {"position": position}),
        line=line,
        facts=tuple(facts),
        order_url=order_url(order.number),
        present_url=reverse("console:present", args=[order.number, position]),
        lanes=_lanes(desk),
        replaced_line=_replaced(request, unit),
        rotating=unit.entitlement.rotating,
        phone_url=phone,
    )
    return show(request, desk, "console/orders/qr.html", {"view": context})


def _lanes(desk: Desk) -> tuple[LaneChoice, ...] | None:
    if emulators.control() is None:
        return None
    choices = []
    reach = desk.reach(Permission.LIVE_VIEW)
    for lane in gates.lanes(desk.venue):
        if reach.covers(lane.device.station_id) and emulators.has_lane(lane.device.identifier):
            enabled = lane.device.enabled and (lane.station is None or lane.station.enabled)
            pill = verdict.lane_state(lane.state, enabled=enabled, online=lane.online)
            station = named(lane.station) if lane.station else ""
            choices.append(LaneChoice(lane.device.identifier, lane.device.name, station, pill))
    return tuple(choices)


def _replaced(request: HttpRequest, unit: OrderUnit) -> str:
    kept = request.session.get(SESSION_REPLACED) or {}
    line = str(kept.get("line", "")) if kept.get("unit") == unit.pk else ""
    return line if _SHOWABLE.fullmatch(line) else ""


@require_POST
@page(Permission.ORDER_PASS)
def present(request: HttpRequest, desk: Desk, number: str, position: int) -> HttpResponse:
    """Shows the code to a lane of the demo, then waits for the gate's record of it."""
    if emulators.control() is None:
        raise Http404("only a demo can present codes")
    _order, unit = unit_or_404(desk, number, position)
    device = _lane(desk, request.POST.get("lane", ""))
    line = shown_line(unit.entitlement)
    if request.POST.get("which") == "old":
        line = _replaced(request, unit) or line
    after = history.last_entry(desk.venue, unit.entitlement_id)
    try:
        emulators.present(device.identifier, line, label=str(unit.entitlement_id))
    except DomainError as error:
        return show(request, desk, "console/orders/verdict.html", {"error": said(error)})
    return _waiting(request, desk, unit, device, after, POLLS)


@page(Permission.ORDER_PASS)
def presented(request: HttpRequest, desk: Desk, number: str, position: int) -> HttpResponse:
    """The gate's verdict once its record has come, else the same question again a moment later."""
    _order, unit = unit_or_404(desk, number, position)
    device = _lane(desk, request.GET.get("lane", ""))
    after, left = _number(request.GET.get("after", "")), _number(request.GET.get("left", ""))
    found = history.presentations(desk.venue, [unit.entitlement_id], device=device, after=after, limit=1)
    if not found:
        return _waiting(request, desk, unit, device, after, min(left, POLLS) - 1)
    pill = verdict.verdict(found[0].decision, found[0].reason)
    advice = verdict.reason_advice(found[0].reason, **_particulars(desk, unit))
    context = {"pill": pill, "advice": advice, "at": found[0].at, "lane_name": device.name}
    return show(request, desk, "console/orders/verdict.html", context)


def _particulars(desk: Desk, unit: OrderUnit) -> dict[str, str]:
    """What a refusal may name: where and when it was used last, from when until when it is valid."""
    used = admissions.for_entitlements(desk.venue, [unit.entitlement_id]).get(unit.entitlement_id, [])
    last = next((one for one in used if one.persons > one.returned), None)
    station = venues.stations(desk.venue).filter(pk=last.station_id).first() if last else None
    return {
        "station": named(station) if station else "",
        "time": stamp(last.at) if last else "",
        "start": minute(unit.entitlement.not_before),
        "end": minute(unit.entitlement.not_after),
    }


def _waiting(request: HttpRequest, desk: Desk, unit: OrderUnit, device: Device, after: int, left: int) -> HttpResponse:
    address = reverse("console:presented", args=[unit.order.number, unit.position])
    context = {
        "waiting": left > 0,
        "late": left <= 0,
        "url": f"{address}?lane={device.pk}&after={after}&left={left}",
        "lane_name": device.name,
    }
    return show(request, desk, "console/orders/verdict.html", context)


def _lane(desk: Desk, named_by: str) -> Device:
    """A lane within reach, by identifier or id. 404 for any other."""
    reach = desk.reach(Permission.LIVE_VIEW)
    for lane in gates.lanes(desk.venue):
        if reach.covers(lane.device.station_id) and named_by in (lane.device.identifier, str(lane.device.pk)):
            return lane.device
    raise Http404("no such lane")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
