"""Out again: an exit counts, closes the visit and makes room, here and at the venue's other edge.

The cloud and both edges are the real ones. The second edge serves a lane at the east gate and one at the exit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.support.demo import Demo, until
from tests.support.edge_process import EdgeProcess, wait_for

EAST, EXIT = "X-EAST", "X-OUT"
IN_OUT = "in-out"


@pytest.fixture(scope="module")
def sold(stack: Demo) -> str:
    """A ticket for going in and out, once inside at a time."""
    stack.till.ask("product", code=IN_OUT, rules={"anti_passback": True})
    return IN_OUT


@pytest.fixture(scope="module")
def other(stack: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeProcess]:
    spare = stack.till.ask("token")
    for identifier, station in ((EAST, "East gate"), (EXIT, "South exit")):
        stack.till.ask("lane", edge=spare["edge"], station=station, identifier=identifier)
    enrol = f"127.0.0.1:{stack.layout.ports.enrol}"
    edge = EdgeProcess(tmp_path_factory.mktemp("x"), enrol, (EAST, EXIT))
    try:
        done = edge.command("enrol", spare["token"])
        assert done.returncode == 0, done.stderr
        edge.plug()
        edge.start()
        wait_for(lambda: all(lane["state"] == "ready" for lane in said(edge)["lanes"]), "the other edge is ready", 60)
        yield edge
    finally:
        edge.close()
        stack.till.ask("retire", edge=spare["edge"])


def said(edge: EdgeProcess) -> dict[str, Any]:
    return edge.health() or {"lanes": [{"state": ""}], "inside": -1, "feed": {"bulk": {}, "urgent": {}}}


def told(demo: Demo, edge: EdgeProcess) -> None:
    """Both edges know all that the cloud knows now, and it all that they do."""
    demo.drained()
    now = time.time()

    def current() -> bool:
        feed = said(edge)["feed"]
        ends = [feed[name].get("current_to") for name in ("bulk", "urgent")]
        return all(end and datetime.fromisoformat(end).timestamp() >= now for end in ends)

    wait_for(current, "the other edge is current")
    demo.told()


def counted(demo: Demo) -> dict[str, int]:
    found: dict[str, int] = demo.till.ask("counted")
    return found


def inside_is(demo: Demo, persons: int) -> None:
    until(demo.health, lambda health: health["inside"] == persons)


@pytest.mark.spec("S-18")
def test_an_exit_counts_closes_the_visit_and_is_no_admission(demo: Demo, sold: str) -> None:
    before, inside = counted(demo), demo.health()["inside"]
    ticket = demo.sell(sold)
    assert demo.show("WEST-2", ticket) == 1
    assert demo.show("EAST-2", ticket) == 0
    inside_is(demo, inside + 1)
    assert demo.show("OUT-1", ticket) == 1
    inside_is(demo, inside)
    assert demo.show("EAST-2", ticket) == 1
    assert demo.decided(ticket, 4) == [
        ["WEST-2", "ADMIT", "OK"], ["EAST-2", "REFUSE", "ALREADY_INSIDE"],
        ["OUT-1", "ADMIT", "LEAVING"], ["EAST-2", "ADMIT", "OK"],
    ]  # fmt: skip
    grown = {name: number + before[name] for name, number in (("admissions", 2), ("entered", 2), ("left", 1))}
    assert until(lambda: counted(demo), lambda seen: seen["entered"] == grown["entered"]) == {
        **grown, "inside": before["inside"] + 1,
    }  # fmt: skip


def test_who_leaves_without_a_ticket_is_let_out_and_counted(demo: Demo) -> None:
    inside = demo.health()["inside"]
    assert demo.show("WEST-2", demo.sell()) == 1
    inside_is(demo, inside + 1)
    assert demo.attempt("OUT-1", b"lost it", "without") == 1
    inside_is(demo, inside)


def test_what_one_edge_admits_the_other_refuses_until_it_is_out(demo: Demo, sold: str, other: EdgeProcess) -> None:
    once, passes = demo.till.ask("issue", product="adult"), demo.sell(sold)
    assert demo.show("WEST-2", once) == 1
    assert demo.show("WEST-2", passes) == 1
    told(demo, other)
    assert other.show(EAST, once["line"]) == "USED_AT_SIBLING"
    assert other.show(EAST, passes["line"]) == "ALREADY_INSIDE"
    assert other.show(EXIT, passes["line"]) == "LEAVING"
    other.walk(EXIT)
    assert other.show(EAST, passes["line"]) == "OK"
    other.walk(EAST)
    until(lambda: demo.settled(passes), lambda rows: len(rows) == 3)
    told(demo, other)
    assert demo.show("WEST-2", passes) == 0
    assert demo.show("OUT-1", passes) == 1
    assert demo.show("WEST-2", passes) == 1


def test_both_edges_see_who_is_inside_and_keep_to_the_venues_room(demo: Demo, sold: str, other: EdgeProcess) -> None:
    tickets = [demo.till.ask("issue", product=sold) for _ in range(3)]
    demo.told()
    assert demo.show("WEST-2", tickets[0]) == 1
    told(demo, other)
    inside = demo.health()["inside"]
    assert inside == counted(demo)["inside"]
    wait_for(lambda: said(other)["inside"] == inside, "the other edge counts who came in here")
    demo.till.ask("room", capacity=inside + 1)
    until(demo.health, lambda health: health["room"]["capacity"] == inside + 1)
    wait_for(lambda: said(other)["room"]["capacity"] == inside + 1, "the other edge knows the capacity")
    assert other.show(EAST, tickets[1]["line"]) == "OK"
    other.walk(EAST)
    inside_is(demo, inside + 1)
    assert demo.show("WEST-2", tickets[2]) == 0
    assert demo.decided(tickets[2], 1) == [["WEST-2", "REFUSE", "VENUE_FULL"]]
    assert other.show(EXIT, tickets[1]["line"]) == "LEAVING"
    other.walk(EXIT)
    until(demo.health, lambda health: health["room"]["state"] != "full")
    assert demo.show("WEST-2", tickets[2]) == 1
    demo.till.ask("room", capacity=None)
    until(demo.health, lambda health: health["room"]["capacity"] == 0)
