"""The overview's view model: today beside yesterday and last week, what waits for somebody, how the gates do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit import verdict
from cloud.admin.kit.audit_names import action_name
from cloud.admin.kit.pill import Pill
from cloud.admin.kit.series import Place, Series, SeriesChart, Spark, line_chart, sparkline
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import clock, money, named, stamp
from cloud.admin.sections.live_board import MANY_WAITING, TileView, inside_tile, service_tile
from cloud.admissions import case_selectors, figures
from cloud.admissions import selectors as admissions
from cloud.admissions.models import Admission
from cloud.core.business_day import calendar_of
from cloud.core.trail import alarms_at
from cloud.gates import selectors as gates
from cloud.gates.selectors import EdgeView
from cloud.sales import selectors as sales
from cloud.staff.permissions import Permission
from cloud.venues import selectors as venues
from paifang.v1 import scan_pb2

RANKS = 6
ALARMS = 5
MANY_CASES = 999


@dataclass(frozen=True, slots=True)
class Figure:
    """A tile that leads somewhere, with a line of the day in it where there is one."""

    tile: TileView
    url: str = ""
    spark: Spark | None = None


@dataclass(frozen=True, slots=True)
class Rank:
    """`share`: of the first one, in per cent."""

    key: str
    label: str
    count: int
    share: int
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class EdgeLine:
    key: int
    name: str
    url: str
    pill: Pill
    fresh: str
    backlog: int
    tone: str


@dataclass(frozen=True, slots=True)
class Overview:
    now: datetime
    day: str
    figures: tuple[Figure, ...]
    chart: SeriesChart | None
    no_visits: Empty
    stations: tuple[Rank, ...]
    no_stations: Empty
    refusals: tuple[Rank, ...]
    no_refusals: Empty
    edges: tuple[EdgeLine, ...]
    no_edges: Empty
    alarms: Table | None
    alarms_url: str


def overview(desk: Desk) -> Overview:
    """Called inside the venue's scope and time zone; what somebody is not authorised for is left out."""
    venue, now = desk.venue, desk.now
    reach = desk.reach(Permission.LIVE_VIEW)
    today = admissions.today(venue, now, reach)
    days = figures.hours(venue, today.day, now, reach)
    refused = figures.refusals(venue, today.day, reach)
    views = gates.edges(venue, now, reach)
    lanes = [lane for lane in gates.lanes(venue, now) if reach.covers(lane.device.station_id)]
    orders = desk.may(Permission.ORDER_VIEW)
    found = [
        _admitted(desk, today.day, days),
        Figure(inside_tile(today, venue, reach), reverse("console:live")),
        _refused(today.day, figures.admissions(venue, today.day, reach), refused, linked=orders),
    ]
    if desk.reach(Permission.ORDER_VIEW).everywhere:
        found.append(_sold(desk, today.day))  # orders are of the venue: there is no station's part of this figure
    if orders:
        found.append(_cases(desk))
    found.append(Figure(service_tile(lanes), _address("devices", kind="gate")))
    may_audit = desk.may(Permission.AUDIT_VIEW)
    return Overview(
        now=now,
        day=date_format(today.day, "DATE_FORMAT"),
        figures=tuple(found),
        chart=_chart(desk, days) if any(one.total for one in days) else None,
        no_visits=_no_visits(desk),
        stations=_stations(desk, figures.by_station(venue, today.day, reach), _since(today.day, orders)),
        no_stations=Empty(_("Nobody admitted yet"), _("Stations are compared here as soon as visitors come."), "users"),
        refusals=_reasons(refused, _since(today.day, orders)),
        no_refusals=Empty(_("Nothing refused today"), _("Refused codes are counted here by reason."), "shield-check"),
        edges=tuple(_edge(view) for view in views),
        no_edges=Empty(_("No entrances yet"), _("An entrance appears here once its machine is set up."), "server"),
        alarms=_alarms(desk, calendar_of(venue).start(today.day)) if may_audit else None,
        alarms_url=_address("audit", kind="alarms") if may_audit else "",
    )


def _address(section: str, **query: object) -> str:
    return f"{reverse('console:section-list', args=[section])}?{urlencode(query)}"


def _since(day: date, linked: bool) -> dict[str, str] | None:
    """What every link to the day's rows has; None where the list may not be seen."""
    return {"since": day.isoformat()} if linked else None


def _admitted(desk: Desk, day: date, days: Sequence[figures.Hours]) -> Figure:
    venue, reach = desk.venue, desk.reach(Permission.LIVE_VIEW)
    elapsed = desk.now - calendar_of(venue).start(day)
    persons = days[0].total
    compared = [
        text % {"change": _change(persons, figures.admitted_until(venue, day - timedelta(days=back), elapsed, reach))}
        for back, text in ((1, _("%(change)s on yesterday by now")), (7, _("%(change)s on a week ago")))
    ]
    spark = sparkline([one for one in days[0].persons if one is not None], _("Persons admitted in each hour today"))
    tile = TileView(_("Admitted today"), f"{persons:,}", " · ".join(compared), "circle-check")
    linked = desk.may(Permission.ORDER_VIEW)
    url = _address("admissions", decision=scan_pb2.DECISION_ADMIT, since=day.isoformat()) if linked else ""
    return Figure(tile, url, spark)


def _change(now: int, then: int) -> str:
    """ "+12 %"; in persons where there were none to compare with."""
    return f"{round(100 * (now - then) / then):+d} %" if then else f"{now:+,}"


def _refused(day: date, admitted: int, refused: Sequence[tuple[int, int]], *, linked: bool) -> Figure:
    count = sum(times for _reason, times in refused)
    presented = admitted + count
    note = _("%(share)s %% of all presented") % {"share": round(100 * count / presented) if presented else 0}
    url = _address("admissions", decision=scan_pb2.DECISION_REFUSE, since=day.isoformat()) if linked else ""
    return Figure(TileView(_("Refused today"), f"{count:,}", note, "circle-x"), url)


def _sold(desk: Desk, day: date) -> Figure:
    found = sales.sales_of(desk.venue, day)
    note = ngettext("%(orders)s order", "%(orders)s orders", found.orders) % {"orders": f"{found.orders:,}"}
    if found.revoked:
        note += " · " + ngettext("%(count)d of them revoked", "%(count)d of them revoked", found.revoked) % {
            "count": found.revoked
        }
    tile = TileView(_("Sold today"), money(found.fen), note, "receipt-text")
    return Figure(tile, _address("orders", since=day.isoformat()))


def _cases(desk: Desk) -> Figure:
    count = case_selectors.open_count(desk.venue, desk.reach(Permission.ORDER_VIEW))
    note = _("wait for somebody") if count else _("none waits for somebody")
    value = f"{count:,}" if count < MANY_CASES else f"{MANY_CASES}+"
    tile = TileView(_("Open conflicts"), value, note, "triangle-alert", "bad" if count else "")
    return Figure(tile, _address("conflicts", waiting="on"))


def _no_visits(desk: Desk) -> Empty:
    """Instead of three lines along the bottom: what to do before there is anything to see."""
    title = _("Nobody came yet")
    if Admission.objects.filter(venue=desk.venue).exists():
        return Empty(title, _("Nobody was admitted today, yesterday or on this day a week ago."), "chart-line")
    return Empty(
        title, _("Once the first ticket is shown at a gate, the day is drawn here hour by hour."), "chart-line"
    )  # fmt: skip


def _chart(desk: Desk, days: Sequence[figures.Hours]) -> SeriesChart:
    start = timezone.localtime(calendar_of(desk.venue).start(days[0].day))
    begun = sum(one is not None for one in days[0].persons)
    places = []
    for n in range(len(days[0].persons)):
        label = (start + n * figures.HOUR).strftime("%H:%M")
        places.append(Place(label, label if n % 3 == 0 else "", current=n == begun - 1))
    names = (_("Today"), _("Yesterday"), _("A week ago"))
    series = [Series(name, one.persons) for name, one in zip(names, days, strict=True)]
    summary = _("Persons admitted in each hour: %(today)s today so far, %(yesterday)s yesterday, %(week)s a week ago.")
    totals = {"today": f"{days[0].total:,}", "yesterday": f"{days[1].total:,}", "week": f"{days[2].total:,}"}
    return line_chart(places, series, title=_("Admitted by the hour"), summary=summary % totals, unit=_("persons"))


def _stations(
    desk: Desk, counted: Sequence[tuple[int, int]], since: dict[str, str] | None
) -> tuple[Rank, ...]:  # fmt: skip
    rows = {station.pk: station for station in venues.stations(desk.venue)}
    most = max((persons for _pk, persons in counted), default=1)
    return tuple(
        Rank(
            f"station-{pk}", named(rows[pk]) if pk in rows else "–", persons, _share(persons, most),
            _address("admissions", station=pk, decision=scan_pb2.DECISION_ADMIT, **since) if since else "",
        )
        for pk, persons in counted[:RANKS]
    )  # fmt: skip


def _reasons(counted: Sequence[tuple[int, int]], since: dict[str, str] | None) -> tuple[Rank, ...]:
    most = max((times for _code, times in counted), default=1)
    return tuple(
        Rank(
            f"reason-{code}", verdict.reason_label(code), times, _share(times, most),
            _address("admissions", reason=code, **since) if since else "", verdict.reason_advice(code),
        )
        for code, times in counted[:RANKS]
    )  # fmt: skip


def _share(count: int, most: int) -> int:
    return max(1, round(100 * count / most))


def _edge(view: EdgeView) -> EdgeLine:
    pill = verdict.contact(online=view.online, heard=view.status is not None)
    url = reverse("console:section-detail", args=["edges", view.edge.pk])
    fresh = stamp(view.reported_at) if not view.online else clock(view.urgent_current_to)
    return EdgeLine(
        view.edge.pk, view.edge.name, url, pill, fresh, view.backlog, "warn" if view.backlog > MANY_WAITING else ""
    )


def _alarms(desk: Desk, since: datetime) -> Table:
    columns = (Column(_("When"), main=True), Column(_("Alarm")))
    rows = tuple(
        Row(
            f"alarm-{one.pk}", (Cell(stamp(one.at)), Cell(action_name(one.action))),
            url=reverse("console:section-detail", args=["audit", one.pk]),
        )
        for one in alarms_at(desk.venue, since)[:ALARMS]
    )  # fmt: skip
    empty = Empty(_("No alarms today"), _("What a person should look at is raised here."), "bell")
    return Table(_("Alarms today"), columns, rows, empty, compact=True)
