"""Visits booked on cards: they take a place, and give it back once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from cloud.bookings.models import Visit
from cloud.bookings.services import book_visit, cancel_visit, settle_visits
from cloud.capacity.models import Pool
from cloud.catalog.booking import BookingRules
from cloud.catalog.card_rules import CardRules
from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.rules import ProductRules, Times
from cloud.catalog.services import snapshot_rules
from cloud.core.business_day import month_number, today
from cloud.core.errors import DomainError
from cloud.entitlements.lifecycle import window
from cloud.entitlements.models import Entitlement
from cloud.entitlements.services import Grant, issue
from cloud.venues.models import Device, Venue
from paifang.usage import Usage
from tests.support import venue as make
from tests.support.race import race

TEN, ELEVEN = 600, 660
SLOTS = (Times(TEN, ELEVEN), Times(ELEVEN, 720))
pytestmark = pytest.mark.django_db


@pytest.fixture
def boat(venue: Venue) -> TicketProduct:
    """A ride by the hour, two seats each, booked first."""
    product = make.make_product(venue, "boat", name_zh="船票", rules=ProductRules(slots=SLOTS, book_first=True))
    Spec.objects.filter(product=product).update(stock=2)
    return product


def card_of(product: TicketProduct) -> Entitlement:
    begins, ends = window(product.venue, today(product.venue), 0, 400)
    grant = Grant(
        product=product, rules=snapshot_rules(product), not_before=begins, not_after=ends, persons=product.persons
    )
    return issue(product.venue, grant)


def ahead(venue: Venue, days: int = 7) -> date:
    return today(venue) + timedelta(days=days)


def book(ticket: Entitlement, day: date, start: int | None = TEN, **more: Any) -> Visit:
    return book_visit(actor=make.SYSTEM, venue=ticket.venue, entitlement=ticket, day=day, start=start, **more)


def cancel(ticket: Entitlement) -> Visit | None:
    return cancel_visit(actor=make.SYSTEM, venue=ticket.venue, entitlement=ticket)


def taken(day: date, slot: int = TEN) -> int:
    return sum(Pool.objects.filter(day=day, slot=slot).values_list("taken", flat=True))


@pytest.mark.spec("T-54")
def test_a_visit_takes_a_seat_until_there_is_none(venue: Venue, boat: TicketProduct) -> None:
    cards, day = [card_of(boat) for _ in range(3)], ahead(venue)
    for card in cards[:2]:
        book(card, day)
    with pytest.raises(DomainError) as refused:
        book(cards[2], day)
    assert (refused.value.code, taken(day)) == ("capacity.sold_out", 2)
    cards[2].refresh_from_db()
    assert (Visit.objects.count(), cards[2].slot_from) == (2, None)
    assert book(cards[2], day, ELEVEN).slot == ELEVEN


@pytest.mark.spec("T-63")
def test_a_cancelled_visit_gives_its_place_back_once(venue: Venue, boat: TicketProduct) -> None:
    card, day = card_of(boat), ahead(venue)
    visit = book(card, day)
    assert book(card, day) == visit  # asked twice, booked once
    assert cancel(card) == visit
    assert cancel(card) is None
    card.refresh_from_db()
    visit.refresh_from_db()
    assert (visit.state, taken(day), card.slot_from) == ("cancelled", 0, None)


@pytest.mark.spec("T-63")
def test_too_late_to_cancel(venue: Venue, boat: TicketProduct) -> None:
    card, day = card_of(boat), ahead(venue, 2)
    book(card, day, card=CardRules(cancel_hours=24 * 4))
    for change in (lambda: cancel(card), lambda: book(card, day, ELEVEN)):
        with pytest.raises(DomainError) as refused:
            change()
        assert refused.value.code == "visit.cancel_late"
    assert (taken(day), taken(day, ELEVEN)) == (1, 0)


def test_another_booking_replaces_the_first(venue: Venue, boat: TicketProduct) -> None:
    card, day = card_of(boat), ahead(venue)
    book(card, day)
    book(card, day, ELEVEN)
    assert (taken(day), taken(day, ELEVEN)) == (0, 1)
    assert list(Visit.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "booked"]


@pytest.mark.spec("T-54")
@pytest.mark.parametrize(("used", "state"), [(True, "kept"), (False, "missed")])
def test_a_visit_that_is_over_was_kept_or_missed(
    venue: Venue, boat: TicketProduct, gate: Device, used: bool, state: str
) -> None:
    card, day = card_of(boat), ahead(venue, 1)
    visit = book(card, day, card=CardRules(no_show="blocked", block_days=30))
    if used:
        record = Usage(revision=1, total=1, day=day.toordinal(), day_count=1, month=month_number(day), month_count=1)
        make.relay(gate.edge, card.pk, gate.station.group_id, record.pack())
    after = visit.ends_at + timedelta(hours=2)
    assert (settle_visits(venue, visit.ends_at - timedelta(seconds=1)), settle_visits(venue, after)) == (0, 1)
    assert settle_visits(venue, after) == 0
    visit.refresh_from_db()
    assert (visit.state, taken(day)) == (state, 1)
    if used:
        assert book(card, ahead(venue, 20)).state == "booked"
        return
    with pytest.raises(DomainError) as refused:
        book(card, ahead(venue, 20))
    assert refused.value.code == "visit.blocked"
    assert book(card, day + timedelta(days=31)).state == "booked"


@pytest.mark.parametrize(
    ("rules", "days", "code"),
    [
        (BookingRules(earliest_days=3), 7, "visit.early"),
        (BookingRules(latest_days=3), 2, "visit.closed"),
        (BookingRules(), 500, "booking.day"),
    ],
)
def test_booking_has_its_time(venue: Venue, boat: TicketProduct, rules: BookingRules, days: int, code: str) -> None:
    TicketProduct.objects.filter(pk=boat.pk).update(booking_rules=rules.to_json())
    with pytest.raises(DomainError) as refused:
        book(card_of(boat), ahead(venue, days))
    assert (refused.value.code, Visit.objects.count(), Pool.objects.filter(taken__gt=0).count()) == (code, 0, 0)


@pytest.mark.spec("T-54")
@pytest.mark.django_db(transaction=True)
def test_of_two_cards_one_gets_the_last_seat(venue: Venue, boat: TicketProduct) -> None:
    Spec.objects.filter(product=boat).update(stock=1)
    cards, day = [card_of(boat) for _ in range(2)], ahead(venue)
    outcomes = race(venue, *(lambda card=card: book(card, day) for card in cards))
    lost = [one for one in outcomes if isinstance(one, DomainError)]
    assert ([one.code for one in lost], taken(day), Visit.objects.count()) == (["capacity.sold_out"], 1, 1)


@pytest.mark.spec("T-63")
@pytest.mark.django_db(transaction=True)
def test_cancelled_twice_at_once_comes_back_once(venue: Venue, boat: TicketProduct) -> None:
    card, other, day = card_of(boat), card_of(boat), ahead(venue)
    book(card, day)
    book(other, day)
    outcomes = race(venue, lambda: cancel(card), lambda: cancel(card))
    assert (sorted(one is None for one in outcomes), taken(day)) == ([False, True], 1)
