"""The by-hand story in Debian's Chromium, against the whole stack: a product is made, sold, shown, refused, revoked.

PAIFANG_SCREENSHOTS names a folder that gets a picture of every step at three widths; without it none is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cloud.demo import site
from tests.support.browser import WIDTHS, chromium, fits, holds
from tests.support.demo import Demo

__all__ = ["chromium"]  # a fixture
pytestmark = pytest.mark.chromium

PICTURES = os.environ.get("PAIFANG_SCREENSHOTS", "")


@dataclass(frozen=True, slots=True)
class Words:
    """What the reader of a language sees on the way. `{}` is a name."""

    locale: str
    code: str
    log_in: str
    user_name: str
    password: str
    overview: str
    open_menu: str
    products: str
    new_product: str
    product_code: str
    chinese_name: str
    english_name: str
    price: str
    save: str
    created: str
    orders: str
    issue_tickets: str
    quantity: str
    issue: str
    issued: str
    show_code: str
    entry_code: str
    used: str
    revoke: str
    why: str
    revoked: str
    everywhere: str
    live: str
    admitted: str
    used_at_sibling: str
    used_at: str
    revoked_verdict: str
    order_revoked: str
    take_out: str
    is_out: str
    out: str
    lane_closed: str
    put_back: str
    is_back: str
    ready: str
    product: str
    west_gate: str
    east_gate: str
    price_block: str
    gate_block: str
    publish_block: str


CHINESE = Words(
    locale="zh-CN", code="lookout-zh", log_in="登录", user_name="用户名", password="密码",
    overview="概览", open_menu="打开菜单", products="产品", new_product="新建产品", product_code="代码",
    chinese_name="中文名称", english_name="英文名称", price="价格（元）", save="保存", created="观景台票已创建。",
    orders="订单",
    issue_tickets="出票", quantity="数量", issue="出票", issued="已出票 {} 张。", show_code="二维码",
    entry_code="入园码", used="已使用", revoke="作废", why="原因", revoked="订单 {} 已作废。",
    everywhere="所有闸机已于", live="实时", admitted="通过", used_at_sibling="已在同类站点使用",
    used_at="已在同类站点入园。西大门", revoked_verdict="已作废", order_revoked="订单已被作废。",
    take_out="停用", is_out="{} 已停用。", out="已停用",
    lane_closed="通道停用", put_back="恢复使用", is_back="{} 已恢复使用。", ready="就绪", product="观景台票",
    west_gate="西大门", east_gate="东大门", price_block="价格和库存", gate_block="取票验票规则",
    publish_block="发布",
)  # fmt: skip

ENGLISH = Words(
    locale="en-GB", code="lookout-en", log_in="Log in", user_name="User name", password="Password",
    overview="Overview",
    open_menu="Open the menu", products="Products", new_product="New product", product_code="Code",
    chinese_name="Name in Chinese", english_name="Name in English", price="Price in yuan", save="Save",
    created="Lookout is created.", orders="Orders", issue_tickets="Issue tickets", quantity="Quantity", issue="Issue",
    issued="Issued {} ticket", show_code="QR code", entry_code="Entry code", used="Used", revoke="Revoke",
    why="Why", revoked="Order {} is revoked.", everywhere="Revoked at every gate", live="Live", admitted="Admitted",
    used_at_sibling="Used at sibling station",
    used_at="Already used at a station of the same group. West gate",
    revoked_verdict="Revoked", order_revoked="The order was revoked.", take_out="Take out of service",
    is_out="{} is out of service.", out="Out of service", lane_closed="Lane closed", put_back="Put back in service",
    is_back="{} is back in service.", ready="Ready", product="Lookout", west_gate="West gate", east_gate="East gate",
    price_block="Price and stock", gate_block="Pick-up and verification", publish_block="Publish",
)  # fmt: skip


@pytest.fixture
def browser_page(chromium: Browser, demo: Demo, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A newcomer's browser: nothing but the language it asks for. Fails on any error the browser reports."""
    words, width = request.param
    context = chromium.new_context(
        base_url=f"http://{demo.layout.web_address}", locale=words.locale, viewport={"width": width, "height": 900}
    )
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield context.new_page()
    context.close()
    assert errors == []


class Console:
    """What somebody does at the console, by the words on its buttons."""

    def __init__(self, page: Page, words: Words) -> None:
        self.page, self.words = page, words
        self.width = (page.viewport_size or {"width": 0})["width"]
        self.taken = 0

    def picture(self, name: str, page: Page | None = None) -> None:
        """The page holds at the story's own width. Where pictures are asked for, one of each width, and at all of them:
        that takes three times as long, and test_pages_chromium looks at the same pages at each."""
        page = page or self.page
        if not PICTURES:
            holds(page)
            return
        fits(page)
        self.taken += 1
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            folder = Path(PICTURES, self.words.locale)
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{self.taken:02}-{name}-{width}.png")
        page.set_viewport_size({"width": self.width, "height": 900})

    def log_in(self) -> None:
        self.page.goto("/")
        expect(self.page.locator("h1")).to_have_text(self.words.log_in)
        self.picture("login")
        self.page.get_by_label(self.words.user_name).fill("admin")
        self.page.get_by_label(self.words.password).fill(site.PASSWORD)
        self.page.get_by_role("button", name=self.words.log_in).click()
        expect(self.page.locator("h1")).to_have_text(self.words.overview)

    def go(self, entry: str, page: Page | None = None) -> None:
        """By the side navigation, which a phone opens with its button."""
        page = page or self.page
        menu = page.get_by_role("button", name=self.words.open_menu)
        if menu.is_visible():
            menu.click()
        page.locator("#side").get_by_role("link", name=entry, exact=True).click()
        expect(page.locator("h1")).to_have_text(entry)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def says(self, text: str) -> None:
        expect(self.page.locator("[data-toast]")).to_contain_text(text)

    def create_product(self) -> None:
        words, page = self.words, self.page
        self.go(words.products)
        page.get_by_role("link", name=words.new_product).click()
        for label, text in (
            (words.product_code, words.code), (words.chinese_name, "观景台票"), (words.english_name, "Lookout"),
        ):  # fmt: skip
            page.get_by_label(re.compile(rf"^{re.escape(label)}")).fill(text)
        self.picture("product-form")
        self.button(words.save).click()
        self.says(words.created)
        self.block(words.price_block)
        page.get_by_label(re.compile(rf"^{re.escape(words.price)}")).fill("45.00")
        page.locator("#id_specs-0-category").select_option(index=1)
        self.button(words.save).click()
        self.says(words.price_block)
        self.block(words.gate_block)
        for station in (words.west_gate, words.east_gate):
            page.get_by_label(station).check()
        self.button(words.save).click()
        self.says(words.gate_block)
        self.block(words.publish_block)
        page.locator("#id_specs-0-status").select_option("on")
        self.button(words.save).click()
        self.says(words.publish_block)
        self.picture("product")

    def block(self, title: str) -> None:
        """To a block of the product's guided form."""
        self.page.locator(".pf-setup-steps").get_by_role("link", name=title).click()
        expect(self.page.locator("h1")).to_have_text(title)

    def issue(self, count: int) -> str:
        """Sells that many; the order's number."""
        words, page = self.words, self.page
        self.go(words.orders)
        page.get_by_role("link", name=words.issue_tickets, exact=True).click()
        page.locator("label", has_text=words.product).last.click()
        page.get_by_label(words.quantity).fill(str(count))
        self.picture("issue")
        self.button(words.issue).click()
        self.says(words.issued.format(count))
        return page.url.rsplit("/", 1)[-1]

    def show_code(self, position: int) -> None:
        self.page.locator(f"#unit-{position}").get_by_role("link", name=self.words.show_code).click()
        expect(self.page.locator("h1")).to_have_text(self.words.entry_code)
        expect(self.page.locator(".pf-qr-text")).to_contain_text("PF1:")

    def present(self, lane: str, verdict: str) -> Locator:
        """Shows the code to a lane; the answer, once the gate's record says what is expected."""
        self.page.locator(".pf-present-lanes button", has_text=lane).click()
        answer = self.page.locator("#verdict")
        expect(answer.locator("strong")).to_have_text(verdict)
        expect(answer).to_contain_text(lane)
        return answer

    def switch(self, card: Locator, button: str, says: str) -> None:
        card.get_by_role("link", name=button).click()
        self.page.locator("dialog[open]").get_by_role("button", name=button).click()
        self.says(says)


@pytest.mark.spec("S-11")
@pytest.mark.parametrize(
    ("browser_page", "words"), [((CHINESE, 1440), CHINESE), ((ENGLISH, 390), ENGLISH)], ids=["zh-hans", "en"],
    indirect=["browser_page"],
)  # fmt: skip
def test_the_story_by_hand(demo: Demo, browser_page: Page, words: Words) -> None:
    console, page = Console(browser_page, words), browser_page
    west_2, west_3, east_1 = "West 2", "West 3", "East 1"
    console.log_in()
    console.picture("overview")
    console.create_product()

    number = console.issue(2)
    console.picture("order")
    console.show_code(1)
    console.picture("code")
    live = page.context.new_page()  # a second tab, as at the gate supervisor's desk
    live.set_viewport_size({"width": console.width, "height": 900})
    live.goto("/live")
    seen = live.locator(".pf-lane", has_text=west_2)
    before = int(seen.locator(".pf-lane-counts b").inner_text().replace(",", ""))
    demo.told()
    console.present(west_2, words.admitted)
    console.picture("admitted")
    expect(seen.locator(".pf-lane-counts b")).to_have_text(f"{before + 1:,}")
    expect(seen.locator(".pf-lane-reason")).to_have_text(words.admitted)
    expect(live.locator("section[aria-labelledby=recent-title] tbody tr").first).to_contain_text(west_2)
    console.picture("live", live)

    refusal = console.present(east_1, words.used_at_sibling)
    expect(refusal).to_contain_text(re.compile(re.escape(words.used_at) + r" \d\d:\d\d:\d\d"))
    console.picture("refused")

    other = console.issue(1)
    console.button(words.revoke).or_(page.get_by_role("link", name=words.revoke, exact=True)).click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label(words.why).fill("Booked twice")
    console.picture("revoke")
    dialog.get_by_role("button", name=words.revoke).click()
    console.says(words.revoked.format(other))
    expect(page.locator("#spread")).to_contain_text(words.everywhere)
    console.picture("revoked")
    console.show_code(1)
    expect(console.present("West 1", words.revoked_verdict)).to_contain_text(words.order_revoked)
    console.picture("revoked-refused")

    console.go(words.live)
    card = page.locator(".pf-lane", has_text=west_3)
    console.switch(card, words.take_out, words.is_out.format(site.lane("WEST-3").name))
    expect(card).to_contain_text(words.out)
    console.picture("out-of-service")
    page.goto(f"/orders/{number}/2/qr")
    console.present(west_3, words.lane_closed)
    console.go(words.live)
    console.switch(card, words.put_back, words.is_back.format(site.lane("WEST-3").name))
    expect(card).to_contain_text(words.ready)
    page.goto(f"/orders/{number}/2/qr")
    console.present(west_3, words.admitted)

    page.goto(f"/orders/{number}")
    expect(page.locator("#unit-1")).to_contain_text(words.used)
    console.picture("order-used")
