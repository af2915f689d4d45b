"""What a bench says: one row of bench/results/latest.json. docs/bench.md tells how to read it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).parent / "results" / "latest.json"


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


def medians(rounds: int, *sides: Callable[[], float]) -> list[float]:
    """The median of what each side measures, a round of each in turn, so that a noisy neighbour meets them all."""
    figures: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for figure, side in zip(figures, sides, strict=True):
            figure.append(side())
    return [statistics.median(figure) for figure in figures]


def percentile(values: list[int], share: float) -> int:
    """The value that `share` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(results: Iterable[Result]) -> str:
    """Rows under their headings, figures right-aligned."""
    rows = [("name", "value", "unit", "against", "its value", "ratio", "n")]
    rows += [
        (r.name, _short(r.value), r.unit, r.against, _short(r.against_value), _short(r.ratio), f"{r.n:,}")
        for r in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = (0, 2, 3)
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def save(results: Iterable[Result], file: Path = FILE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
