"""That the long lists are read by their indexes, as PostgreSQL plans them. `make bench` has the figures at full size.

A plan that sorts all the rows it found has no index in the list's order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Substr
from django_scopes import scope

from bench.console_fill import fill, make_place
from cloud.admin import urls
from cloud.admin.desk import Desk
from cloud.admin.kit import registry
from cloud.admin.kit.query import Query
from cloud.admissions.models import Admission
from cloud.catalog.models import TicketProduct
from cloud.sales.models import Order, OrderUnit, Visitor
from cloud.staff.models import Employee
from cloud.venues.models import Device, Venue
from tests.support import venue as make

assert urls.app_name == "console"  # importing it registers the sections
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL's plans"),
]


@pytest.fixture
def busy(db: None) -> Iterator[Venue]:
    """A venue with so many rows that reading its tables whole costs more than a look into an index."""
    venue = make_place("busy")
    with scope(venue=venue):
        fill(venue, 4_000, 10_000)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield venue


def plan(rows: Any) -> str:
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(line for (line,) in cursor.fetchall())


def desk_of(venue: Venue) -> Desk:
    employee = make.make_actor(venue, "administrator").employee
    assert isinstance(employee, Employee)
    return Desk(employee, venue, (venue,))


def page(desk: Desk, key: str, asked: str) -> Any:
    section = registry.find(key)
    assert section is not None
    query = Query.of(section, desk, asked)
    assert query.filters.is_valid(), query.filters.form.errors
    return query.rows


PAGES = (
    ("orders", "", "sales_order_venue_i_"),
    ("orders", "sort=issued", "sales_order_venue_i_"),
    ("orders", "since=2026-01-01", "sales_order_venue_i_"),
    ("orders", "state=revoked", "order_not_issued"),
    ("admissions", "", "admissions__venue_i"),
    ("admissions", "sort=at", "admissions__venue_i"),
    ("admissions", "lane={lane}", "journal_lane"),
    ("admissions", "reason=10", "journal_refused"),
    ("audit", "", "core_auditr_venue_i_"),
)


def test_long_lists_are_read_by_their_indexes(busy: Venue) -> None:
    desk = desk_of(busy)
    lane = Device.objects.order_by("-pk").values_list("pk", flat=True)[0]
    for key, asked, index in PAGES:
        rows = page(desk, key, asked.format(lane=lane))
        found = plan(rows.values_list("pk", flat=True)[:26])
        assert f"using {index}" in found, (key, asked, found)
        assert not re.search(r"-> +Sort", found), (key, asked, found)
    deep = plan(page(desk, "admissions", "").values_list("pk", flat=True)[9_975:10_001])
    assert "sales_orderunit" not in deep, "what a list shows is looked up for its own rows alone"
    for rows, index in searches():
        found = plan(rows)
        assert f"using {index}" in found or f"on {index}" in found, found


def searches() -> list[tuple[Any, str]]:
    """What each kind of search asks first, and the index made for it."""
    named = Visitor.objects.annotate(given=Substr("name", 2))
    product = TicketProduct.objects.get(code="p39")
    units = OrderUnit.objects.filter(product=product).order_by("-order_id")
    return [
        (
            Order.objects.filter(number__gte="26110001", number__lt="26110001:").order_by("-number"),
            "sales_order_number",
        ),
        (Visitor.objects.filter(name__startswith="罗平").values("order"), "visitor_name"),
        (named.filter(given__startswith="平平").values("order"), "visitor_given"),
        (Visitor.objects.filter(id_number_hash=b"x" * 16).values("order"), "sales_visit"),
        (units.values("order_id")[:10], "unit_product_newest"),
        (Admission.objects.filter(outcome="unticketed").order_by("-at")[:10], "admission_outcome"),
    ]
