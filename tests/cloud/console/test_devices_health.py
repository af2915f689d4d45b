"""Devices and edges as they are doing: last seen, reader and barrier, filters by it, alarms."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.core.alarms import raise_alarm
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.v1 import scan_pb2
from tests.support import venue as make


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def listed(client: Any, section: str, **query: str) -> list[str]:
    return re.findall(r'class="pf-row-link"[^>]*>([^<]+)<', client.get(f"/{section}", query).content.decode())


@pytest.mark.spec("S-17")
def test_a_lane_tells_how_it_is(log_in, gate: Device, edge: Edge, report):
    client = log_in()
    assert "Right now No contact Last heard of –" in text_of(client.get(f"/devices/{gate.pk}"))
    report(edge, gate, barrier_online=False, state=scan_pb2.LANE_STATE_FAULT)
    text = text_of(client.get(f"/devices/{gate.pk}"))
    assert "Right now Fault" in text
    assert "Reader Connected Barrier Not connected" in text
    assert "1,180 of 1,204 admitted" in text
    report(edge, gate, at=timezone.now() - timedelta(minutes=9))
    text = text_of(client.get(f"/devices/{gate.pk}"))
    assert "Right now No contact" in text
    assert "Reader Not known Barrier Not known" in text


@pytest.mark.spec("S-17")
def test_devices_and_edges_are_found_by_how_they_are(log_in, venue: Venue, west: Station, edge: Edge, report):
    other = make.make_edge(venue, "东门主机")
    make.make_edge(venue, "南门主机")
    fine, broken, shut = (make.make_gate(venue, west, f"L-{n}", edge) for n in range(3))
    make.make_gate(venue, west, "FAR", other)
    report(edge, fine, broken, shut)
    report(other, at=timezone.now() - timedelta(minutes=9))
    health = edge.health
    status = scan_pb2.EdgeStatus.FromString(bytes(health.status))
    status.lanes[1].state = scan_pb2.LANE_STATE_FAULT
    status.lanes[2].state = scan_pb2.LANE_STATE_OUT_OF_SERVICE
    health.status = status.SerializeToString()
    health.save()
    client = log_in()
    found = {one: listed(client, "devices", now=one) for one in ("working", "fault", "closed", "silent")}
    assert found == {"working": ["L-0"], "fault": ["L-1"], "closed": ["L-2"], "silent": ["FAR"]}
    edges = {one: listed(client, "edges", now=one) for one in ("online", "silent", "never")}
    assert edges == {"online": ["西门主机"], "silent": ["东门主机"], "never": ["南门主机"]}


def test_an_edges_alarms_are_on_its_page_for_those_who_read_the_audit(log_in, edge: Edge, venue: Venue):
    raise_alarm("edge.silent", edge, venue, last_heard="2026-11-22T01:00:00+00:00")
    raise_alarm("edge.reader.lost", edge, venue, times=3)
    text = text_of(log_in().get(f"/edges/{edge.pk}"))
    assert "Edge no longer heard of Last heard of: " in text
    assert "Reader lost Times: 3" in text
    assert "Reader lost" not in text_of(log_in("viewer").get(f"/edges/{edge.pk}")).split("History")[0]
