"""Edges: the entrances' computers, how they are doing, their certificates, and enrolling a machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import F, OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods
from django_scopes import get_scope

from cloud.admin.desk import Desk
from cloud.admin.kit import verdict
from cloud.admin.kit.action_view import brief
from cloud.admin.kit.alarm_names import EDGE as EDGE_ALARMS
from cloud.admin.kit.audit_names import action_name
from cloud.admin.kit.cells import enabled_pill
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.reach import narrowed
from cloud.admin.kit.registry import register
from cloud.admin.kit.routed import row_or_404
from cloud.admin.kit.section import Action, FormSpec, Panel, Related, Section, Value, actor_of
from cloud.admin.kit.table import Cell
from cloud.admin.kit.text import named, stamp
from cloud.admin.sections.devices import KINDS
from cloud.admin.sections.live_board import WORKING
from cloud.admin.sections.qr import drawn
from cloud.admissions.models import EdgeAlarm
from cloud.core.errors import DomainError
from cloud.gates import selectors
from cloud.gates.models import EdgeCertificate
from cloud.gates.services import TOKEN_LIFE, create_token, retire_edge, revoke_edge
from cloud.staff.permissions import Permission
from cloud.venues.models import Device, Edge
from cloud.venues.services import create_edge

CONTACT = (("online", _("Connected")), ("silent", _("No contact")), ("never", _("Not connected yet")))
MACHINE_OFF_MS = 5000  # a machine's clock is called wrong from then on, as on the edge's own health page
ALARMS = 50
CONFIG = "/etc/paifang/edge.toml"  # where docs/venue.md puts it


class CreateForm(SectionForm):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("As in the configuration of the entrance's computer.")
    )


class RevokeForm(SectionForm):
    why = forms.CharField(label=_("Why"), max_length=200, required=False)


class RetireForm(SectionForm):
    why = forms.CharField(label=_("Why"), max_length=200)
    heir = forms.ModelChoiceField(
        Edge.objects.none(), label=_("Its devices hang on"), required=False,
        help_text=_("The edge that takes its place, where it is there already. None: they hang on no edge for now."),
    )  # fmt: skip

    def prepare(self) -> None:
        others = selectors.edges_with_health(self.desk.venue).exclude(pk=self.row.pk)
        self.fields["heir"].queryset = others.order_by("name")  # type: ignore[attr-defined]


def _devices(desk: Desk) -> QuerySet[Device]:
    """Those at the stations that whoever looks is authorised for: an edge may have others."""
    return narrowed(desk, Device.objects.select_related("station"), Permission.LIVE_VIEW).order_by("identifier")


def _rows(desk: Desk) -> QuerySet[Edge]:
    edges = selectors.edges_with_health(desk.venue)
    return edges.prefetch_related(Prefetch("devices", _devices(desk)), "certificates", "tokens")


class _ContactFilter(django_filters.ChoiceFilter):
    """By their last reports, looked at one by one: a venue has few edges."""

    def filter(self, qs: QuerySet[Edge], value: str) -> QuerySet[Edge]:
        if value not in dict(CONTACT):
            return qs
        found = [view.edge.pk for view in selectors.edges(get_scope()["venue"]) if _kept_up(view) == value]
        return qs.filter(pk__in=found)


def _kept_up(view: selectors.EdgeView) -> str:
    if view.status is None:
        return "never"
    return "online" if view.online else "silent"


def _contact(edge: Edge) -> Pill:
    view = selectors.edge_view(edge)
    return verdict.contact(online=view.online, heard=view.status is not None)


def _backlog(edge: Edge) -> int | None:
    view = selectors.edge_view(edge)
    return view.backlog if view.status is not None else None


def _said(edge: Edge, field: str) -> Any:
    """A field of the edge's last report; None without one."""
    return getattr(selectors.edge_view(edge).status, field, None)


def _verifier(edge: Edge) -> str:
    return verdict.verifier(_said(edge, "verifier") or "")


def _clock(edge: Edge) -> str:
    """How sure it is of the time; and how wrong the machine's own clock is, which counts at a start without us."""
    state, off_ms = verdict.clock_state(_said(edge, "clock") or 0)[0], _said(edge, "machine_off_ms") or 0
    if abs(off_ms) <= MACHINE_OFF_MS:
        return state
    return _("%(state)s; the machine's own clock is %(seconds)+d s off") % {
        "state": state, "seconds": off_ms // 1000
    }  # fmt: skip


def _behind(edge: Edge) -> str:
    """Why it refuses tickets with counted uses."""
    code = _said(edge, "behind") or ""
    return str(EDGE_ALARMS.get(code, code) or _("nothing: it admits"))


def _storage(edge: Edge) -> str:
    used = _said(edge, "store_permille")
    return f"{used / 10:.1f} %" if used is not None else ""


def _working(edge: Edge) -> tuple[int, int]:
    """Its lanes in service, and all its lanes."""
    view = selectors.edge_view(edge)
    ours = {device.pk for device in edge.devices.all() if device.kind == Device.Kind.GATE}
    lanes = view.status.lanes if view.online and view.status else ()
    return sum(lane.device_id in ours and lane.state in WORKING for lane in lanes), len(ours)


def _lanes(edge: Edge) -> str:
    working, all_of_them = _working(edge)
    return f"{working}/{all_of_them}" if all_of_them else ""


def _alarms(desk: Desk, edge: Edge) -> list[EdgeAlarm]:
    """Those that last first, then the newest; of the edge itself, and of its devices that whoever looks may see."""
    here = [0, *_devices(desk).filter(edge=edge).values_list("pk", flat=True)]
    rows = edge.alarms if desk.reach(Permission.LIVE_VIEW).everywhere else edge.alarms.filter(device_id__in=here)
    name = Device.objects.filter(pk=OuterRef("device_id")).values("name")
    found = rows.annotate(device_name=Subquery(name)).order_by(F("ended_at").desc(nulls_first=True), "-pk")
    return list(found[:ALARMS])


def _complaint(one: EdgeAlarm) -> Cell:
    """What it is called, and the edge's own words."""
    return Cell(action_name(f"alarm.edge.{one.code}"), note=one.text)


def _alarm_state(one: EdgeAlarm) -> Pill:
    if one.ended_at is None:
        return Pill(str(_("Going on")), Tone.BAD, "circle-alert")
    return Pill(str(_("Over")), Tone.IDLE, "circle-check")


def _valid(one: EdgeCertificate) -> Pill:
    if one.revoked_at is not None:
        return Pill(str(_("Withdrawn")), Tone.BAD, "shield-x")
    if one.not_after <= timezone.now():
        return Pill(str(_("Expired")), Tone.WARN, "shield-off")
    return Pill(str(_("Valid")), Tone.GOOD, "shield-check")


def _certificates(edges: Iterable[Edge]) -> int:
    return sum(one.revoked_at is None for edge in edges for one in edge.certificates.all())


def _revocable(edge: Edge) -> bool:
    now = timezone.now()
    return bool(_certificates([edge])) or any(one.expires_at > now for one in edge.tokens.all())


def _says_revoked(desk: Desk, edges: Sequence[Edge]) -> Iterable[Any]:
    count = _certificates(edges)
    if count:
        yield ngettext_lazy(
            "%(count)d certificate is dead at once; the machine is cut off from the cloud.",
            "%(count)d certificates are dead at once; the machine is cut off from the cloud.",
            count,
        ) % {"count": count}
        yield _("Its gates go on deciding from what they hold, but hear of no sale and no revocation any more.")
        yield _("What they record stays on that machine.")
        yield _("To close its lanes as well, disable its devices first: afterwards it does not hear of that.")
    yield _("An enrolment token that nobody has used yet stops working.")


def _says_retired(desk: Desk, edges: Sequence[Edge]) -> Iterable[Any]:
    (edge,) = edges
    view = selectors.edge_view(edge)
    if view.reported_at is None:
        yield _("It never reported. Nothing waits for it any more, and it enrols no machine.")
    else:
        yield _("Nothing waits for it any more: what is revoked counts as spread without it.")
        yield _("Its machine is cut off from the cloud at once and for good; last heard of %(when)s.") % {
            "when": stamp(view.reported_at)
        }
    if view.backlog:
        yield ngettext_lazy(
            "%(count)d record was waiting there to be sent, as it last said: it will never arrive here.",
            "%(count)d records were waiting there to be sent, as it last said: they will never arrive here.",
            view.backlog,
        ) % {"count": view.backlog}
        yield _("If the machine still runs, connect it and wait until nothing is waiting before you retire it.")
    elif view.status is not None and not view.online:
        yield _("What it recorded after that never arrives here.")
    devices = list(Device.objects.filter(edge=edge).order_by("identifier").values_list("identifier", flat=True))
    if devices:
        yield _("Its devices stay, with their stations: %(names)s.") % {"names": brief(devices)}
        yield _("Its gates may go on deciding from what they hold: switch the machine off.")
    yield _("This cannot be undone. A machine that comes back is enrolled as a new edge, under this name if you like.")


def _enrol_url(edge: Edge) -> str:
    return reverse("console:edge-enrol", args=[edge.pk])


VALUES = (
    Value("name", _("Edge"), lambda one: one.name, order=("name",), main=True),
    Value("contact", _("Status"), _contact),
    Value("urgent", _("Revocations current to"), lambda one: selectors.edge_view(one).urgent_current_to),
    Value("backlog", _("Records waiting to be sent"), _backlog, numeric=True),
    Value("lanes", _("Lanes in service"), _lanes, numeric=True, plain=lambda one: _working(one)[0]),
    Value("verifier", _("Verifier"), _verifier),
    Value("version", _("Version"), lambda one: _said(one, "software_version")),
    Value("heard", _("Last heard of"), lambda one: selectors.edge_view(one).reported_at),
    Value("bulk", _("Tickets current to"), lambda one: selectors.edge_view(one).bulk_current_to, listed=False),
    Value("held", _("Tickets held"), lambda one: _said(one, "entitlements"), numeric=True, listed=False),
    Value("clock", _("Clock"), _clock, listed=False),
    Value("behind", _("Keeps counted tickets out"), _behind, listed=False),
    Value("storage", _("Storage used"), _storage, numeric=True, listed=False),
)


EDGES = register(
    Section(
        key="edges",
        group="venue",
        icon="router",
        title=_("Edges"),
        one=_("Edge"),
        view=Permission.LIVE_VIEW,
        rows=_rows,
        label=lambda one: one.name,
        values=VALUES,
        order=("name",),
        search=("name__icontains", "devices__name__icontains", "devices__identifier__icontains"),
        search_hint=_("Edge or device"),
        filters={"now": _ContactFilter(label=_("Status"), choices=CONTACT, empty_label=_("All"))},
        facts=tuple(value for value in VALUES if value.key not in ("name", "contact")),
        state=_contact,
        panels=(
            Panel(
                _("Enrolment"), lambda desk, one: {"url": _enrol_url(one)}, "console/edges/panel.html",
                Permission.EDGE_MANAGE,
            ),
        ),
        related=(
            Related(
                _("Devices"), lambda desk, one: _devices(desk).filter(edge=one),
                (
                    Value("name", _("Device"), lambda one: one.name, main=True),
                    Value("identifier", _("Identifier"), lambda one: one.identifier),
                    Value("kind", _("Type"), lambda one: dict(KINDS)[one.kind]),
                    Value("station", _("Station"), lambda one: named(one.station) if one.station else ""),
                    Value("status", _("Status"), lambda one: enabled_pill(one.enabled)),
                ),
                _("No device hangs on this edge."), "devices",
            ),
            Related(
                _("Alarms"), _alarms,
                (
                    Value("what", _("Alarm"), _complaint, main=True),
                    Value("state", _("Status"), _alarm_state),
                    Value("lane", _("Device"), lambda one: one.device_name),
                    Value("began", _("Since"), lambda one: one.began_at),
                    Value("last", _("Last heard of"), lambda one: one.last_at),
                    Value("ended", _("Over at"), lambda one: one.ended_at),
                    Value("times", _("Times"), lambda one: one.times, numeric=True),
                ),
                _("Nothing was raised of this edge."),
            ),
            Related(
                _("Certificates"), lambda desk, one: one.certificates.order_by("-created_at", "-pk"),
                (
                    Value("serial", _("Serial number"), lambda one: one.serial, main=True),
                    Value("status", _("Status"), _valid),
                    Value("made", _("Valid from"), lambda one: one.created_at),
                    Value("until", _("Valid until"), lambda one: one.not_after),
                    Value("revoked", _("Withdrawn at"), lambda one: one.revoked_at),
                ),
                _("No machine has been enrolled yet."),
            ),
        ),
        create=FormSpec(
            CreateForm, Permission.EDGE_MANAGE,
            lambda desk, row, values: create_edge(**actor_of(desk), **values),
            _("New edge"), _("New edge"), _("%(name)s is created."),
        ),
        actions=(
            Action(
                "revoke", _("Revoke the edge"), Permission.EDGE_MANAGE, _says_revoked, _("Revoked: %(name)s"),
                run=lambda desk, row, values: revoke_edge(actor=desk.actor, edge=row, why=values["why"]),
                fits=_revocable, form=RevokeForm, icon="ban", grave=True, bulk=False,
            ),
            Action(
                "retire", _("Retire"), Permission.EDGE_MANAGE, _says_retired, _("Retired for good: %(name)s"),
                run=lambda desk, row, values: retire_edge(**actor_of(desk), edge=row, **values),
                form=RetireForm, icon="archive", grave=True, bulk=False, removes=True,
            ),
        ),
        empty=_("Each entrance has a computer that decides at its gates."),
        place=30,
        pages=("console:edge-enrol",),
    )
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.EDGE_MANAGE)
def enrolment(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Asks first; the answer to the POST is the only place where the token is ever to be read."""
    edge: Edge = row_or_404(desk, EDGES, pk)
    context: dict[str, Any] = {"edge": edge, "back": EDGES.url(edge), "minutes": TOKEN_LIFE.seconds // 60}
    if request.method == "POST":
        expires: datetime = timezone.now() + TOKEN_LIFE  # never later than the token's own
        try:
            token = create_token(actor=desk.actor, edge=edge)
        except DomainError as error:
            report(request, error)
            return redirect(EDGES.url(edge))
        context |= {
            "token": token,
            "expires": expires,
            "command": f"paifang edge enrol --config {CONFIG} {token}",
            "svg": drawn(token, str(_("Enrolment token"))),
        }
    response = show(request, desk, "console/edges/enrol.html", context)
    response["Cache-Control"] = "no-store"
    return response
