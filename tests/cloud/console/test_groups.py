"""Exclusion groups in the console: what joining and leaving say before, and do after."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cloud.catalog.models import TicketProduct
from cloud.core.models import AuditRow
from cloud.venues.models import Device, Station, Venue
from tests.support import venue as make
from tests.support.presented import present


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def asked_again(client: Any, url: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The second question and what agreeing to it sends."""
    response = client.post(url, data)
    assert response.status_code == 200, response.context["confirm"].error
    return text_of(response), dict(response.context["confirm"].hidden)


@pytest.mark.spec("S-11", "S-12", "S-13")
def test_joining_says_which_products_are_brought_in_and_then_brings_them(
    log_in, venue: Venue, west: Station, east: Station, adult: TicketProduct, week: TicketProduct, gate: Device
):
    present(gate, 11, persons=3)
    present(gate, 12, outcome="returned")
    client, url = log_in(), "/groups/do/join"
    data = {"pk": west.group_id, "stations": [east.pk], "next": f"/groups/{west.group_id}"}
    text, agreed = asked_again(client, url, data)
    assert "One ticket is used once at all of them together: West gate, East gate." in text
    assert "East gate verifies these as well: Week. Tickets already sold are included." in text
    assert "West gate verifies these" not in text
    assert "3 persons were let in today" in text
    assert Station.objects.get(pk=east.pk).group_id != west.group_id, "asking changes nothing"
    done = client.post(url, agreed, follow=True)
    assert done.redirect_chain == [(f"/groups/{west.group_id}", 302)]
    assert "Uses today 3" in text_of(done)
    assert Station.objects.get(pk=east.pk).group_id == west.group_id
    assert set(east.products.all()) == {adult, week}
    assert AuditRow.objects.get(action="station.join").detail == {"stations": [1, 2]}


@pytest.mark.spec("S-12")
def test_what_changed_since_it_was_agreed_to_is_asked_again(
    log_in, venue: Venue, west: Station, east: Station, adult: TicketProduct, week: TicketProduct
):
    client, url = log_in(), "/groups/do/join"
    _text, agreed = asked_again(client, url, {"pk": west.group_id, "stations": [east.pk]})
    make.make_product(venue, "night", name_en="Night", stations=[west])
    text, agreed = asked_again(client, url, agreed)
    assert "East gate verifies these as well: Week, Night." in text
    assert client.post(url, agreed).status_code == 302
    assert east.products.count() == 3


@pytest.mark.spec("S-14")
def test_leaving_is_symmetric_and_keeps_products_and_uses(
    log_in, venue: Venue, west: Station, east: Station, adult: TicketProduct, gate: Device
):
    present(gate, 11)
    client = log_in()
    page = text_of(client.get("/stations/do/same_type", {"pk": [west.pk, east.pk]}))
    assert "They verify the same products already: none is brought in." in page
    client.post("/stations/do/same_type", {"pk": [west.pk, east.pk]})
    group = Station.objects.get(pk=east.pk).group_id
    text, agreed = asked_again(client, "/groups/do/leave", {"pk": group, "station": east.pk})
    assert "East gate and West gate no longer exclude each other: a ticket may be used at both." in text
    assert "West gate stays alone" in text
    assert "East gate keeps its products: Adult." in text
    assert "What was used until now, 1 today, stays used at both" in text
    assert client.post("/groups/do/leave", agreed).status_code == 302
    one, other = Station.objects.get(pk=west.pk), Station.objects.get(pk=east.pk)
    assert one.group_id != other.group_id
    assert [set(station.products.all()) for station in (one, other)] == [{adult}, {adult}]


def test_an_exit_is_offered_nowhere(log_in, venue: Venue, west: Station, way_out: Station):
    client = log_in()
    page = text_of(client.get("/groups/do/join", {"pk": west.group_id}))
    assert "Exit" not in page.split("Stations")[1]
    assert client.post("/groups/do/join", {"pk": west.group_id, "stations": [way_out.pk]}).status_code == 422
    assert "Nothing to do" in text_of(client.get("/stations/do/same_type", {"pk": way_out.pk}, follow=True))
    assert "Nothing to do" in text_of(client.get("/groups/do/join", {"pk": way_out.group_id}, follow=True))
