"""Debian's Chromium for tests of pages: the browser, pages logged in, and a venue with enough to look at.

tests/cloud/console/conftest.py offers the fixtures.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scope
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cloud.core.business_day import today
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff.models import Employee
from cloud.venues.models import Device, Venue
from paifang.reasons import Reason
from tests.support import venue as make
from tests.support.presented import present

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (390, 820, 1440)
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
expect.set_options(timeout=15_000)  # a busy machine
BACKEND = "django.contrib.auth.backends.ModelBackend"
CUT = re.compile(
    r"ERR_INTERNET_DISCONNECTED|status of 503|Error Code 503 from /live/board|htmx:(sendError|sendAbort|afterRequest)"
)
LONG = "无障碍与团队专用通道 Wide lane for groups, prams and wheelchairs"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser. Playwright runs on asyncio's own loop: trio-asyncio, imported by tests of the edge, replaces it."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed")
    # Playwright runs an event loop in this thread, and Django takes that for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", asyncio.SelectorEventLoop)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield browser
            browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def park(transactional_db: None, report) -> Iterator[Venue]:
    """A venue with twelve lanes, traffic, an order; supervisor "lin" is an administrator."""
    venue = make.make_venue(capacity=500)
    with scope(venue=venue):
        make.make_actor(venue, "administrator", "lin")
        west, east = make.make_station(venue, "西大门", name_en="West gate"), make.make_station(venue, "东大门")
        edge = make.make_edge(venue)
        lanes = [make.make_gate(venue, west if n < 8 else east, f"LANE-{n}", edge) for n in range(12)]
        Device.objects.filter(pk=lanes[1].pk).update(name=LONG)
        adult = make.make_product(venue, stations=[west, east])
        issue_order(
            actor=make.SYSTEM, venue=venue, idempotency_key="k",
            lines=[OrderLine(adult, 1, today(venue), [VisitorInput("王小明", make.make_id_number())]),
                   OrderLine(adult, 2, today(venue))],
        )  # fmt: skip
        now = timezone.now()
        for n in range(60):
            reason = Reason.OK if n % 5 else Reason.USED_UP
            present(lanes[n % 12], 11 + n, reason=reason, at=now - timedelta(seconds=29 * n))
        report(edge, *lanes)
        yield venue


@pytest.fixture
def open_page(chromium: Browser, live_server):
    """Opens pages of a width, in a language, logged in; fails on any error the browser reports but a cut line."""
    contexts, errors = [], []

    def open_page(width: int = 1440, language: str = "en", log_in: bool = True, dark: bool = False) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, base_url=live_server.url, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        if log_in:
            client = Client()
            client.force_login(Employee.objects.get(username="lin"), backend=BACKEND)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
            page.goto("/live")
        return page

    yield open_page
    for context in contexts:
        context.close()
    unexpected = [error for error in errors if not CUT.search(error)]
    assert unexpected == [], unexpected


def fits(page: Page) -> None:
    """As `holds`, at each width."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(BEYOND) == 0
    holds(page)


def holds(page: Page) -> None:
    """Nothing sticks out to the side; every control has a name, the page one heading and one main."""
    assert page.evaluate(BEYOND) == 0
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select')]
            .filter(e => !(e.closest('[aria-hidden=true]') || e.textContent.trim() || e.getAttribute('aria-label') ||
                e.getAttribute('aria-labelledby') || e.labels?.length))
            .map(e => e.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("main h1").count() == 1  # an open dialog has its own
    assert page.locator("main").count() == 1
