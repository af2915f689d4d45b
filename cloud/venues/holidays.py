"""Mainland China's public holidays and moved working days, as the State Council announced them for each year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chinese_calendar.constants import Holiday, holidays, workdays

from cloud.venues.models import CalendarDay

ZONES = frozenset({"Asia/Shanghai", "Asia/Urumqi"})  # of venues whose calendar is filled by itself
_EN = "{name} (working day)"
_ZH = "{name}调休上班"


@dataclass(frozen=True, slots=True)
class Announced:
    """A day of the announcement. `kind` is a CalendarDay.Kind."""

    day: date
    kind: str
    name_zh: str
    name_en: str


def years() -> frozenset[int]:
    """The years that are covered, whole."""
    return frozenset(day.year for day in holidays)


def announced(year: int) -> Iterator[Announced]:
    """The year's days, in order; none where it is not covered."""
    chinese = {one.value: one.chinese for one in Holiday}
    kinds = ((holidays, CalendarDay.Kind.HOLIDAY, "{name}", "{name}"), (workdays, CalendarDay.Kind.WORKDAY, _ZH, _EN))
    found = [
        Announced(day, kind, zh.format(name=chinese.get(name, name)), en.format(name=name))
        for days, kind, zh, en in kinds
        for day, name in days.items()
        if day.year == year
    ]
    yield from sorted(found, key=lambda one: one.day)
