"""What staff set at stations and lanes is what a real edge does, within a moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from cloud.demo import visits
from paifang.records import CredentialKind
from tests.support.demo import Demo

WITHIN_S = 10.0  # for a change to be at the lanes; a second or two where nothing else keeps the machine busy


def sold(demo: Demo, *products: str) -> dict[str, list[dict[str, Any]]]:
    """Tickets the edge knows, by product."""
    tickets: dict[str, list[dict[str, Any]]] = {}
    for product in products:
        tickets.setdefault(product, []).append(demo.till.ask("issue", product=product))
    demo.told()
    return tickets


def refused(demo: Demo, device: str, reason: str, tickets: list[dict[str, Any]]) -> None:
    """One of the tickets is refused there, and the cloud knows why."""
    ticket = tickets.pop()
    assert demo.show(device, ticket, patience_ms=200) == 0
    assert demo.decided(ticket, 1) == [[device, "REFUSE", reason]]


def admitted(demo: Demo, device: str, tickets: list[dict[str, Any]]) -> None:
    assert demo.show(device, tickets.pop()) == 1


@pytest.fixture
def till(demo: Demo) -> Callable[..., None]:
    """Changes something in the cloud, and waits until the edge has it."""

    def ask(do: str, **more: object) -> None:
        began = time.monotonic()
        demo.till.ask(do, **more)
        demo.told()
        assert time.monotonic() - began < WITHIN_S

    return ask


@pytest.mark.spec("S-15", "S-20", "S-21")
def test_a_station_off_and_on_leaves_a_lane_that_was_off_before_off(demo: Demo, till: Callable[..., None]) -> None:
    adults = sold(demo, *["adult"] * 7)["adult"]
    till("switch", name="WEST-2", on=False)
    refused(demo, "WEST-2", "LANE_CLOSED", adults)
    admitted(demo, "WEST-1", adults)
    till("switch", name="West gate", on=False)
    refused(demo, "WEST-1", "STATION_CLOSED", adults)
    admitted(demo, "EAST-2", adults)
    till("switch", name="West gate", on=True)
    admitted(demo, "WEST-1", adults)
    refused(demo, "WEST-2", "LANE_CLOSED", adults)
    till("switch", name="WEST-2", on=True)
    admitted(demo, "WEST-2", adults)


@pytest.mark.spec("S-06", "S-13", "S-19")
def test_a_lane_keeps_to_its_own_products_and_loses_what_its_station_loses(
    demo: Demo, till: Callable[..., None]
) -> None:
    tickets = sold(demo, "adult", "adult", *["child"] * 5)
    adults, children = tickets["adult"], tickets["child"]
    till("narrow", device="WEST-2", products=["child"])
    refused(demo, "WEST-2", "WRONG_LANE", adults)
    admitted(demo, "WEST-2", children)
    admitted(demo, "WEST-1", adults)
    till("verifies", station="East gate", without="child")  # of the same type as the west gate
    refused(demo, "WEST-2", "WRONG_STATION", children)
    till("verifies", station="West gate", also="child")
    refused(demo, "WEST-2", "WRONG_LANE", children)
    admitted(demo, "EAST-2", children)
    till("narrow", device="WEST-2", products=None)
    admitted(demo, "WEST-2", children)


@pytest.mark.spec("S-22")
def test_each_of_the_four_media_admits_one_order(demo: Demo) -> None:
    number, code = visits.id_number(random.Random(time.time_ns())), f"8{random.randrange(10**15):015d}"
    printed, phone, bought = (demo.till.ask("issue", product=one) for one in ("adult", "e-ticket", "adult"))
    demo.till.ask("attached", unit=bought["unit"], kind=int(CredentialKind.CHANNEL), value=code)
    named = demo.sell(id_number=number)
    assert demo.show("WEST-1", printed) == 1
    live = demo.till.ask("live_code", unit=phone["unit"])["line"]
    assert demo.attempt("WEST-1", live.encode(), phone["label"]) == 1
    assert demo.attempt("WEST-1", code.encode(), bought["label"]) == 1
    demo.gates["WEST-1"].card(number, "张三")
    assert demo.walk("WEST-1", named["label"], patience_ms=3000) == 1
    for ticket in (printed, phone, bought, named):
        assert demo.decided(ticket, 1) == [["WEST-1", "ADMIT", "OK"]]
        assert demo.settled(ticket) == [["passed", 1, 0, False]]
