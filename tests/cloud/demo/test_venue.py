"""The demo venue in the database: made once, and the gates are told of all of it."""

from __future__ import annotations

import pytest
from django_scopes import scope

from cloud.catalog.models import TicketProduct
from cloud.demo import catalogue, site
from cloud.demo.venue import ensure_venue
from cloud.entitlements.live import live_ops
from cloud.venues.models import Device, Station
from paifang.records import Table
from paifang.v1.feed_pb2 import STREAM_URGENT
from tests.support.venue import feed_rows

pytestmark = pytest.mark.django_db


def test_it_is_made_once() -> None:
    venue = ensure_venue()
    assert ensure_venue() == venue
    with scope(venue=venue):
        assert Device.objects.count() == len(site.LANES)
        assert TicketProduct.objects.count() == len(catalogue.PRODUCTS)
        stations = {station.name_en: station for station in Station.objects.all()}
        assert stations["West gate"].group_id == stations["East gate"].group_id != stations["Cable car"].group_id
        assert [name for name, one in stations.items() if one.nature == Station.Nature.EXIT] == ["South exit"]


def test_a_gate_that_listened_meanwhile_knows_all_of_it() -> None:
    venue = ensure_venue()
    with scope(venue=venue):
        rows = feed_rows()
        assert {row.stream for row in rows} == {STREAM_URGENT}
        last = {(op.table, op.key): op.value for row in rows for op in row.ops}
        assert last == {(op.table, op.key): op.value for op in live_ops(venue)}
        assert {table for table, _ in last} == {Table.VENUE, Table.STATION, Table.DEVICE}
