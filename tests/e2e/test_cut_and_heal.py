"""Cut anywhere in the middle of traffic: the gates go on, and the count still comes out."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.support.demo import Demo, until


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_without_the_cloud_the_gates_go_on_and_nothing_is_counted_twice(demo: Demo, how: str) -> None:
    tickets = demo.sell_many(4)
    entries = demo.drained()["entries"]
    demo.tell("stop" if how == "stop" else "kill", "cloud")
    assert [demo.show("WEST-2", ticket) for ticket in tickets] == [1, 1, 1, 1]
    assert demo.show("EAST-2", tickets[0]) == 0
    if how == "stop":
        until(demo.health, lambda health: health["journal"]["backlog"] >= 9)
        demo.tell("start", "cloud")
    books = demo.drained()
    assert books["entries"] >= entries + 9
    assert books["set_aside"] == []
    assert books["passed"] == {label: count for label, count in demo.walked().items() if count}


def test_a_killed_edge_neither_loses_nor_doubles_anybody(demo: Demo) -> None:
    tickets = demo.sell_many(48)
    lanes = ("WEST-1", "WEST-2", "EAST-1", "EAST-2")
    shares = {lane: tickets[n :: len(lanes)] for n, lane in enumerate(lanes)}

    def visitors(lane: str) -> None:
        for ticket in shares[lane]:
            for _ in range(8):  # who is left standing scans again
                try:
                    if demo.show(lane, ticket):
                        break
                except OSError:
                    time.sleep(0.2)

    threads = [threading.Thread(target=visitors, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.7)
        demo.tell("kill", "edge")
    for thread in threads:
        thread.join(timeout=90)
        assert not thread.is_alive()
    books = demo.drained()
    walked = {label: count for label, count in demo.walked().items() if count}
    assert books["passed"] == walked
    assert all(walked.get(ticket["label"]) == 1 for ticket in tickets)
    assert books["set_aside"] == []


def test_a_use_open_when_the_power_failed_is_settled_by_the_boards_counter(demo: Demo) -> None:
    ticket: dict[str, Any] = demo.sell()
    demo.gates["WEST-2"].scan(ticket["line"].encode())
    until(lambda: demo.gates["WEST-2"].state()["credits"], seconds=3)
    demo.tell("kill", "edge")
    assert demo.walk("WEST-2", ticket["label"]) == 1  # by the credit the board still held
    assert demo.settled(ticket) == [["passed", 1, 0, True]]
    until(lambda: demo.lane("WEST-2")["state"], lambda state: state == "ready")
    assert demo.show("WEST-2", ticket) == 0
