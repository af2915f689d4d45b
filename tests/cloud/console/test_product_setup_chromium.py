"""One product of each type set up by keyboard alone, in Debian's Chromium; what is beside the form keeps up."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from cloud.catalog import product_services
from cloud.catalog.models import TicketProduct
from cloud.catalog.selectors import specs_on_sale
from tests.support import venue as make
from tests.support.browser import fits


def type_in(page: Page, selector: str, text: str) -> None:
    page.locator(selector).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def save(page: Page, title: str) -> None:
    page.keyboard.press("Control+s")
    expect(page.locator("[data-toast]")).to_contain_text(f"“{title}” is saved.")


def to_block(page: Page, title: str) -> None:
    page.locator(".pf-setup-steps").get_by_role("link", name=title).focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(title)


def begin(page: Page, kind: str, name: str) -> None:
    page.goto("/products/new")
    page.locator(f"input[name=kind][value={kind}]").focus()
    page.keyboard.press("Space")
    type_in(page, "#id_name_zh", name)
    page.keyboard.press("Control+s")
    expect(page.locator("h1")).to_have_text("Basic information")


def price_gate_and_publish(page: Page, price: str, gate: str) -> None:
    to_block(page, "Price and stock")
    type_in(page, "#id_specs-0-price", price)
    expect(page.locator(".pf-phone-specs")).to_contain_text(f"¥{price}")  # while one types
    save(page, "Price and stock")
    to_block(page, gate)
    page.locator("input[name=stations]").first.focus()
    if not page.locator("input[name=stations]").first.is_checked():
        page.keyboard.press("Space")
    expect(page.locator("#gate-sentence")).to_contain_text("Admits 1 person once")
    save(page, gate)
    to_block(page, "Publish")
    page.locator("#id_specs-0-status").focus()
    page.keyboard.type("On sale")
    save(page, "Publish")


@pytest.mark.spec("T-06", "T-36", "T-48")
def test_one_product_of_each_type_by_keyboard_alone(park, open_page):
    page = open_page()
    begin(page, "ticket", "索道票")
    price_gate_and_publish(page, "45.00", "Pick-up and verification")
    begin(page, "package", "两人套票")
    to_block(page, "Tickets in the package")
    type_in(page, "#id_parts-0-spec", "adult")
    type_in(page, "#id_parts-0-quantity", "2")
    save(page, "Tickets in the package")
    price_gate_and_publish(page, "120.00", "Pick-up and verification")
    begin(page, "annual", "年卡")
    to_block(page, "What the card is good for")
    type_in(page, "#id_rides-0-product", "adult")
    type_in(page, "#id_rides-0-total", "10")
    save(page, "What the card is good for")
    price_gate_and_publish(page, "300.00", "Activation and use")
    sold = [spec.product.kind for spec in specs_on_sale(park, timezone.now())]
    assert sold == ["ticket", "ticket", "package", "annual"]
    card = TicketProduct.objects.get(kind="annual")
    assert (card.specs.get().price_fen, card.card_parts.get().total) == (30000, 10)
    fits(page)


def test_texts_are_written_with_their_marks_and_nothing_is_lost_on_the_way(park, open_page):
    made = product_services.create_draft(actor=make.SYSTEM, venue=park, kind="ticket", name_zh="索道票")
    page = open_page()
    page.goto(f"/products/{made.pk}/setup/detail")
    page.get_by_role("textbox", name=re.compile("in English")).first.focus()
    page.keyboard.press("Control+b")
    page.keyboard.type("High up")
    expect(page.locator(".pf-phone-text")).to_contain_text("High up")
    save(page, "Product detail")
    made.refresh_from_db()
    assert made.texts == {"introduction": {"en": "<b>High up</b>"}}
    fits(page)
