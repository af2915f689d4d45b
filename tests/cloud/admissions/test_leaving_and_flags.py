"""Who leaves is no visit; what the gate did not know of a ticket is flagged; whole-venue counts are passed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.admissions import selectors
from cloud.admissions.models import Admission
from cloud.admissions.services import check_day, ingest
from cloud.catalog.models import TicketProduct
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.models import AuditRow
from cloud.entitlements import live_services
from cloud.entitlements.models import Entitlement, Usage
from cloud.sales.services import issue_order, revoke_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Edge, Station, Venue
from paifang.reasons import Reason
from paifang.records import Table
from paifang.usage import Usage as UsageRecord
from paifang.usage import others_key
from paifang.v1 import scan_pb2
from tests.support import venue as make
from tests.support.journal import DAY, NOON_MS, TODAY, Journal

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
LEAVE = {"leaving": True, "reason": int(Reason.LEAVING), "usage": b""}
pytestmark = pytest.mark.django_db


@pytest.fixture
def journal(edge: Edge) -> Journal:
    return Journal(edge.pk)


def leave(journal: Journal, station: Station, passed: int = 1) -> list[bytes]:
    """Somebody walks out by an exit with a ticket nobody knows."""
    admission = journal.admit(0, station=station.pk, persons=passed, **LEAVE)
    settled = scan_pb2.Settlement(
        admission_seq=journal.seq, outcome=scan_pb2.OUTCOME_PASSED, passed=passed, device_id=1, leaving=True
    )
    return [admission, journal.write(settlement=settled)]


@pytest.mark.spec("S-05")
def test_who_leaves_is_counted_out_and_nowhere_as_a_visitor(
    venue: Venue, edge: Edge, west: Station, way_out: Station, journal: Journal
) -> None:
    entry = [journal.admit(77, station=west.pk), journal.settle(1, entitlement=77)]
    ingest(edge, [*entry, *leave(journal, way_out, passed=1)])
    day = selectors.today(venue, NOON)
    assert (day.admissions, day.persons, day.entered, day.left, day.inside) == (1, 1, 1, 1, 0)
    assert sum(minute.persons for minute in selectors.admitted_per_minute(venue, 30, NOON)) == 1
    assert list(selectors.listed(venue).values_list("seq", flat=True)) == [1]
    assert list(selectors.for_entitlements(venue, [0, 77])) == [77]
    assert list(Admission.objects.values_list("seq", "leaving", "flag")) == [(1, False, "unknown"), (3, True, "")]
    assert check_day(venue, TODAY) == []


def test_an_edge_says_who_left_even_by_a_station_that_is_an_exit_no_more(
    venue: Venue, edge: Edge, west: Station, journal: Journal
) -> None:
    ingest(edge, leave(journal, west))
    assert (selectors.today(venue, NOON).entered, selectors.today(venue, NOON).left) == (0, 1)
    assert check_day(venue, TODAY) == []


def test_an_edge_hears_what_the_others_counted_outside_the_inner_stations(
    venue: Venue, edge: Edge, west: Station, way_out: Station, journal: Journal
) -> None:
    other = make.make_edge(venue, "东门主机")
    cable = make.make_station(venue, "索道", inner=True)
    there = Journal(other.pk)
    ingest(edge, [journal.admit(1, station=west.pk), journal.settle(1, entitlement=1)])
    ingest(other, [there.admit(2, station=west.pk, persons=3), there.settle(1, passed=3, entitlement=2)])
    ingest(other, [there.admit(2, station=cable.pk), there.settle(3, entitlement=2), *leave(there, way_out)])
    assert selectors.elsewhere(edge, NOON) == (TODAY, 3, 1)
    assert selectors.elsewhere(other, NOON) == (TODAY, 1, 0)
    assert selectors.elsewhere(edge, NOON + timedelta(days=1)) == (TODAY + timedelta(days=1), 0, 0)


def test_counts_of_the_whole_venue_reach_the_other_edges_and_stay_in_no_group(
    venue: Venue, edge: Edge, west: Station, east: Station, journal: Journal
) -> None:
    make.make_edge(venue, "东门主机")
    mark = make.last_feed_row()
    first = UsageRecord(revision=1, total=1, day=DAY, first_ms=NOON_MS, visit_ms=NOON_MS, flags=1)
    after = UsageRecord(revision=2, total=1, day=DAY, first_ms=NOON_MS, visit_ms=NOON_MS)
    back = scan_pb2.Settlement(
        admission_seq=1, outcome=scan_pb2.OUTCOME_PASSED, passed=1, entitlement_id=77, owner_id=77, device_id=1,
        whole_usage=after.pack(),
    )  # fmt: skip
    ingest(edge, [journal.admit(77, station=west.pk, whole_usage=first.pack()), journal.write(settlement=back)])
    told = {op.key: op.value for row in make.feed_rows(after=mark) for op in row.ops if op.table == Table.OTHERS}
    assert told[others_key(77, 0, edge.pk)] == after.pack()
    assert set(told) == {others_key(77, 0, edge.pk), others_key(77, west.pk, edge.pk)}
    live_services.join_groups(actor=make.SYSTEM, venue=venue, station=west, others=[east])
    assert list(Usage.objects.filter(group_id=0).values_list("owner_id", "from_group_id")) == [(77, 0)]


def sold(venue: Venue, product: TicketProduct) -> Entitlement:
    line = OrderLine(product, 1, today(venue))
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="x")
    return order.units.get().entitlement


def test_admissions_of_tickets_that_are_no_good_here_are_flagged_and_alarmed_once(
    venue: Venue, edge: Edge, west: Station, adult: TicketProduct, actor: Actor, journal: Journal
) -> None:
    ticket = sold(venue, adult)
    revoke_order(actor=actor, venue=venue, order=ticket.unit.order, why="test")
    Entitlement.objects.update(ended_at=NOON)
    journal.at_ms = NOON_MS - 1000
    before = journal.admit(ticket.pk, station=west.pk)
    journal.at_ms = NOON_MS + 1000
    raws = [before, journal.admit(ticket.pk, station=west.pk, revision=2, signed_only=True), journal.admit(5)]
    ingest(edge, raws)
    ingest(edge, [journal.admit(6)])
    assert list(Admission.objects.order_by("seq").values_list("flag", "signed_only")) == [
        ("", False), ("ended", True), ("unknown", False), ("unknown", False),
    ]  # fmt: skip
    alarms = AuditRow.objects.filter(action__startswith="alarm.admission.").order_by("action")
    assert [(row.action, row.detail) for row in alarms] == [
        ("alarm.admission.ended", {"times": 1}), ("alarm.admission.unknown", {"times": 1}),
    ]  # fmt: skip


def test_usage_of_the_whole_venue_that_cannot_be_read_is_kept_aside(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.admit(77, whole_usage=b"torn")])
    assert not Admission.objects.exists()
