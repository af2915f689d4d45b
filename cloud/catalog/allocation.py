"""A package's price over its tickets: exact, the same every time, frozen at the sale (domain rule 5)."""

from __future__ import annotations

from collections.abc import Sequence


def allocate(price_fen: int, weights: Sequence[int]) -> tuple[int, ...]:
    """One share for each weight, in fen; their sum is the price. Pure.

    Each share is rounded down; the fen that are left go one each to the largest remainders, the earlier first. All
    weights 0: equal shares. Raises ValueError without weights, or on a negative number.
    """
    if not weights or min(weights) < 0 or price_fen < 0:
        raise ValueError("a price is shared among one ticket or more, none of it negative")
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    shares = [price_fen * weight // total for weight in weights]
    remainders = [price_fen * weight % total for weight in weights]
    left = price_fen - sum(shares)
    for place in sorted(range(len(weights)), key=lambda place: (-remainders[place], place))[:left]:
        shares[place] += 1
    return tuple(shares)
