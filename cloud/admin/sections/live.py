"""The live page, and taking lanes and stations out of service from it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.text import named
from cloud.admin.sections.live_board import board
from cloud.core.errors import DomainError
from cloud.entitlements.live_services import set_device_enabled, set_station_enabled
from cloud.staff.permissions import Permission
from cloud.venues import selectors as venues


@page(Permission.LIVE_VIEW)
def live(request: HttpRequest, desk: Desk) -> HttpResponse:
    return show(request, desk, "console/live/page.html", {"board": board(desk)})


@page(Permission.LIVE_VIEW)
def live_board(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The board alone: what the page asks for every moment."""
    return show(request, desk, "console/live/board.html", {"board": board(desk)})


@page(Permission.STATION_SWITCH)
def switch_lane(request: HttpRequest, desk: Desk, device_id: int) -> HttpResponse:
    rows = desk.reach(Permission.STATION_SWITCH).narrow(venues.gates(desk.venue), "station")
    device = get_object_or_404(rows, pk=device_id)
    wanted = _wanted(request, device.enabled)
    if request.method == "POST":
        try:
            set_device_enabled(actor=desk.actor, venue=desk.venue, device=device, enabled=wanted)
        except DomainError as error:
            report(request, error)
        else:
            text = _("%(name)s is back in service.") if wanted else _("%(name)s is out of service.")
            messages.success(request, text % {"name": device.name})
        return redirect("console:live")
    if wanted:
        title, verb = _("Put %(name)s back in service?"), _("Put back in service")
        lines = [_("It admits visitors again within a moment.")]
        if device.station and not device.station.enabled:
            lines.append(_("Its station is closed: it stays shut until that is opened too."))
    else:
        title, verb = _("Take %(name)s out of service?"), _("Take out of service")
        lines = [
            _("It refuses every code within a moment and shows visitors to the next lane."),
            _("Somebody already let through may still walk."),
        ]
    return _ask(request, desk, title % {"name": device.name}, lines, verb, "console:switch-lane", device.pk, wanted)


@page(Permission.STATION_SWITCH)
def switch_station(request: HttpRequest, desk: Desk, station_id: int) -> HttpResponse:
    rows = desk.reach(Permission.STATION_SWITCH).narrow(venues.stations(desk.venue), "pk")
    station = get_object_or_404(rows, pk=station_id)
    wanted = _wanted(request, station.enabled)
    if request.method == "POST":
        try:
            set_station_enabled(actor=desk.actor, venue=desk.venue, station=station, enabled=wanted)
        except DomainError as error:
            report(request, error)
        else:
            text = _("%(name)s is open.") if wanted else _("%(name)s is closed.")
            messages.success(request, text % {"name": named(station)})
        return redirect("console:live")
    lanes = venues.gates(desk.venue).filter(station=station).count()
    if wanted:
        title, verb = _("Open %(name)s?"), _("Open the station")
        lines = [_("Its lanes admit visitors again within a moment; those taken out of service one by one stay out.")]
    else:
        title, verb = _("Close %(name)s?"), _("Close the station")
        text = ngettext("Its %(lanes)d lane refuses every code within a moment.",
                        "Its %(lanes)d lanes refuse every code within a moment.", lanes)  # fmt: skip
        lines = [text % {"lanes": lanes}, _("Visitors are sent to another entrance.")]
    return _ask(
        request, desk, title % {"name": named(station)}, lines, verb, "console:switch-station", station.pk, wanted
    )


def _wanted(request: HttpRequest, enabled: bool) -> bool:
    """What the person confirmed, not merely the opposite of now: two who press at once must not undo each other."""
    asked = request.GET.get("to", "")
    return asked == "on" if asked in ("on", "off") else not enabled


def _ask(
    request: HttpRequest, desk: Desk, title: str, lines: list[str], verb: str, view: str, pk: int, wanted: bool
) -> HttpResponse:
    url = f"{reverse(view, args=[pk])}?to={'on' if wanted else 'off'}"
    confirm = Confirm(title, tuple(lines), verb, url, back=reverse("console:live"), grave=not wanted)
    return ask(request, desk, confirm)
