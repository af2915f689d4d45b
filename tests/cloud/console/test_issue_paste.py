"""A list of visitors pasted into the form that issues tickets: read as people write it, put into rows, looked at."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from cloud.admin.sections.people_list import read_people
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ProductRules
from cloud.core.business_day import today
from cloud.sales.models import Order
from cloud.venues.models import Station, Venue
from tests.support import venue as make

NUMBER = "11010519491231002X"


def asked(venue: Venue, **changes: Any) -> dict[str, Any]:
    return {
        "idempotency_key": "k1", "product": "adult", "quantity": "2", "visit_date": today(venue).isoformat(),
        "visitors": "0", "visitors-0-name": "", "visitors-0-id_number": "", "pasted": "",
        "pay_method": "cash",
    } | changes  # fmt: skip


def quantity(page: str) -> str:
    found = re.search(r'<input[^>]*name="quantity"[^>]*>', page)
    value = re.search(r'value="(\w*)"', found[0]) if found else None
    return value[1] if value else ""


@pytest.mark.spec("T-19")
def test_forty_visitors_are_pasted_looked_at_and_issued(log_in, venue: Venue, west: Station):
    make.make_product(venue, "named", rules=ProductRules(identity=True), stations=[west])
    people = [(f"游客{chr(0x4E00 + n)}", make.make_id_number(n)) for n in range(40)]
    text = "姓名\t身份证号\r\n" + "\r\n".join(f"{name}\t{number}" for name, number in people)
    client = log_in()
    sent = asked(venue, product="named", quantity="1", pasted=text) | {"_redraw": "1"}
    answer = client.post("/orders/new", sent, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert (answer.status_code, Order.objects.count()) == (200, 0)
    assert "<html" not in page
    assert quantity(page) == "40"
    rows = dict(re.findall(r'name="(visitors-\d+-\w+)" value="([^"]*)"', page))
    assert len(rows) == 80
    assert re.search(r'<textarea name="pasted"[^>]*>\s*</textarea>', page)
    numbers = re.findall(r'name="visitors" value="(\d+)"', page)
    filled = asked(venue, product="named", quantity="40", visitors=numbers, **rows)
    assert client.post("/orders/new", filled).status_code == 302
    units = list(Order.objects.get().units.select_related("visitor"))
    assert [one.visitor.name for one in units] == [name for name, _ in people]
    assert [one.visitor.id_number_last4 for one in units] == [number[-4:] for _, number in people]


def test_what_is_pasted_comes_behind_what_is_filled_in(log_in, venue: Venue, adult: TicketProduct):
    filled = {"visitors-0-name": "王小明", "pasted": f"李四,{NUMBER}", "quantity": "5"}
    page = log_in().post("/orders/new", asked(venue, **filled)).content.decode()
    assert Order.objects.count() == 0, "looked at first, also where the whole form was sent"
    assert re.findall(r'name="visitors-\d+-name" value="([^"]*)"', page) == ["王小明", "李四"]
    assert quantity(page) == "5"


def test_a_list_that_is_too_long_stays_where_it_is(log_in, venue: Venue, adult: TicketProduct):
    answer = log_in().post("/orders/new", asked(venue, pasted="王\n" * 101))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "At most 100" in page.split('id="id_pasted_error"')[1].split("</div>")[0]
    assert page.count("王\n") == 101


def test_a_wrong_number_stands_in_its_row(log_in, venue: Venue, adult: TicketProduct):
    client = log_in()
    page = client.post("/orders/new", asked(venue, pasted="王小明\t1101051949")).content.decode()
    assert 'value="1101051949"' in page
    row = {"visitors-0-name": "王小明", "visitors-0-id_number": "1101051949"}
    refused = client.post("/orders/new", asked(venue, **row))
    assert 'id="id_visitors-0-id_number_error"' in refused.content.decode()


@pytest.mark.parametrize(
    ("line", "person"),
    [
        (f"王小明\t{NUMBER}", ("王小明", NUMBER)),
        (f"Ann Lee\t{NUMBER}\t13800000000", ("Ann Lee", NUMBER)),
        (f"{NUMBER.lower()}，王小明", ("王小明", NUMBER.lower())),
        (f"Ann Lee {NUMBER}", ("Ann Lee", NUMBER)),
        (f"{NUMBER} Ann Lee", ("Ann Lee", NUMBER)),
        ("110105 19491231 002X;Ann Lee", ("Ann Lee", NUMBER)),
        ("王小明", ("王小明", "")),
        ("王小明\t1101051949", ("王小明", "1101051949")),
        (f"\t{NUMBER}", ("", NUMBER)),
    ],
)
def test_a_line_is_read_as_people_write_it(line: str, person: tuple[str, str]):
    assert read_people(f"{line}\n\n  \n{line}\n") == [person, person]


def test_a_header_is_nobody_and_a_name_is_no_header():
    assert read_people(f"Name,ID number\nAnn,{NUMBER}") == [("Ann", NUMBER)]
    assert read_people("王小明\n李四") == [("王小明", ""), ("李四", "")]
    assert read_people("王小明\t\n李四\t1") == [("王小明", ""), ("李四", "1")]
    assert read_people("") == []


@pytest.mark.chromium
def test_in_a_browser_the_field_is_empty_and_the_total_right_afterwards(park: Venue, open_page):
    page = open_page()
    page.goto("/orders/new")
    page.locator("#id_quantity").fill("2")
    page.locator("#id_pasted").fill("\n".join(f"游客{n}\t{make.make_id_number(100 + n)}" for n in range(3)))
    page.locator(".pf-paste button").click()
    expect(page.locator("[data-row]")).to_have_count(3)
    assert (page.locator("#id_pasted").input_value(), page.locator("#id_quantity").input_value()) == ("", "3")
    expect(page.locator(".pf-total")).to_contain_text("¥240.00")
    page.locator(".pf-form-foot button[type=submit]").click()
    expect(page.locator(".pf-unit")).to_have_count(3)
