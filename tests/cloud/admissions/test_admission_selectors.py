"""What the live page is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.admissions import selectors
from cloud.admissions.models import Occupancy
from cloud.admissions.services import ingest
from cloud.entitlements import live_services
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from paifang.v1 import scan_pb2
from tests.support.journal import NOON_MS, TODAY, Journal
from tests.support.venue import SYSTEM

pytestmark = pytest.mark.django_db

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


@pytest.fixture
def traffic(edge: Edge, gate: Device, west: Station, way_out: Station) -> None:
    """At 12:00 a family of four and a forged pass, at 12:01 one person, at 12:02 one leaves."""
    journal = Journal(edge.pk)
    raws = [
        journal.admit(77, station=west.pk, device=gate.pk, persons=4),
        journal.settle(1, scan_pb2.OUTCOME_PARTLY, passed=3, returned=1),
        journal.refuse(Reason.FORGED, station=west.pk, device=gate.pk),
        journal.refuse(Reason.FORGED, station=west.pk, device=gate.pk),
        journal.refuse(Reason.UNKNOWN, station=west.pk, device=gate.pk),
    ]
    journal.at_ms += 60_000
    raws += [journal.admit(78, station=west.pk, device=gate.pk), journal.settle(6)]
    journal.at_ms += 60_000
    raws += [journal.admit(0, station=way_out.pk, device=9999), journal.settle(8)]
    ingest(edge, raws)


@pytest.mark.usefixtures("traffic")
def test_admitted_per_minute_has_every_minute(venue: Venue) -> None:
    minutes = selectors.admitted_per_minute(venue, 5, now=NOON + timedelta(minutes=2, seconds=30))
    assert [(minute.at - NOON, minute.persons) for minute in minutes] == [
        (timedelta(minutes=-2), 0),
        (timedelta(minutes=-1), 0),
        (timedelta(minutes=0), 4),
        (timedelta(minutes=1), 1),
        (timedelta(minutes=2), 1),
    ]


@pytest.mark.usefixtures("traffic")
def test_refusals_by_reason(venue: Venue) -> None:
    assert selectors.refusals_by_reason(venue, NOON) == [(Reason.FORGED, 2), (Reason.UNKNOWN, 1)]
    assert selectors.refusals_by_reason(venue, NOON + timedelta(minutes=1)) == []


@pytest.mark.usefixtures("traffic")
def test_today_and_inside(venue: Venue) -> None:
    now = NOON + timedelta(hours=1)
    assert selectors.today(venue, now) == selectors.Today(TODAY, 3, 6, 3, 4, 1)
    assert selectors.today(venue, now).inside == 3
    assert selectors.today(venue, now + timedelta(days=1)).inside == 0


def test_a_station_inside_the_venue_lets_nobody_in(venue: Venue, edge: Edge) -> None:
    cable = live_services.create_station(actor=SYSTEM, venue=venue, name_zh="索道站", inner=True)
    journal = Journal(edge.pk)
    ingest(edge, [journal.admit(79, station=cable.pk, device=9999), journal.settle(1)])
    today = selectors.today(venue, NOON + timedelta(hours=1))
    assert (today.admissions, today.entered, today.inside) == (1, 0, 0)
    assert Occupancy.objects.get(station_id=cable.pk).entered == 1


@pytest.mark.usefixtures("traffic")
def test_recent_names_the_places(venue: Venue, gate: Device, west: Station, way_out: Station) -> None:
    last, before, *_ = selectors.recent(venue, 3)
    assert (last.station, last.device, last.entitlement_id) == (way_out, None, None)
    assert (before.station, before.device, before.entitlement_id, before.persons) == (west, gate, 78, 1)
    assert len(selectors.recent(venue, 3)) == 3


@pytest.mark.usefixtures("traffic")
def test_for_entitlements(venue: Venue) -> None:
    found = selectors.for_entitlements(venue, [77, 78, 79])
    assert {key: [row.outcome for row in rows] for key, rows in found.items()} == {77: ["partly"], 78: ["passed"]}
