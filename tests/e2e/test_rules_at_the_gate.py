"""The rules at a real edge: its process, its lanes' devices and kill -9; the cloud is a small one that says what to.

One edge serves all tests, in order: a west and an east gate of one group, and an exit. Each has tickets of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from paifang import passes, rotating
from paifang.business_day import Calendar
from paifang.records import (
    CredentialKind,
    Op,
    Record,
    RecordFlag,
    Table,
    VenueSettings,
    credential_hash,
    entitlement_key,
    index_key,
    live_key,
)
from paifang.rulesets import RuleSet
from paifang.v1 import scan_pb2
from tests.support.edge_process import EdgeProcess, wait_for
from tests.support.entrance import DAILY, FREE, PASSBACK, PRODUCT, REAL_NAME, code, live_rows, ticket_rows
from tests.support.fake_cloud import PEPPER, URGENT, VENUE, FakeCloud

WEST, EAST, EXIT = "G11", "G21", "G41"
RACED, IN_OUT, NAMED, FIRST, SECOND, FAMILY, LIVE = range(1, 8)  # tickets
TWO_AT_ONCE = 20  # a rule set
HOLDER, STRANGER = "11010519491231002X", "110105199001010010"
DAY = Calendar("Asia/Shanghai").day(datetime.now(UTC)).toordinal()
DAY_KEY = bytes(range(32))
RAW = passes.assemble(1, passes.Claims(LIVE, PRODUCT, 0, 0, 2**32 - 1, 0, 1, 0), os.urandom(passes.SIGNATURE_BYTES))


def settings(capacity: int = 0) -> Op:
    names = {1: ("西门", "West gate"), 2: ("东门", "East gate")}
    return Op(Table.VENUE, live_key(VENUE), VenueSettings("Asia/Shanghai", 0, names, capacity=capacity).pack())


def state() -> list[Op]:
    rows = live_rows()
    rows.append((Table.RULESET, live_key(TWO_AT_ONCE), RuleSet(uses_per_group=1, at_once=2).pack()))
    rows += [(Table.DAYKEY, live_key(DAY + days), DAY_KEY) for days in (-1, 0, 1)]
    rules = {RACED: DAILY, IN_OUT: PASSBACK, NAMED: REAL_NAME, FIRST: FREE, SECOND: FREE}
    for ticket, ruleset in rules.items():
        rows += ticket_rows(ticket, ruleset=ruleset)
    rows += ticket_rows(FAMILY, ruleset=TWO_AT_ONCE, persons=4)
    hashed = credential_hash(PEPPER, CredentialKind.ID_NUMBER, HOLDER.encode())
    rows.append((Table.INDEX, index_key(CredentialKind.ID_NUMBER, hashed, NAMED), bytes(4)))
    live = Record(1, FREE, PRODUCT, 0, 2**32 - 1, passes.digest(RAW), flags=RecordFlag.ROTATING)
    rows.append((Table.ENTITLEMENT, entitlement_key(LIVE), live.pack()))
    return sorted([*(Op(*row) for row in rows), settings()], key=lambda op: (op.table, op.key))


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud()
    cloud.state = state()
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, cloud: FakeCloud) -> Iterator[EdgeProcess]:
    edge = EdgeProcess(tmp_path_factory.mktemp("e"), cloud.enrol_address, (WEST, EAST, EXIT), id_readers=(WEST,))
    try:
        done = edge.command("enrol", cloud.token())
        assert done.returncode == 0, done.stderr
        edge.plug()
        edge.start()
        ready(edge)
        yield edge
    finally:
        edge.close()


def ready(edge: EdgeProcess) -> None:
    wait_for(lambda: all(lane["state"] == "ready" for lane in said(edge)["lanes"]), "the lanes are ready")


def said(edge: EdgeProcess) -> dict[str, Any]:
    return edge.health() or {"lanes": [{"state": ""}], "inside": -1}


def line(ticket: int) -> str:
    return code(ticket).decode()


def live_line(seconds_ago: int = 0) -> str:
    """What the phone showed then."""
    now_ms = time.time_ns() // 1_000_000 - seconds_ago * 1000
    return rotating.line(RAW, rotating.pass_key(DAY_KEY, passes.digest(RAW)), now_ms).decode()


@pytest.mark.spec("T-51")
def test_two_lanes_race_for_a_card_of_one_use_a_day(edge: EdgeProcess) -> None:
    for device in (WEST, EAST):
        edge.order(device, "gate", do="person", label="racer", behaviour="walk", after_ms=10, patience_ms=1500)
    for device in (WEST, EAST):
        edge.order(device, "qr", do="present", line=line(RACED))

    def done() -> bool:
        tallies = [edge.order(device, "gate", do="tally") for device in (WEST, EAST)]
        return sum(tally["bodies"].get("racer", 0) + tally["gave_up"].get("racer", 0) for tally in tallies) == 2

    wait_for(done, "one has walked and one has given up")
    reasons = sorted(edge.lane(device)["last_reason"] for device in (WEST, EAST))
    assert reasons == ["DAY_LIMIT", "OK"]
    assert said(edge)["inside"] == 1


def test_in_out_and_in_again(edge: EdgeProcess) -> None:
    assert edge.show(WEST, line(IN_OUT)) == "OK"
    edge.walk(WEST)
    assert edge.show(EAST, line(IN_OUT)) == "ALREADY_INSIDE"
    inside = said(edge)["inside"]
    assert edge.show(EXIT, line(IN_OUT)) == "LEAVING"
    edge.walk(EXIT)
    assert said(edge)["inside"] == inside - 1
    assert edge.show(EAST, line(IN_OUT)) == "OK"
    edge.walk(EAST)


@pytest.mark.spec("T-19")
def test_a_real_name_ticket_waits_for_its_holders_card(edge: EdgeProcess, cloud: FakeCloud) -> None:
    assert edge.show(WEST, line(NAMED)) == "IDENTITY_NEEDED"
    assert edge.lane(WEST)["shows"] == {"zh": "请刷身份证", "en": "Please present your ID card"}
    assert edge.card(WEST, STRANGER) == "IDENTITY_OTHER"
    assert edge.card(WEST, HOLDER) == "OK"
    edge.walk(WEST)
    assert edge.card(WEST, STRANGER) == "UNKNOWN"  # a card alone, and nothing is known of it
    assert edge.card(WEST, HOLDER) == "USED_UP"
    wait_for(lambda: len(cloud.journal()) == said(edge)["journal"]["last"], "the cloud has the journal")
    told = b"".join(cloud.entries.values()) + edge.log().encode()
    assert HOLDER.encode() not in told
    assert STRANGER.encode() not in told


def test_full_until_somebody_leaves(edge: EdgeProcess, cloud: FakeCloud) -> None:
    inside = said(edge)["inside"]
    cloud.publish(URGENT, settings(capacity=inside + 1))
    wait_for(lambda: said(edge)["room"]["capacity"] == inside + 1, "the capacity is known")
    assert edge.show(WEST, line(FIRST)) == "OK"
    edge.walk(WEST)
    assert said(edge)["room"]["state"] == "full"
    assert edge.show(EAST, line(SECOND)) == "VENUE_FULL"
    wait_for(lambda: cloud.reports[-1].room_state == 2, "the cloud knows")
    edge.order(EXIT, "gate", do="free", on=True)  # an exit that turns for everybody: nothing is shown there
    edge.walk(EXIT)
    edge.order(EXIT, "gate", do="free", on=False)
    wait_for(lambda: said(edge)["room"]["state"] == "room", "somebody has left")
    assert edge.show(EAST, line(SECOND)) == "OK"
    edge.walk(EAST)
    cloud.publish(URGENT, settings())
    wait_for(lambda: said(edge)["room"]["capacity"] == 0, "the capacity is gone")
    assert "venue.full" in {entry.alarm.code for entry in cloud.journal()}


def test_a_family_goes_in_two_and_two(edge: EdgeProcess) -> None:
    for _ in range(2):
        assert edge.show(WEST, line(FAMILY)) == "OK"
        edge.walk(WEST, 2)
    assert edge.show(WEST, line(FAMILY)) == "USED_UP"


def test_a_live_code_is_good_for_seconds_and_for_one_lane(edge: EdgeProcess) -> None:
    assert edge.show(WEST, passes.line(RAW).decode()) == "LIVE_CODE_NEEDED"
    assert edge.show(WEST, live_line(seconds_ago=60)) == "STALE_CODE"
    shown = live_line()
    assert edge.show(WEST, shown) == "OK"
    edge.walk(WEST)
    assert edge.show(EAST, shown) == "REPLAYED"


def test_killed_without_a_word_it_has_counted_everybody(edge: EdgeProcess, cloud: FakeCloud) -> None:
    inside = said(edge)["inside"]
    cloud.elsewhere = scan_pb2.Elsewhere(day=DAY, entered=5, left=1)
    wait_for(lambda: said(edge)["inside"] == inside + 4, "the other edges count")
    edge.show(WEST, line(SECOND))  # whose body comes while nobody looks
    edge.kill()
    edge.order(WEST, "gate", do="person", label="x", behaviour="walk", after_ms=10)
    wait_for(lambda: edge.order(WEST, "gate", do="tally")["waiting"] == 0, "somebody has walked on the open arm")
    cloud.stop()
    edge.start()
    ready(edge)
    assert said(edge)["inside"] == inside + 4 + 1
    assert [edge.show(WEST, line(ticket)) for ticket in (RACED, IN_OUT, NAMED, FAMILY)] == [
        "DAY_LIMIT", "ALREADY_INSIDE", "IDENTITY_NEEDED", "USED_UP",
    ]  # fmt: skip
    cloud.start()
    wait_for(lambda: len(cloud.journal()) == said(edge)["journal"]["last"], "the cloud has the journal")
    assert cloud.chain_holds()
