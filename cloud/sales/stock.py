"""What stock a line takes: of the spec that is sold and of each part of a package, day by day and slot by slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from cloud.capacity.services import Wish
from cloud.catalog.compile import rules_of
from cloud.catalog.contents import Content
from cloud.catalog.dates import bought_by_day, covered_days, slots_on
from cloud.catalog.models import Spec
from cloud.catalog.offers import WHOLE_DAY
from cloud.core.errors import DomainError

OWN, PARTS = "own", "parts"
Key = tuple[int, date, int]  # spec id, day, slot


def takes_of(
    spec: Spec, contents: Iterable[Content], day: date, slot: int | None, part_slots: Mapping[int, int]
) -> dict[str, Any]:
    """Of ONE of the spec bought for a day (of an open ticket and a card: the day of its sale), as JSON: what it takes
    itself, and by the places of its parts what those take.

    Raises:
        DomainError: "order.part_slot": a timed part needs its slot.
    """
    product = spec.product
    later = rules_of(product).book_first and (bought_by_day(product) or slot is None)  # taken when it is booked
    taken: dict[str, Any] = {OWN: [], PARTS: {}}
    if not later:
        taken[OWN] = [_row(spec, each, slot) for each in covered_days(product, day)]
    for place, content in enumerate(contents):
        part = content.stock
        if part is None or bought_by_day(part.product):
            continue
        start = part_slot(product, part, day, slot, part_slots)
        if start is None and slots_on(part.product, day):
            continue  # a timed part of an open package: its slot is booked later
        taken[PARTS][str(place)] = [_row(part, each, start) for each in covered_days(part.product, day)]
    return taken


def part_slot(product: Any, part: Spec, day: date, slot: int | None, part_slots: Mapping[int, int]) -> int | None:
    """The slot of a package's timed part: the one chosen for it, else the package's own; none where it has none.

    Raises:
        DomainError: "order.part_slot".
    """
    starts = [one.start for one in slots_on(part.product, day)]
    wanted = part_slots.get(part.pk, slot)
    if wanted in starts:
        return wanted
    if bought_by_day(product) or rules_of(part.product).book_first or not rules_of(part.product).slots:
        return None
    name = part.product
    raise DomainError(
        "order.part_slot",
        f"请为“{name.name_zh}”选择 {day} 的时段。",
        f"Choose a slot on {day} for {name.name_en or name.name_zh}.",
        "part_slots",
    )


def wishes(takes: Mapping[str, Any], quantity: int) -> list[Wish]:
    """To take so many of a line."""
    rows = [*takes[OWN], *(row for part in takes[PARTS].values() for row in part)]
    return [Wish(spec, date.fromisoformat(day), slot, quantity) for spec, day, slot in rows]


def given_back(takes: Mapping[str, Any], places: Iterable[int], *, whole: bool, tickets: int = 1) -> Counter[Key]:
    """What comes back with some parts of one bundle, and with the `whole` of it; a slot's day comes back with it."""
    rows = [row for place in places for row in takes[PARTS].get(str(place), ())]
    if whole:
        rows += takes[OWN]
    counted = Counter[Key]()
    for spec, day, slot in rows:
        counted[spec, date.fromisoformat(day), slot] += tickets
        if slot != WHOLE_DAY:
            counted[spec, date.fromisoformat(day), WHOLE_DAY] += tickets
    return counted


def _row(spec: Spec, day: date, slot: int | None) -> list[Any]:
    return [spec.pk, day.isoformat(), WHOLE_DAY if slot is None else slot]
