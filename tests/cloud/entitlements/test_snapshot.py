"""The whole state, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.catalog.models import TicketProduct
from cloud.catalog.services import snapshot_rules
from cloud.entitlements import acks, services, snapshot
from cloud.entitlements.models import Entitlement
from cloud.entitlements.sequencer import head, number_waiting
from cloud.venues.models import Device, Edge, Station, Venue
from paifang import records
from paifang.records import Op, Table
from paifang.usage import Usage, others_key
from paifang.v1.feed_pb2 import STREAM_BULK, STREAM_URGENT
from tests.support.venue import feed_rows, last_feed_row, relay

NOW = datetime.now(UTC).replace(microsecond=0)  # ID numbers are told for the next days only


@pytest.fixture
def tickets(venue: Venue, adult: TicketProduct) -> list[Entitlement]:
    """Ten, four of them with an ID number."""
    rules = snapshot_rules(adult)
    made = [
        services.issue(
            venue, services.Grant(adult, rules, NOW, NOW + timedelta(days=1), 1, bytes([n]) * 16 if n < 4 else None)
        )
        for n in range(10)
    ]
    return sorted(made, key=lambda entitlement: entitlement.pk)


def pages(edge: Edge, limit: int, after: tuple[int, bytes] = (0, b"")) -> list[Op]:
    ops: list[Op] = []
    while True:
        page = snapshot.page(edge, *after, NOW, limit)
        assert len(page.ops) <= limit
        ops += page.ops
        if page.end:
            return ops
        after = (page.table, page.key)


@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
def test_everything_once_in_key_order(edge: Edge, tickets: list[Entitlement], limit: int) -> None:
    ops = pages(edge, limit)
    keys = [(int(op.table), op.key) for op in ops]
    assert keys == sorted(set(keys))
    assert [op.key for op in ops if op.table == Table.ENTITLEMENT] == [
        records.entitlement_key(ticket.pk) for ticket in tickets
    ]
    assert sum(op.table == Table.INDEX for op in ops) == 4
    assert sum(op.table == Table.RULESET for op in ops) == 1
    record = records.Record.unpack(ops[0].value or b"")
    assert (record.digest, record.revision) == (bytes(tickets[0].pass_digest), 1)


def test_it_resumes_after_any_record(edge: Edge, tickets: list[Entitlement]) -> None:
    whole = pages(edge, 1000)
    for at, op in enumerate(whole):
        assert pages(edge, 4, (op.table, op.key)) == whole[at + 1 :]


def test_revoked_ones_are_there_and_long_expired_ones_are_not(
    venue: Venue, edge: Edge, tickets: list[Entitlement]
) -> None:
    services.revoke(venue, tickets[:1], Entitlement.State.REVOKED)
    Entitlement.objects.filter(pk=tickets[1].pk).update(not_after=NOW - timedelta(days=8))
    Entitlement.objects.filter(pk=tickets[2].pk).update(not_after=NOW - timedelta(days=6))
    found = {
        int.from_bytes(op.key, "big"): records.Record.unpack(op.value or b"").state
        for op in pages(edge, 100)
        if op.table == Table.ENTITLEMENT
    }
    assert found == {
        ticket.pk: records.State.REVOKED if ticket is tickets[0] else records.State.ACTIVE
        for ticket in tickets
        if ticket is not tickets[1]
    }


def test_the_uses_of_all_edges_its_own_among_them(
    venue: Venue, edge: Edge, west: Station, tickets: list[Entitlement]
) -> None:
    other = Edge.objects.create(venue=venue, name="东门主机")
    spent = Usage(revision=3, total=1).pack()
    relay(edge, tickets[0].pk, west.group_id, spent)
    relay(other, tickets[1].pk, west.group_id, spent)
    relay(other, 12345, west.group_id, spent)  # of no ticket that lives
    uses = [op for op in pages(edge, 2) if op.table == Table.OTHERS]
    by = zip(tickets[:2], (edge, other), strict=True)
    assert uses == [Op(Table.OTHERS, others_key(ticket.pk, west.group_id, one.pk), spent) for ticket, one in by]


def test_a_key_of_another_table_is_refused(edge: Edge, tickets: list[Entitlement]) -> None:
    with pytest.raises(ValueError, match="7 bytes where 8 are due"):
        snapshot.page(edge, Table.ENTITLEMENT, bytes(7), NOW)


def test_the_base_is_what_was_numbered(edge: Edge, tickets: list[Entitlement]) -> None:
    base = snapshot.begin(edge)
    assert base.seq == head(edge.venue, STREAM_BULK).seq > 0


def test_generations_rise(edge: Edge, tickets: list[Entitlement]) -> None:
    first = snapshot.begin(edge)
    acks.record(edge, STREAM_BULK, first.seq, 0, generation=first.generation + 500)
    assert snapshot.begin(edge).generation == first.generation + 501


def test_start_publishes_the_live_records_behind_it(
    venue: Venue, edge: Edge, gate: Device, west: Station, tickets: list[Entitlement]
) -> None:
    before = last_feed_row()
    seq = snapshot.start(venue)
    rows = feed_rows(after=before)
    assert {row.stream for row in rows} == {STREAM_URGENT}
    tables = {op.table for row in rows for op in row.ops}
    assert tables == {Table.VENUE, Table.STATION, Table.DEVICE, Table.RULESET}
    number_waiting(venue)
    assert head(venue, STREAM_URGENT).seq == seq + len(rows)
