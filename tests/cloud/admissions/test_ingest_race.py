"""Two uploads of one journal at the same instant."""

from __future__ import annotations

import pytest

from cloud.admissions.models import Admission, JournalEntry, Occupancy, SetAside
from cloud.admissions.services import check_day, ingest
from cloud.venues.models import Edge, Station, Venue
from tests.support.journal import TODAY, Journal
from tests.support.race import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_batch_twice_at_once(venue: Venue, edge: Edge, west: Station) -> None:
    journal = Journal(edge.pk)
    raws = []
    for number in range(1, 101):
        raws += [
            journal.admit(number, station=west.pk),
            journal.settle(2 * number - 1, entitlement=number, group=west.pk),
        ]
    assert race(venue, *[lambda: ingest(edge, raws)] * 4) == [200] * 4
    assert JournalEntry.objects.count() == 200
    assert Admission.objects.filter(outcome="passed").count() == 100
    assert Occupancy.objects.values_list("entered", flat=True).get() == 100
    assert not SetAside.objects.exists()


def test_edges_that_share_a_station_count_together(venue: Venue, west: Station) -> None:
    edges = [Edge.objects.create(venue=venue, name=f"主机{n}") for n in range(4)]

    def upload(edge: Edge) -> None:
        journal = Journal(edge.pk)
        for number in range(1, 11):
            owner = edge.pk * 100 + number
            admission = journal.admit(owner, station=west.pk)
            ingest(edge, [admission, journal.settle(2 * number - 1, entitlement=owner, group=west.pk)])

    assert race(venue, *[lambda edge=edge: upload(edge) for edge in edges]) == [None] * 4
    assert list(Occupancy.objects.values_list("entered", flat=True)) == [10] * 4
    assert check_day(venue, TODAY) == []
