"""Devices: gates, printers, terminals and handhelds, each at a station (S-16 to S-21)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_scopes import get_scope

from cloud.admin.desk import Desk
from cloud.admin.kit import filters, verdict
from cloud.admin.kit.action_view import brief
from cloud.admin.kit.import_spec import Import, ImportColumn
from cloud.admin.kit.pill import Pill
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Section, Value, actor_of
from cloud.admin.kit.table import Cell
from cloud.admin.kit.text import named, stamp
from cloud.admin.sections.device_cells import DEVICES, effective_cell, effective_pill
from cloud.admin.sections.device_forms import (
    NATURES,
    CreateForm,
    EditForm,
    MoveForm,
    RetireForm,
    create,
    edit,
    says_moved,
)
from cloud.admin.sections.live_board import WORKING
from cloud.core.errors import DomainError
from cloud.entitlements import live_services
from cloud.entitlements.lanes import VERIFYING
from cloud.gates import selectors as gates
from cloud.staff.permissions import Permission
from cloud.venues import selectors
from cloud.venues.models import Device, Edge, Station
from paifang.v1 import scan_pb2

KINDS = tuple(DEVICES.items())

HEALTH = (
    ("working", _("Working")), ("fault", _("Fault")), ("silent", _("No contact")), ("closed", _("Out of service")),
)  # fmt: skip


def _now(device: Device) -> Pill | str:
    """How a lane is doing, as its edge says; of other devices nothing is reported."""
    if device.kind != Device.Kind.GATE:
        return ""
    lane = gates.lane_of(device)
    return verdict.lane_state(lane.state, enabled=selectors.effective(device), online=lane.online)


def _heard(device: Device) -> datetime | None:
    if device.kind != Device.Kind.GATE or device.edge is None:
        return None
    return gates.edge_view(device.edge).reported_at


def _part(device: Device, which: str) -> Pill | str:
    if device.kind != Device.Kind.GATE:
        return ""
    lane = gates.lane_of(device)
    return verdict.connected(here=getattr(lane, which), known=lane.online)


def _last(device: Device) -> Cell:
    """What was last presented there, and when; counts are since its edge's daemon started."""
    lane = gates.lane_of(device)
    if not lane.last_at:
        return Cell("–")
    counts = _("%(admitted)s of %(presented)s admitted") % {
        "admitted": f"{lane.admitted:,}", "presented": f"{lane.presented:,}",
    }  # fmt: skip
    return Cell(stamp(lane.last_at), pill=verdict.verdict(lane.last_decision, lane.last_reason), note=counts)


def _products(device: Device) -> str:
    """What a narrowed lane verifies of its station's products."""
    if device.kind not in VERIFYING or device.station is None or device.station.nature != Station.Nature.ENTRY:
        return ""
    if not device.narrowed:
        return str(_("All of its station"))
    return brief([named(link.product) for link in device.own_products.all()]) or str(_("Nothing: choose its products"))


def _gate_type(device: Device) -> str:
    """A gate is for entry or for exit as its station is (S-18)."""
    gate = device.kind == Device.Kind.GATE and device.station is not None
    return str(dict(NATURES)[device.station.nature]) if gate and device.station else ""


def _version(device: Device) -> str:
    view = gates.edge_view(device.edge) if device.edge else None
    return view.status.software_version if view and view.status else ""


class _StatusFilter(django_filters.ChoiceFilter):
    """By what counts: a device that is on at a station that is off is off (S-21)."""

    def filter(self, qs: QuerySet[Device], value: str) -> QuerySet[Device]:
        if value == "yes":
            return qs.filter(enabled=True).exclude(station__enabled=False)
        if value == "no":
            return qs.filter(enabled=False)
        return qs.filter(station__enabled=False) if value == "station" else qs


class _HealthFilter(django_filters.ChoiceFilter):
    """By what edges last reported. A venue has some dozens of lanes: they are looked at one by one."""

    def filter(self, qs: QuerySet[Device], value: str) -> QuerySet[Device]:
        if value not in dict(HEALTH):
            return qs
        found = [lane.device.pk for lane in gates.lanes(get_scope()["venue"]) if _health(lane) == value]
        return qs.filter(pk__in=found)


def _health(lane: gates.LaneView) -> str:
    if not lane.online:
        return "silent"
    if lane.state == scan_pb2.LANE_STATE_FAULT or not (lane.reader_online and lane.barrier_online):
        return "fault"
    return "working" if lane.state in WORKING else "closed"


def _station(device: Device) -> str:
    return named(device.station) if device.station else ""


def _change(desk: Desk, device: Device, values: dict[str, Any], changed: set[str]) -> None:
    """A line about a device that is there: its name and edge, its station. Its type stays."""
    if "kind" in changed:
        raise DomainError("device.kind", "设备类型不能更改。", "The type of a device cannot be changed.", "kind")
    if changed & {"name", "edge"}:
        live_services.edit_device(**actor_of(desk), device=device, name=values["name"], edge=values["edge"])
    if "station" in changed:
        if values["station"] is None:
            raise DomainError("device.station", "设备必须属于一个站点。", "A device stays at some station.", "station")
        live_services.move_device(**actor_of(desk), device=device, station=values["station"])


IMPORT = Import(
    permission=Permission.STATION_MANAGE,
    form=CreateForm,
    columns=(
        ImportColumn("identifier", example="WEST-01"),
        ImportColumn("name", example="西门 1 号闸机"),
        ImportColumn("kind"),
        ImportColumn("station"),
        ImportColumn("edge"),
    ),
    key="identifier",
    create=lambda desk, values: create(desk, None, values),
    change=_change,
)

VALUES = (
    Value("name", _("Device"), lambda one: one.name, order=("name",), main=True),
    Value("identifier", _("Identifier"), lambda one: one.identifier, order=("identifier",)),
    Value("kind", _("Type"), lambda one: dict(KINDS)[one.kind], order=("kind", "identifier")),
    Value("gate_type", _("Gate type"), _gate_type, order=("station__nature", "identifier"), listed=False),
    Value("station", _("Station"), _station, order=("station__number",)),
    Value("edge", _("Edge"), lambda one: one.edge.name if one.edge else "", order=("edge__name",)),
    Value("status", _("Status"), effective_cell, order=("enabled", "identifier")),
    Value("now", _("Right now"), _now),
    Value("heard", _("Last heard of"), _heard),
    Value("reader", _("Reader"), lambda one: _part(one, "reader_online"), listed=False),
    Value("barrier", _("Barrier"), lambda one: _part(one, "barrier_online"), listed=False),
    Value("last", _("Last presented"), _last, listed=False),
    Value("version", _("Software of its edge"), _version),
    Value("products", _("Verifies"), _products, listed=False),
)


DEVICES = register(
    Section(
        key="devices",
        group="venue",
        icon="scan-line",
        title=_("Devices"),
        one=_("Device"),
        view=Permission.LIVE_VIEW,
        rows=lambda desk: gates.devices_with_health(desk.venue).prefetch_related("own_products__product"),
        label=lambda one: one.name,
        values=VALUES,
        order=("identifier",),
        search=(
            "name__icontains", "identifier__icontains", "station__name_zh__icontains", "station__name_en__icontains",
            "edge__name__icontains",
        ),
        search_hint=_("Device, identifier, station or edge"),
        filters={
            "kind": filters.choice(_("Type"), "kind", KINDS),
            "station": filters.row(_("Station"), "station", lambda: Station.objects.order_by("number")),
            "edge": filters.row(_("Edge"), "edge", lambda: Edge.objects.filter(retired_at=None).order_by("name")),
            "status": _StatusFilter(
                label=_("Status"), empty_label=_("All"),
                choices=(("yes", _("Enabled")), ("no", _("Disabled")), ("station", _("Off with its station"))),
            ),
            "now": _HealthFilter(label=_("Right now"), choices=HEALTH, empty_label=_("All")),
        },
        state=effective_pill,
        imports=IMPORT,
        create=FormSpec(
            CreateForm, Permission.STATION_MANAGE, create, _("New device"), _("New device"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            EditForm, Permission.STATION_MANAGE, edit, _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        actions=(
            Action(
                "move", _("Move"), Permission.STATION_MANAGE,
                lambda desk, rows: [_("A device belongs to one station. Next you see which it leaves.")],
                _("Moved: %(name)s"),
                run=lambda desk, row, values: live_services.move_device(
                    **actor_of(desk), device=row, station=values["station"], left=row.station
                ),
                preview=says_moved, form=MoveForm, icon="arrow-right-left",
            ),
            Action(
                "enable", _("Enable"), Permission.STATION_SWITCH,
                lambda desk, rows: [_("It works again within a moment, if its station is enabled.")],
                _("Enabled: %(name)s"),
                run=lambda desk, row, values: live_services.set_device_enabled(
                    **actor_of(desk), device=row, enabled=True
                ),
                fits=lambda one: not one.enabled, icon="circle-check",
            ),
            Action(
                "disable", _("Disable"), Permission.STATION_SWITCH,
                lambda desk, rows: [
                    _("It refuses every code within a moment and shows visitors to the next lane."),
                    _("Somebody already let through may still walk."),
                ],
                _("Disabled: %(name)s"),
                run=lambda desk, row, values: live_services.set_device_enabled(
                    **actor_of(desk), device=row, enabled=False
                ),
                fits=lambda one: one.enabled, icon="circle-slash", grave=True,
            ),
            Action(
                "retire", _("Retire"), Permission.STATION_MANAGE,
                lambda desk, rows: [
                    _("No gate knows it any more within a moment, and no station and edge has it."),
                    _("What it recorded stays, under its name. Its identifier is never given to another device."),
                    _("This cannot be undone."),
                ],
                _("Retired for good: %(name)s"),
                run=lambda desk, row, values: live_services.retire_device(**actor_of(desk), device=row, **values),
                form=RetireForm, icon="archive", grave=True, bulk=False, removes=True,
            ),
        ),
        empty=_("Gates, printers and handhelds are listed here."),
        place=20,
    )
)  # fmt: skip
