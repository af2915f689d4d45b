"""Every page by axe-core, in light and dark: nothing serious or critical. And what axe cannot see."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django_scopes import scope
from playwright.sync_api import Page, expect

from cloud.admin import urls
from cloud.admin.desk import Desk
from cloud.admin.kit import registry
from cloud.admin.kit.section import Section
from cloud.sales.models import Order
from cloud.staff.models import Employee
from cloud.venues.models import Venue
from tests.cloud.console.test_conformance import SAMPLES

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="pages look the same from every database: once is enough"),
]
assert urls.app_name == "console"  # importing it registers the sections
BAD = ("serious", "critical")
SMALL = """() => [...document.querySelectorAll(
    'main button, main select, main summary, main .btn, main .form-control, .pf-top button'
)].filter(e => { const box = e.getBoundingClientRect(); return box.width > 1 && box.height > 1 &&
    box.height < 43.5 && !e.closest('.pf-enter, [hidden], thead') }).map(e => e.outerHTML.slice(0, 120))"""


def pages_of(section: Section, desk: Desk) -> list[str]:
    """Its list, a row, its forms and one confirmation."""
    with scope(venue=desk.venue):
        row = section.rows(desk).order_by("-pk").first() or SAMPLES[section.key](desk.venue, 0, "")
    found = [section.list_url, section.url(row)]
    found += [f"/{section.key}/new"] if section.create else []
    found += [section.url(row) + "/edit"] if section.edit and section.edit.offered(row) else []
    fitting = [action for action in section.actions if action.fits(row)]
    fitting.sort(key=lambda action: action.form is None)
    return found + [f"/{section.key}/do/{action.key}?pk={row.pk}" for action in fitting[:1]]


def findings(page: Page) -> list[str]:
    """In light everything, in dark the contrast. Without motion: colours on their way have another contrast."""
    page.emulate_media(reduced_motion="reduce")
    found = _run(page, None)
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    return found + _run(page, {"runOnly": ["color-contrast"]})


def _run(page: Page, options: dict[str, Any] | None) -> list[str]:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    # Only what is wrong is described in full: half of the time is saved.
    violations = Axe().run(page, options={"resultTypes": ["violations"], **(options or {})}).response["violations"]
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]}"
        for one in violations
        if one["impact"] in BAD
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("key", [section.key for section in registry.sections()])
def test_every_page_of_a_section(park: Venue, open_page, key):
    section = registry.find(key)
    assert section is not None
    desk = Desk(Employee.objects.get(username="lin"), park, (park,))
    page = open_page(log_in=True)
    found = []
    for address in pages_of(section, desk):
        response = page.goto(address)
        assert response is not None
        assert response.status == 200, address
        found += findings(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, address
        assert page.evaluate(SMALL) == [], address
        page.set_viewport_size({"width": 1440, "height": 900})
    assert found == []


def test_pages_of_their_own(park: Venue, open_page, settings):
    settings.DEBUG = True  # the style page
    page = open_page()
    found = []
    order = Order.objects.get(venue=park)
    product = f"/products/{order.units.first().product_id}"
    of_product = (f"{product}/calendar", f"{product}/setup/detail", f"{product}/setup/refund")
    of_order = ("/orders/new", f"/orders/{order.number}/1/qr")
    for address in ("/style", "/style/form", "/live", "/", *of_order, "/account", "/work", *of_product):
        response = page.goto(address)
        assert response is not None
        assert response.status == 200, address
        page.wait_for_load_state("networkidle" if address == "/style" else "load")
        found += findings(page)
    assert found == []


def test_the_door(park: Venue, open_page):
    page = open_page(log_in=False)
    page.goto("/login")
    found = findings(page)
    page.click("main button[type=submit]")
    found += findings(page)
    assert found == []


def test_the_dialogs(park: Venue, open_page):
    page = open_page()
    page.goto("/stations")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    found = _run(page, None)
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("g")
    expect(page.locator("#palette-q")).to_be_focused()
    assert found + _run(page, None) == []


def test_who_asks_for_less_motion_gets_less(park: Venue, open_page):
    page = open_page()
    page.emulate_media(reduced_motion="reduce")
    page.goto("/live")
    moving = """() => [...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);
        return parseFloat(s.transitionDuration) > 0.01 }).map(e => e.className)"""
    assert page.evaluate(moving) == []
