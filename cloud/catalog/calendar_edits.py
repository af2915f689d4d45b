"""Edits of a price and stock calendar as values: which days and slots are meant, and what becomes of each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, StrEnum

from cloud.catalog.offers import WHOLE_DAY
from cloud.core.errors import DomainError
from cloud.venues.models import CalendarDay

Place = tuple[date, int]  # a day and the minute its slot begins at, or WHOLE_DAY
SlotsOn = Callable[[date], Iterable[int]]  # where the slots of a day begin

MAX_CELLS = 50_000


class Keep(Enum):
    """Of a change: this stays as it is in each cell."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True)
class Own:
    """What a cell has of its own; none: it is as the day, or the spec, has it."""

    price_fen: int | None = None
    stock: int | None = None
    closed: bool = False


NOTHING = Own()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a cell. None: back to what the day, or the spec, has."""

    price_fen: int | Keep | None = KEEP
    stock: int | Keep | None = KEEP
    closed: bool | Keep = KEEP

    def on(self, own: Own) -> Own:
        return Own(
            own.price_fen if self.price_fen is KEEP else self.price_fen,
            own.stock if self.stock is KEEP else self.stock,
            own.closed if self.closed is KEEP else self.closed,
        )

    @property
    def empty(self) -> bool:
        return self == _UNCHANGED


_UNCHANGED = Change()
CLEAR = Change(None, None, False)


class DayType(StrEnum):
    """Which days of a range, by the venue's calendar of holidays."""

    ALL = "all"
    WORK = "work"  # Monday to Friday, and working days moved to a weekend; no public holidays
    REST = "rest"  # weekends and public holidays; no moved working days
    HOLIDAY = "holiday"  # public holidays


@dataclass(frozen=True, slots=True)
class Chosen:
    """Days of a range, both ends included, and in each the slots that are named, where the day has them.

    Attributes:
        weekdays: 0 Monday .. 6 Sunday; none: every day.
        slots: the minutes they begin at, WHOLE_DAY for the day itself.
    """

    first: date
    last: date
    weekdays: tuple[int, ...] = ()
    day_type: DayType = DayType.ALL
    slots: tuple[int, ...] = (WHOLE_DAY,)

    def days(self, kinds: Mapping[date, str]) -> list[date]:
        """`kinds`: CalendarDay.Kind of days that are not ordinary."""
        span = (self.last - self.first).days + 1
        return [day for n in range(span) if self._has(day := self.first + timedelta(days=n), kinds)]

    def _has(self, day: date, kinds: Mapping[date, str]) -> bool:
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        return self.day_type is DayType.ALL or day_is(self.day_type, day, kinds)

    def places(self, kinds: Mapping[date, str], slots_on: SlotsOn) -> list[Place]:
        found = []
        for day in self.days(kinds):
            there = {WHOLE_DAY, *slots_on(day)}
            found += [(day, slot) for slot in self.slots if slot in there]
        return found


def day_is(day_type: DayType, day: date, kinds: Mapping[date, str]) -> bool:
    kind = kinds.get(day)
    if day_type is DayType.HOLIDAY:
        return kind == CalendarDay.Kind.HOLIDAY
    if kind == CalendarDay.Kind.HOLIDAY:
        rest = True
    elif kind == CalendarDay.Kind.WORKDAY:
        rest = False
    else:
        rest = day.weekday() >= 5
    return rest is (day_type is DayType.REST)


@dataclass(frozen=True, slots=True)
class SetCells:
    """The same change of all that is chosen."""

    chosen: Chosen
    change: Change


@dataclass(frozen=True, slots=True)
class PutCells:
    """Each cell as it shall be: what was copied is pasted so, and what a table says."""

    cells: Mapping[Place, Own] = field(default_factory=dict)


Edit = SetCells | PutCells


def applied(
    edits: Iterable[Edit], before: Mapping[Place, Own], kinds: Mapping[date, str], slots_on: SlotsOn
) -> dict[Place, Own]:
    """All places the edits name, one edit after the other, as they are afterwards.

    Raises:
        DomainError: "calendar.range", "calendar.nothing", "calendar.too_many", "calendar.slot".
    """
    edits = list(edits)
    for edit in edits:
        in_order(edit)
    after: dict[Place, Own] = {}
    for edit in edits:
        if isinstance(edit, SetCells):
            for place in _chosen(edit.chosen, kinds, slots_on):
                after[place] = edit.change.on(after.get(place, before.get(place, NOTHING)))
        else:
            for (day, slot), own in edit.cells.items():
                if slot != WHOLE_DAY and slot not in slots_on(day):
                    raise DomainError(
                        "calendar.slot", f"{day} 没有这个时段。", f"There is no such slot on {day}.", "slots"
                    )
                after[day, slot] = own
        if len(after) > MAX_CELLS:
            raise DomainError(
                "calendar.too_many",
                f"一次最多修改 {MAX_CELLS:,} 格，请分次保存。",
                f"At most {MAX_CELLS:,} cells are changed at once: save in parts.",
                "last",
            )
    return after


def in_order(edit: Edit) -> None:
    """Raises DomainError "calendar.range" where a range ends before it begins."""
    if isinstance(edit, SetCells) and edit.chosen.last < edit.chosen.first:
        raise DomainError("calendar.range", "结束日期早于开始日期。", "The last day comes before the first.", "last")


def _chosen(chosen: Chosen, kinds: Mapping[date, str], slots_on: SlotsOn) -> list[Place]:
    places = chosen.places(kinds, slots_on)
    if not places:
        raise DomainError(
            "calendar.nothing",
            "所选范围内没有符合条件的日期或时段。",
            "No day or slot of the range is as you chose.",
            "weekdays",
        )
    return places


def span_of(edits: Iterable[Edit]) -> tuple[date, date] | None:
    """The first and the last day that is named; none where nothing is."""
    days: list[date] = []
    for edit in edits:
        if isinstance(edit, SetCells):
            days += (edit.chosen.first, edit.chosen.last)
        elif edit.cells:
            named = [day for day, _ in edit.cells]
            days += (min(named), max(named))
    return (min(days), max(days)) if days else None
