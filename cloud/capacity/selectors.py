"""What can be bought on which day and in which slot, at what price, how many are left, and else why not.

Order forms, the shop and the preview of a product read this; a sale takes under locks what it says (services.take).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from cloud.capacity.models import Pool
from cloud.catalog.booking import BookingRules, booking_window
from cloud.catalog.compile import compile_rules
from cloud.catalog.dates import bought_by_day, covered_days, day_kinds, gates_admit, slots_by_weekday
from cloud.catalog.models import PackagePart, Spec, TicketProduct
from cloud.catalog.offers import WHOLE_DAY, Calendar, Offer
from cloud.catalog.rules import Times
from cloud.core.business_day import calendar_of, wall
from cloud.venues.models import Venue


class WhyNot(StrEnum):
    """Why a day or a slot cannot be bought; the first that holds, in this order."""

    PAST = "past"  # the day or slot is over
    BEFORE_SALE = "before_sale"  # it goes on sale later
    AFTER_SALE = "after_sale"  # it went off sale
    NOT_ADMITTED = "not_admitted"  # gates do not let it in on that day
    NO_SLOT = "no_slot"  # a timed ticket without a slot on that day
    CLOSED = "closed"
    NO_PRICE = "no_price"
    TOO_EARLY = "too_early"  # it cannot be booked so far ahead
    TOO_LATE = "too_late"  # booking or the slot's sale has ended
    SOLD_OUT = "sold_out"


@dataclass(frozen=True, slots=True)
class Available:
    """A spec on a day, or in one slot of it.

    Attributes:
        slot: the minute its slot begins at; WHOLE_DAY where it has none.
        end: the minute the slot ends at; none of a day.
        price_fen: of one; none where there is none.
        left: how many can still be had, of each covered day and of each part of a package; none: no limit.
        why: none: it can be bought now.
    """

    spec_id: int
    day: date
    slot: int
    end: int | None
    price_fen: int | None
    left: int | None
    why: WhyNot | None


def availability(
    venue: Venue, specs: Sequence[Spec], days: Collection[date], now: datetime, *, booking: bool = False
) -> list[Available]:
    """Of each spec (its product read with it), each day in order, each slot in order.

    An open ticket and an annual card are bought on the day asked about, whatever day they will be used on; with
    `booking` it is asked which days and slots can be booked by somebody who has one, and no price is needed.
    Two queries; one more where a product's rules know weekdays or holidays, one where there are packages.
    """
    if not specs or not days:
        return []
    return list(_Reader(venue, specs, sorted(set(days)), now, booking).rows())


class _Reader:
    """One call's tables."""

    def __init__(self, venue: Venue, specs: Sequence[Spec], days: list[date], now: datetime, booking: bool) -> None:
        self.venue, self.specs, self.days, self.now, self.booking = venue, specs, days, now, booking
        self.business = calendar_of(venue)
        self.parts = _parts(specs)
        stocked = {spec.pk: spec for spec in specs}
        for parts in self.parts.values():
            stocked |= {part.spec_id: part.spec for part in parts}
        products = {spec.product_id: spec.product for spec in stocked.values()}
        self.weekly = {pk: slots_by_weekday(product) for pk, product in products.items()}
        self.long = {pk: len(covered_days(product, days[-1])) for pk, product in products.items()}
        covered = [days[0], days[-1] + timedelta(days=max(self.long.values()) - 1)]
        self.calendar = Calendar(list(stocked.values()), covered)
        self.taken = _taken(stocked, covered)
        self.rulesets = {spec.product_id: compile_rules(spec.product) for spec in specs}
        asks = any(ruleset.days for ruleset in self.rulesets.values())
        self.kinds: Mapping[date, str] = day_kinds(venue, days) if asks else {}

    def rows(self) -> Iterator[Available]:
        for spec in self.specs:
            product = spec.product
            booking = BookingRules.from_json(product.booking_rules)
            for day in self.days:
                slots = () if bought_by_day(product) and not self.booking else self._slots(product, day)
                if slots:
                    for slot in slots:
                        yield self._row(spec, booking, day, slot)
                else:
                    yield self._row(spec, booking, day, None)

    def _slots(self, product: TicketProduct, day: date) -> tuple[Times, ...]:
        return self.weekly[product.pk][day.weekday()]

    def _covered(self, product: TicketProduct, day: date) -> list[date]:
        return [day + timedelta(days=n) for n in range(self.long[product.pk])]

    def _row(self, spec: Spec, booking: BookingRules, day: date, slot: Times | None) -> Available:
        start = slot.start if slot is not None else None
        offer = self.calendar.offer(spec, day, start)
        left = self._left(spec, day, start)
        return Available(
            spec_id=spec.pk,
            day=day,
            slot=WHOLE_DAY if slot is None else slot.start,
            end=None if slot is None else slot.end,
            price_fen=offer.price_fen,
            left=left,
            why=self._why_not(spec, booking, day, slot, offer, left),
        )

    def _why_not(
        self, spec: Spec, booking: BookingRules, day: date, slot: Times | None, offer: Offer, left: int | None
    ) -> WhyNot | None:
        product, buying = spec.product, not self.booking
        at_hand = buying and bought_by_day(product)  # bought for any day: that of the sale says nothing of visits
        opens, closes = booking_window(self.venue, booking, day, slot)
        over = self._end(day, slot) <= self.now
        if over or (at_hand and product.valid_until is not None and product.valid_until < day):
            return WhyNot.PAST
        if buying and spec.status == Spec.Status.TIMED and spec.on_at is not None and self.now < spec.on_at:
            return WhyNot.BEFORE_SALE
        if buying and spec.off_at is not None and self.now >= spec.off_at:
            return WhyNot.AFTER_SALE
        if not at_hand and not gates_admit(self.rulesets[product.pk], day, self.kinds):
            return WhyNot.NOT_ADMITTED
        if not at_hand and slot is None and product.rules.get("slots"):
            return WhyNot.NO_SLOT
        if self._closed(spec, day, slot, offer):
            return WhyNot.CLOSED
        if buying and offer.price_fen is None:
            return WhyNot.NO_PRICE
        if not at_hand and opens is not None and self.now < opens:
            return WhyNot.TOO_EARLY
        if not at_hand and self.now >= closes:
            return WhyNot.TOO_LATE
        return WhyNot.SOLD_OUT if left is not None and left < 1 else None

    def _end(self, day: date, slot: Times | None) -> datetime:
        return self.business.end(day) if slot is None else wall(self.venue, day, slot.end)

    def _closed(self, spec: Spec, day: date, slot: Times | None, offer: Offer) -> bool:
        if offer.closed:
            return True
        others = self._covered(spec.product, day)[1:]
        if any(self.calendar.offer(spec, other).closed for other in others):
            return True
        start = slot.start if slot is not None else None
        return any(
            self.calendar.offer(part.spec, covered, self._slot_of(part, covered, start)).closed
            for part in self.parts.get(spec.product_id, ())
            if not bought_by_day(part.spec.product)
            for covered in self._covered(part.spec.product, day)
        )

    def _left(self, spec: Spec, day: date, start: int | None) -> int | None:
        """The least of all covered days; of a package also of its parts, by how many of each it has."""
        counts = []
        if self.booking or not spec.product.rules.get("book_first") or not bought_by_day(spec.product):
            counts += [self._left_on(spec, covered, start) for covered in self._covered(spec.product, day)]
        for part in self.parts.get(spec.product_id, ()):
            if bought_by_day(part.spec.product):
                continue
            for covered in self._covered(part.spec.product, day):
                left = self._left_on(part.spec, covered, self._slot_of(part, covered, start))
                counts.append(None if left is None else left // part.quantity)
        limited = [count for count in counts if count is not None]
        return min(limited) if limited else None

    def _slot_of(self, part: PackagePart, day: date, start: int | None) -> int | None:
        """The slot a timed part would have: the package's own, or the day's that has most left."""
        slots = self._slots(part.spec.product, day)
        if not slots:
            return None
        if any(slot.start == start for slot in slots):
            return start
        return max(slots, key=lambda slot: _many(self._left_on(part.spec, day, slot.start))).start

    def _left_on(self, spec: Spec, day: date, start: int | None) -> int | None:
        offer = self.calendar.offer(spec, day, start)
        of_day = self.taken[spec.pk].get((day, WHOLE_DAY), 0)
        if start is None:
            return None if offer.stock is None else max(offer.stock - of_day, 0)
        counts = []
        if offer.stock is not None:
            counts.append(offer.stock - self.taken[spec.pk].get((day, start), 0))
        if offer.day_stock is not None:
            counts.append(offer.day_stock - of_day)
        return max(min(counts), 0) if counts else None


def _many(left: int | None) -> float:
    return float("inf") if left is None else left


def _parts(specs: Sequence[Spec]) -> dict[int, list[PackagePart]]:
    packages = {spec.product_id for spec in specs if spec.product.kind == TicketProduct.Kind.PACKAGE}
    found: dict[int, list[PackagePart]] = defaultdict(list)
    if packages:
        rows = PackagePart.objects.filter(package__in=packages, current=True).select_related("spec__product")
        for part in rows:
            found[part.package_id].append(part)
    return found


def _taken(specs: Collection[int], days: Sequence[date]) -> dict[int, dict[tuple[date, int], int]]:
    taken: dict[int, dict[tuple[date, int], int]] = defaultdict(dict)
    pools = Pool.objects.filter(spec__in=specs, day__range=(days[0], days[-1]))
    for spec_id, day, slot, count in pools.values_list("spec_id", "day", "slot", "taken"):
        taken[spec_id][day, slot] = count
    return taken
