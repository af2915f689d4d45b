"""The overview: the day's figures and where they lead, and what a new venue still lacks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.admissions import figures
from cloud.admissions.models import Case
from cloud.catalog.models import TicketProduct
from cloud.core.alarms import raise_alarm
from cloud.core.business_day import calendar_of, today
from cloud.sales.services import issue_order, revoke_order
from cloud.sales.values import OrderLine
from cloud.staff.reach import EVERYWHERE, Reach
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from tests.support import venue as make
from tests.support.presented import present


def text_of(response: Any) -> str:
    page = re.sub(r"<title>.*?</title>|<details.*?</details>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_new_venue_is_led_through_its_set_up(log_in, venue: Venue):
    client = log_in()
    response = client.get("/")
    assert "0 of 6 done" in text_of(response)
    page = response.content.decode()
    assert [href for href in re.findall(r'href="([^"]+)"[^>]*>Do it', page)] == [
        "/stations/new", "/edges/new", "/devices/new", "/edges/new", "/products/new", "/orders/new",
    ]  # fmt: skip
    assert response.context["board"].chart is None, "no flat lines"
    assert "Nobody came yet Once the first ticket is shown at a gate" in text_of(response)
    assert re.findall(r'href="([^"]+)"[^>]*>Next: Set up a station', page) == ["/stations/new"]
    for words in ("Nobody admitted yet", "Nothing refused today", "No entrances yet", "No alarms today"):
        assert words in text_of(response)
    assert "Do it" not in text_of(log_in("viewer").get("/")), "who may not do it is not sent there"


def test_steps_done_are_ticked_and_gone_once_all_are(
    log_in, venue: Venue, west: Station, edge: Edge, gate: Device, adult: TicketProduct
):
    client = log_in()
    assert "4 of 6 done" in text_of(client.get("/"))
    assert f"/edges/{edge.pk}/enrol" in client.get("/").content.decode()
    issue_order(actor=make.SYSTEM, venue=venue, lines=[OrderLine(adult, 1, today(venue))], idempotency_key="k")
    edge.certificates.create(venue=venue, serial="1", not_after=timezone.now())
    page = text_of(client.get("/"))
    assert "Setting the venue up" not in page
    assert "Issue a ticket and try it at a gate" in page
    assert "Issue a ticket and try it" not in text_of(log_in("viewer").get("/"))
    present(gate, 7, at=timezone.now() - timedelta(days=30))
    assert "Nobody was admitted today, yesterday or on this day a week ago." in text_of(client.get("/"))
    present(gate, 8)
    assert client.get("/").context["board"].chart is not None


def test_figures_lead_to_their_rows(log_in, venue: Venue, gate: Device, adult: TicketProduct, edge: Edge):
    day = today(venue)
    present(gate, 11, persons=4)
    present(gate, 12, reason=Reason.USED_UP)
    present(gate, 13, at=calendar_of(venue).start(day - timedelta(days=1)), persons=2)
    orders = [
        issue_order(actor=make.SYSTEM, venue=venue, lines=[OrderLine(adult, 1, day)], idempotency_key=key)
        for key in "ab"
    ]
    revoke_order(actor=make.SYSTEM, venue=venue, order=orders[0], why="x")
    Case.objects.create(venue=venue, key="k", kind="unknown", at=timezone.now(), business_day=day, edge=edge)
    raise_alarm("edge.silent", edge, venue)
    client = log_in()
    response = client.get("/overview/board")
    text = text_of(response)
    assert "Admitted today 4 +100 % on yesterday by now · +4 on a week ago" in text
    assert "Refused today 1 50 % of all presented" in text
    assert "Sold today ¥160.00 2 orders · 1 of them revoked" in text
    assert "Open conflicts 1 wait for somebody" in text
    assert "West gate 4" in text
    assert "Used up 1" in text
    for address in re.findall(r'href="([^"]+)"', response.content.decode()):
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address
    links = [one.replace("&amp;", "&") for one in re.findall(r'href="(/admissions[^"]+)"', response.content.decode())]
    found = [client.get(one).content.decode().count('class="pf-row-link"') for one in links]
    assert found == [1, 1, 1, 1]


def test_who_sees_no_orders_sees_no_sales(log_in, venue: Venue, gate: Device):
    from cloud.staff.services import create_role, grant_role

    client = log_in(None)
    role = create_role(actor=make.SYSTEM, venue=venue, name_zh="闸口", permissions=["live.view"])
    from cloud.staff.models import Employee

    grant_role(actor=make.SYSTEM, employee=Employee.objects.get(username="u-None"), role=role.key, venue=venue)
    page = client.get("/").content.decode()
    assert "Admitted today" in page
    assert "Sold today" not in page
    assert "Open conflicts" not in page
    assert "/orders" not in page
    assert "/admissions" not in page


def test_hours_of_three_days_side_by_side(venue: Venue, gate: Device):
    day = today(venue)
    start = calendar_of(venue).start(day)
    now = start + timedelta(hours=2, minutes=30)
    for hours, persons in ((0.5, 1), (2.2, 3), (-23.5, 5), (-24 * 7 + 2.1, 7)):
        present(gate, 1, at=start + timedelta(hours=hours), persons=persons)
    found = figures.hours(venue, day, now, EVERYWHERE)
    assert [one.persons[:4] for one in found] == [(1, 0, 3, None), (5, 0, 0, 0), (0, 0, 7, 0)]
    assert [one.total for one in found] == [4, 5, 7]
    assert {len(one.persons) for one in found} == {24}
    assert figures.admitted_until(venue, day - timedelta(days=1), timedelta(minutes=29), EVERYWHERE) == 0
    assert figures.admitted_until(venue, day - timedelta(days=1), timedelta(minutes=31), EVERYWHERE) == 5
    assert figures.by_station(venue, day, EVERYWHERE) == [(gate.station_id, 4)]
    assert figures.by_station(venue, day, Reach(stations=frozenset())) == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_day_that_starts_at_four_begins_its_chart_there(log_in, venue: Venue, gate: Device, language: str):
    present(gate, 1)
    Venue.objects.filter(pk=venue.pk).update(day_start_minutes=240)
    page = log_in(language=language).get("/").content.decode()
    assert re.search(r'pf-chart-ticks" aria-hidden="true"><span[^>]*>04:00', page)
