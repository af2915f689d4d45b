"""Edits of a spec's calendar of prices and stock, all in one transaction; what is sold stays sold (T-13, T-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from cloud.capacity.models import Pool
from cloud.catalog.calendar_edits import (
    KEEP,
    NOTHING,
    Edit,
    Own,
    Place,
    PutCells,
    SetCells,
    applied,
    in_order,
    span_of,
)
from cloud.catalog.compile import rules_of
from cloud.catalog.dates import day_kinds, slots_by_weekday
from cloud.catalog.models import CalendarCell, Spec
from cloud.catalog.offers import WHOLE_DAY
from cloud.catalog.services import MAX_PRICE_FEN
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.business_day import clock_text, today
from cloud.core.errors import DomainError
from cloud.core.inputs import within
from cloud.core.locks import lock_row, lock_rows
from cloud.core.models import AuditRow
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

MAX_STOCK = 1_000_000
MAX_DAYS_AHEAD = 3 * 366
_ACTION = "spec.calendar"
_SAID = 5  # so many days, edits or names are said


@dataclass(frozen=True, slots=True)
class Short:
    """A day or slot that now has less than is sold and held of it. Nothing of that is cancelled."""

    day: date
    slot: int
    stock: int
    sold: int
    held: int


@dataclass(frozen=True, slots=True)
class Saved:
    """`changed`: how many cells differ from before. `revision`: the calendar's, for the next edit."""

    changed: int
    revision: int
    short: tuple[Short, ...] = ()


@transaction.atomic
def edit_calendar(*, actor: Actor, venue: Venue, spec: Spec, edits: Sequence[Edit], seen: int | None = None) -> Saved:
    """Applies the edits in their order: all of them or none.

    `seen` is the revision of the calendar they were made against. Where somebody else has changed one of these cells
    since, to something else, nothing is saved and the error says which; None does not ask.

    Raises:
        DomainError: "calendar.changed" (see above), "calendar.past", "calendar.far", "calendar.range",
            "calendar.nothing", "calendar.too_many", "calendar.slot", "input.range", "permission.denied", "row.gone".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    span = span_of(edits)
    spec = lock_row(Spec, spec.pk)
    if span is None:
        return Saved(0, spec.calendar_revision)
    for edit in edits:
        _checked(edit)
    _within_reach(venue, span)
    rows = {(row.day, row.slot): row for row in CalendarCell.objects.filter(spec=spec, day__range=span)}
    before = {place: _own(row) for place, row in rows.items()}
    starts = [{slot.start for slot in slots} for slots in slots_by_weekday(spec.product)]
    after = applied(edits, before, day_kinds(venue, span), lambda day: starts[day.weekday()])
    changed = {place: own for place, own in after.items() if own != before.get(place, NOTHING)}
    if seen is not None:
        _unchanged_by_others(spec, seen, [place for place in changed if place in rows and rows[place].revision > seen])
    if not changed:
        return Saved(0, spec.calendar_revision)
    short = _short(spec, before, changed)
    spec.calendar_revision += 1
    spec.save(update_fields=["calendar_revision"])
    CalendarCell.objects.bulk_create(
        (
            CalendarCell(
                venue=venue, spec=spec, day=day, slot=slot, revision=spec.calendar_revision,
                price_fen=own.price_fen, stock=own.stock, closed=own.closed,
            )
            for (day, slot), own in changed.items()
        ),
        update_conflicts=True,
        unique_fields=["spec", "day", "slot"],
        update_fields=["price_fen", "stock", "closed", "revision"],
        batch_size=2000,
    )  # fmt: skip
    audit.write(
        actor, _ACTION, spec.product, venue, code=spec.code, cells=len(changed), revision=spec.calendar_revision,
        edits=[_said(edit) for edit in edits[:_SAID]], short=len(short),
    )  # fmt: skip
    return Saved(len(changed), spec.calendar_revision, short)


def _own(row: CalendarCell) -> Own:
    return Own(row.price_fen, row.stock, row.closed)


def _within_reach(venue: Venue, span: tuple[date, date]) -> None:
    now = today(venue)
    last = now + timedelta(days=MAX_DAYS_AHEAD)
    if span[1] > last:
        raise DomainError(
            "calendar.far", f"最远可设置到 {last}。", f"The calendar can be set until {last} at most.", "last"
        )  # fmt: skip
    if span[0] < now:
        raise DomainError(
            "calendar.past",
            f"{now} 之前的日期已过，不能修改。",
            f"Days before {now} are over and stay as they are.",
            "first",
        )


def _checked(edit: Edit) -> None:
    in_order(edit)
    values: Iterable[Any] = [edit.change] if isinstance(edit, SetCells) else edit.cells.values()
    for one in values:
        for name, most in (("price_fen", MAX_PRICE_FEN), ("stock", MAX_STOCK)):
            value = getattr(one, name)
            if value is None or value is KEEP:
                continue
            if type(value) is not int:
                raise TypeError(f"{name} is an integer")
            within(value, name, 0, most)


def _unchanged_by_others(spec: Spec, seen: int, places: Sequence[Place]) -> None:
    if not places:
        return
    rows = AuditRow.objects.filter(
        venue_id=spec.venue_id, action=_ACTION, target=audit.target_of(spec.product), detail__revision__gt=seen,
        detail__code=spec.code,
    )  # fmt: skip
    names = sorted(set(rows.values_list("actor_name", flat=True)))[:_SAID]
    days = [said(place) for place in sorted(places)]
    more = len(days) > _SAID
    raise DomainError(
        "calendar.changed",
        f"您打开日历期间，{'、'.join(names) or '其他人'}修改了：{'、'.join(days[:_SAID])}{'等' if more else ''}。"
        "您的修改尚未保存；请核对后再次保存。",
        f"While you had the calendar open, {', '.join(names) or 'somebody'} changed {', '.join(days[:_SAID])}"
        f"{' and others' if more else ''}. Nothing of yours is saved: look at them, then save again.",
    )


def said(place: Place) -> str:
    day, slot = place
    return day.isoformat() if slot == WHOLE_DAY else f"{day} {clock_text(slot)}"


def _short(spec: Spec, before: Mapping[Place, Own], changed: Mapping[Place, Own]) -> tuple[Short, ...]:
    """Of those with another stock the ones below what is taken. Their pools stay locked until the calendar is written,
    so that nobody takes one more meanwhile by what it said before."""
    slotted = bool(rules_of(spec.product).slots)
    limited = {}
    for place, own in changed.items():
        standing = None if slotted and place[1] == WHOLE_DAY else spec.stock
        was = before.get(place, NOTHING).stock
        was, now = (standing if one is None else one for one in (was, own.stock))
        if now is not None and now != was:
            limited[place] = now
    if not limited:
        return ()
    days = [day for day, _ in limited]
    pools = Pool.objects.filter(spec=spec, day__range=(min(days), max(days)))
    ids = [pk for pk, day, slot in pools.values_list("pk", "day", "slot") if (day, slot) in limited]
    short = [
        Short(pool.day, pool.slot, limited[pool.day, pool.slot], pool.taken - pool.held, pool.held)
        for pool in lock_rows(Pool, ids)
        if pool.taken > limited[pool.day, pool.slot]
    ]
    return tuple(sorted(short, key=lambda one: (one.day, one.slot)))


def _said(edit: Edit) -> dict[str, Any]:
    """An edit in the audit: short, however many cells it has."""
    if isinstance(edit, PutCells):
        places = sorted(edit.cells)
        detail = {"first": said(places[0]), "last": said(places[-1])} if places else {}
        return detail | {"cells": len(places)}
    chosen, change = edit.chosen, edit.change
    detail = {"first": chosen.first.isoformat(), "last": chosen.last.isoformat()}
    if chosen.weekdays:
        detail["weekdays"] = "".join(str(day + 1) for day in chosen.weekdays)
    if chosen.day_type != "all":
        detail["day_type"] = chosen.day_type.value
    if chosen.slots != (WHOLE_DAY,):
        detail["slots"] = " ".join(clock_text(slot) if slot != WHOLE_DAY else "*" for slot in chosen.slots)
    kept = {name: getattr(change, name) for name in ("price_fen", "stock", "closed")}
    return detail | {name: value for name, value in kept.items() if value is not KEEP}
