"""Takes of days and slots, and gives back: all of a request or nothing of it.

Called by the services that sell and book, in their transaction; what they may is theirs to check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from cloud.capacity.models import Entry, Pool
from cloud.catalog.models import Spec
from cloud.catalog.offers import WHOLE_DAY, Calendar
from cloud.core.business_day import clock_text
from cloud.core.errors import DomainError
from cloud.core.locks import lock_rows
from cloud.venues.models import Venue


@dataclass(frozen=True, slots=True, order=True)
class Wish:
    """So many of a spec on a day, in the slot that begins at this minute, or over the day."""

    spec_id: int
    day: date
    slot: int = WHOLE_DAY
    quantity: int = 1


def take(venue: Venue, wishes: Iterable[Wish], *, why: str, reference: str) -> None:
    """Takes all, or raises and takes none. Inside a transaction.

    Pools are locked in the order of their rows; what the calendar says is read behind the locks. A slot takes of its
    day too, so that the days of a slotted product say how many they have in all.

    Raises:
        DomainError: "capacity.closed": the day or slot is not sold. "capacity.sold_out": fewer are left.
        ValueError: a wish for less than one.
    """
    wanted = Counter[tuple[int, date, int]]()
    for wish in wishes:
        if wish.quantity < 1:
            raise ValueError(f"nothing less than one can be taken: {wish}")
        wanted[wish.spec_id, wish.day, wish.slot] += wish.quantity
        if wish.slot != WHOLE_DAY:
            wanted[wish.spec_id, wish.day, WHOLE_DAY] += wish.quantity
    if not wanted:
        return
    pools = _locked(venue, wanted)
    specs = {spec.pk: spec for spec in Spec.objects.filter(pk__in={key[0] for key in wanted}).select_related("product")}
    calendar = Calendar(list(specs.values()), [day for _, day, _ in wanted])
    slotted = {(spec, day) for spec, day, slot in wanted if slot != WHOLE_DAY}
    entries = []
    for key in sorted(wanted):
        spec_id, day, slot = key
        spec, pool = specs[spec_id], pools[key]
        offer = calendar.offer(spec, day, None if slot == WHOLE_DAY else slot)
        limit = offer.stock
        if slot == WHOLE_DAY and (spec_id, day) in slotted:
            # The day of a slotted spec is limited by its own cell alone: the spec's own stock is that of each slot.
            limit = calendar.offer(spec, day, 0).day_stock
        if offer.closed:
            raise _closed(spec, day, slot)
        if limit is not None and pool.taken + wanted[key] > limit:
            raise _sold_out(spec, day, slot, max(limit - pool.taken, 0))
        pool.taken += wanted[key]
        pool.held += wanted[key] if why == Entry.Why.HELD else 0
        entries.append(Entry(venue=venue, pool=pool, quantity=wanted[key], why=why, reference=reference))
    _write(pools.values(), entries)


def give_back(venue: Venue, *, reference: str, quantities: Mapping[tuple[int, date, int], int] | None = None) -> int:
    """Gives back what a reference still has, or so many of each (spec, day, slot). Doing it again gives nothing more.

    Returns how many came back, slots and their days counted each. Inside a transaction.
    """
    pools, kept = _kept(venue, reference)
    wanted = None if quantities is None else dict(quantities)
    entries = []
    for pool_id, why, left in kept:
        pool = pools[pool_id]
        if wanted is not None:
            key = (pool.spec_id, pool.day, pool.slot)
            left = min(left, wanted.get(key, 0))
            wanted[key] = wanted.get(key, 0) - left
        if left > 0:
            pool.taken -= left
            pool.held -= left if why == Entry.Why.HELD else 0
            entries.append(Entry(venue=venue, pool=pool, quantity=-left, why=why, reference=reference))
    _write(pools.values(), entries)
    return -sum(entry.quantity for entry in entries)


def settle(venue: Venue, *, reference: str) -> int:
    """What a reference holds is sold now: its order was paid. Doing it again changes nothing. Returns how many."""
    pools, kept = _kept(venue, reference)
    entries = []
    for pool_id, why, left in kept:
        if why == Entry.Why.HELD:
            pool = pools[pool_id]
            pool.held -= left
            entries += (
                Entry(venue=venue, pool=pool, quantity=-left, why=Entry.Why.HELD, reference=reference),
                Entry(venue=venue, pool=pool, quantity=left, why=Entry.Why.SOLD, reference=reference),
            )
    _write(pools.values(), entries)
    return sum(entry.quantity for entry in entries if entry.why == Entry.Why.SOLD)


def _kept(venue: Venue, reference: str) -> tuple[dict[int, Pool], list[tuple[int, str, int]]]:
    """The pools a reference took of, locked; of each and each `why` how many it still has, read behind the locks:
    whoever gave back at the same time is done by then."""
    mine = Entry.objects.filter(venue=venue, reference=reference)
    pools = {pool.pk: pool for pool in lock_rows(Pool, set(mine.values_list("pool_id", flat=True)))}
    kept = mine.filter(pool__in=pools).values_list("pool_id", "why").annotate(left=Sum("quantity"))
    return pools, [(pool_id, why, left) for pool_id, why, left in kept.order_by("pool_id", "why") if left > 0]


def _write(pools: Iterable[Pool], entries: list[Entry]) -> None:
    Pool.objects.bulk_update(pools, ["taken", "held"])
    Entry.objects.bulk_create(entries)


def _locked(venue: Venue, keys: Iterable[tuple[int, date, int]]) -> dict[tuple[int, date, int], Pool]:
    """The pools, made where there are none yet, locked."""
    wanted = sorted(set(keys))
    Pool.objects.bulk_create(
        (Pool(venue=venue, spec_id=spec, day=day, slot=slot) for spec, day, slot in wanted), ignore_conflicts=True
    )
    found = Pool.objects.filter(
        spec__in={spec for spec, _, _ in wanted}, day__in={day for _, day, _ in wanted}
    ).values_list("pk", "spec_id", "day", "slot")
    ids = [pk for pk, *key in found if tuple(key) in set(wanted)]
    return {(pool.spec_id, pool.day, pool.slot): pool for pool in lock_rows(Pool, ids)}


def _name(spec: Spec) -> tuple[str, str]:
    zh, en = spec.product.name_zh, spec.product.name_en or spec.product.name_zh
    return (
        f"{zh}（{spec.name_zh}）" if spec.name_zh else zh,
        f"{en} ({spec.name_en or spec.name_zh})" if spec.name_zh else en,
    )


def _when(day: date, slot: int) -> str:
    return f"{day}" if slot == WHOLE_DAY else f"{day} {clock_text(slot)}"


def _closed(spec: Spec, day: date, slot: int) -> DomainError:
    zh, en = _name(spec)
    when = _when(day, slot)
    return DomainError("capacity.closed", f"“{zh}”{when} 不售。", f"{en} is not sold on {when}.", "visit_date")


def _sold_out(spec: Spec, day: date, slot: int, left: int) -> DomainError:
    zh, en = _name(spec)
    when = _when(day, slot)
    return DomainError(
        "capacity.sold_out", f"“{zh}”{when} 仅余 {left}。", f"{en}: {left} left on {when}.", "visit_date"
    )  # fmt: skip
