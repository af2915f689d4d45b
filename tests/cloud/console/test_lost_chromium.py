"""In a real browser: a server that is slow or gone, a session that is lost, a page that is left open."""

from __future__ import annotations

import pytest
from django.db import connection
from playwright.sync_api import Page, Route, expect

from cloud.staff.models import LoginSession
from cloud.venues.models import Device

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="pages look the same from every database: once is enough"),
]


def lose_session(page: Page) -> None:
    page.context.clear_cookies(name="sessionid")


def log_in_again(page: Page) -> None:
    page.fill("#id_username", "lin")
    page.fill("#id_password", "correct horse battery")
    page.click("main button[type=submit]")


def test_a_slow_server_says_so_after_five_seconds_and_is_asked_again(park, open_page):
    page = open_page()
    page.clock.install(time=0)
    page.goto("/devices")
    page.clock.pause_at(60)  # from here on time passes as this test says
    held: list[Route] = []
    page.route("**/devices/do/disable*", lambda route: held.append(route))
    note, slow = page.locator("[data-unreached]"), page.locator("[data-unreached] [data-when=slow]")
    device = Device.objects.get(venue=park, identifier="LANE-3")
    page.locator(f"input[name=pk][value='{device.pk}']").check()
    with page.expect_request("**/devices/do/disable*"):
        page.locator("[data-bulk] button", has_text="Disable").click()
    page.clock.run_for(4_900)
    expect(note).to_be_hidden()
    page.clock.run_for(200)
    expect(slow).to_have_text("The server takes long. It may still answer.")
    expect(slow).to_be_visible()
    with page.expect_request("**/devices/do/disable*"):
        note.get_by_role("button", name="Try again").click()
    expect(note).to_be_hidden()
    assert len(held) == 2
    held[1].continue_()
    expect(page.locator("#dialog h1")).to_contain_text("LANE-3")
    page.clock.run_for(10_000)
    expect(note).to_be_hidden()


def test_a_server_that_is_gone_is_said_above_an_open_dialog_too(park, open_page):
    page = open_page()
    page.keyboard.press("g")
    page.route("**/go?*", lambda route: route.abort("internetdisconnected"))
    page.locator("#palette-q").fill("LANE-3")
    again = page.locator("[data-unreached]").get_by_role("button", name="Try again")
    expect(page.locator("[data-unreached] [data-when=lost]")).to_be_visible()
    page.unroute("**/go?*")
    again.click()
    expect(page.locator("#palette-found a")).to_have_count(3)
    expect(page.locator("[data-unreached]")).to_be_hidden()


def test_what_was_typed_survives_a_lost_session(park, open_page):
    page = open_page()
    page.goto("/stations/new")
    page.fill("#id_name_zh", "新站点")
    lose_session(page)
    page.click("[data-save]")
    log_in_again(page)
    expect(page.locator("#id_name_zh")).to_have_value("新站点")
    expect(page.locator("[data-restored]")).to_be_visible()
    page.click("[data-save]")
    expect(page.locator("h1")).to_contain_text("新站点")


def test_a_session_lost_in_a_bulk_action_comes_back_to_the_same_question(park, open_page):
    page = open_page()
    page.goto("/devices")
    for number in (3, 5):
        device = Device.objects.get(venue=park, identifier=f"LANE-{number}")
        page.locator(f"input[name=pk][value='{device.pk}']").check()
    page.locator("[data-bulk] button", has_text="Disable").click()
    question = page.locator("#dialog h1").text_content()
    assert question is not None
    assert "2 rows" in question
    lose_session(page)
    page.click("#dialog button[type=submit]")
    log_in_again(page)
    expect(page.locator("main h1")).to_have_text(question)
    assert Device.objects.filter(venue=park, enabled=False).count() == 0
    page.click("main .pf-confirm button[type=submit]")
    expect(page.locator("[data-toast]")).to_contain_text("LANE-3")
    off = Device.objects.filter(venue=park, enabled=False).values_list("identifier", flat=True)
    assert sorted(off) == ["LANE-3", "LANE-5"]


def test_a_page_left_open_says_that_it_asks_by_itself_and_leads_to_the_door_in_the_end(park, open_page, settings):
    page = open_page()
    with page.expect_request("**/live/board") as asked:
        pass
    assert asked.value.header_value("x-by-itself") == "1"
    settings.SESSION_IDLE_AGE = -1
    page.wait_for_url("**/login?next=/live")
    expect(page.locator("main")).to_contain_text("nothing was done for a long time")
    assert LoginSession.objects.get().ended_why == "idle"
