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

    Pools are locked in the order of their rows; what the calendar says is read behind the locks.

    Raises:
        DomainError: "capacity.closed": the day or slot is not sold. "capacity.sold_out": fewer are left.
    """
    wanted = Counter[tuple[int, date, int]]()
    for wish in wishes:
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
            raise _closed(spec, day)
        if limit is not None and pool.taken + wanted[key] > limit:
            raise _sold_out(spec, day, max(limit - pool.taken, 0))
        pool.taken += wanted[key]
        entries.append(Entry(venue=venue, pool=pool, quantity=wanted[key], why=why, reference=reference))
    Pool.objects.bulk_update(pools.values(), ["taken"])
    Entry.objects.bulk_create(entries)


def give_back(venue: Venue, *, reference: str, quantities: Mapping[tuple[int, date, int], int] | None = None) -> int:
    """Gives back what a reference still has, or so many of each (spec, day, slot). Doing it again gives nothing more.

    Returns how many came back, slots and their days counted each. Inside a transaction.
    """
    held = (
        Entry.objects.filter(venue=venue, reference=reference)
        .values("pool_id", "pool__spec_id", "pool__day", "pool__slot")
        .annotate(left=Sum("quantity"))
        .filter(left__gt=0)
    )
    pools = {pool.pk: pool for pool in lock_rows(Pool, [row["pool_id"] for row in held])}
    # Behind the locks: whoever gave back at the same time is done now.
    entries = []
    for row in held.all():
        left = row["left"]
        if quantities is not None:
            left = min(left, quantities.get((row["pool__spec_id"], row["pool__day"], row["pool__slot"]), 0))
        if left > 0:
            pools[row["pool_id"]].taken -= left
            entries.append(
                Entry(venue=venue, pool_id=row["pool_id"], quantity=-left, why=Entry.Why.RELEASED, reference=reference)
            )
    Pool.objects.bulk_update(pools.values(), ["taken"])
    Entry.objects.bulk_create(entries)
    return -sum(entry.quantity for entry in entries)


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


def _closed(spec: Spec, day: date) -> DomainError:
    zh, en = _name(spec)
    return DomainError("capacity.closed", f"“{zh}”{day} 不售。", f"{en} is not sold on {day}.", "visit_date")


def _sold_out(spec: Spec, day: date, left: int) -> DomainError:
    zh, en = _name(spec)
    return DomainError(
        "capacity.sold_out", f"“{zh}”{day} 仅余 {left}。", f"{en}: {left} left on {day}.", "visit_date"
    )  # fmt: skip
