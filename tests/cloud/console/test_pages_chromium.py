"""The pages in a real browser: at three widths, in both languages, refreshing, printing, by keyboard."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from django.db import connection
from PIL import Image
from playwright.sync_api import Page, expect

from cloud.admissions.models import JournalEntry
from cloud.catalog.models import TicketProduct
from cloud.entitlements.selectors import pass_line
from cloud.sales.models import Order, OrderUnit
from cloud.venues.models import Device, Station, Venue
from paifang.reasons import Reason
from tests.support.browser import LONG, fits
from tests.support.presented import present

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="pages look the same from every database: once is enough"),
]
# What a person presses: not the one that Enter finds, nor those of a form's rows.
SUBMIT = "main button[type=submit]:not(.pf-enter):not([data-row-do]):not([name=_redraw])"


def order_of(venue: Venue) -> Order:
    return Order.objects.get(venue=venue)


@pytest.mark.parametrize(("language", "heading"), [("zh-hans", "登录"), ("en", "Log in")])
def test_login(park, open_page, language, heading):
    page = open_page(language=language, log_in=False)
    page.goto("/orders")
    expect(page.locator("h1")).to_have_text(heading)
    fits(page)
    page.fill("#id_username", "lin")
    page.fill("#id_password", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_be_focused()
    fits(page)
    page.fill("#id_password", "correct horse battery")
    page.click("main button[type=submit]")
    page.wait_for_url("**/orders")


@pytest.mark.parametrize(
    ("language", "words"), [("zh-hans", ("实时", "就绪", "次数已用完")), ("en", ("Live", "Ready", "Used up"))]
)
def test_live_page(park, open_page, language, words):
    page = open_page(language=language)
    for word in words:
        expect(page.locator("#board")).to_contain_text(word)
    assert page.locator(".pf-lane").count() == 12
    assert page.locator(".pf-chart-bar").count() == 30
    fits(page)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_order_pages(park, open_page, language):
    page = open_page(language=language)
    order = order_of(park)
    number = order.number
    for address in ("/orders", "/orders?q=nothing", "/orders/new", f"/orders/{number}", f"/orders/{number}/1/qr",
                    f"/orders/do/revoke?pk={order.pk}", f"/orders/{number}/1/reissue"):  # fmt: skip
        page.goto(address)
        fits(page)


def test_the_live_page_refreshes_without_flicker_and_shows_what_is_new(park, open_page):
    page = open_page()
    lane = Device.objects.get(venue=park, identifier="LANE-3")
    first = page.locator(f"#lane-{lane.pk}").element_handle()
    page.focus(f"#lane-{lane.pk} .pf-lane-switch")
    present(lane, 4242, reason=Reason.FORGED)
    expect(page.locator("#board")).to_contain_text("Forged")
    assert page.evaluate("node => node.isConnected", first)  # the same node: changed, not replaced
    expect(page.locator(f"#lane-{lane.pk} .pf-lane-switch")).to_be_focused()


def test_a_lost_connection_is_said_and_healed(park, open_page):
    page = open_page()
    note = page.locator(".pf-lost-note")
    expect(note).to_be_hidden()
    page.context.set_offline(True)
    expect(note).to_be_visible()
    expect(note).to_have_text("Connection lost, retrying")
    assert page.locator(".pf-lane").count() == 12  # what was known stays
    page.context.set_offline(False)
    expect(note).to_be_hidden()


def test_a_failing_server_is_not_shown_as_the_board(park, open_page):
    page = open_page()
    page.route("**/live/board", lambda route: route.fulfill(status=503, body="<h1>Bad gateway</h1>"))
    expect(page.locator(".pf-lost-note")).to_be_visible()
    assert "Bad gateway" not in page.content()
    page.unroute("**/live/board")
    expect(page.locator(".pf-lost-note")).to_be_hidden()


def test_a_hidden_tab_asks_nothing(park, open_page):
    page = open_page()
    page.clock.install()
    page.goto("/live")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/live/board" in request.url else None)
    with page.expect_response("**/live/board"):
        page.clock.run_for(2000)
    hidden = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    turned = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(f"() => {{ {hidden % 'true'}; {turned} }}")
    page.clock.run_for(5000)  # the one that was due
    before = len(asked)
    page.clock.run_for(60_000)
    assert len(asked) == before
    page.evaluate(f"() => {{ {hidden % 'false'}; {turned} }}")
    with page.expect_response("**/live/board"):
        page.clock.run_for(100)


def test_a_lane_is_taken_out_of_service_from_its_card(park, open_page):
    page = open_page()
    lane = Device.objects.get(venue=park, identifier="LANE-3")
    page.click(f"#lane-{lane.pk} .pf-lane-switch")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Take LANE-3 out of service?")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.click(f"#lane-{lane.pk} .pf-lane-switch")
    page.click("dialog[open] button[type=submit]")
    expect(page.locator("[data-toast]")).to_contain_text("LANE-3 is out of service.")
    lane.refresh_from_db()
    assert not lane.enabled


def test_a_double_click_issues_one_order(park, open_page):
    page = open_page()
    page.goto("/orders/new")
    page.locator("input[name=product]").check(force=True)
    page.fill("#id_quantity", "3")
    expect(page.locator(".pf-total")).to_have_text("Total ¥240.00")
    page.dblclick(SUBMIT)
    page.wait_for_url("**/orders/2*")
    expect(page.locator("[data-toast]")).to_contain_text("Issued 3 tickets.")
    assert Order.objects.filter(venue=park).count() == 2


def test_by_keyboard_alone(park, open_page):
    page = open_page()
    page.goto("/orders")
    page.keyboard.press("Tab")
    expect(page.locator(".pf-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Export")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("main a[href='/orders/new']")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/new")


def test_dark_follows_the_system_and_the_choice_is_kept(park, open_page):
    page = open_page(dark=True)
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    dark = page.evaluate(background)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"  # paper is
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="dark")
    page.click(".pf-user")
    page.click("[data-theme-choice=light]")
    assert page.evaluate(background) != dark
    page.goto("/orders")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"


def test_switching_the_language_stays_on_the_page(park, open_page):
    page = open_page(language="zh-hans")
    page.goto("/orders?q=x")
    page.click(".pf-language-button")
    expect(page.locator("h1")).to_have_text("Orders")
    assert page.url.endswith("/orders?q=x")


@pytest.mark.parametrize("how", ["screen", "phone", "dark", "paper"])
def test_a_scanner_reads_the_code_off_the_page(park, open_page, tmp_path, how):
    unit = OrderUnit.objects.select_related("entitlement").get(order=order_of(park), position=1)
    page = open_page(390 if how == "phone" else 1440, dark=how == "dark")
    if how == "paper":
        page.emulate_media(media="print")
    page.goto(f"/orders/{order_of(park).number}/1/qr")
    picture = tmp_path / "code.png"
    page.screenshot(path=picture)
    (found,) = zxingcpp.read_barcodes(Image.open(picture))
    assert found.text == pass_line(unit.entitlement)
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    if how == "paper":
        for hidden in (".pf-side", ".pf-top", ".pf-no-print"):
            expect(page.locator(hidden).first).to_be_hidden()


def test_colours_have_contrast(park, open_page):
    """Text on its ground, in both themes: at least 4.5 to 1 (WCAG 2 AA)."""
    pairs = [("ink", "canvas"), ("ink-2", "surface"), ("ink-3", "surface"), ("ink-3", "canvas"), ("ink-3", "sunken"),
             ("accent", "surface"), ("accent", "accent-soft"), ("on-accent", "accent"), ("surface", "bad"),
             *((tone, f"{tone}-soft") for tone in ("good", "busy", "warn", "bad", "idle"))]  # fmt: skip
    for dark in (False, True):
        page = open_page(dark=dark, log_in=False)
        page.goto("/login")
        for text, ground in pairs:
            ratio = contrast(token(page, text), token(page, ground))
            assert ratio >= 4.5, f"{text} on {ground}, {'dark' if dark else 'light'}: {ratio:.2f}"


def token(page: Page, name: str) -> str:
    value: str = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--pf-{name}')")
    return value.strip().lstrip("#")


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_section_pages(park, open_page, language):
    page = open_page(language=language)
    device = Device.objects.filter(venue=park, name=LONG).get()
    for address in ("/stations", "/stations?q=nothing", f"/stations/{device.station_id}", "/stations/new",
                    f"/stations/{device.station_id}/edit", "/devices?kind=gate", f"/devices/{device.pk}",
                    f"/devices/do/move?pk={device.pk}", "/devices/new", "/edges", "/edges/new",
                    f"/edges/{device.edge_id}", f"/edges/{device.edge_id}/enrol"):  # fmt: skip
        page.goto(address)
        fits(page)


def test_pages_of_the_venue_fit(park, open_page):
    page = open_page(language="zh-hans")
    entry = JournalEntry.objects.filter(venue=park).latest("at")
    group = Station.objects.get(venue=park, number=1).group_id
    for address in ("/", "/admissions", f"/admissions/{entry.pk}", "/conflicts", "/groups", f"/groups/{group}",
                    f"/settings/{park.pk}", "/keys"):  # fmt: skip
        page.goto(address)
        fits(page)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_an_enrolment_token(park, open_page, language):
    page = open_page(language=language)
    page.goto(f"/edges/{Device.objects.filter(venue=park, name=LONG).get().edge_id}/enrol")
    page.locator("main form button").click()
    expect(page.locator("#token")).to_have_text(re.compile(r"[A-Z2-7]{26}\.[0-9a-f]{64}"))
    fits(page)


def test_sections_by_keyboard(park, open_page):
    page = open_page()
    page.keyboard.press("g")
    page.locator("#palette-q").fill("LANE-3")
    expect(page.locator("#palette-found a")).to_have_count(3)  # the lane, its station, its edge
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("LANE-3")
    page.goto("/stations")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("LANE-9")
    page.keyboard.press("Enter")
    expect(page.locator(".pf-row-link")).to_have_count(1)
    page.keyboard.press("j")
    expect(page.locator(".pf-row-link")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("main a", has_text="Edit").click()
    page.locator("#id_name_en").fill("Far east")
    page.keyboard.press("Control+s")
    expect(page.locator("h1")).to_contain_text("Far east")


def test_a_list_is_sorted_on_a_phone_by_keyboard(park, open_page):
    page = open_page(width=390)
    page.goto("/devices?kind=gate")
    order = page.get_by_label("Sort by")
    order.focus()
    page.keyboard.type("Identifier, d")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=-identifier**")
    assert "kind=gate" in page.url
    expect(page.locator("tbody tr").first).to_contain_text("LANE-9")
    expect(order).to_have_value("-identifier")
    fits(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(order).to_be_hidden()
    page.click(".pf-finder-go button")  # a search keeps the order
    page.wait_for_url("**sort=-identifier**")


def test_rows_are_chosen_and_switched_together(park, open_page):
    page = open_page()
    page.goto("/devices")
    expect(page.locator("[data-bulk]")).to_be_hidden()
    page.locator("[data-choose-all]").check()
    expect(page.locator("[data-count]")).to_have_text("12")
    page.locator("[data-bulk] button", has_text="Disable").click()
    expect(page.locator("#dialog h1")).to_contain_text("12 rows")
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("[data-toast]")).to_contain_text("and 7 more")
    assert not Device.objects.filter(venue=park, enabled=True).exists()


def test_rows_of_a_form_are_added_and_taken_away_in_place(park, open_page):
    page = open_page()
    page.goto("/orders/new")
    page.fill("#id_quantity", "3")
    page.fill("#id_visitors-0-name", "甲")
    page.get_by_role("button", name="Add a visitor").click()
    expect(page.locator("#id_visitors-1-name")).to_be_focused()
    page.keyboard.type("乙")
    page.get_by_role("button", name="Add a visitor").click()
    page.keyboard.type("丙")
    page.locator("#visitors-1").get_by_role("button", name="Remove").click()
    expect(page.locator("[data-row-number]")).to_have_text(["1", "2"])
    page.click(SUBMIT)
    expect(page.locator(".pf-unit-who")).to_contain_text(["甲", "丙"])


def test_a_field_follows_another_while_one_types(park, open_page):
    page = open_page()
    adult = TicketProduct.objects.get()
    page.goto(f"/products/{adult.pk}/setup/order")
    expect(page.locator("#id_valid_days")).to_be_hidden()
    page.fill("#id_pay_minutes", "45")
    page.select_option("#id_date_kind", "open")
    expect(page.locator("#id_valid_days")).to_be_visible()
    expect(page.locator("#id_pay_minutes")).to_have_value("45")
    page.fill("#id_valid_days", "5")
    page.select_option("#id_date_kind", "single")
    expect(page.locator("#id_valid_days")).to_be_hidden()
