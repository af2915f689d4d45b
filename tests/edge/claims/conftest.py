"""Sites of two entrances, on an etcd of the test's own making and on a real one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import trio

from edge import verifier
from tests.support import etcd as real_etcd
from tests.support.etcd import Etcd
from tests.support.fake_etcd import FakeEtcd
from tests.support.site import EAST_EDGE, WEST_EDGE, SiteEdge

VENUES = itertools.count(1)


@pytest.fixture
def core() -> ModuleType:
    """The compiled one: what claims ask of a store and a verifier, the twin is held to elsewhere."""
    return verifier.load("compiled")


@pytest.fixture
def venue_id() -> int:
    """Of its own for each test: what others left in a real etcd is not in its way."""
    return next(VENUES)


@pytest.fixture
def fake() -> FakeEtcd:
    return FakeEtcd()


@pytest.fixture
def at(core: ModuleType, tmp_path: Path, fake: FakeEtcd, venue_id: int) -> Iterator[Callable[..., SiteEdge]]:
    """Makes an edge of the site by its number, once more over the same store where it was there before."""
    made: list[SiteEdge] = []

    def make(edge_id: int, **more: object) -> SiteEdge:
        edge = SiteEdge(core, tmp_path / f"store-{edge_id}", fake.cluster(), edge_id=edge_id, venue_id=venue_id, **more)  # type: ignore[arg-type]
        made.append(edge)
        return edge

    yield make
    for edge in made:
        edge.environment.close()


@pytest.fixture
async def site(at: Callable[..., SiteEdge], nursery: trio.Nursery) -> AsyncIterator[tuple[SiteEdge, SiteEdge]]:
    """West and east, with tickets 1 to 9 on record, serving."""
    west, east = at(WEST_EDGE), at(EAST_EDGE)
    for number in range(1, 10):
        west.ticket(number)
        east.ticket(number)
    for edge in (west, east):
        await nursery.start(edge.run)
        await edge.quorum()
    yield west, east
    west.scope.cancel()
    east.scope.cancel()


@pytest.fixture(scope="session")
def members() -> Iterator[Etcd]:
    """Three real members. Nothing is skipped where they cannot be had: see tests/requirements.sh."""
    with real_etcd.cluster() as running:
        yield running


@pytest.fixture
def etcd(members: Etcd) -> Iterator[Etcd]:
    """The three, all of them well before and after."""
    yield members
    members.whole()
