"""A ticket on a phone: its code read back from the screen, without network, and its scripts against the real thing."""

from __future__ import annotations

import hashlib
import os
import random
import re
import string
from collections.abc import Iterator
from io import BytesIO

import pytest
import segno
import zxingcpp
from django.core.cache import cache
from django.db import transaction
from django_scopes import scope
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cloud.catalog.rules import ProductRules
from cloud.core.business_day import today
from cloud.entitlements import day_keys, links, services
from cloud.entitlements.models import Entitlement
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Venue
from paifang import base45
from paifang.rotating import parse_line, step_of
from tests.support import venue as make
from tests.support.browser import chromium  # noqa: F401 - a fixture
from tests.support.budget import budget

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]
expect.set_options(timeout=15_000)  # a busy machine
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
SHOTS = os.environ.get("PAIFANG_SHOTS")  # a folder: what the phone shows is kept there to be looked at


@pytest.fixture
def park(transactional_db: None) -> Iterator[Venue]:
    cache.clear()
    venue = make.make_venue(name_zh="云山风景区", name_en="Yunshan Scenic Area")
    with scope(venue=venue):
        yield venue


@pytest.fixture
def ticket(park: Venue) -> Entitlement:
    product = make.make_product(
        park, "e", name_zh="电子家庭票", name_en="Family e-ticket", rules=ProductRules(rotating=True), persons=4,
        stations=[make.make_station(park)],
    )  # fmt: skip
    line = OrderLine(product, 1, today(park), [VisitorInput("王小明")])
    return issue_order(actor=make.SYSTEM, venue=park, lines=[line], idempotency_key="e").units.get().entitlement


@pytest.fixture
def phone(chromium: Browser, live_server) -> Iterator[BrowserContext]:  # noqa: F811
    context = chromium.new_context(base_url=live_server.url, **PHONE)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    context.close()
    assert errors == []


def read(page: Page, name: str) -> str:
    """What a scanner reads from the screen."""
    picture = page.screenshot()
    if SHOTS:
        with open(f"{SHOTS}/{name}.png", "wb") as file:
            file.write(picture)
    [found] = zxingcpp.read_barcodes(Image.open(BytesIO(picture)))
    return found.text


def ready(page: Page, state: str = "live") -> None:
    expect(page.locator(f'#ticket[data-state="{state}"]')).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_code_on_the_screen_opens_the_gate_and_changes(
    park: Venue, ticket: Entitlement, phone: BrowserContext, language: str
) -> None:
    page = phone.new_page()
    page.goto(f"/t/{links.token_of(ticket)}?lang={language}")
    ready(page)
    shown = parse_line(read(page, f"live-{language}").encode())
    assert shown.proves(day_keys.key_of(park, today(park)))
    assert shown.issued.digest == bytes(ticket.pass_digest)
    now_ms = page.evaluate("Date.now()")
    assert step_of(now_ms) - shown.step in (0, 1)
    expect(page.locator("#left dd")).to_have_text("4 / 4")
    expect(page.locator("dl")).to_contain_text("王**")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#code").bounding_box()["width"] >= 340  # type: ignore[index]
    # A step later, by both of the browser's clocks.
    page.evaluate(
        "for (const one of [Date, performance]) { const now = one.now.bind(one); one.now = () => now() + 15e3 }"
    )
    page.wait_for_function("(before) => document.querySelector('#code path').getAttribute('d') !== before",
                           arg=page.locator("#code path").get_attribute("d"))  # fmt: skip


def test_it_works_without_network_for_the_day_and_says_when_it_is_out_of_date(
    park: Venue, ticket: Entitlement, phone: BrowserContext
) -> None:
    page = phone.new_page()
    page.goto(f"/t/{links.token_of(ticket)}?lang=en")
    ready(page)
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function(
        "async () => (await (await caches.open('tickets-1')).keys()).some((one) => one.url === location.href)"
    )
    phone.set_offline(True)
    page.reload()
    ready(page)
    expect(page.locator('[data-when="offline"]')).to_be_visible()
    assert parse_line(read(page, "offline").encode()).proves(day_keys.key_of(park, today(park)))
    page.evaluate("Date.now = ((real) => () => real() + 26 * 3600e3)(Date.now)")
    # The phone's clock was set: it does not lead the code astray, and the day is not over by it.
    page.wait_for_timeout(500)
    ready(page)
    told = page.evaluate("JSON.parse(Object.values(sessionStorage)[0])")
    page.evaluate("(told) => sessionStorage.setItem(Object.keys(sessionStorage)[0], JSON.stringify(told))",
                  told | {"until_ms": told["now_ms"] - 1})  # fmt: skip
    page.reload()
    ready(page, "stale")
    expect(page.locator("#code")).to_be_hidden()
    phone.set_offline(False)
    ready(page)
    other = phone.new_page()
    phone.set_offline(True)
    other.goto(page.url)
    ready(other, "none")
    if SHOTS:
        other.screenshot(path=f"{SHOTS}/none.png")


def test_an_ended_and_a_renewed_ticket_show_no_code(park: Venue, ticket: Entitlement, phone: BrowserContext) -> None:
    page = phone.new_page()
    path = f"/t/{links.token_of(ticket)}?lang=zh"
    page.goto(path)
    ready(page)
    with transaction.atomic():
        services.revoke(park, [ticket], Entitlement.State.REVOKED)
    page.reload()
    ready(page, "ended")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/ended-zh.png")
    expect(page.locator("#code")).to_be_hidden()
    Entitlement.objects.update(pass_digest=b"x" * 16)
    page.reload()
    expect(page.get_by_role("heading")).to_have_text("此处没有票")


def test_the_scripts_do_what_the_real_ones_do(park: Venue, ticket: Entitlement, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"/t/{links.token_of(ticket)}?lang=en")
    source = random.Random(45)
    cases = [source.randbytes(length) for length in (0, 1, 2, 3, 64, 127, 128, 129, 300)]
    keys = [source.randbytes(length) for length in (0, 1, 32, 64)]
    texts = ["".join(source.choices(string.digits + string.ascii_uppercase + " $%*+-./:", k=length))
             for length in range(1, 400, budget(29, 3))] + ["A" * 3391]  # fmt: skip
    said = page.evaluate(
        """async ([cases, keys, texts]) => {
            const part = (name) => import(`/static/storefront/${name}.js`);
            const [{ encode }, { blake2b }, qr, { bytes }] =
                await Promise.all([part("base45"), part("blake2b"), part("qr"), part("pass")]);
            const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
            return {
                base45: cases.map((one) => encode(bytes(one))),
                blake: cases.flatMap((one) => keys.map((key) => hex(blake2b(bytes(one), bytes(key), 32)))),
                codes: texts.map((text) => qr.encode(text).map((row) => row.join(""))),
            };
        }""",
        [[one.hex() for one in cases], [key.hex() for key in keys], texts],
    )
    assert said["base45"] == [base45.encode(one).decode() for one in cases]
    assert said["blake"] == [
        hashlib.blake2b(one, key=key, digest_size=32).hexdigest() for one in cases for key in keys
    ]  # fmt: skip
    for text, rows in zip(texts, said["codes"], strict=True):
        size = len(rows)
        expected = segno.make_qr(text, error="m", boost_error=False)
        assert size == len(expected.matrix), "the smallest version"
        module = 3
        picture = Image.new("L", ((size + 8) * module,) * 2, 255)
        for y, row in enumerate(rows):
            for x, dark in enumerate(row):
                if dark == "1":
                    picture.paste(0, ((x + 4) * module, (y + 4) * module, (x + 5) * module, (y + 5) * module))
        [found] = zxingcpp.read_barcodes(picture)
        assert found.text == text
        assert re.match(r"M", str(found.ec_level))
        # Pattern for pattern the same, whichever mask was liked best.
        masks = [segno.make_qr(text, error="m", boost_error=False, mask=mask).matrix for mask in range(8)]
        assert rows in [["".join(map(str, line)) for line in matrix] for matrix in masks]
