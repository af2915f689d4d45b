"""Presenting a code at a lane of the demo, against emulators that only listen."""

from __future__ import annotations

import json
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.admin import emulators
from cloud.catalog.models import TicketProduct
from cloud.core.business_day import calendar_of, today
from cloud.core.errors import DomainError
from cloud.entitlements.selectors import pass_line
from cloud.sales.models import Order, OrderUnit
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Device, Venue
from paifang.reasons import Reason
from tests.support import venue as make
from tests.support.presented import present


class Emulators:
    """Unix sockets that answer each line with `reply` and remember it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.reply = b'{"ok": true}\n'
        self._open: list[socket.socket] = []

    def serve(self, name: str) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / name))
        listener.listen()
        self._open.append(listener)
        threading.Thread(target=self._answer, args=(listener, name), daemon=True).start()

    def _answer(self, listener: socket.socket, name: str) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed: the test is over
            with connection, connection.makefile("rb") as lines:
                self.heard.append((name, json.loads(lines.readline())))
                connection.sendall(self.reply)

    def close(self) -> None:
        while self._open:
            listener = self._open.pop()
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def demo(settings, gate: Device) -> Iterator[Emulators]:
    """A demo that plays the lane W-1."""
    with tempfile.TemporaryDirectory(prefix="pf-") as folder:
        settings.EMULATORS_CONTROL = Path(folder)
        emulators = Emulators(Path(folder))
        emulators.serve("w-1-qr.sock")
        emulators.serve("w-1-board.sock")
        yield emulators
        emulators.close()


@pytest.fixture
def order(venue: Venue, adult: TicketProduct) -> Order:
    return issue_order(actor=make.SYSTEM, venue=venue, lines=[OrderLine(adult, 1, today(venue))], idempotency_key="k")


def line_of(order: Order) -> str:
    return pass_line(OrderUnit.objects.select_related("entitlement").get(order=order).entitlement)


def next_question(response) -> str:
    found = re.search(r'hx-get="([^"]+)"', response.content.decode())
    assert found
    return found[1].replace("&amp;", "&")


def test_the_code_goes_to_the_scanner_and_somebody_to_the_barrier(log_in, order: Order, gate: Device, demo: Emulators):
    client = log_in("gate_supervisor")
    page = client.get(f"/orders/{order.number}/1/qr").content.decode()
    assert "Present it at a lane" in page
    assert '{"lane": "W-1"}' in page
    asked = client.post(f"/orders/{order.number}/1/present", {"lane": "W-1"})
    body, shown = demo.heard
    assert body == ("w-1-board.sock", {
        "do": "person", "label": str(order.units.get().entitlement_id), "behaviour": "walk", "patience_ms": 8000,
        "after_ms": 300,
    })  # fmt: skip
    assert shown == ("w-1-qr.sock", {"do": "present", "line": line_of(order)})
    assert "Waiting for the gate's record" in asked.content.decode()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.OK, "Admitted"),
        (Reason.USED_AT_SIBLING, "Already used at a station of the same group. West gate 09:14:03."),
        (Reason.EXPIRED, "No longer valid. It ended {today} 23:59."),
        (Reason.TOO_EARLY, "Not valid yet. Valid from {today} 00:00."),
    ],
)
def test_the_verdict_appears_once_the_gate_has_recorded_it(log_in, order: Order, gate: Device, demo, reason, words):
    unit = OrderUnit.objects.get(order=order)
    client = log_in()
    day = calendar_of(gate.venue).start(today(gate.venue))
    present(gate, unit.entitlement_id, at=day + timedelta(hours=9, minutes=14, seconds=3))  # earlier: not the answer
    address = next_question(client.post(f"/orders/{order.number}/1/present", {"lane": "W-1"}))
    again = client.get(address)
    assert "Waiting" in again.content.decode()
    present(gate, unit.entitlement_id, reason=reason)
    verdict = client.get(next_question(again)).content.decode()
    assert words.format(today=today(gate.venue)) in verdict
    assert "hx-get" not in verdict


def test_asking_ends_when_no_record_comes(log_in, order: Order, demo: Emulators):
    client = log_in()
    response = client.post(f"/orders/{order.number}/1/present", {"lane": "W-1"})
    for _ in range(100):
        if "hx-get" not in response.content.decode():
            break
        response = client.get(next_question(response))
    assert "W-1 has reported nothing of this code." in response.content.decode()
    far = client.get(f"/orders/{order.number}/1/presented?lane=W-1&after=x&left=999999999")
    assert "left=24" in next_question(far)


def test_the_replaced_code_can_be_shown_once_more(log_in, order: Order, demo: Emulators):
    client = log_in()
    old = line_of(order)
    assert "The code it replaced" not in client.get(f"/orders/{order.number}/1/qr").content.decode()
    page = client.post(f"/orders/{order.number}/1/reissue", follow=True).content.decode()
    assert "The code it replaced" in page
    client.post(f"/orders/{order.number}/1/present", {"lane": "W-1", "which": "old"})
    client.post(f"/orders/{order.number}/1/present", {"lane": "W-1", "which": "now"})
    lines = [request["line"] for name, request in demo.heard if name == "w-1-qr.sock"]
    assert lines == [old, line_of(order)]
    assert old != line_of(order)


def test_an_emulator_that_is_gone_is_named(log_in, order: Order, demo: Emulators):
    client = log_in()
    demo.close()
    page = client.post(f"/orders/{order.number}/1/present", {"lane": "W-1"}).content.decode()
    assert "Not presented" in page
    assert "w-1-board did not answer" in page


@pytest.mark.parametrize("reply", [b'{"ok": false, "error": "unplugged"}\n', b"nonsense\n", b"[]\n", b""])
def test_an_emulator_that_says_no_is_quoted(log_in, order: Order, demo: Emulators, reply):
    demo.reply = reply
    page = log_in().post(f"/orders/{order.number}/1/present", {"lane": "W-1"}).content.decode()
    assert "did not answer" in page
    assert ("unplugged" in page) == (b"unplugged" in reply)


@pytest.mark.parametrize("lane", ["", "W-2", "../w-1", "w-1-qr"])
def test_only_lanes_of_this_venue(log_in, order: Order, demo: Emulators, lane):
    assert log_in().post(f"/orders/{order.number}/1/present", {"lane": lane}).status_code == 404
    assert demo.heard == []


def test_a_lane_the_demo_does_not_play(log_in, order: Order, west, demo: Emulators):
    make.make_gate(west.venue, west, "W-2")
    client = log_in()
    assert '"W-2"' not in client.get(f"/orders/{order.number}/1/qr").content.decode()
    page = client.post(f"/orders/{order.number}/1/present", {"lane": "W-2"}).content.decode()
    assert "The demo does not play this lane." in page


def test_outside_a_demo_nothing_is_offered(log_in, order: Order, gate: Device, settings):
    settings.EMULATORS_CONTROL = None
    client = log_in()
    assert "Present it at a lane" not in client.get(f"/orders/{order.number}/1/qr").content.decode()
    assert client.post(f"/orders/{order.number}/1/present", {"lane": "W-1"}).status_code == 404
    assert client.get(f"/orders/{order.number}/1/present").status_code == 405
    with pytest.raises(DomainError, match=r"demo\.no_lane"):
        emulators.present("W-1", "PF1:X", label="x")
