"""Rows every cloud test may ask for. All are made through the services, within the venue's scope."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django_scopes import scope
from pytest_django import Settings

from cloud.catalog.models import TicketProduct
from cloud.core.actors import Actor
from cloud.venues.models import Device, Edge, Station, Venue
from tests.support import venue as make

# Of these rooms' tests PostgreSQL runs what queries in a way of its own, and what races. Pages, commands and the demo
# look the same from every database.
PAGES = ("tests/cloud/console/", "tests/cloud/demo/", "tests/cloud/storefront/", "tests/cloud/test_command_line.py")
QUERIES = {
    "test_plans", "test_conformance_lists", "test_orders", "test_bulk", "test_saved_filters", "test_admissions",
    "test_series", "test_refund_pages", "test_employee_import",
}  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test-long` asks PostgreSQL all of it."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") or os.environ.get("PAIFANG_LONG") == "1":
        return
    left = {item for item in items if _of_a_page(item) and not _of_the_database(item)}
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]


def _of_a_page(item: pytest.Item) -> bool:
    return any(one in item.path.as_posix() for one in PAGES)


def _of_the_database(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    return item.path.stem in QUERIES or "migrat" in item.name or bool(mark and mark.kwargs.get("transaction"))


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Hashing a password well takes a good part of a second; tests make many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def actor() -> Actor:
    """Trusted code: may everything."""
    return make.SYSTEM


@pytest.fixture
def venue(db: None) -> Iterator[Venue]:
    """A venue whose scope the test runs in."""
    venue = make.make_venue()
    with scope(venue=venue):
        yield venue


@pytest.fixture
def west(venue: Venue) -> Station:
    return make.make_station(venue, "西门", name_en="West gate")


@pytest.fixture
def east(venue: Venue) -> Station:
    return make.make_station(venue, "东门", name_en="East gate")


@pytest.fixture
def way_out(venue: Venue) -> Station:
    return make.make_station(venue, "出口", name_en="Exit", nature=Station.Nature.EXIT)


@pytest.fixture
def edge(venue: Venue) -> Edge:
    return make.make_edge(venue)


@pytest.fixture
def gate(venue: Venue, west: Station, edge: Edge) -> Device:
    """A lane at the west gate."""
    return make.make_gate(venue, west, edge=edge)


@pytest.fixture
def adult(venue: Venue, west: Station, east: Station) -> TicketProduct:
    """A dated ticket of 80 yuan, for both gates."""
    return make.make_product(venue, stations=[west, east])


@pytest.fixture
def week(venue: Venue, west: Station) -> TicketProduct:
    """An open ticket for seven days from its sale, 200 yuan, for the west gate."""
    return make.make_product(
        venue, "week", name_zh="七日票", name_en="Week", price_fen=20000, validity="open", valid_days=7, stations=[west]
    )


@pytest.fixture
def viewer(venue: Venue) -> Actor:
    return make.make_actor(venue, "viewer")
