"""The journal and the health report over the wire."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import pytest

from cloud.admissions.models import Admission, JournalEntry, Occupancy, SetAside
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.gates import selectors
from cloud.gates.services import ask
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2
from tests.cloud.rpc.conftest import TIMEOUT_S, Client, connect
from tests.support.cloud_process import Rpc
from tests.support.journal import Journal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]


def test_an_upload_is_durable_when_acked(client: Client, edge: Edge, west: Station) -> None:
    journal = Journal(edge.pk)
    raws = [journal.boot(), journal.garbage(), journal.admit(77, station=west.pk), journal.settle(3)]
    for _ in range(2):
        ack = client.scan.Upload(scan_pb2.JournalBatch(entries=raws), timeout=TIMEOUT_S)
        assert ack.acked_seq == 4
    assert Admission.objects.values_list("entitlement_id", "outcome").get() == (77, "passed")
    assert SetAside.objects.count() == 1


def test_an_edge_cannot_write_another_edges_journal(venue: Venue, client: Client, edge: Edge) -> None:
    other = Edge.objects.create(venue=venue, name="东门主机")
    theirs = Journal(other.pk)
    assert client.scan.Upload(scan_pb2.JournalBatch(entries=[theirs.admit(77)]), timeout=TIMEOUT_S).acked_seq == 1
    assert SetAside.objects.values_list("why", "edge_id").get() == ("foreign", edge.pk)
    assert not JournalEntry.objects.exists()


def test_a_batch_that_is_too_large(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        client.scan.Upload(scan_pb2.JournalBatch(entries=[b"x"] * 5001), timeout=TIMEOUT_S)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_report_tells_the_time_and_shows_the_lanes(client: Client, venue: Venue, gate: Device) -> None:
    lane = scan_pb2.LaneStatus(device_id=gate.pk, state=scan_pb2.LANE_STATE_OPEN, reader_online=True)
    reply = client.scan.Report(scan_pb2.EdgeStatus(lanes=[lane]), timeout=TIMEOUT_S)
    assert abs(reply.cloud_time_ms - time.time() * 1000) < 5000
    [view] = selectors.lanes(venue)
    assert (view.online, view.state) == (True, scan_pb2.LANE_STATE_OPEN)


def test_a_server_killed_in_the_middle_of_uploads_loses_nothing(
    edge: Edge, west: Station, actor: Actor, tmp_path: Path
) -> None:
    """The edge sends again from what was acked, as an edge does; every admission is there once."""
    journal = Journal(edge.pk)
    raws = []
    for number in range(1, 401):
        raws += [journal.admit(number, station=west.pk), journal.settle(2 * number - 1)]
    acked, kills = 0, 0
    server = Rpc(tmp_path)
    client = connect(server, edge, actor)
    try:
        while acked < len(raws):
            batch = scan_pb2.JournalBatch(entries=raws[acked : acked + 40])
            call = client.scan.Upload.future(batch, timeout=TIMEOUT_S)
            if kills < 3 and acked >= 200 * (kills + 1):
                kills += 1
                server.kill()
                server = Rpc(tmp_path, gates=server.gates_address)
            try:
                acked = call.result().acked_seq
            except grpc.RpcError:
                continue
    finally:
        client.channel.close()
        server.stop()
    assert kills == 3
    assert Admission.objects.filter(outcome="passed").count() == 400
    assert JournalEntry.objects.count() == 800
    assert Occupancy.objects.values_list("entered", flat=True).get() == 400
    assert not SetAside.objects.exists()


def test_a_report_brings_the_siblings_counts_and_staffs_questions(
    client: Client, rpc: Rpc, venue: Venue, west: Station, gate: Device, actor: Actor
) -> None:
    other = Edge.objects.create(venue=venue, name="东门主机")
    theirs, journal = connect(rpc, other, actor), Journal(other.pk, at_ms=time.time_ns() // 1_000_000)
    raws = [journal.admit(77, station=west.pk, persons=3), journal.settle(1, passed=3)]
    theirs.scan.Upload(scan_pb2.JournalBatch(entries=raws), timeout=TIMEOUT_S)
    asked = ask(actor=actor, venue=venue, device=gate, kind=CredentialKind.LINE, credential=b"PF1:X")
    reply = client.scan.Report(scan_pb2.EdgeStatus(), timeout=TIMEOUT_S)
    assert (reply.elsewhere.day, reply.elsewhere.entered, reply.elsewhere.left) == (today(venue).toordinal(), 3, 0)
    [question] = reply.questions
    assert (question.credential, question.device_id) == (b"PF1:X", gate.pk)
    own = theirs.scan.Report(scan_pb2.EdgeStatus(), timeout=TIMEOUT_S)
    assert (own.elsewhere.entered, list(own.questions)) == (0, [])
    said = scan_pb2.Explanation(id=question.id, admit=True)
    client.scan.Explain(said, timeout=TIMEOUT_S)
    got = selectors.answer_to(venue, asked.pk)
    assert got is not None
    assert got.explanation == said
    theirs.channel.close()
