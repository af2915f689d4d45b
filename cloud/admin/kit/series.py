"""Charts of several series over the same places: lines, stacked bars; and the small line in a tile.

Drawn by the server like the bar chart: stretched SVG in units of 0..100 with HTML around it, a text, and a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cloud.admin.kit.chart import Line, grid, nice_steps

MOST = 6  # series told apart by colour and pattern; the smallest others are added up
_BAR_GAP = 0.28


@dataclass(frozen=True, slots=True)
class Place:
    """Where values stand on the axis: a minute, an hour, a station. `tick` is written under it, if anything is."""

    label: str
    tick: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each place; None where there is none (a line has a gap there)."""

    name: str | Promise
    values: tuple[int | None, ...]

    @property
    def total(self) -> int:
        return sum(value or 0 for value in self.values)


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a stacked bar."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    """`number` (1..6) picks its colour and pattern. A line has a `path`, a stack has `blocks`."""

    series: Series
    number: int
    path: str = ""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """What pointing at a place says: all its values."""

    place: Place
    x: float
    width: float
    text: str
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class SeriesChart:
    title: str
    summary: str
    unit: str
    series: tuple[DrawnSeries, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def empty(self) -> bool:
        return not any(value for column in self.columns for value in column.values)


@dataclass(frozen=True, slots=True)
class Spark:
    """A line without an axis, for a tile. `summary` says in words what it shows."""

    path: str
    area: str
    summary: str


def line_chart(
    places: Sequence[Place], series: Sequence[Series], *, title: str, summary: str, unit: str
) -> SeriesChart:
    """Lines from place to place. Raises ValueError where a series has not one value for each place."""
    series = _checked(places, series)
    steps = nice_steps(max((value or 0 for one in series for value in one.values), default=0))
    across = [_middle(n, len(places)) for n in range(len(places))]
    drawn = tuple(
        DrawnSeries(one, number, path=_path(across, one.values, steps[-1])) for number, one in enumerate(series, 1)
    )
    return SeriesChart(title, summary, unit, drawn, _columns(places, series, unit), grid(steps))


def stacked_chart(
    places: Sequence[Place], series: Sequence[Series], *, title: str, summary: str, unit: str
) -> SeriesChart:
    """A bar for each place, of its values one above the other, the first at the bottom. Raises ValueError as above."""
    series = _checked(places, series)
    heights = [sum(one.values[n] or 0 for one in series) for n in range(len(places))]
    steps = nice_steps(max(heights, default=0))
    width = 100 / max(len(places), 1)
    base = [0] * len(places)
    drawn = []
    for number, one in enumerate(series, 1):
        blocks = []
        for n, value in enumerate(one.values):
            if not value:
                continue
            base[n] += value
            x, y = width * (n + _BAR_GAP / 2), 100 - 100 * base[n] / steps[-1]
            height = 100 * value / steps[-1]
            blocks.append(Block(round(x, 3), round(y, 3), round(width * (1 - _BAR_GAP), 3), round(height, 3)))
        drawn.append(DrawnSeries(one, number, blocks=tuple(blocks)))
    return SeriesChart(title, summary, unit, tuple(drawn), _columns(places, series, unit), grid(steps))


def sparkline(values: Sequence[int | None], summary: str) -> Spark:
    """The last values as a line over 0. Empty where there are fewer than two."""
    across = [round(100 * n / max(len(values) - 1, 1), 3) for n in range(len(values))]
    path = _path(across, values, max((value or 0 for value in values), default=0) or 1) if len(values) > 1 else ""
    return Spark(path, f"{path} L100 100 L0 100 Z" if path and None not in values else "", summary)


def _checked(places: Sequence[Place], series: Sequence[Series]) -> tuple[Series, ...]:
    if any(len(one.values) != len(places) for one in series):
        raise ValueError("a series has one value for each place")
    if len(series) <= MOST:
        return tuple(series)
    largest = sorted(series, key=lambda one: one.total, reverse=True)[: MOST - 1]
    kept = [one for one in series if one in largest]
    rest = [one for one in series if one not in largest]
    others = tuple(sum(one.values[n] or 0 for one in rest) for n in range(len(places)))
    return (*kept, Series(_("Others"), others))


def _middle(number: int, count: int) -> float:
    return round(100 * (number + 0.5) / count, 3)


def _path(across: Sequence[float], values: Sequence[int | None], top: int) -> str:
    """An SVG path: a new start after each gap; a value alone between gaps is a point."""
    parts = []
    for n, value in enumerate(values):
        if value is None:
            continue
        alone = (n == 0 or values[n - 1] is None) and (n + 1 == len(values) or values[n + 1] is None)
        start = n == 0 or values[n - 1] is None
        parts.append(
            f"{'M' if start else 'L'}{across[n]:g} {round(100 - 100 * value / top, 3):g}{'h0' if alone else ''}"
        )
    return " ".join(parts)


def _columns(places: Sequence[Place], series: Sequence[Series], unit: str) -> tuple[Column, ...]:
    width = 100 / max(len(places), 1)
    columns = []
    for n, place in enumerate(places):
        values = tuple(one.values[n] for one in series)
        said = [f"{one.name} {value:,}" for one, value in zip(series, values, strict=True) if value is not None]
        text = f"{place.label} · {' · '.join(said) if said else '–'} {unit}".strip()
        columns.append(Column(place, round(width * n, 3), round(width, 3), text, values))
    return tuple(columns)
