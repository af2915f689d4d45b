"""What an edge complains of is kept with its words, from when to when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.admissions.models import EdgeAlarm
from cloud.admissions.services import ingest
from cloud.core.actors import Actor
from cloud.gates.services import alarm_silent_edges, create_token, enrol, report, retire_edge
from cloud.venues.models import Device, Edge, Venue
from paifang.v1 import scan_pb2
from tests.support import venue as make
from tests.support.edge_identity import new_key, request_of
from tests.support.journal import Journal

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)


class Complaints:
    """An edge's journal of alarms, so many seconds before now."""

    def __init__(self, edge: Edge) -> None:
        self.edge, self.journal = edge, Journal(edge.pk)

    def __call__(self, *alarms: tuple[int, str, str], device: int = 0) -> None:
        raws = []
        for ago_s, code, text in alarms:
            self.journal.at_ms = int((NOW - timedelta(seconds=ago_s)).timestamp() * 1000)
            raws.append(self.journal.write(alarm=scan_pb2.Alarm(code=code, detail=text, device_id=device)))
        for _time in range(2):  # the first answer was lost
            ingest(self.edge, raws)


@pytest.fixture
def complain(edge: Edge) -> Complaints:
    return Complaints(edge)


def said(edge: Edge, **status: Any) -> None:
    good = {"clock": scan_pb2.CLOCK_STATE_CONFIRMED} | status
    report(edge, scan_pb2.EdgeStatus(**good).SerializeToString())


def kept() -> list[tuple[str, str, int, int, bool]]:
    """(code, text, seconds from its begin to the last, times, over), the first to begin first."""
    rows = EdgeAlarm.objects.order_by("began_at", "pk")
    return [
        (row.code, row.text, int((row.last_at - row.began_at).total_seconds()), row.times, row.ended_at is not None)
        for row in rows
    ]


def test_an_alarm_lasts_with_its_last_words_until_reports_show_it_no_longer(edge: Edge, complain: Complaints) -> None:
    complain((300, "clock.degraded", "behind by 4 s"), (240, "clock.degraded", "behind by 9 s\0"))
    said(edge, clock=scan_pb2.CLOCK_STATE_BEHIND)
    assert kept() == [("clock.degraded", "behind by 9 s", 60, 2, False)]
    said(edge)
    assert kept() == [("clock.degraded", "behind by 9 s", 60, 2, True)]
    first = EdgeAlarm.objects.get()
    assert first.ended_at is not None
    assert first.ended_at >= first.last_at
    complain((5, "clock.degraded", "behind again"))
    assert kept()[1] == ("clock.degraded", "behind again", 0, 1, False)


@pytest.mark.parametrize(
    ("code", "still", "over"),
    [
        ("store.filling", {"store_permille": 800}, {"store_permille": 799}),
        ("store.full", {"store_permille": 950}, {"store_permille": 900}),
        ("claims.no_quorum", {"claims": 2}, {"claims": 1}),
        ("store.restored", {"behind": "store.restored"}, {}),
    ],
)
def test_what_a_report_shows(edge: Edge, complain: Complaints, code: str, still: Any, over: Any) -> None:
    complain((3600, code, "x"))
    said(edge, **still)
    assert kept()[0][4] is False
    said(edge, **over)
    assert kept()[0][4] is True


def test_each_lane_has_its_own(edge: Edge, gate: Device, complain: Complaints) -> None:
    complain((60, "reader.lost", "ttyS1"), device=gate.pk)
    complain((50, "reader.lost", "ttyS9"), device=gate.pk + 1)
    said(edge, lanes=[scan_pb2.LaneStatus(device_id=gate.pk, reader_online=False)])
    assert {(row.device_id, row.ended_at is None) for row in EdgeAlarm.objects.all()} == {
        (gate.pk, True), (gate.pk + 1, False),  # a lane that it has no more
    }  # fmt: skip
    said(edge, lanes=[scan_pb2.LaneStatus(device_id=gate.pk, reader_online=True)])
    assert not EdgeAlarm.objects.filter(ended_at=None).exists()


def test_what_no_report_shows_is_over_once_it_is_quiet(edge: Edge, complain: Complaints) -> None:
    complain((3000, "feed.gap", "a"), (2500, "feed.gap", "b"), (1000, "feed.gap", "c"), (10, "lane.restarted", "d"))
    assert [one[1:] for one in kept()] == [("b", 500, 2, True), ("c", 0, 1, False), ("d", 0, 1, False)]
    said(edge)
    assert [one[4] for one in kept()] == [True, True, False]
    ended = EdgeAlarm.objects.get(text="c").ended_at
    assert ended == NOW - timedelta(seconds=1000), "when it was last heard of"


def test_an_edge_not_heard_of_is_one_until_it_reports(actor: Actor, venue: Venue, edge: Edge) -> None:
    secret = create_token(actor=actor, edge=edge).split(".")[0]
    enrol(secret=secret, csr_der=request_of(new_key()), software_version="1")
    said(edge)
    late = timezone.now() + timedelta(minutes=2)
    alarm_silent_edges(venue, listening_since=late - timedelta(hours=1), now=late)
    assert [(one[0], one[4]) for one in kept()] == [("silent", False)]
    said(edge)
    assert [(one[0], one[4]) for one in kept()] == [("silent", True)]


def test_nothing_of_a_retired_edge_lasts(actor: Actor, venue: Venue, edge: Edge, complain: Complaints) -> None:
    complain((60, "store.filling", "x"))
    other = make.make_edge(venue, "东门主机")
    Complaints(other)((60, "store.filling", "y"))
    retire_edge(actor=actor, venue=venue, edge=edge, why="x")
    assert [(one[1], one[4]) for one in kept()] == [("x", True), ("y", False)]
    assert EdgeAlarm.objects.get(text="x").ended_at > datetime(2026, 1, 1, tzinfo=UTC)
