"""Products: their numbers, limits and rule sets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog import selectors, services
from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.core.errors import DomainError
from cloud.entitlements.models import FeedRow
from cloud.venues.models import Station, Venue
from paifang.rulesets import RuleFlag, RuleSet
from tests.support.race import race
from tests.support.venue import SYSTEM, make_product

pytestmark = pytest.mark.django_db


def test_each_product_gets_the_next_class(venue: Venue, west: Station) -> None:
    first, second = make_product(venue, "a", stations=[west]), make_product(venue, "b")
    assert (first.product_class, second.product_class) == (1, 2)
    assert (list(first.stations.all()), list(second.stations.all())) == ([west], [])
    assert [(spec.code, spec.price_fen, spec.status) for spec in first.specs.all()] == [("a", 8000, "on")]


@pytest.mark.django_db(transaction=True)
def test_products_made_at_once_get_different_classes(venue: Venue) -> None:
    made = race(venue, *(lambda code=code: make_product(venue, code) for code in "abcd"))
    assert sorted(product.product_class for product in made) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"code": "adult"}, "product.code"),
        ({"code": ""}, "input.required"),
        ({"name_zh": ""}, "input.required"),
        ({"price_fen": -1}, "input.range"),
        ({"price_fen": 100_000_001}, "input.range"),
        ({"persons": 0}, "input.range"),
        ({"persons": 128}, "input.range"),
        ({"uses": -1}, "input.range"),
        ({"valid_days": 0}, "input.range"),
        ({"validity": "for ever"}, "product.validity"),
    ],
)
def test_bad_products_are_refused(venue: Venue, adult: TicketProduct, fields: dict[str, Any], code: str) -> None:
    rows = FeedRow.objects.count()
    with pytest.raises(DomainError) as refused:
        make_product(venue, **({"code": "fresh"} | fields))
    assert refused.value.code == code
    assert (TicketProduct.objects.count(), FeedRow.objects.count()) == (1, rows)


@pytest.mark.parametrize("price", [80.0, True, "8000"])
def test_money_is_integer_fen(venue: Venue, price: Any) -> None:
    with pytest.raises(TypeError, match="integer number of fen"):
        make_product(venue, price_fen=price)


def test_the_classes_of_a_venue_may_run_out(venue: Venue, adult: TicketProduct) -> None:
    TicketProduct.objects.filter(pk=adult.pk).update(product_class=65535)
    with pytest.raises(DomainError) as refused:
        make_product(venue, "one-more")
    assert refused.value.code == "product.class"


def test_equal_rules_are_one_snapshot_whatever_the_product(venue: Venue) -> None:
    one, two, other = make_product(venue, "a"), make_product(venue, "b", price_fen=1), make_product(venue, "c", uses=3)
    assert services.snapshot_rules(one) == services.snapshot_rules(two) != services.snapshot_rules(other)
    assert RuleSnapshot.objects.count() == 2


@given(st.integers(1, 10_000), st.booleans())
def test_rules_compile_to_what_the_gates_read(uses: int, keep: bool) -> None:
    rules = services.compile_rules(TicketProduct(uses=uses, keep_on_timeout=keep))
    assert RuleSet.unpack(rules.pack()) == rules
    assert rules.uses_per_group == uses
    assert rules.flags == (RuleFlag.KEEP_ON_TIMEOUT if keep else RuleFlag(0))


@pytest.mark.spec("T-12")
def test_off_sale_and_on_again(venue: Venue, adult: TicketProduct) -> None:
    for wanted in (False, True):
        services.set_on_sale(actor=SYSTEM, venue=venue, product=adult, on_sale=wanted)
        assert selectors.products(venue).get().on_sale is wanted
