"""A gate that knows more than the cloud: over the wire, with the server running on a database out of a backup."""

from __future__ import annotations

import time

import grpc
import pytest

from cloud.admissions.models import Admission, Case, EdgeChain, JournalEntry, Occupancy, SetAside
from cloud.entitlements import restored, sequencer
from cloud.venues.models import Edge, Station, Venue
from paifang.records import entry_hash
from paifang.v1 import scan_pb2
from paifang.v1.feed_pb2 import STREAM_BULK
from tests.cloud.rpc.conftest import TIMEOUT_S, Client
from tests.support.journal import Journal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]


def test_yesterdays_backup(client: Client, venue: Venue, edge: Edge, west: Station) -> None:
    """Everything acked since comes up again and is counted once; cursors of the lost hours are good for nothing."""
    journal = Journal(edge.pk, at_ms=time.time_ns() // 1_000_000)
    raws = [journal.admit(1, station=west.pk), journal.settle(1), journal.admit(2, station=west.pk), journal.settle(3)]
    said = client.scan.Report(scan_pb2.EdgeStatus(), timeout=TIMEOUT_S)
    assert (said.HasField("journal"), said.journal.seq, said.restores) == (True, 0, 0)
    client.scan.Upload(scan_pb2.JournalBatch(entries=raws[:2]), timeout=TIMEOUT_S)
    backup = EdgeChain.objects.values().get()
    client.scan.Upload(scan_pb2.JournalBatch(entries=raws[2:]), timeout=TIMEOUT_S)
    said = client.scan.Report(scan_pb2.EdgeStatus(journal_acked=4), timeout=TIMEOUT_S)
    assert (said.journal.seq, said.journal.hash, said.restores) == (4, entry_hash(raws[3]), 0)

    JournalEntry.objects.filter(seq__gt=2).delete()  # the backup is in place
    Case.objects.all().delete()
    Admission.objects.filter(seq__gt=2).delete()
    Occupancy.objects.update(entered=1)
    EdgeChain.objects.update(**backup)
    said = client.scan.Report(scan_pb2.EdgeStatus(journal_acked=4), timeout=TIMEOUT_S)
    assert (said.journal.seq, said.restores) == (2, 1)  # noticed: the edge sends again from there
    assert client.scan.Upload(scan_pb2.JournalBatch(entries=raws[2:]), timeout=TIMEOUT_S).acked_seq == 4
    assert Admission.objects.filter(outcome="passed").count() == 2
    assert Occupancy.objects.values_list("entered", flat=True).get() == 2
    assert not SetAside.objects.exists()
    assert client.scan.Report(scan_pb2.EdgeStatus(journal_acked=4), timeout=TIMEOUT_S).restores == 1

    head = sequencer.head(venue, STREAM_BULK).seq
    for cursor in (head - 1, head + 3):  # of the lost hours, and one never given out
        with pytest.raises(grpc.RpcError) as refused:
            next(client.subscribe(stream=STREAM_BULK, has_cursor=True, cursor=cursor))
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert restored.restores(venue) == 2
    assert sequencer.head(venue, STREAM_BULK).seq == head + restored.ABOVE
