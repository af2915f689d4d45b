"""Taking an order back and giving a new code; what happens when both are pressed at once."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import services as entitlements
from cloud.entitlements.models import Entitlement, FeedRow
from cloud.entitlements.selectors import pass_line
from cloud.sales.models import Order, OrderUnit
from cloud.sales.services import issue_order, reissue_unit, revoke_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Venue
from paifang import passes, records
from paifang.records import State, Table
from paifang.v1 import feed_pb2
from tests.support.race import race
from tests.support.venue import SYSTEM, feed_rows, last_feed_row

pytestmark = pytest.mark.django_db


def issue(venue: Venue, product: TicketProduct, quantity: int = 1, key: str = "k1") -> Order:
    line = OrderLine(product, quantity, today(venue))
    return issue_order(actor=SYSTEM, venue=venue, lines=[line], idempotency_key=key)


def revoke(venue: Venue, order: Order, why: str = "下错单") -> Order:
    return revoke_order(actor=SYSTEM, venue=venue, order=order, why=why)


def reissue(venue: Venue, unit: OrderUnit) -> OrderUnit:
    return reissue_unit(actor=SYSTEM, venue=venue, unit=unit)


def test_revoking_ends_every_ticket_urgently(venue: Venue, adult: TicketProduct) -> None:
    order, mark = issue(venue, adult, 2), last_feed_row()
    revoked = revoke(venue, order)
    assert (revoked.state, revoked.revoked_why) == (Order.State.REVOKED, "下错单")
    assert revoked.revoked_at is not None
    held = list(Entitlement.objects.order_by("pk"))
    assert [(each.state, each.revision) for each in held] == [(Entitlement.State.REVOKED, 2)] * 2
    [row] = feed_rows(mark)
    assert row.stream == feed_pb2.STREAM_URGENT
    assert [op.table for op in row.ops] == [Table.ENTITLEMENT] * 2
    told = [records.Record.unpack(op.value or b"") for op in row.ops]
    assert [(record.state, record.revision) for record in told] == [(State.REVOKED, 2)] * 2
    assert [record.digest for record in told] == [bytes(each.pass_digest) for each in held]
    trail = AuditRow.objects.get(action="order.revoke")
    assert trail.detail == {"number": order.number, "entitlements": 2}


def test_revoking_again_is_harmless(venue: Venue, adult: TicketProduct) -> None:
    order = issue(venue, adult)
    first, rows = revoke(venue, order), FeedRow.objects.count()
    again = revoke(venue, order, "another reason")
    assert (again.revoked_at, again.revoked_why) == (first.revoked_at, "下错单")
    assert FeedRow.objects.count() == rows
    assert AuditRow.objects.filter(action="order.revoke").count() == 1


def test_a_reason_is_needed(venue: Venue, adult: TicketProduct) -> None:
    order = issue(venue, adult)
    with pytest.raises(DomainError) as refused:
        revoke(venue, order, " ")
    assert (refused.value.code, refused.value.field) == ("input.required", "why")


def test_a_new_code_replaces_the_old_at_the_gates(venue: Venue, adult: TicketProduct) -> None:
    unit = issue(venue, adult).units.get()
    old, mark = pass_line(unit.entitlement), last_feed_row()
    lines = {old}
    for revision in (2, 3):  # twice within a second: each is another pass
        unit = reissue(venue, unit)
        lines.add(pass_line(unit.entitlement))
        assert unit.entitlement.revision == revision
    assert len(lines) == 3
    rows = feed_rows(mark)
    assert [row.stream for row in rows] == [feed_pb2.STREAM_BULK] * 2
    record = records.Record.unpack(rows[1].ops[0].value or b"")
    assert record.revision == 3
    assert record.digest == passes.parse_line(pass_line(unit.entitlement).encode()).digest
    assert Entitlement.objects.get().pass_digest == record.digest
    before, after = (
        passes.parse_line(old.encode()).claims,
        passes.parse_line(pass_line(unit.entitlement).encode()).claims,
    )
    assert before.entitlement_id == after.entitlement_id
    assert after.issued_at >= before.issued_at + 2


def test_a_revoked_order_gets_no_new_code(venue: Venue, adult: TicketProduct) -> None:
    order = issue(venue, adult)
    revoke(venue, order)
    with pytest.raises(DomainError) as refused:
        reissue(venue, order.units.get())
    assert refused.value.code == "order.revoked"
    with pytest.raises(DomainError) as refused:
        entitlements.reissue(venue, order.units.get().entitlement)
    assert refused.value.code == "entitlement.ended"


def test_only_ending_states_end(venue: Venue, adult: TicketProduct) -> None:
    held = issue(venue, adult).units.get().entitlement
    with pytest.raises(ValueError, match="does not end"):
        entitlements.revoke(venue, [held], Entitlement.State.LOCKED)
    assert entitlements.revoke(venue, [held], Entitlement.State.REFUNDED)[0].state == Entitlement.State.REFUNDED
    assert entitlements.revoke(venue, [held], Entitlement.State.REVOKED) == [], "a refunded one stays refunded"


@pytest.mark.django_db(transaction=True)
def test_revoking_against_reissuing_always_ends_revoked(venue: Venue, adult: TicketProduct) -> None:
    """Whichever comes first: the record with the highest revision is the revoked one."""
    for turn in range(6):
        order, mark = issue(venue, adult, key=f"race-{turn}"), last_feed_row()
        unit = order.units.get()
        results: list[Any] = race(
            venue,
            lambda order=order: revoke(venue, order),
            lambda unit=unit: reissue(venue, unit),
            lambda order=order: revoke(venue, order),
        )
        assert isinstance(results[0], Order), results
        assert isinstance(results[2], Order), results
        if isinstance(results[1], DomainError):
            assert results[1].code == "order.revoked"
        told = [records.Record.unpack(op.value or b"") for row in feed_rows(mark) for op in row.ops]
        newest = max(told, key=lambda record: record.revision)
        held = Entitlement.objects.get(pk=unit.entitlement_id)
        assert newest.state == State.REVOKED
        assert (held.state, held.revision) == (Entitlement.State.REVOKED, newest.revision)
        assert sorted(record.revision for record in told) == list(range(2, newest.revision + 1)), "each revision once"


@pytest.mark.django_db(transaction=True)
def test_two_reissues_at_once_make_two_codes_of_which_the_later_counts(venue: Venue, adult: TicketProduct) -> None:
    unit = issue(venue, adult).units.get()
    mark = last_feed_row()
    results = race(venue, *[lambda: reissue(venue, unit)] * 3)
    assert sorted(each.entitlement.revision for each in results) == [2, 3, 4], results
    digests = [records.Record.unpack(row.ops[0].value or b"").digest for row in feed_rows(mark)]
    assert len(set(digests)) == 3
    assert bytes(Entitlement.objects.get().pass_digest) == digests[-1]
