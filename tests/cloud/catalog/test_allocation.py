"""A package's price over its tickets: the parts always sum to the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.catalog.allocation import allocate

MILLION_YUAN = 100_000_000


@pytest.mark.spec("T-38")
@pytest.mark.parametrize(
    ("price", "weights", "shares"),
    [
        (10_000, [8_000, 4_000], (6_667, 3_333)),
        (100, [1, 1, 1], (34, 33, 33)),
        (101, [1, 1, 1], (34, 34, 33)),
        (0, [5, 7], (0, 0)),
        (7, [0, 0], (4, 3)),
        (10_000, [0, 8_000], (0, 10_000)),
    ],
)
def test_shares(price: int, weights: list[int], shares: tuple[int, ...]) -> None:
    assert allocate(price, weights) == shares


@pytest.mark.spec("T-38")
@given(st.integers(0, MILLION_YUAN), st.lists(st.integers(0, MILLION_YUAN), min_size=1, max_size=30))
def test_shares_sum_to_the_price_and_keep_the_order_of_the_weights(price: int, weights: list[int]) -> None:
    shares = allocate(price, weights)
    assert sum(shares) == price
    assert min(shares) >= 0
    assert allocate(price, weights) == shares
    for one, mine in zip(weights, shares, strict=True):
        assert all(mine >= theirs - 1 for other, theirs in zip(weights, shares, strict=True) if one >= other)


@pytest.mark.parametrize(("price", "weights"), [(1, []), (-1, [1]), (1, [1, -1])])
def test_nothing_to_share(price: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="one ticket or more"):
        allocate(price, weights)
