"""Rows every cloud test may ask for. All are made through the services, within the venue's scope."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django_scopes import scope
from pytest_django import Settings

from cloud.catalog.models import TicketProduct
from cloud.core.actors import Actor
from cloud.venues.models import Device, Edge, Station, Venue
from tests.support import venue as make


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
