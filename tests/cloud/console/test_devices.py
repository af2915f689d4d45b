"""Devices in the console: what counts of two statuses, products of their own, moving, the end."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from cloud.admin.kit.forms import SEEN
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.venues.models import Device, Station, Venue
from tests.support import venue as make


def text_of(response: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def listed(client: Client, **asked: str) -> set[int]:
    return {device.pk for device in client.get("/devices", asked).context["page"].items}


@pytest.fixture
def client(log_in: Any) -> Client:
    client: Client = log_in()
    return client


def save(client: Client, device: Device, **changed: Any) -> Any:
    form = client.get(f"/devices/{device.pk}/edit").context["form"]
    return client.post(f"/devices/{device.pk}/edit", dict(form.shown()) | {SEEN: form.token()} | changed)


@pytest.mark.spec("S-15", "S-20", "S-21")
def test_what_counts_is_shown_with_its_cause_and_comes_back(client: Client, venue: Venue, west: Station, gate: Device):
    off = make.make_gate(venue, west, "W-2")
    live_services.set_device_enabled(actor=make.SYSTEM, venue=venue, device=off, enabled=False)
    live_services.set_station_enabled(actor=make.SYSTEM, venue=venue, station=west, enabled=False)
    page = text_of(client.get("/devices"))
    assert "Off with its station Enabled itself" in page
    assert "Disabled Its station is disabled too" in page
    assert [listed(client, status=one) for one in ("yes", "no", "station")] == [
        set(), {off.pk}, {gate.pk, off.pk},
    ]  # fmt: skip
    assert "Off with its station" in text_of(client.get(f"/stations/{west.pk}"))
    live_services.set_station_enabled(actor=make.SYSTEM, venue=venue, station=west, enabled=True)
    assert [listed(client, status=one) for one in ("yes", "no", "station")] == [{gate.pk}, {off.pk}, set()]


@pytest.mark.spec("S-19")
def test_a_lane_gets_products_of_its_own_of_those_its_station_has(
    client: Client, venue: Venue, west: Station, gate: Device, adult: TicketProduct, week: TicketProduct
):
    elsewhere = make.make_product(venue, "elsewhere")
    form = client.get(f"/devices/{gate.pk}/edit").context["form"]
    assert [str(label) for _, label in form.fields["own"].choices] == ["Adult", "Week"]
    assert save(client, gate, verifies="some", own=[]).status_code == 422
    assert save(client, gate, verifies="some", own=[str(elsewhere.pk)]).status_code == 422
    assert save(client, gate, verifies="some", own=[str(week.pk)]).status_code == 302
    assert "Verifies Week" in text_of(client.get(f"/devices/{gate.pk}"))
    live_services.set_station_products(actor=make.SYSTEM, venue=venue, station=west, products=[adult])
    assert "Verifies Nothing: choose its products" in text_of(client.get(f"/devices/{gate.pk}"))
    assert save(client, gate, verifies="all").status_code == 302
    assert "Verifies All of its station" in text_of(client.get(f"/devices/{gate.pk}"))


@pytest.mark.spec("S-18")
def test_a_gate_is_of_its_stations_type_and_at_an_exit_it_has_no_products(
    client: Client, venue: Venue, west: Station, way_out: Station
):
    new = {"identifier": "OUT-1", "name": "Out 1", "kind": "gate", "gate_type": "entry", "station": str(way_out.pk)}
    assert client.get("/devices/new").context["form"]["gate_type"].value() == "entry"
    refused = client.post("/devices/new", new)
    assert "This does not go with what is chosen above." in text_of(refused)
    assert client.post("/devices/new", new | {"gate_type": "exit"}).status_code == 302
    gate = Device.objects.get(identifier="OUT-1")
    assert "Gate type Exit station" in text_of(client.get(f"/devices/{gate.pk}"))
    assert "own" not in client.get(f"/devices/{gate.pk}/edit").context["form"].fields
    printer = {"identifier": "P-1", "name": "P", "kind": "printer", "gate_type": "exit", "station": str(west.pk)}
    assert client.post("/devices/new", printer).status_code == 302, "of a printer no gate type is asked"


@pytest.mark.spec("S-10", "S-19")
def test_moving_asks_naming_the_station_it_leaves(
    client: Client, venue: Venue, west: Station, east: Station, gate: Device, week: TicketProduct
):
    live_services.set_device_products(actor=make.SYSTEM, venue=venue, device=gate, products=[week])
    data = {"pk": gate.pk, "station": east.pk, "next": "/devices"}
    asked = client.post("/devices/do/move", data)
    assert asked.context["confirm"].consequences == (
        "W-1 is moved from West gate to East gate.",
        "It verified just some products; there it verifies all of the station's.",
        "Gates hear of it within a moment.",
    )
    assert client.post("/devices/do/move", dict(asked.context["confirm"].hidden)).status_code == 302
    moved = Device.objects.get(pk=gate.pk)
    assert (moved.station, moved.narrowed) == (east, False)


@pytest.mark.spec("S-16")
def test_a_retired_device_is_off_every_list_and_its_identifier_stays_taken(
    client: Client, venue: Venue, west: Station, gate: Device
):
    assert client.post("/devices/do/retire", {"pk": gate.pk, "why": "water"}).status_code == 302
    assert listed(client) == set()
    assert client.get(f"/devices/{gate.pk}").status_code == 404
    assert "W-1" not in text_of(client.get("/live"))
    refused = client.post(
        "/devices/new",
        {"identifier": "w-1", "name": "x", "kind": "gate", "gate_type": "entry", "station": str(west.pk)},
    )
    assert "The identifier w-1 is taken; choose another." in text_of(refused)


@pytest.mark.spec("S-17")
def test_devices_are_found_by_name_identifier_type_station_and_status(
    client: Client, venue: Venue, west: Station, east: Station, gate: Device
):
    printer = live_services.create_device(
        actor=make.SYSTEM, venue=venue, identifier="PR-9", name="Till printer", kind="printer", station=east
    )
    live_services.set_device_enabled(actor=make.SYSTEM, venue=venue, device=printer, enabled=False)
    this = {printer.pk}
    asked: list[dict[str, str]] = [
        {"q": "till"}, {"q": "pr-9"}, {"kind": "printer"}, {"station": str(east.pk)}, {"status": "no"}, {"q": "East"},
    ]  # fmt: skip
    for one in asked:
        assert listed(client, **one) == this, one
    titles = re.findall(r"<th[^>]*>(.*?)</th>", client.get("/devices").content.decode(), re.DOTALL)
    words = {re.sub(r"<[^>]+>", "", title).strip() for title in titles}
    assert {"Last heard of", "Software of its edge", "Right now"} <= words
