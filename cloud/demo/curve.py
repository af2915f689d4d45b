"""The shape of a park's day: how many people arrive at its entrances in each ten minutes.

Relative figures (the busiest ten minutes are 1000), from the counted check-ins of one Friday at the three
entrances of a mid-sized theme park: almost everybody comes in the first hour, then in ones and twos.
"""

from __future__ import annotations

import random

OPENS_MINUTE = 8 * 60
BIN_MINUTES = 10

# One figure for every ten minutes from 08:00 to 20:00; nobody to speak of comes later.
ARRIVALS = (
    716, 956, 529, 923, 1000, 739, 100, 20, 31, 77, 84, 126,  # 08
    0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0,  # 10
    0, 0, 14, 6, 5, 0, 11, 0, 8, 5, 12, 12,  # 12
    23, 0, 9, 21, 11, 5, 9, 21, 31, 5, 3, 17,  # 14
    3, 8, 14, 3, 14, 11, 0, 5, 6, 6, 12, 14,  # 16
    0, 0, 6, 0, 14, 5, 0, 0, 6, 0, 0, 6,  # 18
)  # fmt: skip
DAY_MINUTES = len(ARRIVALS) * BIN_MINUTES


def rate(minute: float, floor: float = 0.0) -> float:
    """People arriving at a minute after opening, 0..1 of the busiest, never under `floor`; the day repeats."""
    at = minute % DAY_MINUTES / BIN_MINUTES
    return max(ARRIVALS[int(at)] / 1000, floor)


def arrival_times(count: int, seconds: float, floor: float, source: random.Random) -> list[float]:
    """`count` instants in 0..seconds, sorted: the whole day compressed, each drawn by the curve."""
    weights = [max(figure / 1000, floor) for figure in ARRIVALS]
    width = seconds / len(weights)
    bins = source.choices(range(len(weights)), weights, k=count)
    return sorted((at + source.random()) * width for at in bins)
