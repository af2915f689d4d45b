"""A station's nature: changed until somebody showed something there."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import timezone

from cloud.admissions.models import JournalEntry
from cloud.admissions.services import set_station_nature
from cloud.catalog.models import TicketProduct
from cloud.core.errors import DomainError
from cloud.entitlements import live_services
from cloud.venues.models import Edge, Station, Venue
from paifang import records
from tests.support.venue import SYSTEM, feed_rows, last_feed_row, make_station

pytestmark = pytest.mark.django_db


def turn(station: Station, nature: str) -> Station:
    return set_station_nature(actor=SYSTEM, venue=station.venue, station=station, nature=nature)


def refusal(station: Station, nature: str) -> str:
    with pytest.raises(DomainError) as refused:
        turn(station, nature)
    return refused.value.code


def shown_at(edge: Edge, station: Station, kind: str) -> None:
    JournalEntry.objects.create(
        venue=station.venue, edge=edge, epoch=b"epoch", seq=JournalEntry.objects.count() + 1, entry_hash=b"h" * 32,
        raw=b"", kind=kind, at=timezone.now(), business_day=date(2026, 11, 22), station_id=station.pk, decision=2,
    )  # fmt: skip


@pytest.mark.spec("S-04")
def test_an_entry_becomes_an_exit_and_an_entry_again_and_the_gates_hear_of_it(venue: Venue) -> None:
    station = make_station(venue, "侧门")
    for nature, is_exit in (("exit", True), ("entry", False)):
        mark = last_feed_row()
        assert turn(station, nature).nature == nature
        [row] = feed_rows(mark)
        assert records.Station.unpack(row.ops[0].value or b"").exit is is_exit
        mark = last_feed_row()
        turn(station, nature)
        assert feed_rows(mark) == []


@pytest.mark.spec("S-04")
def test_once_something_was_shown_there_it_stays_what_it_is(venue: Venue, edge: Edge, way_out: Station) -> None:
    station = make_station(venue, "侧门")
    shown_at(edge, station, "lane")
    turn(station, "exit")
    shown_at(edge, station, "presentation")
    shown_at(edge, way_out, "presentation")
    assert (refusal(station, "entry"), refusal(way_out, "entry")) == ("station.nature_used", "station.nature_used")
    assert turn(station, "exit").nature == "exit", "what it is already it may stay"


@pytest.mark.spec("S-04", "S-18")
def test_an_exit_has_neither_products_nor_same_type_stations(venue: Venue, west: Station, adult: TicketProduct) -> None:
    assert refusal(west, "exit") == "station.exit_products"
    live_services.set_station_products(actor=SYSTEM, venue=venue, station=west, products=[])
    other = make_station(venue, "侧门")
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[other])
    assert refusal(west, "exit") == "station.exit_group"
    assert refusal(west, "sideways") == "station.nature"
