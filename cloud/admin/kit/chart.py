"""A bar chart drawn by the server: it prints, needs no script, and has a text for those who cannot see it.

The bars are one stretched SVG in units of 0..100; labels are HTML around it, so that text never stretches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One value. `label` is what a reader of the table sees; `tick` the short one under the axis, if any."""

    label: str
    value: int
    tick: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    bar: Bar
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A grid line at `y` (0 is the top, 100 the base) named by its value."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class BarChart:
    title: str
    summary: str
    bars: tuple[Drawn, ...]
    lines: tuple[Line, ...]
    unit: str

    @property
    def empty(self) -> bool:
        return not any(drawn.bar.value for drawn in self.bars)


def nice_steps(highest: int, steps: int = 4) -> tuple[int, ...]:
    """Round axis values from 0 to at least `highest`, at most `steps` intervals of 1, 2 or 5 times a power of ten."""
    wanted = max(highest, 1) / steps
    power = 10 ** max(0, math.floor(math.log10(wanted))) if wanted >= 1 else 1
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted)
    return tuple(step * n for n in range(math.ceil(max(highest, 1) / step) + 1))


def bar_chart(bars: Sequence[Bar], *, title: str, summary: str, unit: str, gap: float = 0.28) -> BarChart:
    """Place the bars. `gap` is the part of each bar's place left empty; values below 0 do not occur here."""
    steps = nice_steps(max((bar.value for bar in bars), default=0))
    top = steps[-1]
    place = 100 / max(len(bars), 1)
    drawn = []
    for index, bar in enumerate(bars):
        height = 100 * bar.value / top
        drawn.append(
            Drawn(
                bar,
                x=round(place * (index + gap / 2), 3),
                y=round(100 - height, 3),
                width=round(place * (1 - gap), 3),
                height=round(height, 3),
            )
        )
    return BarChart(title, summary, tuple(drawn), grid(steps), unit)


def grid(steps: Sequence[int]) -> tuple[Line, ...]:
    """The lines of an axis with these values."""
    return tuple(Line(value, round(100 - 100 * value / steps[-1], 3)) for value in steps)
