"""No quorum: admitted up to a product's share or refused, counted, journalled, kept, and told once there is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from edge.claims import State
from edge.exposure import NAME, Exposed
from paifang.reasons import Reason
from paifang.records import OUTAGE_PERSONS, Table
from paifang.usage import Usage
from paifang.v1 import scan_pb2
from tests.edge.claims.test_claims import closed
from tests.support.entrance import GROUP, PRODUCT
from tests.support.fake_etcd import FakeEtcd
from tests.support.site import EAST_EDGE, WEST_EDGE, SiteEdge, said, until

ADMIT, REFUSE = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE
Site = tuple[SiteEdge, SiteEdge]


def presentations(edge: SiteEdge) -> list[scan_pb2.Presentation]:
    rows = edge.environment.scan(Table.JOURNAL, b"", 1 << 20, 1 << 30)
    entries = [scan_pb2.Entry.FromString(row) for _, row in rows]
    return [entry.presentation for entry in entries if entry.HasField("presentation")]


async def lost(edges: Site, etcd: FakeEtcd) -> None:
    etcd.gone = True
    for edge in edges:
        await edge.quorum(State.NO_QUORUM)


@pytest.mark.spec("S-11")
async def test_an_outage_admits_up_to_the_products_share_and_then_refuses(site: Site, fake: FakeEtcd) -> None:
    west, _ = site
    west.admissions.exposure.use_settings({PRODUCT: 2})
    await lost(site, fake)
    shown = [said(await west.present(ticket)) for ticket in (1, 2, 3)]
    assert shown == [(ADMIT, Reason.OK), (ADMIT, Reason.OK), (REFUSE, Reason.NO_CLAIM)]
    await until(lambda: len(presentations(west)) == 3)
    assert [(one.unclaimed, one.decision) for one in presentations(west)] == [
        (True, ADMIT), (True, ADMIT), (False, REFUSE),
    ]  # fmt: skip
    assert west.admissions.exposure.persons == 2
    assert west.alarms == ["claims.no_quorum"]
    assert said(await west.present(1)) == (REFUSE, Reason.USED_UP)  # what is known here still counts


async def test_a_product_may_refuse_from_the_start(site: Site, fake: FakeEtcd) -> None:
    west, _ = site
    west.admissions.exposure.use_settings({PRODUCT: 0})
    await lost(site, fake)
    assert said(await west.present(1)) == (REFUSE, Reason.NO_CLAIM)
    assert west.usage(1) == Usage()
    assert west.environment.entries(Table.CLAIM) == 0


async def test_a_share_that_is_not_set_is_the_usual_one_and_counts_persons(site: Site) -> None:
    exposure = site[0].admissions.exposure
    assert exposure.room(PRODUCT) == OUTAGE_PERSONS
    exposure.reserve(PRODUCT, 4)
    exposure.reserve(9, 1)
    assert (exposure.room(PRODUCT), exposure.room(9), exposure.persons) == (OUTAGE_PERSONS - 4, OUTAGE_PERSONS - 1, 5)
    exposure.release(PRODUCT, 4)
    assert exposure.room(PRODUCT) == OUTAGE_PERSONS


async def test_healing_tells_etcd_and_ends_the_outage(site: Site, fake: FakeEtcd) -> None:
    west, east = site
    await lost(site, fake)
    first = await west.present(1)
    await west.present(2)
    assert first.use is not None
    await west.settle(first.use, passed=1)
    assert west.environment.entries(Table.CLAIM) == 2
    healed = west.healed
    fake.gone = False
    await west.quorum()
    await until(lambda: west.healed > healed)
    await west.told()
    assert west.admissions.exposure.persons == 0
    await until(lambda: west.environment.get(Table.META, NAME) is None)
    for ticket, reservations in ((1, 0), (2, 1)):
        known = await east.in_etcd(ticket)
        assert Usage.unpack(known.value.rows[GROUP, WEST_EDGE]).total == 1
        assert len(known.value.reservations) == reservations
        await until(lambda ticket=ticket: east.sibling(ticket, WEST_EDGE).total == 1)  # type: ignore[misc]
        assert said(await east.present(ticket)) == (REFUSE, Reason.USED_AT_SIBLING)


async def test_both_admit_in_an_outage_and_both_are_told(site: Site, fake: FakeEtcd) -> None:
    """The exposure, in full: the cloud opens a case of it. Neither edge's word is lost."""
    west, east = site
    await lost(site, fake)
    assert [said(await edge.present(1)) for edge in site] == [(ADMIT, Reason.OK)] * 2
    fake.gone = False
    await west.told()
    await east.told()
    await until(lambda: west.sibling(1, EAST_EDGE).total == 1 and east.sibling(1, WEST_EDGE).total == 1)
    known = await west.in_etcd(1)
    assert {key: Usage.unpack(usage).total for key, usage in known.value.rows.items()} == {
        (GROUP, WEST_EDGE): 1, (GROUP, EAST_EDGE): 1,
    }  # fmt: skip
    assert {one.edge_id for one in known.value.reservations} == {WEST_EDGE, EAST_EDGE}


async def test_what_an_outage_cost_and_owes_survives_a_restart(
    at: Callable[..., SiteEdge], nursery: trio.Nursery, fake: FakeEtcd
) -> None:
    west = at(WEST_EDGE)
    west.ticket(1)
    west.ticket(2)
    fake.gone = True
    await nursery.start(west.run)
    assert said(await west.present(1)) == (ADMIT, Reason.OK)
    west.scope.cancel()
    await until(lambda: closed(west))
    west = at(WEST_EDGE)
    await nursery.start(west.run)
    assert west.admissions.exposure.persons == 1
    west.admissions.exposure.use_settings({PRODUCT: 1})
    assert said(await west.present(2)) == (REFUSE, Reason.NO_CLAIM)
    # Neither the cloud's ack nor the journal's trimming touches what etcd has to be told.
    assert west.environment.entries(Table.CLAIM) == 1
    fake.gone = False
    await west.told()
    assert Usage.unpack((await west.in_etcd(1)).value.rows[GROUP, WEST_EDGE]).total == 1
    await until(lambda: west.admissions.exposure.persons == 0)
    assert said(await west.present(2)) == (ADMIT, Reason.OK)
    assert Exposed.unpack(west.environment.get(Table.META, NAME)) == Exposed()
    west.scope.cancel()


async def test_a_hung_etcd_costs_one_wait_and_stops_no_other_lane(site: Site, fake: FakeEtcd) -> None:
    west, _ = site
    fake.hang = True
    first = west.show(1)
    assert said(west.show(404)[0]) == (REFUSE, Reason.UNKNOWN)  # answered while the claim waits
    assert first == []
    await until(lambda: bool(first))
    assert said(first[0]) == (ADMIT, Reason.OK)
    assert west.claims.state is State.NO_QUORUM
    started = west.claims.unanswered
    second = west.show(2)
    assert west.claims.unanswered == started + 1  # at once: nobody waits again until a member answers
    await until(lambda: bool(second))
    assert presentations(west)[-1].unclaimed


async def test_an_etcd_that_takes_no_more_is_an_outage(site: Site, fake: FakeEtcd) -> None:
    west, _ = site
    west.admissions.exposure.use_settings({PRODUCT: 0})
    fake.full = True
    assert said(await west.present(1)) == (REFUSE, Reason.NO_CLAIM)
    assert "space exceeded" in west.claims.error
    fake.full = False
    await west.quorum()
    assert said(await west.present(2)) == (ADMIT, Reason.OK)


async def test_claims_in_the_making_are_answered_when_the_room_ends(site: Site, fake: FakeEtcd) -> None:
    """A lane waits for the answer, whatever becomes of who makes the claim."""
    west, _ = site
    west.admissions.exposure.use_settings({PRODUCT: 0})
    fake.hang = True
    shown = [west.show(ticket) for ticket in (1, 1, 2)]
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert west.claims._nursery is not None
    west.claims._nursery.cancel_scope.cancel()
    await until(lambda: all(shown))
    assert [said(answers[0]) for answers in shown] == [
        (REFUSE, Reason.NO_CLAIM), (REFUSE, Reason.USED_UP), (REFUSE, Reason.NO_CLAIM),
    ]  # fmt: skip
