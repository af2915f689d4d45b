"""What the calendar's grid shows, as values: a month of one layer, or a week of all slots."""

from __future__ import annotations

from calendar import Calendar as Weeks
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cloud.admin.kit.text import money, named
from cloud.admin.sections.rule_fields import WEEKDAYS, period
from cloud.capacity.models import Pool
from cloud.catalog.calendar_edits import NOTHING, DayType, Own, Place, day_is
from cloud.catalog.compile import rules_of
from cloud.catalog.dates import slots_on
from cloud.catalog.models import CalendarCell, Spec
from cloud.catalog.offers import WHOLE_DAY
from cloud.core.business_day import clock_text
from cloud.venues.models import CalendarDay


@dataclass(frozen=True, slots=True)
class DayHead:
    """A day over its cells."""

    day: date
    weekday: str
    tag: str  # the holiday's name
    kind: str  # CalendarDay.Kind, or nothing
    rest: bool
    past: bool
    today: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A day, or a slot of it, with what it has of its own and what holds where it has none.

    `base_price`, `base_stock`: of the day, or the spec. `taken`: sold and held together.
    """

    head: DayHead
    slot: int
    own: Own
    base_price: int | None
    base_stock: int | None
    taken: int
    held: int

    @property
    def price_fen(self) -> int | None:
        return self.own.price_fen if self.own.price_fen is not None else self.base_price

    @property
    def stock(self) -> int | None:
        return self.own.stock if self.own.stock is not None else self.base_stock

    @property
    def left(self) -> int | None:
        return None if self.stock is None else self.stock - self.taken

    @property
    def sold(self) -> int:
        return self.taken - self.held

    @property
    def price_text(self) -> str:
        return money(self.price_fen)

    @property
    def left_text(self) -> str:
        if self.left is None:
            return _("no limit")
        return _("%(left)s of %(stock)s left") % {"left": max(self.left, 0), "stock": self.stock}

    @property
    def taken_text(self) -> str:
        sold = [_("%(count)s sold") % {"count": self.sold}] if self.sold else []
        held = [_("%(count)s held") % {"count": self.held}] if self.held else []
        return " · ".join(sold + held)

    @property
    def state(self) -> str:
        """One of "closed", "no_price", "over", "sold_out", or nothing."""
        if self.own.closed:
            return "closed"
        if self.price_fen is None:
            return "no_price"
        if self.left is not None and self.left < 0:
            return "over"
        return "sold_out" if self.left == 0 else ""

    @property
    def state_text(self) -> str:
        return state_texts(max(-(self.left or 0), 0)).get(self.state, "")

    @property
    def label(self) -> str:
        return self.head.day.isoformat() if self.slot == WHOLE_DAY else f"{self.head.day} {clock_text(self.slot)}"


def state_texts(over: object) -> dict[str, str]:
    return {
        "closed": pgettext("day", "Closed"),
        "no_price": _("No price"),
        "over": _("%(count)s too many") % {"count": over},
        "sold_out": _("Sold out"),
    }


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the grid; of a week its slot's title. None: a day of another month, or a slot the day has not."""

    title: str
    slot: int
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """`heads`: over the columns; of a month only weekdays. `before`, `after`: what the arrows lead to."""

    title: str
    first: date
    last: date
    weekly: bool
    heads: tuple[DayHead, ...]
    weekdays: tuple[tuple[int, str], ...]
    lines: tuple[Line, ...]


class Layers:
    """The cells of a spec between two days, with what is sold of them. Four queries at most."""

    def __init__(self, spec: Spec, first: date, last: date, today: date) -> None:
        self.spec, self.today = spec, today
        self.slotted = bool(rules_of(spec.product).slots)
        span = (first, last)
        rows = CalendarCell.objects.filter(spec=spec, day__range=span)
        self.own: Mapping[Place, Own] = {
            (row.day, row.slot): Own(row.price_fen, row.stock, row.closed) for row in rows
        }  # fmt: skip
        pools = Pool.objects.filter(spec=spec, day__range=span)
        self.taken = {
            (day, slot): (taken, held) for day, slot, taken, held in pools.values_list("day", "slot", "taken", "held")
        }
        marked = CalendarDay.objects.filter(venue=spec.venue_id, day__range=span)
        self.marked = {row.day: row for row in marked}
        self._heads: dict[date, DayHead] = {}

    def head(self, day: date) -> DayHead:
        if day not in self._heads:
            self._heads[day] = self._head(day)
        return self._heads[day]

    def _head(self, day: date) -> DayHead:
        marked = self.marked.get(day)
        kind = marked.kind if marked is not None else ""
        return DayHead(
            day=day,
            weekday=str(WEEKDAYS[day.weekday()]),
            tag=named(marked) if marked is not None else "",
            kind=kind,
            rest=day_is(DayType.REST, day, {day: kind}),
            past=day < self.today,
            today=day == self.today,
        )

    def cell(self, day: date, slot: int) -> Cell:
        own = self.own.get((day, slot), NOTHING)
        of_day = self.own.get((day, WHOLE_DAY), NOTHING)
        taken, held = self.taken.get((day, slot), (0, 0))
        price, stock = self.spec.price_fen, self.spec.stock
        if slot != WHOLE_DAY and of_day.price_fen is not None:
            price = of_day.price_fen
        if slot == WHOLE_DAY and self.slotted:
            stock = None  # of each slot, not of all of them
        return Cell(self.head(day), slot, own, price, stock, taken, held)


def month_grid(spec: Spec, month: date, slot: int, today: date) -> Grid:
    """The month a day is in; of a slotted product one slot of each day, or the day itself."""
    weeks = Weeks().monthdatescalendar(month.year, month.month)
    first, last = month.replace(day=1), max(day for day in weeks[-1] if day.month == month.month)
    layers = Layers(spec, first, last, today)
    lines = tuple(
        Line("", slot, tuple(_in_month(layers, day, slot) if day.month == month.month else None for day in week))
        for week in weeks
    )
    return Grid(
        title=date_format(first, "YEAR_MONTH_FORMAT"),
        first=first,
        last=last,
        weekly=False,
        heads=(),
        weekdays=tuple((number, str(name)) for number, name in enumerate(WEEKDAYS)),
        lines=lines,
    )


def _in_month(layers: Layers, day: date, slot: int) -> Cell | None:
    if slot != WHOLE_DAY and slot not in _starts(layers.spec, day):
        return None
    return layers.cell(day, slot)


def week_grid(spec: Spec, day: date, today: date) -> Grid:
    """The week a day is in: the day itself and all slots, a line each."""
    first = day - timedelta(days=day.weekday())
    days = [first + timedelta(days=n) for n in range(7)]
    layers = Layers(spec, first, days[-1], today)
    starts = {each: _starts(spec, each) for each in days}
    slots = [(WHOLE_DAY, _("Whole day")), *((slot.start, period(slot)) for slot in rules_of(spec.product).slots)]
    return Grid(
        title=f"{first} – {days[-1]}",
        first=first,
        last=days[-1],
        weekly=True,
        heads=tuple(layers.head(each) for each in days),
        weekdays=(),
        lines=tuple(
            Line(
                title,
                slot,
                tuple(layers.cell(each, slot) if slot == WHOLE_DAY or slot in starts[each] else None for each in days),
            )
            for slot, title in slots
        ),
    )


def _starts(spec: Spec, day: date) -> Collection[int]:
    return {slot.start for slot in slots_on(spec.product, day)}
