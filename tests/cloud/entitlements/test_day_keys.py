"""Keys of rotating passes: made ahead, told to the gates, taken back; a phone gets its pass's alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import calendar_of, today
from cloud.entitlements import day_keys, rotating, snapshot
from cloud.entitlements.models import DayKey
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Edge, Venue
from paifang.records import Op, Table, live_key
from paifang.rotating import pass_key
from paifang.v1 import feed_pb2
from tests.support import venue as make
from tests.support.race import race

pytestmark = pytest.mark.django_db


def published(mark: int = 0) -> list[tuple[int, Op]]:
    return [(row.stream, op) for row in make.feed_rows(after=mark) for op in row.ops if op.table == Table.DAYKEY]


def test_keys_are_made_for_the_offline_days_and_told_in_bulk_once(venue: Venue) -> None:
    for _ in range(2):
        day_keys.keep(venue)
    ordinal = today(venue).toordinal()
    told = published()
    assert [(stream, op.key) for stream, op in told] == [
        (feed_pb2.STREAM_BULK, live_key(ordinal + ahead)) for ahead in range(4)
    ]
    keys = [op.value for _, op in told]
    assert [len(key or b"") for key in keys] == [32] * 4
    assert len(set(keys)) == 4
    assert not any(key in bytes(row.sealed_key) for key, row in zip(keys, DayKey.objects.order_by("day"), strict=True))


def test_old_keys_go_and_yesterdays_stays(venue: Venue) -> None:
    now = timezone.now()
    day_keys.keep(venue, now)
    mark = make.last_feed_row()
    day_keys.keep(venue, now + timedelta(days=2))
    first = today(venue, now)
    told = [(op.key, op.value is not None) for _, op in published(mark)]
    assert told == [
        (live_key(first.toordinal() + 4), True), (live_key(first.toordinal() + 5), True),
        (live_key(first.toordinal()), False),
    ]  # fmt: skip
    assert DayKey.objects.order_by("day").first().day == first + timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_key_a_day(venue: Venue) -> None:
    assert race(venue, *[lambda: day_keys.ensure(venue)] * 3) == [None] * 3
    assert DayKey.objects.count() == len(published()) == 4


def test_a_phone_is_given_its_passs_key_of_the_business_day(venue: Venue, adult: TicketProduct) -> None:
    Venue.objects.update(day_start_minutes=240)
    venue.refresh_from_db()
    line = OrderLine(adult, 2, today(venue))
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="it")
    one, two = (unit.entitlement for unit in order.units.all())
    now = timezone.now()
    given = rotating.key_for_today(one, now)
    [_, *_] = published()
    key = next(op.value for _, op in published() if op.key == live_key(today(venue, now).toordinal()))
    assert given.key == pass_key(key or b"", bytes(one.pass_digest)) != rotating.key_for_today(two, now).key
    calendar = calendar_of(venue)
    assert (given.from_s, given.until_s) == (
        calendar.start(today(venue, now)).timestamp(), calendar.end(today(venue, now)).timestamp(),
    )  # fmt: skip
    assert rotating.key_for_today(one, now + timedelta(days=1)).key != given.key


def test_a_new_gate_gets_them_with_the_snapshot(venue: Venue, edge: Edge) -> None:
    day_keys.keep(venue)
    page = snapshot.page(edge, 0, b"", timezone.now())
    found = [op for op in page.ops if op.table == Table.DAYKEY]
    while not page.end:
        page = snapshot.page(edge, page.table, page.key, timezone.now())
        found += [op for op in page.ops if op.table == Table.DAYKEY]
    assert found == [op for _, op in published()]
