"""What a day, or a slot of it, is sold for and how many there are: the spec's own, and what its calendar says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from cloud.catalog.models import CalendarCell, Spec

WHOLE_DAY = CalendarCell.WHOLE_DAY


@dataclass(frozen=True, slots=True)
class Offer:
    """Of a spec on a day, in a slot or over the day.

    Attributes:
        price_fen: none: not sold.
        stock: how many of the slot, or of the day where it has no slots; none: no limit.
        day_stock: of all slots of the day together; none: no limit, or no slots.
        closed: somebody closed the day or the slot.
    """

    price_fen: int | None
    stock: int | None
    day_stock: int | None = None
    closed: bool = False

    @property
    def sold(self) -> bool:
        return self.price_fen is not None and not self.closed


class Calendar:
    """The cells of some specs on some days, read at once."""

    def __init__(self, specs: Collection[Spec], days: Collection[date]) -> None:
        self._cells: Mapping[int, dict[tuple[date, int], CalendarCell]] = defaultdict(dict)
        if not days:
            return
        wanted = CalendarCell.objects.filter(
            spec__in=[spec.pk for spec in specs], day__range=(min(days), max(days))
        )  # fmt: skip
        for cell in wanted:
            self._cells[cell.spec_id][cell.day, cell.slot] = cell

    def offer(self, spec: Spec, day: date, slot: int | None = None) -> Offer:
        """The slot's cell goes before the day's, and this before what the spec has of its own. `slot`: the minute it
        begins at, none where the product has no slots. A slot has no more than its day, closed with it."""
        whole = self._cells[spec.pk].get((day, WHOLE_DAY))
        if slot is None:
            return _offer(spec, whole)
        cell = self._cells[spec.pk].get((day, slot))
        of_day = whole.price_fen if whole is not None else None
        own = cell.price_fen if cell is not None else None
        price = next((each for each in (own, of_day, spec.price_fen) if each is not None), None)
        return Offer(
            price_fen=price,
            stock=cell.stock if cell is not None and cell.stock is not None else spec.stock,
            day_stock=whole.stock if whole is not None else None,
            closed=any(each is not None and each.closed for each in (whole, cell)),
        )


def _offer(spec: Spec, cell: CalendarCell | None) -> Offer:
    if cell is None:
        return Offer(spec.price_fen, spec.stock)
    return Offer(
        cell.price_fen if cell.price_fen is not None else spec.price_fen,
        cell.stock if cell.stock is not None else spec.stock,
        closed=cell.closed,
    )
