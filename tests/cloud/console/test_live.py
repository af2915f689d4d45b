"""The live page: what it shows of the gates, and switching them from it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cloud.admissions.models import Occupancy
from cloud.core.business_day import today
from cloud.core.models import AuditRow
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from paifang.v1 import scan_pb2
from tests.support import venue as make
from tests.support.presented import present


def text_of(response) -> str:
    """What a reader sees: without tags, blanks folded."""
    page = re.sub(
        r"<title>.*?</title>|<table class=\"visually-hidden\">.*?</table>",
        " ",
        response.content.decode(),
        flags=re.DOTALL,
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_new_venue_says_what_will_be_here(log_in):
    text = text_of(log_in().get("/live"))
    for wanted in ("Nobody was admitted in the last 30 minutes.", "Nothing refused today", "No lanes yet",
                   "Nothing presented yet", "No entrances yet", "none set up yet"):  # fmt: skip
        assert wanted in text


def test_figures_of_today(log_in, venue: Venue, gate: Device):
    venue.capacity = 8
    venue.save()
    Occupancy.objects.create(venue=venue, business_day=today(venue), station_id=gate.station_id, entered=9, left=2)
    present(gate, 11, persons=4)
    present(gate, 12)
    present(gate, 13, reason=Reason.USED_UP)
    present(gate, 14, reason=Reason.USED_UP)
    present(gate, 15, reason=Reason.FORGED)
    text = text_of(log_in().get("/live/board"))
    assert "People inside 7 of 8, 88 % full" in text
    assert "Admitted today 5 persons" in text
    assert "Refused today 3 60 % of all presented" in text
    assert "Used up 2 Forged 1" in text


@pytest.mark.parametrize(
    ("capacity", "day_capacity", "warn_permille", "says", "tone"),
    [
        (10, None, 900, "of 10, 70 % full", ""),
        (10, None, 700, "of 10, 70 % full", "warn"),
        (7, 100, 900, "full: nobody more is let in until some have left", "bad"),
        (None, 10, 900, "today 9 of 10", "warn"),
        (100, 10, 900, "of 100, 7 % full · today 9 of 10", "warn"),
        (100, 9, 900, "full for today: nobody more is let in", "bad"),
    ],
)
def test_people_inside_against_what_the_venue_takes(
    log_in, venue: Venue, gate: Device, capacity: int | None, day_capacity: int | None, warn_permille: int,
    says: str, tone: str,
):  # fmt: skip
    """The same limits the gates decide by."""
    venue.capacity, venue.day_capacity, venue.warn_permille = capacity, day_capacity, warn_permille
    venue.save()
    Occupancy.objects.create(venue=venue, business_day=today(venue), station_id=gate.station_id, entered=9, left=2)
    page = log_in().get("/live/board")
    assert f"People inside 7 {says}" in text_of(page)
    tile = next(one for one in page.context["board"].tiles if one.label == "People inside")
    assert tile.tone == tone


def test_a_lane_shows_its_state_last_verdict_and_counts(log_in, gate: Device, edge: Edge, report):
    report(edge, gate, last_decision=scan_pb2.DECISION_REFUSE, last_reason=Reason.USED_AT_SIBLING)
    text = text_of(log_in().get("/live/board"))
    assert "W-1 Ready Used at sibling station" in text
    assert "Reader connected Barrier connected 1,180 / 1,204" in text
    assert "Lanes in service 1/1 all working" in text
    assert "Records waiting to be sent 17" in text
    chinese = text_of(log_in("viewer", "zh-hans").get("/live/board"))
    assert "W-1 就绪 已在同类站点使用" in chinese


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (scan_pb2.LANE_STATE_READY, "Ready"),
        (scan_pb2.LANE_STATE_DECIDING, "Checking"),
        (scan_pb2.LANE_STATE_OPEN, "Open"),
        (scan_pb2.LANE_STATE_OUT_OF_SERVICE, "Back in a moment"),  # on in the cloud: the gate has yet to hear
        (scan_pb2.LANE_STATE_FAULT, "Fault"),
        (77, "Unknown"),
    ],
)
def test_each_state_has_a_word(log_in, gate: Device, edge: Edge, report, state, word):
    report(edge, gate, state=state)
    assert f"W-1 {word} " in text_of(log_in().get("/live/board"))


def test_a_silent_edge_is_not_taken_for_a_working_one(log_in, gate: Device, edge: Edge, report):
    report(edge, gate, at=timezone.now() - timedelta(minutes=2))
    text = text_of(log_in().get("/live/board"))
    assert "W-1 No contact" in text
    assert "Lanes in service 0/1 1 without contact" in text
    assert "西门主机 No contact Last heard of" in text


def test_a_lane_that_saw_nothing_yet(log_in, gate: Device, edge: Edge, report):
    report(edge, gate, last_decision=0, last_at_ms=0)
    assert "W-1 Ready Nothing presented yet" in text_of(log_in().get("/live/board"))


def test_a_reason_of_a_newer_edge_is_shown_as_a_number(log_in, gate: Device, edge: Edge, report):
    report(edge, gate, last_decision=scan_pb2.DECISION_REFUSE, last_reason=199)
    assert "Reason 199" in text_of(log_in().get("/live/board"))


def test_times_are_the_venues(log_in, gate: Device):
    at = timezone.now().replace(microsecond=0)
    present(gate, 11, at=at)
    in_shanghai = (at + timedelta(hours=8)).strftime("%H:%M:%S")
    assert in_shanghai in text_of(log_in().get("/live/board"))


def test_names_are_text_not_markup(log_in, venue: Venue, west: Station, edge: Edge):
    nasty = "<script>alert(1)</script>"
    device = make.make_gate(venue, west, "W-9", edge)
    device.name = nasty
    device.save()
    west.name_en = nasty
    west.save()
    present(device, 11)
    page = log_in().get("/live").content.decode()
    assert nasty not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_another_venues_traffic_is_not_shown(log_in, gate: Device):
    client = log_in()
    present(gate, 11)
    other = make.make_venue("other", name_en="Other")
    from cloud.staff.models import Employee

    make.grant_role(actor=make.SYSTEM, employee=Employee.objects.get(username="u-administrator"),
                    role="viewer", venue=other)  # fmt: skip
    client.post("/venue", {"venue": "other"})
    text = text_of(client.get("/live/board"))
    assert "W-1" not in text
    assert "Admitted today 0" in text


def test_a_supervisor_takes_a_lane_out_of_service_and_back(log_in, gate: Device):
    client = log_in("gate_supervisor")
    asked = client.get(f"/lanes/{gate.pk}/switch")
    assert "Take W-1 out of service?" in text_of(asked)
    assert "It refuses every code within a moment" in text_of(asked)
    part = client.get(f"/lanes/{gate.pk}/switch", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<form")
    rows = make.last_feed_row()
    done = client.post(f"/lanes/{gate.pk}/switch?to=off", follow=True)
    assert "W-1 is out of service." in text_of(done)
    gate.refresh_from_db()
    assert not gate.enabled
    assert len(make.feed_rows(after=rows)) == 1  # the gates are told
    assert AuditRow.objects.filter(action="device.enabled", actor__username="u-gate_supervisor").count() == 1
    assert "Put W-1 back in service?" in text_of(client.get(f"/lanes/{gate.pk}/switch"))
    assert "W-1 is back in service." in text_of(client.post(f"/lanes/{gate.pk}/switch?to=on", follow=True))
    gate.refresh_from_db()
    assert gate.enabled


def test_two_who_press_the_same_button_want_the_same(log_in, gate: Device):
    client = log_in("gate_supervisor")
    client.post(f"/lanes/{gate.pk}/switch?to=off")
    client.post(f"/lanes/{gate.pk}/switch?to=off")
    gate.refresh_from_db()
    assert not gate.enabled


def test_a_supervisor_closes_a_station(log_in, gate: Device, west: Station, edge: Edge, report):
    client = log_in("gate_supervisor")
    assert "Its 1 lane refuses every code within a moment." in text_of(client.get(f"/stations/{west.pk}/switch"))
    assert "West gate is closed." in text_of(client.post(f"/stations/{west.pk}/switch?to=off", follow=True))
    report(edge, gate)
    text = text_of(client.get("/live/board"))
    assert "West gate Closed Open station" in text
    assert "W-1 Closing" in text  # the edge has not heard of it yet
    report(edge, gate, state=scan_pb2.LANE_STATE_OUT_OF_SERVICE)
    text = text_of(client.get("/live/board"))
    assert "W-1 Out of service" in text
    assert "Lanes in service 0/1 1 out of service" in text
    assert "stays shut until that is opened too" not in text_of(client.get(f"/lanes/{gate.pk}/switch"))


@pytest.mark.parametrize("address", ["/lanes/999999/switch", "/stations/999999/switch", "/lanes/x/switch"])
def test_what_is_not_there_is_not_found(log_in, address):
    assert log_in("gate_supervisor").post(address).status_code == 404
