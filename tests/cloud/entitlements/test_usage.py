"""Uses passed on between edges, and carried between groups when stations join and leave."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.entitlements import carried, live_services, usage
from cloud.entitlements.models import CarriedGroup, Usage
from cloud.entitlements.usage import Reported
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Edge, Station, Venue
from paifang.records import Table
from paifang.usage import Usage as UsageRecord
from paifang.usage import others_key
from paifang.v1 import feed_pb2
from tests.support.race import race
from tests.support.venue import SYSTEM, Row, feed_rows, last_feed_row, make_edge, relay

pytestmark = pytest.mark.django_db


def now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)


def used(revision: int, total: int, at_ms: int | None = None) -> bytes:
    return UsageRecord(revision=revision, total=total, last_ms=now_ms() if at_ms is None else at_ms).pack()


def others(rows: list[Row]) -> dict[tuple[int, int, int], UsageRecord]:
    """(owner, group, source) -> the record the gates are told."""
    told = {}
    for row in rows:
        for op in row.ops:
            if op.table == Table.OTHERS:
                key = (op.key[:8], op.key[8:12], op.key[12:])
                owner, group, source = (int.from_bytes(part, "big") for part in key)
                told[owner, group, source] = UsageRecord.unpack(op.value or b"")
    return told


def kept(owner: int, group: int) -> dict[int, int]:
    """source -> total."""
    rows = Usage.objects.filter(owner_id=owner, group_id=group)
    return {row.source: UsageRecord.unpack(bytes(row.record)).total for row in rows}


@pytest.fixture
def sibling(venue: Venue, edge: Edge) -> Edge:
    return make_edge(venue, "东门主机")


@pytest.fixture
def ticket(venue: Venue, adult: TicketProduct) -> int:
    line = OrderLine(adult, 1, today(venue))
    return issue_order(actor=SYSTEM, venue=venue, lines=[line], idempotency_key="k1").units.get().entitlement_id


def test_a_siblings_use_is_passed_on_in_bulk(venue: Venue, edge: Edge, sibling: Edge) -> None:
    mark, record = last_feed_row(), used(1, 1)
    assert relay(edge, 42, 7, record)
    [row] = feed_rows(mark)
    assert row.stream == feed_pb2.STREAM_BULK
    assert [(op.table, op.key, op.value) for op in row.ops] == [(Table.OTHERS, others_key(42, 7, edge.pk), record)]


def test_an_edge_alone_has_nobody_to_tell(venue: Venue, edge: Edge) -> None:
    mark = last_feed_row()
    retired = make_edge(venue, "旧主机")
    Edge.objects.filter(pk=retired.pk).update(retired_at=timezone.now())
    assert relay(edge, 42, 7, used(1, 1))
    assert feed_rows(mark) == []
    assert kept(42, 7) == {edge.pk: 1}


def test_the_highest_revision_wins_whatever_the_order(venue: Venue, edge: Edge, sibling: Edge) -> None:
    assert relay(edge, 42, 7, used(3, 2))
    mark = last_feed_row()
    assert not relay(edge, 42, 7, used(2, 9))
    assert not relay(edge, 42, 7, used(3, 9))
    assert feed_rows(mark) == []
    news = usage.relay_all(
        edge, [Reported(42, 7, used(5, 3)), Reported(42, 7, used(4, 9)), Reported(43, 7, used(1, 1))]
    )
    assert [(row.owner_id, row.revision) for row in news] == [(42, 5), (43, 1)]
    assert (kept(42, 7), kept(43, 7)) == ({edge.pk: 3}, {edge.pk: 1})


def test_each_edge_counts_for_itself(venue: Venue, edge: Edge, sibling: Edge) -> None:
    relay(edge, 42, 7, used(9, 1))
    relay(sibling, 42, 7, used(1, 2))
    assert kept(42, 7) == {edge.pk: 1, sibling.pk: 2}
    both = sorted([edge.pk, sibling.pk])  # its own too: a store that was lost takes them back
    assert [row.source for row in usage.told_to(edge)] == both
    assert [row.source for row in usage.told_to(sibling)] == both


def test_bytes_that_are_no_usage_record_are_refused(venue: Venue, edge: Edge) -> None:
    with pytest.raises(ValueError, match="not a usage record"):
        relay(edge, 42, 7, b"soup")
    assert usage.relay_all(edge, []) == []


def test_many_at_once(venue: Venue, edge: Edge, sibling: Edge) -> None:
    mark = last_feed_row()
    news = usage.relay_all(edge, (Reported(owner, 7, used(1, 1)) for owner in range(1, 1302)))
    assert len(news) == Usage.objects.count() == 1301
    assert len(others(feed_rows(mark))) == 1301
    assert usage.relay_all(edge, (Reported(owner, 7, used(1, 1)) for owner in range(1, 1302))) == []


@pytest.mark.django_db(transaction=True)
def test_reports_at_once_never_lower_a_revision(venue: Venue, edge: Edge, sibling: Edge) -> None:
    def report(revision: int) -> bool:
        with transaction.atomic():
            return relay(edge, 42, 7, used(revision, revision))

    for turn in range(0, 40, 10):
        mark = last_feed_row()
        results = race(venue, *(lambda revision=turn + step: report(revision) for step in (3, 1, 4, 2)))
        assert not [each for each in results if isinstance(each, Exception)], results
        assert kept(42, 7) == {edge.pk: turn + 4}
        told = [op for row in feed_rows(mark) for op in row.ops]
        revisions = [UsageRecord.unpack(op.value or b"").revision for op in told]
        assert revisions == sorted(set(revisions))


@pytest.mark.spec("S-14")
def test_leaving_gives_a_used_ticket_no_second_entry(
    venue: Venue, west: Station, east: Station, edge: Edge, ticket: int
) -> None:
    """Told to the edge itself too: what it used in the group is not its own count in the new one."""
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    record = used(1, 1)
    relay(edge, ticket, west.group_id, record)
    mark = last_feed_row()
    left = live_services.leave_group(actor=SYSTEM, venue=venue, station=east)
    rows = feed_rows(mark)
    source = carried.source_of(1, edge.pk)
    assert others(rows) == {(ticket, left.group_id, source): UsageRecord.unpack(record)}
    assert [(row.stream, row.ops[0].table) for row in rows] == [
        (feed_pb2.STREAM_URGENT, Table.OTHERS),
        (feed_pb2.STREAM_URGENT, Table.STATION),
    ], "the uses come before the station's new group"
    assert [row.source for row in usage.told_to(edge)] == [edge.pk, source], "and in a snapshot too"


@pytest.mark.spec("S-11")
def test_joining_counts_what_was_used_at_either(
    venue: Venue, west: Station, east: Station, edge: Edge, ticket: int
) -> None:
    relay(edge, ticket, east.group_id, used(4, 1))
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    assert kept(ticket, west.group_id) == {carried.source_of(1, edge.pk): 1}


@pytest.mark.spec("S-14")
def test_a_use_made_before_and_uploaded_after_still_counts(
    venue: Venue, west: Station, east: Station, edge: Edge, ticket: int
) -> None:
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    before = now_ms()
    left = live_services.leave_group(actor=SYSTEM, venue=venue, station=east)
    mark = last_feed_row()
    relay(edge, ticket, west.group_id, used(1, 1, before))
    source = carried.source_of(1, edge.pk)
    assert others(feed_rows(mark)).keys() == {(ticket, left.group_id, source)}, "though the edge is alone"
    assert kept(ticket, left.group_id) == {source: 1}

    after = int((timezone.now() + timedelta(seconds=1)).timestamp() * 1000)
    relay(edge, ticket, west.group_id, used(2, 2, after))
    assert kept(ticket, left.group_id) == {source: 1}, "what is used afterwards counts in its own group only"
    assert kept(ticket, west.group_id) == {edge.pk: 2}


@pytest.mark.spec("S-14")
def test_leaving_and_joining_again_counts_nothing_twice(
    venue: Venue, west: Station, east: Station, edge: Edge, ticket: int
) -> None:
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    relay(edge, ticket, west.group_id, used(1, 1))
    left = live_services.leave_group(actor=SYSTEM, venue=venue, station=east)
    relay(edge, ticket, left.group_id, used(1, 1))
    for _ in range(2):
        live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
        assert sorted(kept(ticket, west.group_id).values()) == [1, 1]
        last = live_services.leave_group(actor=SYSTEM, venue=venue, station=east)
        assert sorted(kept(ticket, last.group_id).values()) == [1, 1]
    links = CarriedGroup.objects.filter(to_group_id=last.group_id)
    assert [link.ordinal for link in links.order_by("ordinal")] == list(range(1, len(links) + 1))


def test_tickets_past_their_end_are_not_carried(
    venue: Venue, west: Station, east: Station, edge: Edge, ticket: int
) -> None:
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    relay(edge, ticket + 1, west.group_id, used(1, 1))
    left = live_services.leave_group(actor=SYSTEM, venue=venue, station=east)
    assert kept(ticket + 1, left.group_id) == {}


@pytest.mark.spec("S-14")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["report", "leave"])
def test_a_report_while_a_station_leaves_is_not_lost(
    venue: Venue, west: Station, east: Station, edge: Edge, ticket: int, first: str
) -> None:
    """Whichever is first has not committed when the other begins: the other must wait for it."""
    live_services.join_groups(actor=SYSTEM, venue=venue, station=west, others=[east])
    before, done, begun, over = now_ms(), {}, threading.Event(), threading.Event()

    def work(name: str) -> None:
        if name == "report":
            done[name] = relay(edge, ticket, west.group_id, used(1, 1, before))
        else:
            done[name] = live_services.leave_group(actor=SYSTEM, venue=venue, station=east)

    def lead() -> None:
        with transaction.atomic():
            work(first)
            begun.set()
            over.wait(0.3)  # set at once by a follower that did not wait for us

    def follow() -> None:
        begun.wait(10)
        with transaction.atomic():
            work("leave" if first == "report" else "report")
        over.set()

    assert race(venue, lead, follow) == [None, None]
    assert done["report"] is True
    assert kept(ticket, done["leave"].group_id) == {carried.source_of(1, edge.pk): 1}


def test_sources_are_above_every_edge_and_all_different() -> None:
    assert carried.source_of(1, 5) == 2**31 + 2**20 + 5
    assert carried.source_of(2047, 2**20 - 1) == 2**32 - 1
    for ordinal, edge_id in ((0, 1), (2048, 1), (1, 2**20)):
        with pytest.raises(ValueError, match="out of range"):
            carried.source_of(ordinal, edge_id)
