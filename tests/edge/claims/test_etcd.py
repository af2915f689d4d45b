"""Claims on three real members with TLS: races, members lost and found, what is brought to the other entrance."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import trio

from edge.claims import State
from edge.etcd_client import Cluster
from paifang.reasons import Reason
from paifang.usage import Usage
from paifang.v1 import scan_pb2
from tests.edge.claims.test_claims import closed
from tests.support.entrance import GROUP, PRODUCT, fill, ticket_rows
from tests.support.etcd import Etcd, make_authority
from tests.support.site import EAST_EDGE, WEST_EDGE, SiteEdge, said, until

ADMIT, REFUSE = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE
RACES = 1000 if os.environ.get("PAIFANG_LONG") == "1" else 20
SEED = int(os.environ.get("PAIFANG_SEED", "20261122"))
AT_ONCE = 4
PATIENT_S, BRISK_S = 5.0, 0.3  # what a claim may take: where only the outcome counts, and where an outage does

Start = Callable[..., Awaitable[SiteEdge]]


@pytest.fixture
async def start(
    core: ModuleType, tmp_path: Path, etcd: Etcd, venue_id: int, nursery: trio.Nursery
) -> AsyncIterator[Start]:
    """Starts an edge of the site on the real members; the tickets first, and `share`, the product's in an outage."""
    clusters: list[Cluster] = []
    edges: list[SiteEdge] = []

    async def start(edge_id: int, *, tickets: int, timeout_s: float = PATIENT_S, share: int = 0) -> SiteEdge:
        cluster = Cluster(etcd.identity(edge_id, venue_id), etcd.addresses, timeout_s)
        clusters.append(cluster)
        edge = SiteEdge(core, tmp_path / f"store-{edge_id}", cluster, edge_id=edge_id, venue_id=venue_id)
        edges.append(edge)
        fill(edge.environment, (row for number in range(1, tickets + 1) for row in ticket_rows(number)))
        await nursery.start(edge.run)
        edge.admissions.exposure.use_settings({PRODUCT: share})
        await edge.quorum()
        return edge

    yield start
    for edge in edges:
        edge.scope.cancel()
    for cluster in clusters:
        cluster.close()


@pytest.mark.spec("S-11")
async def test_of_two_entrances_at_the_same_instant_exactly_one_admits(start: Start) -> None:
    print(f"{RACES} races, PAIFANG_SEED={SEED}")
    chance = random.Random(SEED)
    west, east = [await start(edge, tickets=RACES) for edge in (WEST_EDGE, EAST_EDGE)]
    winners: list[int] = []

    async def race(ticket: int) -> None:
        answers = {}

        async def show(edge: SiteEdge, after_s: float) -> None:
            await trio.sleep(after_s)
            answers[edge.edge_id] = said(await edge.present(ticket))

        async with trio.open_nursery() as racing:
            for edge in (west, east):
                racing.start_soon(show, edge, chance.choice((0, 0, chance.random() * 0.006)))
        assert sorted(answers.values()) == [(ADMIT, Reason.OK), (REFUSE, Reason.USED_AT_SIBLING)], (ticket, answers)
        winners.extend(edge for edge, (decision, _) in answers.items() if decision == ADMIT)

    for first in range(1, RACES + 1, AT_ONCE):
        async with trio.open_nursery() as nursery:
            for ticket in range(first, min(first + AT_ONCE, RACES + 1)):
                nursery.start_soon(race, ticket)
    assert len(winners) == RACES
    assert set(winners) == {WEST_EDGE, EAST_EDGE}
    assert west.claims.unanswered == east.claims.unanswered == 0


async def test_a_use_is_told_everywhere_and_hangs_on_a_lease(start: Start) -> None:
    west, east = [await start(edge, tickets=1) for edge in (WEST_EDGE, EAST_EDGE)]
    answer = await west.present(1)
    assert answer.use is not None
    await until(lambda: east.sibling(1, WEST_EDGE).total == 1)
    page = await west.ledger.page(west.ledger.prefix, 10, 0)
    assert page.kvs[0].lease != 0
    await west.settle(answer.use, returned=1)
    await west.told()
    await until(lambda: east.sibling(1, WEST_EDGE).total == 0)
    assert said(await east.present(1)) == (ADMIT, Reason.OK)


async def test_one_member_may_go(start: Start, etcd: Etcd) -> None:
    """The one that is asked first. Where it led, the others first choose another: a second or so."""
    west = await start(WEST_EDGE, tickets=2, timeout_s=4.0)
    etcd.members[0].kill()
    with trio.fail_after(30):
        while (answer := said(await west.present(1))) == (REFUSE, Reason.NO_CLAIM):
            await trio.sleep(0.1)
    assert answer == (ADMIT, Reason.OK)
    known = await west.in_etcd(1)
    assert Usage.unpack(known.value.rows[GROUP, WEST_EDGE]).total == 1
    assert west.claims._ledger.cluster.member.address != etcd.members[0].address


@pytest.mark.spec("S-11")
async def test_frozen_members_cost_a_bounded_wait_and_a_bounded_exposure(start: Start, etcd: Etcd) -> None:
    west = await start(WEST_EDGE, tickets=3, timeout_s=BRISK_S, share=2)
    east = await start(EAST_EDGE, tickets=3, timeout_s=BRISK_S, share=2)
    for member in etcd.members[:2]:
        member.freeze()
    began = trio.current_time()
    shown = [said(await west.present(ticket)) for ticket in (1, 2, 3)]
    assert trio.current_time() - began < 10  # a bound, not a speed: a claim that waits for etcd waits for ever
    assert shown == [(ADMIT, Reason.OK), (ADMIT, Reason.OK), (REFUSE, Reason.NO_CLAIM)]
    assert "claims.no_quorum" in west.alarms
    for member in etcd.members[:2]:
        member.thaw()
    await west.quorum()
    await until(lambda: west.admissions.exposure.persons == 0)
    await west.told()
    await east.quorum()
    await until(lambda: [east.sibling(ticket, WEST_EDGE).total for ticket in (1, 2, 3)] == [1, 1, 0])
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)


async def test_killed_members_and_a_product_that_refuses(start: Start, etcd: Etcd) -> None:
    west = await start(WEST_EDGE, tickets=2, timeout_s=BRISK_S)
    for member in etcd.members[1:]:
        member.kill()
    assert said(await west.present(1)) == (REFUSE, Reason.NO_CLAIM)
    assert west.usage(1).total == 0
    await trio.to_thread.run_sync(etcd.whole)
    await west.quorum()
    await west.told()
    assert said(await west.present(2)) == (ADMIT, Reason.OK)


async def test_an_edge_that_starts_again_finds_what_its_siblings_did(start: Start) -> None:
    west = await start(WEST_EDGE, tickets=2)
    east = await start(EAST_EDGE, tickets=2)
    assert said(await east.present(2, assume_passed=True)) == (ADMIT, Reason.OK)
    east.scope.cancel()
    await until(lambda: closed(east))
    assert said(await west.present(1)) == (ADMIT, Reason.OK)
    east = await start(EAST_EDGE, tickets=0)
    await until(lambda: east.sibling(1, WEST_EDGE).total == 1)
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)
    await east.told()
    assert (await west.in_etcd(2)).value.reservations == ()  # settled before it ended, told now


async def test_members_answer_only_who_the_authority_knows(etcd: Etcd, core: ModuleType, tmp_path: Path) -> None:
    another = make_authority()
    unknown = etcd.identity(1, 1, by=another)
    wary = replace(etcd.identity(1, 1), authority_pem=another.pem)
    for name, identity in (("unknown", unknown), ("wary", wary)):
        cluster = Cluster(identity, etcd.addresses, 1.0)
        edge = SiteEdge(core, tmp_path / name, cluster, edge_id=1, venue_id=1)
        async with trio.open_nursery() as nursery:
            await nursery.start(edge.run)
            await until(lambda edge=edge: edge.claims.error not in ("", "not tried yet"))  # type: ignore[misc]
            assert edge.claims.state is State.NO_QUORUM
            edge.scope.cancel()
        cluster.close()
