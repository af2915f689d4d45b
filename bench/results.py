"""What a bench says: one row of bench/results/latest.json. docs/bench.md tells how to read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One figure.

    Attributes:
        value, unit: the median of several rounds (a p99 where the name says so).
        against, against_value: something well known doing comparable work in the same run, in the same unit.
        ratio: what to compare between machines and commits.
        n: operations a round.
    """

    name: str
    value: float
    unit: str
    against: str
    against_value: float
    ratio: float
    n: int
