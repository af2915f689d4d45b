"""An ordinary day: sold, shown, decided, walked, and seen in the cloud."""

from __future__ import annotations

import random
import time

import pytest

from cloud.demo import visits
from tests.support.demo import Demo, until

ADMITTED = ["ADMIT", "OK"]


def test_a_ticket_admits_once_and_the_cloud_knows(demo: Demo) -> None:
    ticket = demo.sell()
    assert demo.show("WEST-2", ticket) == 1
    assert demo.settled(ticket) == [["passed", 1, 0, False]]
    assert demo.attempt("WEST-2", b"HELLO", "nobody") == 0  # or the scanner takes the same line for a double fire
    assert demo.show("WEST-2", ticket) == 0
    assert demo.decided(ticket, 2) == [["WEST-2", *ADMITTED], ["WEST-2", "REFUSE", "USED_UP"]]


@pytest.mark.spec("S-11")
def test_in_by_the_west_gate_is_not_in_again_by_the_east(demo: Demo) -> None:
    ticket = demo.sell()
    assert demo.show("WEST-1", ticket) == 1
    assert demo.show("EAST-2", ticket) == 0
    assert demo.decided(ticket, 2)[1] == ["EAST-2", "REFUSE", "USED_AT_SIBLING"]


def test_two_gates_at_the_same_instant_admit_one_of_them(demo: Demo) -> None:
    ticket = demo.sell()
    for device in ("WEST-2", "EAST-2"):
        demo.gates[device].scan(ticket["line"].encode())
    walked = [demo.walk(device, ticket["label"]) for device in ("WEST-2", "EAST-2")]
    assert sum(walked) == 1
    assert sorted(row[1] for row in demo.decided(ticket, 2)) == ["ADMIT", "REFUSE"]


def test_a_ticket_for_both_counts_at_each_group_of_stations(demo: Demo) -> None:
    ticket = demo.sell("combined")
    assert [demo.show(device, ticket) for device in ("EAST-1", "CABLE-1", "CABLE-1")] == [1, 1, 0]


def test_a_family_walks_in_on_one_pass_and_three_of_four_get_one_use_back(demo: Demo) -> None:
    ticket = demo.sell("family")
    assert demo.show("WEST-2", ticket, bodies=3) == 3
    assert demo.settled(ticket) == [["partly", 3, 1, False]]


def test_who_turns_back_keeps_the_ticket(demo: Demo) -> None:
    ticket = demo.sell()
    assert demo.show("WEST-2", ticket, behaviour="turn_back") == 0
    assert demo.settled(ticket) == [["returned", 0, 1, False]]
    assert demo.show("EAST-2", ticket) == 1


def test_the_old_code_of_a_reissued_ticket_is_replaced(demo: Demo) -> None:
    ticket = demo.sell()
    fresh = ticket | demo.till.ask("reissue", unit=ticket["unit"])
    demo.told()
    assert demo.show("WEST-2", ticket) == 0
    assert demo.show("WEST-2", fresh) == 1
    assert [row[2] for row in demo.decided(ticket, 2)] == ["REPLACED", "OK"]


def test_a_revoked_order_is_refused_within_a_moment(demo: Demo) -> None:
    ticket = demo.sell()
    began = time.monotonic()
    demo.till.ask("revoke", order=ticket["order"])
    demo.told()
    took = time.monotonic() - began
    assert demo.show("WEST-2", ticket) == 0
    assert demo.decided(ticket, 1) == [["WEST-2", "REFUSE", "REVOKED"]]
    assert took < 5.0  # current to after the revocation, heartbeat and all; a moment is a second or two


def test_an_id_card_opens_the_gate_its_ticket_was_sold_for(demo: Demo) -> None:
    number = visits.id_number(random.Random(time.time_ns()))
    ticket = demo.sell(id_number=number)
    demo.gates["EAST-1"].card(number, "张三")
    assert demo.walk("EAST-1", ticket["label"], patience_ms=3000) == 1
    assert demo.decided(ticket, 1) == [["EAST-1", *ADMITTED]]


def test_a_ticket_of_another_station_is_told_so(demo: Demo) -> None:
    ticket = demo.sell("cable")
    assert demo.show("WEST-2", ticket) == 0
    assert demo.decided(ticket, 1) == [["WEST-2", "REFUSE", "WRONG_STATION"]]


def test_fakes_and_foreign_codes_are_refused_and_named(demo: Demo) -> None:
    ticket = demo.sell()
    before = demo.till.ask("reasons")["reasons"]
    line = ticket["line"].encode()
    assert demo.attempt("WEST-2", b"https://pay.example/1", "foreign") == 0
    assert demo.attempt("WEST-2", line[:-4] + b"!!!!", "bad base45") == 0
    assert demo.attempt("WEST-2", line[:40], "truncated") == 0
    assert demo.show("WEST-2", ticket) == 1

    def more() -> int:
        return sum(demo.till.ask("reasons")["reasons"].values()) - sum(before.values())

    assert until(more, lambda count: count >= 3) == 3
    assert set(demo.till.ask("reasons")["reasons"]) <= {"UNREADABLE", "UNKNOWN_FORMAT", "FORGED", "KEY_UNKNOWN"}
