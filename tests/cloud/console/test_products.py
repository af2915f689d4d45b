"""Products in the console: what their sentence says, money as it is typed, edits beside tickets already sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from cloud.admin.kit.yuan import YuanField, yuan
from cloud.admin.sections.product_words import sentence
from cloud.catalog import product_services
from cloud.catalog import selectors as catalog
from cloud.catalog.models import TicketProduct
from cloud.catalog.services import MAX_PRICE_FEN
from cloud.entitlements import live_services
from cloud.venues.models import Venue
from tests.support import venue as make

SPEC = {"specs": ["0"], "specs-0-code": "family"}


@pytest.fixture
def family(venue: Venue) -> TicketProduct:
    return product_services.create_draft(
        actor=make.SYSTEM, venue=venue, kind="ticket", name_zh="家庭票", name_en="Family", code="family"
    )


def save_price(client: Client, product: TicketProduct, typed: str) -> Any:
    """The block of prices with one spec, as a browser sends it."""
    url = f"/products/{product.pk}/setup/price"
    seen = client.get(url).context["seen"]
    sent = SPEC | {"specs-0-pk": product.specs.get().pk, "specs-0-price": typed}
    return client.post(url, sent | {"_seen": seen})


def said(product: TicketProduct) -> tuple[str, str]:
    with translation.override("en"):
        english = sentence(product)
    with translation.override("zh-hans"):
        return english, sentence(product)


def test_what_the_gate_will_do_in_both_languages(venue, west, east):
    live_services.join_groups(actor=make.SYSTEM, venue=venue, station=west, others=[east])
    family = make.make_product(venue, persons=4, stations=[west, east])
    assert said(family) == (
        "Admits 4 persons once, on the booked day, at West gate or East gate.",
        "预订当日，在西门或东门放行 4 人，1 次。",
    )


def test_stations_that_count_apart_are_said_apart(venue, west, east):
    week = make.make_product(venue, validity="open", valid_days=7, uses=2, stations=[west, east])
    assert said(week) == (
        "Admits 1 person 2 times at each of these, within 7 days from its sale: West gate; East gate.",
        "自售出起 7 天内，在以下各处分别放行 1 人，2 次：西门；东门。",
    )


def test_without_stations_it_admits_nobody(venue):
    assert said(make.make_product(venue)) == (
        "No gate admits it: no station verifies it.",
        "没有站点验此票，任何闸口都不放行。",
    )


@given(st.integers(0, MAX_PRICE_FEN))
def test_every_price_goes_through_the_form_unchanged(fen):
    assert YuanField(max_fen=MAX_PRICE_FEN).clean(yuan(fen)) == fen


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_what_is_no_whole_number_of_fen_is_refused(amount: Decimal):
    fits = amount.is_finite() and 0 <= amount <= MAX_PRICE_FEN // 100
    try:
        fen = YuanField(max_fen=MAX_PRICE_FEN).clean(str(amount))
    except forms.ValidationError:
        return
    assert fits
    assert fen == amount * 100


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("80", 8000),
        ("12.5", 1250),
        ("12.50", 1250),
        ("0", 0),
        ("0.01", 1),
        ("0e999999", 0),
        ("0.29", 29),
        ("1000000", 100_000_000),
    ],
)
def test_prices_are_stored_in_fen_exactly(venue, family, log_in, typed, fen):
    response = save_price(log_in(), family, typed)
    assert response.status_code == 302
    assert family.specs.get().price_fen == fen


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("12.345", "At most two digits after the point: nothing is smaller than a fen."),
        ("-1", "An amount is not negative."),
        ("1000000.01", "That is too much."),
        ("1e9999", "That is too much."),
        ("1e999999", "That is too much."),
        ("NaN", "Enter an amount in yuan, such as 80 or 12.50."),
        ("eighty", "Enter an amount in yuan, such as 80 or 12.50."),
    ],
)
def test_wrong_prices_are_refused_beside_the_field(venue, family, log_in, typed, why):
    response = save_price(log_in(), family, typed)
    assert response.status_code == 422
    [row] = response.context["form"]["specs"].forms
    assert row.errors == {"price": [why]}
    assert 'id="id_specs-0-price_error"' in response.content.decode()
    assert family.specs.get().price_fen is None


def test_a_code_that_is_taken_is_said_beside_the_code(venue, adult, log_in):
    response = log_in().post("/products/new", {"kind": "ticket", "name_zh": "家庭票", "code": "adult"})
    assert response.context["form"].errors == {"code": ["The code adult is taken."]}


def test_the_page_says_what_the_gate_will_do(venue, week, log_in):
    page = log_in().get(f"/products/{week.pk}").content.decode()
    assert '<p class="pf-card-body">Admits 1 person once, within 7 days from its sale, at West gate.</p>' in page


def test_off_sale_and_on_sale_again(venue, adult, log_in):
    client = log_in()
    for key, on_sale in (("stop", False), ("sell", True)):
        client.post(f"/products/do/{key}", {"pk": adult.pk})
        assert catalog.products(venue).get().on_sale is on_sale
