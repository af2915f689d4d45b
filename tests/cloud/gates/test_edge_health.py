"""Reports become lanes and edges on the live page; silence becomes an alarm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.gates import selectors
from cloud.gates.models import EdgeHealth, EnrolToken
from cloud.gates.services import alarm_silent_edges, create_token, enrol, forget_tokens, report
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from paifang.v1 import scan_pb2
from tests.support.edge_identity import new_key, request_of
from tests.support.venue import make_gate, make_venue


def status(*lanes: scan_pb2.LaneStatus) -> bytes:
    return scan_pb2.EdgeStatus(
        software_version="1.0", journal_seq=120, journal_acked=100, urgent_current_to_ms=1_795_320_000_000, lanes=lanes
    ).SerializeToString()


def lane(device: int) -> scan_pb2.LaneStatus:
    return scan_pb2.LaneStatus(
        device_id=device,
        state=scan_pb2.LANE_STATE_READY,
        reader_online=True,
        barrier_online=True,
        last_decision=scan_pb2.DECISION_REFUSE,
        last_reason=Reason.FORGED,
        last_at_ms=1_795_320_000_500,
        presented=12,
        admitted=7,
    )


def test_a_reported_lane(venue: Venue, edge: Edge, gate: Device, west: Station) -> None:
    report(edge, status(lane(gate.pk)))
    [view] = selectors.lanes(venue)
    assert (view.device, view.station, view.edge, view.online) == (gate, west, edge, True)
    assert (view.state, view.reader_online, view.barrier_online) == (scan_pb2.LANE_STATE_READY, True, True)
    assert (view.last_decision, view.last_reason) == (scan_pb2.DECISION_REFUSE, Reason.FORGED)
    assert view.last_at is not None
    assert view.last_at.timestamp() == 1_795_320_000.5
    [machine] = selectors.edges(venue)
    assert (machine.edge, machine.online, machine.backlog) == (edge, True, 20)
    assert machine.urgent_current_to is not None
    assert machine.bulk_current_to is None


def test_a_second_report_replaces_the_first(edge: Edge, gate: Device, venue: Venue) -> None:
    report(edge, status(lane(gate.pk)))
    report(edge, status())
    assert EdgeHealth.objects.count() == 1
    assert selectors.lanes(venue)[0].online is False


def test_a_lane_of_a_silent_edge_is_not_online(edge: Edge, gate: Device, venue: Venue) -> None:
    report(edge, status(lane(gate.pk)))
    [view] = selectors.lanes(venue, timezone.now() + timedelta(seconds=5))
    assert (view.online, view.state, view.reader_online, view.last_reason) == (False, 0, False, Reason.FORGED)


def test_an_edge_that_never_reported(edge: Edge, gate: Device, venue: Venue) -> None:
    assert selectors.edges(venue) == [selectors.EdgeView(edge, False, None, None, 0, None, None)]
    assert selectors.lanes(venue)[0].online is False


def test_an_edge_speaks_for_its_own_lanes_only(venue: Venue, edge: Edge, gate: Device, west: Station) -> None:
    other = Edge.objects.create(venue=venue, name="东门主机")
    theirs = make_gate(venue, west, "E-1", edge=other)
    report(edge, status(lane(gate.pk), lane(theirs.pk)))
    assert {view.device: view.online for view in selectors.lanes(venue)} == {gate: True, theirs: False}


def test_a_broken_report_breaks_no_page(venue: Venue, edge: Edge, gate: Device) -> None:
    report(edge, b"\xff\xff")
    assert selectors.edges(venue)[0].online is False
    report(edge, scan_pb2.EdgeStatus(urgent_current_to_ms=2**62, lanes=[lane(gate.pk)]).SerializeToString())
    assert selectors.edges(venue)[0].urgent_current_to is None


def silent(venue: Venue, seconds: float, *, listening: float = 3600) -> list[Edge]:
    now = timezone.now() + timedelta(seconds=seconds)
    return alarm_silent_edges(venue, listening_since=now - timedelta(seconds=listening), now=now)


@pytest.mark.spec("S-17")
def test_a_silent_edge_is_alarmed_once_for_each_silence(actor: Actor, venue: Venue, edge: Edge) -> None:
    token = create_token(actor=actor, edge=edge)
    assert silent(venue, 3600) == []  # not enrolled: nothing to expect of it
    enrol(secret=token.split(".")[0], csr_der=request_of(new_key()), software_version="1")
    report(edge, status())
    assert silent(venue, 50) == []
    assert silent(venue, 61, listening=30) == []  # the cloud itself was away
    assert silent(venue, 61) == [edge]
    assert silent(venue, 120) == []
    AuditRow.objects.update(at=timezone.now() - timedelta(hours=1))
    report(edge, status())
    assert silent(venue, 61) == [edge]


def test_tokens_are_forgotten_a_day_after_their_end(actor: Actor, venue: Venue, edge: Edge) -> None:
    create_token(actor=actor, edge=edge)
    assert forget_tokens(venue, now=timezone.now() + timedelta(hours=24)) == 0
    assert forget_tokens(venue, now=timezone.now() + timedelta(hours=24, minutes=16)) == 1
    assert not EnrolToken.objects.exists()


def test_an_edge_is_found_by_name_or_number(venue: Venue, edge: Edge) -> None:
    other = make_venue("hill")
    with scope(venue=other):
        Edge.objects.create(venue=other, name="北门主机")
        Edge.objects.create(venue=other, name=edge.name)
    with scopes_disabled():
        assert selectors.find_edge(str(edge.pk)) == edge
        assert selectors.find_edge("北门主机").venue == other
        assert selectors.find_edge(edge.name, venue.code) == edge
        for name, code in ((edge.name, "edge.ambiguous"), ("南门", "edge.unknown")):
            with pytest.raises(DomainError) as problem:
                selectors.find_edge(name)
            assert problem.value.code == code
