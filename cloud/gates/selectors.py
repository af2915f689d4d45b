"""Edges and lanes as the live page and the alarms see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from google.protobuf.message import DecodeError

from cloud.core.errors import DomainError
from cloud.gates.models import EdgeHealth, Question
from cloud.staff.reach import EVERYWHERE, Reach
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.v1 import scan_pb2

# An edge reports once a second; three missed reports are no accident.
ONLINE_WITHIN = timedelta(seconds=4)


def last_report(edge: Edge) -> datetime | None:
    """When an edge last reported; None: never."""
    return EdgeHealth.objects.filter(edge=edge).values_list("reported_at", flat=True).first()


@dataclass(frozen=True, slots=True)
class EdgeView:
    """An edge and its last report. Without a report all figures are zero and `status` is None.

    Attributes:
        online: reported within the last four seconds.
        backlog: journal entries not yet acked here, as of the report.
        urgent_current_to, bulk_current_to: the edge holds all that was committed before these instants.
    """

    edge: Edge
    online: bool
    reported_at: datetime | None
    status: scan_pb2.EdgeStatus | None
    backlog: int
    urgent_current_to: datetime | None
    bulk_current_to: datetime | None


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane: a gate device, and what its edge last said of it. `state` is a paifang.v1 LaneState.

    A lane its edge does not report, or whose edge is not online, has state 0 (unknown).
    """

    device: Device
    station: Station | None
    edge: Edge | None
    online: bool
    state: int
    last_decision: int
    last_reason: int
    last_at: datetime | None
    reader_online: bool
    barrier_online: bool
    presented: int
    admitted: int


def edges(venue: Venue, now: datetime | None = None, reach: Reach = EVERYWHERE) -> list[EdgeView]:
    """The venue's edges that are not retired, by name: those with a device at a station within reach."""
    now = now or timezone.now()
    rows = edges_with_health(venue)
    if not reach.everywhere:
        rows = rows.filter(pk__in=reach.narrow(Device.objects.filter(venue=venue), "station").values("edge"))
    return [edge_view(edge, now) for edge in rows.order_by("name")]


def edges_with_health(venue: Venue) -> QuerySet[Edge]:
    """The venue's edges that are not retired, each with its last report: what `edge_view` reads."""
    return Edge.objects.filter(venue=venue, retired_at=None).select_related("health")


def lanes(venue: Venue, now: datetime | None = None) -> list[LaneView]:
    """The venue's gate devices, by station and identifier."""
    views = {view.edge.pk: view for view in edges(venue, now)}
    # By edge and device: an edge is believed about its own lanes only.
    reported = {(pk, lane.device_id): lane for pk, view in views.items() if view.status for lane in view.status.lanes}
    devices = (
        Device.objects.filter(venue=venue, kind=Device.Kind.GATE, retired_at=None)
        .select_related("station", "edge")
        .order_by("station__number", "identifier")
    )
    return [
        _lane_view(device, views.get(device.edge_id or 0), reported.get((device.edge_id or 0, device.pk)))
        for device in devices
    ]


def devices_with_health(venue: Venue) -> QuerySet[Device]:
    """The venue's devices in use, each with what `lane_of` reads."""
    return Device.objects.filter(venue=venue, retired_at=None).select_related("station", "edge__health")


def lane_of(device: Device, now: datetime | None = None) -> LaneView:
    """A device as its edge last reported it; one no edge reports is not online."""
    view = edge_view(device.edge, now) if device.edge else None
    lanes = view.status.lanes if view and view.status else ()
    return _lane_view(device, view, next((lane for lane in lanes if lane.device_id == device.pk), None))


def edge_view(edge: Edge, now: datetime | None = None) -> EdgeView:
    now = now or timezone.now()
    health: EdgeHealth | None = getattr(edge, "health", None)
    status = _status(health)
    if health is None or status is None:
        return EdgeView(edge, False, health.reported_at if health else None, None, 0, None, None)
    return EdgeView(
        edge=edge,
        online=now - health.reported_at <= ONLINE_WITHIN,
        reported_at=health.reported_at,
        status=status,
        backlog=max(0, status.journal_seq - status.journal_acked),
        urgent_current_to=_instant(status.urgent_current_to_ms),
        bulk_current_to=_instant(status.bulk_current_to_ms),
    )


def _lane_view(device: Device, view: EdgeView | None, lane: scan_pb2.LaneStatus | None) -> LaneView:
    online = bool(view and view.online and lane)
    lane = lane or scan_pb2.LaneStatus()
    return LaneView(
        device=device,
        station=device.station,
        edge=device.edge,
        online=online,
        state=lane.state if online else scan_pb2.LANE_STATE_UNSPECIFIED,
        last_decision=lane.last_decision,
        last_reason=lane.last_reason,
        last_at=_instant(lane.last_at_ms),
        reader_online=online and lane.reader_online,
        barrier_online=online and lane.barrier_online,
        presented=lane.presented,
        admitted=lane.admitted,
    )


def _status(health: EdgeHealth | None) -> scan_pb2.EdgeStatus | None:
    if health is None:
        return None
    try:
        return scan_pb2.EdgeStatus.FromString(bytes(health.status))
    except DecodeError:
        return None


def _instant(ms: int) -> datetime | None:
    """None for 0, and for what no calendar holds: a broken edge must not break the page."""
    if not 0 < ms < 253_402_300_800_000:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and what came of it. `late`: no answer came in time; `explanation`: None until it has come."""

    question: Question
    explanation: scan_pb2.Explanation | None
    late: bool


def answer_to(venue: Venue, pk: int, now: datetime | None = None) -> Answer | None:
    """None where nobody asked that, or a day has gone by."""
    rows = Question.objects.filter(venue=venue, pk=pk).select_related("device__station", "edge")
    question = rows.first()
    if question is None:
        return None
    explanation = None
    if question.answer is not None:
        explanation = scan_pb2.Explanation.FromString(bytes(question.answer))
    return Answer(question, explanation, explanation is None and question.expires_at <= (now or timezone.now()))


def find_edge(name: str, venue_code: str | None = None) -> Edge:
    """An edge by name or number, anywhere in the installation. Raises DomainError "edge.unknown", "edge.ambiguous"."""
    wanted = Q(name=name) | Q(pk=int(name)) if name.isdecimal() else Q(name=name)
    rows = Edge.objects.filter(wanted, retired_at=None).select_related("venue")
    found = list(rows.filter(venue__code=venue_code) if venue_code else rows)
    if not found:
        raise DomainError("edge.unknown", f"没有边缘 {name}，请先创建。", f"There is no edge {name}. Create it first.")
    if len(found) > 1:
        codes = ", ".join(sorted(edge.venue.code for edge in found))
        raise DomainError(
            "edge.ambiguous",
            f"多个景区有 {name}，请指明景区：{codes}。",
            f"Several venues have {name}: say which one with --venue ({codes}).",
        )
    return found[0]
