"""Days and slots run out at exactly their stock, for two buyers at once too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from django.db import transaction
from django.db.models import Sum

from cloud.capacity.models import Entry, Pool
from cloud.capacity.services import Wish, give_back, take
from cloud.catalog.models import CalendarCell, Spec, TicketProduct
from cloud.catalog.offers import WHOLE_DAY, Calendar, Offer
from cloud.core.errors import DomainError
from cloud.venues.models import Venue
from tests.support.race import race

pytestmark = pytest.mark.django_db

MAY_1, MAY_2 = date(2027, 5, 1), date(2027, 5, 2)
TEN, ELEVEN = 600, 660


@pytest.fixture
def spec(adult: TicketProduct) -> Spec:
    return adult.specs.get()


def cell(spec: Spec, day: date = MAY_1, slot: int = WHOLE_DAY, **fields: object) -> CalendarCell:
    return CalendarCell.objects.create(venue=spec.venue, spec=spec, day=day, slot=slot, **fields)


def taking(venue: Venue, *wishes: Wish, reference: str = "order:1") -> None:
    with transaction.atomic():
        take(venue, wishes, why=Entry.Why.SOLD, reference=reference)


def taken(spec: Spec) -> Mapping[tuple[date, int], int]:
    pools = {(pool.day, pool.slot): pool.taken for pool in Pool.objects.filter(spec=spec)}
    sums = Entry.objects.filter(pool__spec=spec).values_list("pool__day", "pool__slot").annotate(Sum("quantity"))
    assert {(day, slot): left for day, slot, left in sums} == {key: left for key, left in pools.items()}
    return {key: left for key, left in pools.items() if left}


@pytest.mark.spec("T-13")
def test_a_day_has_the_price_and_stock_of_its_cell_before_the_specs_own(spec: Spec) -> None:
    Spec.objects.filter(pk=spec.pk).update(stock=50)
    spec.refresh_from_db()
    cell(spec, MAY_1, price_fen=12_000)
    cell(spec, MAY_2, stock=0, closed=True)
    calendar = Calendar([spec], [MAY_1, MAY_2])
    assert calendar.offer(spec, MAY_1) == Offer(12_000, 50)
    assert calendar.offer(spec, MAY_2) == Offer(8_000, 0, closed=True)
    assert not calendar.offer(spec, MAY_2).sold
    assert calendar.offer(spec, date(2027, 5, 3)) == Offer(8_000, 50)


@pytest.mark.spec("T-14")
def test_a_slot_has_its_own_and_shares_the_days(spec: Spec) -> None:
    cell(spec, MAY_1, price_fen=9_000, stock=100)
    cell(spec, MAY_1, TEN, stock=20)
    cell(spec, MAY_1, ELEVEN, price_fen=7_000, closed=True)
    calendar = Calendar([spec], [MAY_1])
    assert calendar.offer(spec, MAY_1, TEN) == Offer(9_000, 20, 100)
    assert calendar.offer(spec, MAY_1, ELEVEN) == Offer(7_000, None, 100, closed=True)


@pytest.mark.spec("T-13")
def test_a_day_sells_what_it_has_and_no_more(venue: Venue, spec: Spec) -> None:
    cell(spec, stock=3)
    taking(venue, Wish(spec.pk, MAY_1, quantity=2))
    with pytest.raises(DomainError) as refused:
        taking(venue, Wish(spec.pk, MAY_2), Wish(spec.pk, MAY_1, quantity=2))
    assert (refused.value.code, refused.value.en) == ("capacity.sold_out", "Adult: 1 left on 2027-05-01.")
    assert taken(spec) == {(MAY_1, WHOLE_DAY): 2}  # nothing was half taken


@pytest.mark.spec("T-14")
def test_a_slot_sells_out_alone_and_the_day_stops_both(venue: Venue, spec: Spec) -> None:
    cell(spec, MAY_1, stock=3)
    cell(spec, MAY_1, TEN, stock=2)
    taking(venue, Wish(spec.pk, MAY_1, TEN, 2))
    with pytest.raises(DomainError, match="0 left"):
        taking(venue, Wish(spec.pk, MAY_1, TEN))
    taking(venue, Wish(spec.pk, MAY_1, ELEVEN))
    with pytest.raises(DomainError, match="0 left"):
        taking(venue, Wish(spec.pk, MAY_1, ELEVEN))
    assert taken(spec) == {(MAY_1, TEN): 2, (MAY_1, ELEVEN): 1, (MAY_1, WHOLE_DAY): 3}


def test_a_slots_own_stock_does_not_limit_the_day(venue: Venue, spec: Spec) -> None:
    Spec.objects.filter(pk=spec.pk).update(stock=2)
    for slot in (TEN, ELEVEN):
        taking(venue, Wish(spec.pk, MAY_1, slot, 2))
    with pytest.raises(DomainError, match="0 left"):
        taking(venue, Wish(spec.pk, MAY_1, TEN))


@pytest.mark.spec("T-13")
def test_a_closed_day_sells_nothing(venue: Venue, spec: Spec) -> None:
    cell(spec, closed=True)
    for wish in (Wish(spec.pk, MAY_1), Wish(spec.pk, MAY_1, TEN)):
        with pytest.raises(DomainError, match="is not sold on"):
            taking(venue, wish)


def test_what_was_taken_comes_back_once(venue: Venue, spec: Spec) -> None:
    taking(venue, Wish(spec.pk, MAY_1, TEN, 3), reference="order:1")
    taking(venue, Wish(spec.pk, MAY_1, TEN, 1), reference="order:2")
    for part, back in (({(spec.pk, MAY_1, TEN): 1, (spec.pk, MAY_1, WHOLE_DAY): 1}, 2), (None, 4), (None, 0)):
        with transaction.atomic():
            assert give_back(venue, reference="order:1", quantities=part) == back
    assert taken(spec) == {(MAY_1, TEN): 1, (MAY_1, WHOLE_DAY): 1}


@pytest.mark.spec("T-13")
@pytest.mark.django_db(transaction=True)
def test_of_two_buyers_of_the_last_one_exactly_one_gets_it(venue: Venue, spec: Spec) -> None:
    cell(spec, stock=1)

    def buy(reference: str) -> str:
        try:
            taking(venue, Wish(spec.pk, MAY_1), reference=reference)
        except DomainError as error:
            return error.code
        return "bought"

    outcomes = race(venue, *(lambda n=n: buy(f"order:{n}") for n in range(4)))
    assert sorted(outcomes) == ["bought", "capacity.sold_out", "capacity.sold_out", "capacity.sold_out"]
    assert taken(spec) == {(MAY_1, WHOLE_DAY): 1}


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_same_days_the_other_way_round_both_get_them(venue: Venue, spec: Spec) -> None:
    days = [Wish(spec.pk, day) for day in (MAY_1, MAY_2)]
    race(
        venue,
        lambda: taking(venue, *days, reference="order:1"),
        lambda: taking(venue, *reversed(days), reference="order:2"),
    )
    assert taken(spec) == {(MAY_1, WHOLE_DAY): 2, (MAY_2, WHOLE_DAY): 2}
