"""Claims among two entrances: one wins, the other decides again; what comes back, what crashes, what is forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from edge import claims
from edge.claims import LOCAL, State
from edge.works import Failed
from paifang.reasons import Reason
from paifang.records import CredentialKind, Record, Table, credential_hash, entitlement_key, index_key
from paifang.usage import Usage, others_key, usage_key
from paifang.v1 import scan_pb2
from tests.support.entrance import (
    DAILY,
    EXIT,
    GROUP,
    NOW_MS,
    PASSBACK,
    PEPPER,
    POOL,
    PRODUCT,
    TWICE,
    WEST,
    code,
    fill,
)
from tests.support.fake_etcd import FakeEtcd
from tests.support.site import EAST_EDGE, WEST_EDGE, SiteEdge, said, until

ADMIT, REFUSE = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE
Site = tuple[SiteEdge, SiteEdge]
At = Callable[..., SiteEdge]


# --- one of two -------------------------------------------------------------------------------------------------------


@pytest.mark.spec("S-11")
async def test_shown_at_two_entrances_at_the_same_instant_it_enters_once(site: Site) -> None:
    west, east = site
    for ticket in range(1, 10):
        answers = [*await both(west.show(ticket), east.show(ticket))]
        assert sorted(said(answer) for answer in answers) == [(ADMIT, Reason.OK), (REFUSE, Reason.USED_AT_SIBLING)]
        [loser] = [answer for answer in answers if answer.decision == REFUSE]
        [winner] = [edge for edge, answer in zip(site, answers, strict=True) if answer.decision == ADMIT]
        assert loser.verdict is not None
        assert loser.verdict.last_station == winner.place.station_id  # it decided on what the winner has
    assert west.claims.won + east.claims.won == 9


async def both(*shown: list[Any]) -> list[Any]:
    await until(lambda: all(shown))
    return [answers[0] for answers in shown]


async def test_a_sibling_knows_of_a_use_before_it_is_asked(site: Site) -> None:
    west, east = site
    assert said(await west.present(1)) == (ADMIT, Reason.OK)
    await until(lambda: east.sibling(1, WEST_EDGE).total == 1)
    before = east.claims.won + east.claims.lost
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)
    assert east.claims.won + east.claims.lost == before


async def test_the_key_holds_usage_and_reservation_until_somebody_walked(site: Site) -> None:
    west, east = site
    answer = await west.present(1)
    known = await east.in_etcd(1)
    [reservation] = known.value.reservations
    assert answer.use is not None
    assert reservation == (answer.use.event, WEST_EDGE, west.committer.epoch, 1)
    assert known.value.rows == {(GROUP, WEST_EDGE): west.usage(1).pack()}
    await west.settle(answer.use, passed=1)
    await west.told()
    known = await east.in_etcd(1)
    assert known.value.reservations == ()
    assert Usage.unpack(known.value.rows[GROUP, WEST_EDGE]).total == 1
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)


async def test_who_did_not_walk_may_go_in_at_the_other_entrance(site: Site) -> None:
    west, east = site
    answer = await west.present(1)
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)
    assert answer.use is not None
    await west.settle(answer.use, returned=1)
    await west.told()
    await until(lambda: not east.sibling(1, WEST_EDGE).total)
    assert said(await east.present(1)) == (ADMIT, Reason.OK)
    assert said(await west.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)


async def test_two_lanes_of_one_edge_claim_one_after_the_other(at: At, nursery: trio.Nursery) -> None:
    west = at(WEST_EDGE)
    west.ticket(1, ruleset=TWICE)
    await nursery.start(west.run)
    await west.quorum()
    answers = await both(west.show(1), west.show(1), west.show(1))
    assert [said(one) for one in answers] == [(ADMIT, Reason.OK), (ADMIT, Reason.OK), (REFUSE, Reason.USED_UP)]
    known = await west.in_etcd(1)
    assert [Usage.unpack(usage).total for usage in known.value.rows.values()] == [2]
    assert len(known.value.reservations) == 2
    west.scope.cancel()


@pytest.mark.spec("T-51")
async def test_a_daily_limit_holds_over_two_entrances_and_a_failed_entry_does_not_count(
    at: At, nursery: trio.Nursery
) -> None:
    west, east = at(WEST_EDGE), at(EAST_EDGE)
    for edge in (west, east):
        edge.ticket(1, ruleset=DAILY)
        await nursery.start(edge.run)
        await edge.quorum()
    first = await west.present(1)
    assert said(await east.present(1)) == (REFUSE, Reason.DAY_LIMIT)
    assert first.use is not None
    await west.settle(first.use, returned=1)
    await west.told()
    await until(lambda: not east.sibling(1, WEST_EDGE, 0).total)
    assert [said(one) for one in await both(east.show(1), east.show(1))] == [
        (ADMIT, Reason.OK), (REFUSE, Reason.DAY_LIMIT),
    ]  # fmt: skip
    assert said(await west.present(1)) == (REFUSE, Reason.DAY_LIMIT)
    for edge in (west, east):
        edge.scope.cancel()


@pytest.mark.spec("T-52")
async def test_the_tickets_of_one_card_share_its_uses_over_two_entrances(at: At, nursery: trio.Nursery) -> None:
    west, east = at(WEST_EDGE), at(EAST_EDGE)
    rows = []
    for ticket in (1, 2):
        record = Record(1, POOL, PRODUCT, 0, 2**32 - 1, bytes(16), owner_id=77, uses=100)
        hashed = credential_hash(PEPPER, CredentialKind.CHANNEL, code(ticket))
        rows.append((Table.ENTITLEMENT, entitlement_key(ticket), record.pack()))
        rows.append((Table.INDEX, index_key(CredentialKind.CHANNEL, hashed, ticket), bytes(4)))
    for edge in (west, east):
        fill(edge.environment, rows)
        await nursery.start(edge.run)
        await edge.quorum()
    shown = await both(west.show(1), east.show(2), west.show(2), east.show(1))
    shown.append(await west.present(1))  # whoever lost too often was asked to scan again
    shown.append(await east.present(2))
    assert sum(answer.decision == ADMIT for answer in shown) == 3
    assert said(await west.present(2)) == said(await east.present(1)) == (REFUSE, Reason.USED_UP)
    for edge in (west, east):
        edge.scope.cancel()


async def test_who_left_at_one_entrance_comes_in_at_the_other(at: At, nursery: trio.Nursery) -> None:
    west, east = at(WEST_EDGE), at(EAST_EDGE)
    for edge in (west, east):
        edge.ticket(1, ruleset=PASSBACK)
        await nursery.start(edge.run)
        await edge.quorum()
    entered = await west.present(1)
    assert entered.use is not None
    await west.settle(entered.use, passed=1)
    assert said(await east.present(1)) == (REFUSE, Reason.ALREADY_INSIDE)
    west.place = EXIT
    left = await west.present(1, at_ms=5000)
    assert said(left) == (ADMIT, Reason.LEAVING)
    await west.told()
    assert (await west.in_etcd(1)).value.reservations == ()
    await until(lambda: not east.sibling(1, WEST_EDGE, 0).flags)
    assert said(await east.present(1, at_ms=9000)) == (ADMIT, Reason.OK)
    for edge in (west, east):
        edge.scope.cancel()


# --- answers that get lost, leases that end ---------------------------------------------------------------------------


async def test_a_swap_whose_answer_was_lost_is_known_again(site: Site, fake: FakeEtcd) -> None:
    west, east = site
    west.admissions.exposure.use_settings({PRODUCT: 0})
    fake.lose = 1
    assert said(await west.present(1)) == (REFUSE, Reason.NO_CLAIM)
    await west.quorum()
    await until(lambda: west.usage(1).revision == 2)
    await west.told()  # withdrawn: the others had been told that it was used
    known = await east.in_etcd(1)
    assert known.value.reservations == ()
    assert Usage.unpack(known.value.rows[GROUP, WEST_EDGE]).total == 0
    await until(lambda: east.sibling(1, WEST_EDGE).revision == west.usage(1).revision)
    assert said(await east.present(1)) == (ADMIT, Reason.OK)


async def test_a_swap_that_comes_late_is_overruled_by_its_withdrawal(
    at: At, nursery: trio.Nursery, fake: FakeEtcd
) -> None:
    """A claim nobody answered admits nobody; etcd may still carry it out once its members find each other."""
    west = at(WEST_EDGE)
    west.ticket(1, ruleset=TWICE)
    await nursery.start(west.run)
    await west.quorum()
    first = await west.present(1)
    assert first.use is not None
    await west.settle(first.use, passed=1)
    await west.told()
    west.admissions.exposure.use_settings({PRODUCT: 0})
    fake.delay = 1
    assert said(await west.present(1)) == (REFUSE, Reason.NO_CLAIM)
    await until(lambda: west.usage(1).revision == 3)
    await west.quorum()
    await west.told()
    assert fake.late() == [False]
    known = await west.in_etcd(1)
    assert known.value.reservations == ()
    assert Usage.unpack(known.value.rows[GROUP, WEST_EDGE]).total == 1
    assert said(await west.present(1)) == (ADMIT, Reason.OK)
    west.scope.cancel()


async def test_a_lease_that_ended_is_made_again(site: Site, fake: FakeEtcd) -> None:
    west, _ = site
    await west.present(1)
    [lease] = fake.leases
    assert {pair.lease for pair in fake.pairs.values() if b"/use/" in pair.key} == {lease}
    assert fake.leases[lease] >= 8 * 86_400
    fake.leases.clear()
    assert said(await west.present(2)) == (ADMIT, Reason.OK)
    assert list(fake.leases) == [lease]


async def test_a_watch_that_was_cut_or_fell_behind_misses_nothing(site: Site, fake: FakeEtcd) -> None:
    west, east = site
    await west.present(1)
    await until(lambda: east.sibling(1, WEST_EDGE).total == 1)
    fake.cut()
    await west.present(2)
    await until(lambda: east.sibling(2, WEST_EDGE).total == 1)
    fake.gone = True
    await east.quorum(State.NO_QUORUM)
    fake.cut()
    fake.gone = False
    await west.quorum()
    await west.present(3)
    fake.compact()
    await until(lambda: east.sibling(3, WEST_EDGE).total == 1)


async def test_a_key_of_another_version_is_alarmed_and_admits_by_the_outage_rule(site: Site, fake: FakeEtcd) -> None:
    west, east = site
    await west.present(1)
    [key] = [key for key in fake.pairs if b"/use/" in key]
    fake.pairs[key].value = b"\x93\x07\x00\x90"
    fake.pairs[key].mod_revision += 100
    east.admissions.exposure.use_settings({PRODUCT: 0})
    await until(lambda: east.sibling(1, WEST_EDGE).total == 1)
    fill_others = others_key(1, GROUP, WEST_EDGE)
    assert east.environment.get(Table.OTHERS, fill_others) is not None
    assert said(await west.present(1)) == (REFUSE, Reason.USED_UP)
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)


# --- crashes and old stores -------------------------------------------------------------------------------------------


async def test_a_claim_that_a_crash_kept_from_the_store_is_released_at_the_start(at: At, nursery: trio.Nursery) -> None:
    west = at(WEST_EDGE, by_hand=True)
    west.ticket(1)
    await nursery.start(west.run)
    await west.quorum()
    west.show(1)
    await until(lambda: west.claims.won == 1)
    assert len((await west.in_etcd(1)).value.reservations) == 1
    west.scope.cancel()  # nothing of it was written: the arm never opened
    await until(lambda: closed(west))
    west, east = at(WEST_EDGE), at(EAST_EDGE)
    assert west.usage(1) == Usage()
    east.ticket(1)
    for edge in (west, east):
        await nursery.start(edge.run)
        await edge.quorum()
    await until(lambda: west.usage(1).revision == 2)
    await west.told()
    assert (await west.in_etcd(1)).value.reservations == ()
    await until(lambda: east.sibling(1, WEST_EDGE).revision == 2)
    assert said(await east.present(1)) == (ADMIT, Reason.OK)
    assert said(await west.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)
    for edge in (west, east):
        edge.scope.cancel()


async def test_an_open_use_in_the_store_keeps_its_reservation_over_a_restart(at: At, nursery: trio.Nursery) -> None:
    west = at(WEST_EDGE)
    west.ticket(1)
    await nursery.start(west.run)
    await west.quorum()
    answer = await west.present(1)
    assert answer.use is not None
    west.scope.cancel()
    await until(lambda: closed(west))
    west, east = at(WEST_EDGE), at(EAST_EDGE)
    east.ticket(1)
    for edge in (west, east):
        await nursery.start(edge.run)
        await edge.quorum()
    await until(lambda: east.sibling(1, WEST_EDGE).total == 1)
    assert said(await east.present(1)) == (REFUSE, Reason.USED_AT_SIBLING)
    assert [one.event for one in (await west.in_etcd(1)).value.reservations] == [answer.use.event]
    await west.settle(west.admissions.open_uses(WEST.device_id)[0], passed=1)
    await west.told()
    assert (await west.in_etcd(1)).value.reservations == ()
    for edge in (west, east):
        edge.scope.cancel()


async def test_a_store_out_of_a_backup_takes_what_it_forgot_from_etcd(
    at: At, nursery: trio.Nursery, tmp_path: Path
) -> None:
    west = at(WEST_EDGE)
    west.ticket(1)
    west.environment.close()
    shutil.copytree(tmp_path / "store-1", tmp_path / "backup")
    west = at(WEST_EDGE)
    await nursery.start(west.run)
    await west.quorum()
    answer = await west.present(1)
    assert answer.use is not None
    await west.settle(answer.use, passed=1)
    await west.told()
    await west.claims._say()
    west.scope.cancel()
    await until(lambda: closed(west))
    shutil.rmtree(tmp_path / "store-1")
    shutil.move(tmp_path / "backup", tmp_path / "store-1")
    west = at(WEST_EDGE)
    assert west.usage(1) == Usage()
    await nursery.start(west.run)
    await west.quorum()
    assert said(await west.present(1)) == (REFUSE, Reason.USED_UP)
    assert west.usage(1).total == 1
    assert west.alarms == ["claims.store_old"]
    west.scope.cancel()


async def test_a_new_store_in_place_of_a_broken_one_takes_its_uses_from_etcd(at: At, nursery: trio.Nursery) -> None:
    west, east = at(WEST_EDGE), at(EAST_EDGE, store_id=b"another")
    west.ticket(1)
    await nursery.start(west.run)
    await west.quorum()
    await west.present(1, assume_passed=True)
    await west.told()
    west.scope.cancel()
    await until(lambda: closed(west))
    east.edge_id, east.place = WEST_EDGE, WEST  # an empty store of the same edge
    east.ticket(1)
    await nursery.start(east.run)
    await east.quorum()
    await until(lambda: east.usage(1).total == 1)
    assert said(await east.present(1)) == (REFUSE, Reason.USED_UP)
    assert (await east.in_etcd(1)).value.reservations == ()
    east.scope.cancel()


def closed(edge: SiteEdge) -> bool:
    try:
        edge.environment.entries(Table.META)
    except Exception as problem:  # noqa: BLE001 - of either implementation
        return "closed" in str(problem)
    return False


async def test_an_etcd_set_up_anew_is_told_what_every_store_has(site: Site, fake: FakeEtcd) -> None:
    west, east = site
    assert said(await west.present(1)) == (ADMIT, Reason.OK)
    answer = await east.present(2)
    assert answer.use is not None
    await east.settle(answer.use, passed=1)
    await east.told()
    fake.gone = True
    for edge in site:
        await edge.quorum(State.NO_QUORUM)
    fake.set_up_anew()
    fake.gone = False
    for edge in site:
        await edge.quorum()
    await until(lambda: len([key for key in fake.pairs if b"/use/" in key]) == 2)
    for edge in site:
        await edge.told()
    assert len((await west.in_etcd(1)).value.reservations) == 1
    assert Usage.unpack((await west.in_etcd(2)).value.rows[GROUP, EAST_EDGE]).total == 1
    assert said(await west.present(2)) == (REFUSE, Reason.USED_AT_SIBLING)
    assert said(await east.present(3)) == (ADMIT, Reason.OK)
    await until(lambda: west.sibling(3, EAST_EDGE).total == 1)


async def test_what_was_used_before_claims_were_set_up_is_told_and_what_is_over_is_not(
    at: At, nursery: trio.Nursery
) -> None:
    west = at(WEST_EDGE)
    west.ticket(1)
    over = Record(1, 1, PRODUCT, 0, NOW_MS // 1000 - 1, bytes(16))
    used = Usage(revision=1, total=1, last_ms=NOW_MS - 1000).pack()
    long_ago = Usage(revision=1, total=1, last_ms=NOW_MS - 500 * 86_400_000).pack()
    fill(
        west.environment,
        [
            (Table.ENTITLEMENT, entitlement_key(2), over.pack()),
            *((Table.USAGE, usage_key(owner, GROUP), used) for owner in (1, 2, 3)),
            (Table.USAGE, usage_key(4, GROUP), long_ago),
        ],
    )
    await nursery.start(west.run)
    await west.quorum()
    await until(lambda: not west.claims._anew)
    await west.told()
    known = [bool((await west.in_etcd(owner)).revision) for owner in (1, 2, 3, 4)]
    assert known == [True, False, True, False]
    west.scope.cancel()


# --- what cannot be recorded ------------------------------------------------------------------------------------------


async def test_a_won_claim_that_cannot_be_recorded_is_withdrawn(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    west, east = site
    submit = west.committer.submit
    failing = True

    def refuse_admissions(work: Any, done: Any = None, *, always: bool = False) -> bool:
        if failing and type(work).__name__ == "Admit":
            trio.lowlevel.current_trio_token().run_sync_soon(done, Failed("no room, says the test"))
            return True
        return submit(work, done, always=always)

    monkeypatch.setattr(west.committer, "submit", refuse_admissions)
    assert said(await west.present(1)) == (REFUSE, Reason.NOT_RECORDED)
    await until(lambda: west.usage(1).revision == 2)
    await west.told()
    await until(lambda: east.sibling(1, WEST_EDGE).revision == 2)
    assert said(await east.present(1)) == (ADMIT, Reason.OK)
    failing = False
    assert said(await west.present(2)) == (ADMIT, Reason.OK)


async def test_a_full_queue_withdraws_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    west, east = site
    submit = west.committer.submit

    def full(work: Any, done: Any = None, *, always: bool = False) -> bool:
        return type(work).__name__ != "Admit" and submit(work, done, always=always)

    monkeypatch.setattr(west.committer, "submit", full)
    assert said(await west.present(1)) == (REFUSE, Reason.BUSY)
    await until(lambda: west.usage(1).revision == 2)
    await west.told()
    await until(lambda: east.sibling(1, WEST_EDGE).revision == 2)
    assert said(await east.present(1)) == (ADMIT, Reason.OK)


# --- what a claim stands on -------------------------------------------------------------------------------------------


async def test_a_claim_stands_on_what_the_verifier_reads_not_on_a_newer_commit(site: Site) -> None:
    """A scan may see a commit that the verdict after it does not: what is read there was not counted."""
    west, _ = site

    class Newer:
        def __init__(self, environment: Any) -> None:
            self._environment = environment

        def scan(self, table: int, start: bytes, limit: int, max_bytes: int = 0, prefix: bytes = b"") -> Any:
            assert (start, prefix) == ((5).to_bytes(8, "big"), (5).to_bytes(8, "big"))
            return [(others_key(5, GROUP, EAST_EDGE), Usage(revision=1, total=1).pack())]

        def get(self, table: int, key: bytes) -> Any:
            return self._environment.get(table, key)

    sight = claims.look(Newer(west.environment), {}, 5)  # type: ignore[arg-type]
    assert (sight.own, sight.seen) == ({}, {})


async def test_edges_that_share_nothing_claim_nothing(site: Site, fake: FakeEtcd) -> None:
    west, _ = site
    west.claims._reach = claims.Reach(["G11", "g21", "G41", "G51"])  # all lanes are its own
    west.claims.live_changed()
    swaps = fake.swaps
    assert said(await west.present(1)) == (ADMIT, Reason.OK)
    assert fake.swaps == swaps
    assert not west.environment.entries(Table.CLAIM)


async def test_reach_is_by_group_product_and_pool(site: Site) -> None:
    west, _ = site
    reach = claims.Reach(["G11"])
    reach.look(west.environment)

    def verdict(**said: int) -> Any:
        plain = {"owner_id": 1, "entitlement_id": 1, "rule_flags": 0, "product_class": PRODUCT, "group_id": GROUP}
        return type("Verdict", (), plain | said)()

    assert reach.shares(verdict())
    assert not reach.shares(verdict(group_id=99))
    assert reach.shares(verdict(group_id=99, rule_flags=claims.WHOLE))
    assert not reach.shares(verdict(product_class=9))
    assert reach.shares(verdict(product_class=9, owner_id=2))
    alone = claims.Reach(["G11", "G21", "G41", "G51"])
    alone.look(west.environment)
    assert not alone.shares(verdict(owner_id=2))


def test_local_claims_are_won_at_once_and_ask_nobody() -> None:
    answers: list[claims.Answer] = []
    assert not LOCAL.shares(object())  # type: ignore[arg-type]
    LOCAL.take(object(), answers.append)  # type: ignore[arg-type]
    assert answers == [claims.Answer(claims.Outcome.WON)]
    assert LOCAL.state is State.LOCAL
