"""Totals against the journal they are made of."""

from __future__ import annotations

import pytest

from cloud.admissions.models import Admission, Occupancy
from cloud.admissions.services import check_day, ingest
from cloud.admissions.services.check import Difference
from cloud.core.models import AuditRow
from cloud.venues.models import Edge, Station, Venue
from paifang.v1 import scan_pb2
from tests.support.journal import TODAY, Journal

pytestmark = pytest.mark.django_db


@pytest.fixture
def traffic(edge: Edge, west: Station, way_out: Station) -> None:
    journal = Journal(edge.pk)
    raws = [journal.admit(77, station=west.pk, persons=4), journal.admit(78, station=west.pk)]
    raws += [journal.settle(1, scan_pb2.OUTCOME_PARTLY, passed=3, returned=1)]
    raws += [journal.settle(2, scan_pb2.OUTCOME_RETURNED, passed=0, returned=1)]
    raws += [
        journal.settle(2, scan_pb2.OUTCOME_LATE, passed=1),
        journal.admit(0, station=way_out.pk),
        journal.settle(6),
    ]
    ingest(edge, raws)


@pytest.mark.usefixtures("traffic")
def test_sums_agree(venue: Venue) -> None:
    assert check_day(venue, TODAY) == []
    assert not AuditRow.objects.filter(action="alarm.ledger.mismatch").exists()


@pytest.mark.usefixtures("traffic")
def test_a_changed_total_is_found_and_alarmed_once(venue: Venue, west: Station, way_out: Station) -> None:
    Occupancy.objects.filter(station_id=west.pk).update(entered=5)
    Occupancy.objects.filter(station_id=way_out.pk).delete()
    Admission.objects.filter(entitlement_id=77).update(passed=2)
    expected = [
        Difference("passed", 4, 5),
        Difference(f"entered:{west.pk}", 5, 4),
        Difference(f"left:{way_out.pk}", 0, 1),
    ]
    assert check_day(venue, TODAY) == expected
    assert check_day(venue, TODAY) == expected
    row = AuditRow.objects.get(action="alarm.ledger.mismatch")
    assert row.detail == {
        "day": "2026-11-22",
        "found": {"passed": [4, 5], f"entered:{west.pk}": [5, 4], f"left:{way_out.pk}": [0, 1]},
    }
