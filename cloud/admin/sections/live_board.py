"""The live page's view model: everything the board shows, read once for each refresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit import verdict
from cloud.admin.kit.chart import Bar, BarChart, bar_chart
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import clock, named, stamp
from cloud.admin.sections.order_view import Fact
from cloud.admissions import selectors as admissions
from cloud.core.business_day import calendar_of
from cloud.gates import selectors as gates
from cloud.gates.selectors import EdgeView, LaneView
from cloud.staff.permissions import Permission
from cloud.staff.reach import Reach
from cloud.venues.models import Station, Venue
from paifang.v1 import scan_pb2

MINUTES = 30
RECENT = 12
REASONS = 7
MANY_WAITING = 500  # journal entries: more than an entrance sends in one go


@dataclass(frozen=True, slots=True)
class TileView:
    label: str
    value: str
    note: str
    icon: str
    tone: str = ""
    share: int | None = None


@dataclass(frozen=True, slots=True)
class RefusalView:
    """`share`: of the most frequent reason, in per cent."""

    code: int
    label: str
    advice: str
    count: int
    share: int


@dataclass(frozen=True, slots=True)
class LaneCard:
    key: int
    name: str
    pill: Pill
    verdict: Pill | None
    at: datetime | None
    online: bool
    reader: bool
    barrier: bool
    presented: int
    admitted: int
    enabled: bool
    switch_url: str


@dataclass(frozen=True, slots=True)
class StationGroup:
    key: int
    name: str
    pill: Pill | None
    enabled: bool
    switch_url: str
    lanes: tuple[LaneCard, ...]


@dataclass(frozen=True, slots=True)
class EdgeCard:
    key: int
    name: str
    pill: Pill
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Board:
    now: datetime
    day: str
    tiles: tuple[TileView, ...]
    chart: BarChart
    refusals: tuple[RefusalView, ...]
    no_refusals: Empty
    stations: tuple[StationGroup, ...]
    no_lanes: Empty
    recent: Table
    edges: tuple[EdgeCard, ...]
    no_edges: Empty


def board(desk: Desk) -> Board:
    """Reads the venue's present state. Called inside its scope and time zone."""
    venue, now = desk.venue, desk.now
    here, switchable = desk.reach(Permission.LIVE_VIEW), desk.reach(Permission.STATION_SWITCH)
    today = admissions.today(venue, now, here)
    since = calendar_of(venue).start(today.day)
    lanes = [lane for lane in gates.lanes(venue, now) if here.covers(lane.device.station_id)]
    minutes = admissions.admitted_per_minute(venue, MINUTES, now, here)
    return Board(
        now=now,
        day=date_format(today.day, "DATE_FORMAT"),
        tiles=_tiles(inside_tile(today, venue, here), today, lanes, minutes),
        chart=_chart(minutes),
        refusals=_refusals(admissions.refusals_by_reason(venue, since, here)),
        no_refusals=Empty(_("Nothing refused today"), _("Refused codes are counted here by reason."), "shield-check"),
        stations=_stations(lanes, switchable),
        no_lanes=Empty(_("No lanes yet"), _("Lanes appear here once gates are set up at a station."), "door-open"),
        recent=_recent(admissions.recent(venue, RECENT, here)),
        edges=tuple(_edge(view, now) for view in gates.edges(venue, now, here)),
        no_edges=Empty(_("No entrances yet"), _("An entrance appears here once its machine is set up."), "server"),
    )


def _tiles(
    inside: TileView, today: admissions.Today, lanes: Sequence[LaneView], minutes: Sequence[admissions.Minute]
) -> tuple[TileView, ...]:
    presented = today.admissions + today.refusals
    refused_share = _("%(share)s %% of all presented") % {
        "share": round(100 * today.refusals / presented) if presented else 0
    }
    return (
        inside,
        TileView(
            _("Admitted today"),
            f"{today.persons:,}",
            ngettext("person, %(now)s this minute", "persons, %(now)s this minute", today.persons)
            % {"now": f"{minutes[-1].persons:,}" if minutes else "0"},
            "circle-check",
        ),
        TileView(_("Refused today"), f"{today.refusals:,}", refused_share, "circle-x"),
        service_tile(lanes),
    )


def inside_tile(today: admissions.Today, venue: Venue, reach: Reach) -> TileView:
    """People inside the venue, against what it takes at once and in a day: as the gates decide by it.

    Of some stations only, who came in there: people leave where they like.
    """
    if not reach.everywhere:
        note = _("at your stations; %(left)s left there") % {"left": f"{today.left:,}"}
        return TileView(_("Entered today"), f"{today.entered:,}", note, "users")
    inside = today.inside
    filled = [(inside, venue.capacity), (today.entered, venue.day_capacity)]
    permille = max((1000 * persons // most for persons, most in filled if most), default=None)
    if permille is None:
        return TileView(_("People inside"), f"{inside:,}", _("entered less left, today"), "users")
    tone = "bad" if permille >= 1000 else "warn" if permille >= venue.warn_permille else ""
    return TileView(_("People inside"), f"{inside:,}", _room(today, venue), "users", tone, round(permille / 10))


def _room(today: admissions.Today, venue: Venue) -> str:
    """What the limits say to whoever is asked at the gate."""
    if venue.day_capacity and today.entered >= venue.day_capacity:
        return _("full for today: nobody more is let in")
    if venue.capacity and today.inside >= venue.capacity:
        return _("full: nobody more is let in until some have left")
    parts = []
    if venue.capacity:
        share = round(100 * today.inside / venue.capacity)
        parts.append(_("of %(capacity)s, %(share)s %% full") % {"capacity": f"{venue.capacity:,}", "share": share})
    if venue.day_capacity:
        texts = {"entered": f"{today.entered:,}", "capacity": f"{venue.day_capacity:,}"}
        parts.append(_("today %(entered)s of %(capacity)s") % texts)
    return " · ".join(parts)


def service_tile(lanes: Sequence[LaneView]) -> TileView:
    working = sum(lane.online and lane.state in WORKING for lane in lanes)
    faults = sum(lane.online and lane.state == scan_pb2.LANE_STATE_FAULT for lane in lanes)
    silent = sum(not lane.online for lane in lanes)
    closed = len(lanes) - working - faults - silent
    notes = [
        text % {"count": count}
        for count, text in (
            (faults, ngettext("%(count)d fault", "%(count)d faults", faults)),
            (silent, ngettext("%(count)d without contact", "%(count)d without contact", silent)),
            (closed, ngettext("%(count)d out of service", "%(count)d out of service", closed)),
        )
        if count
    ]
    tone = "bad" if faults else "warn" if silent else ""
    value = f"{working}/{len(lanes)}" if lanes else "–"
    fine = _("all working") if lanes else _("none set up yet")
    return TileView(_("Lanes in service"), value, " · ".join(notes) or fine, "door-open", tone)


WORKING = (scan_pb2.LANE_STATE_READY, scan_pb2.LANE_STATE_DECIDING, scan_pb2.LANE_STATE_OPEN)


def _chart(minutes: Sequence[admissions.Minute]) -> BarChart:
    bars = []
    for at, minute in enumerate(minutes):
        label = timezone.localtime(minute.at).strftime("%H:%M")
        last = at == len(minutes) - 1
        far = len(minutes) - 1 - at >= 3  # a tick next to the current minute's would touch it
        tick = label if last or (far and timezone.localtime(minute.at).minute % 5 == 0) else ""
        bars.append(Bar(label, minute.persons, tick, current=last))
    total = sum(minute.persons for minute in minutes)
    if not total:
        summary = _("Nobody was admitted in the last %(minutes)d minutes.") % {"minutes": len(minutes)}
    else:
        peak = max(bars, key=lambda bar: bar.value)
        summary = _("%(total)s persons in the last %(minutes)d minutes, most at %(time)s with %(peak)s.") % {
            "total": f"{total:,}",
            "minutes": len(minutes),
            "time": peak.label,
            "peak": f"{peak.value:,}",
        }
    return bar_chart(bars, title=_("Admitted a minute, last %(minutes)d minutes") % {"minutes": len(minutes)},
                     summary=summary, unit=_("persons"))  # fmt: skip


def _refusals(counted: Sequence[tuple[int, int]]) -> tuple[RefusalView, ...]:
    """The most frequent reasons; the rest as one line."""
    shown, rest = list(counted[:REASONS]), counted[REASONS:]
    most = max((count for _code, count in shown), default=1)
    views = [
        RefusalView(
            code, verdict.reason_label(code), verdict.reason_advice(code), count, max(1, round(100 * count / most))
        )
        for code, count in shown
    ]
    if rest:
        count = sum(times for _code, times in rest)
        label = ngettext("%(count)d more reason", "%(count)d more reasons", len(rest)) % {"count": len(rest)}
        views.append(RefusalView(-1, label, "", count, min(100, max(1, round(100 * count / most)))))
    return tuple(views)


def _stations(lanes: Sequence[LaneView], switchable: Reach) -> tuple[StationGroup, ...]:
    by_station: dict[int, tuple[Station | None, list[LaneView]]] = {}
    for lane in lanes:
        by_station.setdefault(lane.station.pk if lane.station else 0, (lane.station, []))[1].append(lane)
    return tuple(_station(station, found, switchable) for station, found in by_station.values())


def _station(station: Station | None, lanes: Sequence[LaneView], switchable: Reach) -> StationGroup:
    may_switch = switchable.covers(station.pk if station else None)
    cards = tuple(_lane(lane, may_switch) for lane in lanes)
    if station is None:
        return StationGroup(0, _("At no station"), None, True, "", cards)
    if not station.enabled:
        pill: Pill | None = Pill(_("Closed"), Tone.IDLE, "circle-pause")
    elif station.nature == Station.Nature.EXIT:
        pill = Pill(_("Exit"), Tone.IDLE, "log-out")
    else:
        pill = None
    url = reverse("console:switch-station", args=[station.pk]) if may_switch else ""
    return StationGroup(station.pk, named(station), pill, station.enabled, url, cards)


def _lane(lane: LaneView, may_switch: bool) -> LaneCard:
    station_open = lane.station is None or lane.station.enabled
    # 0 is "OK" among reasons and "never" among decisions.
    last = verdict.verdict(lane.last_decision, lane.last_reason) if lane.last_decision and lane.last_at else None
    return LaneCard(
        key=lane.device.pk,
        name=lane.device.name,
        pill=verdict.lane_state(lane.state, enabled=lane.device.enabled and station_open, online=lane.online),
        verdict=last,
        at=lane.last_at,
        online=lane.online,
        reader=lane.reader_online,
        barrier=lane.barrier_online,
        presented=lane.presented,
        admitted=lane.admitted,
        enabled=lane.device.enabled,
        switch_url=reverse("console:switch-lane", args=[lane.device.pk]) if may_switch else "",
    )


def _recent(rows: Sequence[admissions.Recent]) -> Table:
    columns = (
        Column(_("When"), main=True),
        Column(_("Lane")),
        Column(_("Verdict")),
        Column(_("Persons"), numeric=True),
    )
    # Two codes can be shown in one instant: the count makes each row's key its own and the same at every refresh.
    seen: Counter[str] = Counter()
    lines = []
    for row in reversed(rows):
        key = f"p{int(row.at.timestamp() * 1000)}-{row.device.pk if row.device else 0}"
        seen[key] += 1
        cells = (
            Cell(stamp(row.at)),
            Cell(row.device.name if row.device else "–", named(row.station) if row.station else ""),
            Cell(pill=verdict.verdict(row.decision, row.reason)),
            Cell(str(row.persons) if row.decision == scan_pb2.DECISION_ADMIT else "–"),
        )
        lines.append(Row(f"{key}-{seen[key]}", cells))
    empty = Empty(
        _("Nothing presented yet"), _("Every code shown at a gate appears here within a second."), "scan-line"
    )
    return Table(_("Last presented"), columns, tuple(reversed(lines)), empty, compact=True)


def _edge(view: EdgeView, now: datetime) -> EdgeCard:
    status = view.status
    pill = verdict.contact(online=view.online, heard=status is not None)
    if status is None:
        return EdgeCard(view.edge.pk, view.edge.name, pill, ())
    facts = [
        Fact(_("Revocations current to"), clock(view.urgent_current_to), "" if view.online else "warn"),
        Fact(_("Tickets current to"), clock(view.bulk_current_to)),
        Fact(_("Records waiting to be sent"), f"{view.backlog:,}", "warn" if view.backlog > MANY_WAITING else ""),
        Fact(_("Tickets held"), f"{status.entitlements:,}"),
        Fact(_("Verifier"), verdict.verifier(status.verifier)),
        Fact(_("Clock"), *verdict.clock_state(status.clock)),
        Fact(_("Storage used"), f"{status.store_permille / 10:.1f} %", "bad" if status.store_permille >= 800 else ""),
        Fact(_("Version"), status.software_version or "–"),
    ]
    if not view.online:
        facts.insert(0, Fact(_("Last heard of"), stamp(view.reported_at), "warn"))
    return EdgeCard(view.edge.pk, view.edge.name, pill, tuple(facts))
