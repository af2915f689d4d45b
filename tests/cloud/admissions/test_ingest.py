"""Journals come in once, in order, and become admissions and people inside."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cloud.admissions.models import Admission, EdgeChain, JournalEntry, Occupancy, SetAside
from cloud.admissions.services import ingest
from cloud.core.models import AuditRow
from cloud.entitlements.models import Usage
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from paifang.records import entry_hash
from paifang.v1 import scan_pb2
from tests.support.journal import NOON_MS, TODAY, Journal

pytestmark = pytest.mark.django_db


@pytest.fixture
def journal(edge: Edge) -> Journal:
    return Journal(edge.pk)


def occupancy(station: Station) -> tuple[int, int]:
    rows = Occupancy.objects.filter(business_day=TODAY, station_id=station.pk)
    return sum(row.entered for row in rows), sum(row.left for row in rows)


def test_entries_are_kept_byte_for_byte(
    venue: Venue, edge: Edge, gate: Device, west: Station, journal: Journal
) -> None:
    raws = [
        journal.boot(),
        journal.admit(77, station=west.pk, device=gate.pk),
        journal.refuse(Reason.REPLACED, 78, station=west.pk, device=gate.pk),
    ]
    assert ingest(edge, raws) == 3
    rows = list(JournalEntry.objects.order_by("seq"))
    assert [bytes(row.raw) for row in rows] == raws
    assert [bytes(row.entry_hash) for row in rows] == [entry_hash(raw) for raw in raws]
    assert [row.kind for row in rows] == ["boot", "presentation", "presentation"]
    assert [(row.decision, row.reason, row.entitlement_id, row.device_id, row.station_id) for row in rows] == [
        (None, None, None, None, None),
        (scan_pb2.DECISION_ADMIT, 0, 77, gate.pk, west.pk),
        (scan_pb2.DECISION_REFUSE, Reason.REPLACED, 78, gate.pk, west.pk),
    ]
    assert {row.at for row in rows} == {datetime.fromtimestamp(NOON_MS / 1000, UTC)}
    assert {row.business_day for row in rows} == {TODAY}
    chain = EdgeChain.objects.get(edge=edge)
    assert (bytes(chain.epoch), chain.seq, bytes(chain.last_hash)) == (journal.epoch, 3, journal.last_hash)


def test_an_admission_is_open_until_it_is_settled(edge: Edge, west: Station, gate: Device, journal: Journal) -> None:
    ingest(edge, [journal.admit(77, station=west.pk, device=gate.pk, persons=4)])
    admission = Admission.objects.get()
    assert (admission.seq, admission.entitlement_id, admission.persons, admission.outcome) == (1, 77, 4, "open")
    assert (admission.station_id, admission.device_id, admission.business_day) == (west.pk, gate.pk, TODAY)
    assert occupancy(west) == (0, 0)
    ingest(edge, [journal.settle(1, scan_pb2.OUTCOME_PARTLY, passed=3, returned=1, entitlement=77)])
    admission.refresh_from_db()
    assert (admission.outcome, admission.passed, admission.returned) == ("partly", 3, 1)
    assert admission.settled_at is not None
    assert occupancy(west) == (3, 0)


def test_admission_and_settlement_in_one_batch(edge: Edge, west: Station, journal: Journal) -> None:
    ingest(edge, [journal.admit(77, station=west.pk), journal.settle(1, entitlement=77)])
    assert Admission.objects.values_list("outcome", "passed").get() == ("passed", 1)
    assert occupancy(west) == (1, 0)


def test_a_late_passage_takes_the_returned_use_back(edge: Edge, west: Station, journal: Journal) -> None:
    ingest(edge, [journal.admit(77, station=west.pk)])
    ingest(edge, [journal.settle(1, scan_pb2.OUTCOME_RETURNED, passed=0, returned=1)])
    assert Admission.objects.values_list("outcome", "passed", "returned").get() == ("returned", 0, 1)
    ingest(edge, [journal.settle(1, scan_pb2.OUTCOME_LATE, passed=1)])
    assert Admission.objects.values_list("outcome", "passed", "returned").get() == ("late", 1, 0)
    assert occupancy(west) == (1, 0)


def test_an_unticketed_body_is_inside_all_the_same(edge: Edge, west: Station, journal: Journal) -> None:
    ingest(
        edge, [journal.admit(77, station=west.pk), journal.settle(1, scan_pb2.OUTCOME_RETURNED, passed=0, returned=1)]
    )
    ingest(edge, [journal.settle(1, scan_pb2.OUTCOME_UNTICKETED, passed=1)])
    assert Admission.objects.values_list("outcome", "passed", "returned").get() == ("unticketed", 1, 1)
    assert occupancy(west) == (1, 0)


def test_a_recovered_settlement_says_so(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.admit(77), journal.settle(1, scan_pb2.OUTCOME_UNKNOWN, passed=0, recovered=True)])
    assert Admission.objects.values_list("outcome", "recovered").get() == ("unknown", True)


@pytest.mark.spec("S-18")
def test_an_exit_counts_those_who_leave(edge: Edge, way_out: Station, journal: Journal) -> None:
    ingest(edge, [journal.admit(77, station=way_out.pk), journal.settle(1)])
    assert occupancy(way_out) == (0, 1)


def test_people_count_on_the_day_of_their_admission(venue: Venue, edge: Edge, west: Station, journal: Journal) -> None:
    journal.at_ms = int(datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC).timestamp() * 1000)
    ingest(edge, [journal.admit(77, station=west.pk)])
    journal.at_ms += 5000  # past midnight in Shanghai
    ingest(edge, [journal.settle(1)])
    assert occupancy(west) == (1, 0)
    assert JournalEntry.objects.order_by("seq").values_list("business_day", flat=True)[1] == date(2026, 11, 23)


def test_the_same_batch_again_changes_nothing(edge: Edge, west: Station, journal: Journal) -> None:
    raws = [journal.admit(77, station=west.pk), journal.settle(1, entitlement=77), journal.alarm("store.filling")]
    assert [ingest(edge, raws) for _ in range(3)] == [3, 3, 3]
    assert ingest(edge, raws[:2]) == 2
    assert JournalEntry.objects.count() == 3
    assert Admission.objects.count() == 1
    assert occupancy(west) == (1, 0)
    assert AuditRow.objects.filter(action__startswith="alarm.edge.").count() == 1
    assert not SetAside.objects.exists()


def test_a_batch_that_is_half_known_goes_on(edge: Edge, west: Station, journal: Journal) -> None:
    raws = [journal.admit(n, station=west.pk) for n in range(70, 80)]
    ingest(edge, raws[:6])
    assert ingest(edge, raws[3:]) == 10
    assert list(Admission.objects.order_by("seq").values_list("entitlement_id", flat=True)) == list(range(70, 80))
    assert not SetAside.objects.exists()


def test_a_restart_begins_an_epoch_and_keeps_the_chain(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.boot()])
    again = journal.copy()
    assert ingest(edge, [again.boot(), again.refuse(Reason.UNKNOWN)]) == 3
    assert bytes(EdgeChain.objects.get().epoch) == again.epoch
    assert not SetAside.objects.exists()


def test_an_empty_batch_acks_nothing(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.boot()])
    assert ingest(edge, []) == 0


def test_usage_reaches_the_other_edges(venue: Venue, edge: Edge, west: Station, journal: Journal) -> None:
    ingest(edge, [journal.admit(77, station=west.pk), journal.settle(1, entitlement=77, group=west.pk)])
    usage = Usage.objects.get(owner_id=77)
    assert (usage.revision, usage.edge_id, usage.group_id) == (2, edge.pk, west.pk)


def test_an_alarm_of_the_edge_is_raised_here(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.alarm("feed.signature"), journal.alarm("feed.signature"), journal.alarm("clock.jumped")])
    raised = AuditRow.objects.filter(action__startswith="alarm.edge.").order_by("action")
    assert [(row.action, row.detail) for row in raised] == [
        ("alarm.edge.clock.jumped", {"times": 1}),
        ("alarm.edge.feed.signature", {"times": 2}),
    ]


def test_edges_of_one_venue_have_journals_of_their_own(
    venue: Venue, edge: Edge, west: Station, journal: Journal
) -> None:
    other = Edge.objects.create(venue=venue, name="东门主机")
    theirs = Journal(other.pk)
    ingest(edge, [journal.admit(77, station=west.pk), journal.settle(1)])
    ingest(other, [theirs.admit(78, station=west.pk), theirs.settle(1)])
    assert Admission.objects.count() == 2
    assert occupancy(west) == (2, 0)
