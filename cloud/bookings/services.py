"""Books visits, takes them back, settles those that are over: in one transaction with the capacity and the gates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from cloud.bookings.models import Visit
from cloud.capacity import services as capacity
from cloud.capacity.models import Entry
from cloud.catalog.booking import BookingRules, booking_window
from cloud.catalog.card_rules import BLOCKED, CardRules
from cloud.catalog.compile import rules_of
from cloud.catalog.models import CalendarCell
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import lifecycle
from cloud.entitlements.models import Entitlement, Usage
from cloud.entitlements.services import require_standing
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue
from paifang import usage as records

AT_ONCE = 200  # visits settled in a transaction
_State = Visit.State


@transaction.atomic
def book_visit(
    *,
    actor: Actor,
    venue: Venue,
    entitlement: Entitlement,
    day: date,
    start: int | None = None,
    card: CardRules | None = None,
) -> Visit:
    """Books a day, or the slot that begins `start` minutes after its midnight, and takes the place (T-54).

    A booking it has for another day or slot is cancelled with it, if that is still possible: a ticket has one at a
    time. `card`: the rules its card was sold under, none for an open ticket.

    Raises:
        DomainError: "visit.blocked" after a missed visit, "visit.early", "visit.closed" (too early, too late to
            book), "visit.cancel_late" (of the booking it has), "booking.slot", "booking.day", "capacity.sold_out",
            "capacity.closed", "entitlement.ended", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    card = card or CardRules()
    now = timezone.now()
    ticket = _standing(entitlement)
    held = _settled_or_open(ticket, now)
    slots = rules_of(ticket.product).slots
    begins, ends = lifecycle.slot_bounds(venue, slots, day, start)
    wanted = CalendarCell.WHOLE_DAY if start is None else start
    if held is not None and (held.day, held.slot) == (day, wanted):
        return held
    _check_open(venue, ticket, day, start, now)
    _check_block(venue, ticket, day)
    if held is not None:
        _release(venue, held, now)
    spec = ticket.product.specs.order_by("position", "pk").first()
    visit = Visit.objects.create(
        venue=venue,
        entitlement=ticket,
        spec=spec,
        day=day,
        slot=wanted,
        begins_at=begins,
        ends_at=ends,
        cancel_until=begins - timedelta(hours=card.cancel_hours),
        block_days=card.block_days if card.no_show == BLOCKED else 0,
    )
    if spec is not None:
        wish = capacity.Wish(spec.pk, day, wanted, ticket.persons)
        capacity.take(venue, [wish], why=Entry.Why.BOOKED, reference=visit.reference)
    lifecycle.book_slot(actor=actor, venue=venue, entitlement=ticket, day=day, start=start)
    return visit


@transaction.atomic
def cancel_visit(*, actor: Actor, venue: Venue, entitlement: Entitlement) -> Visit | None:
    """Takes the booking back and gives its place to others, once (T-63). None: there is none any more.

    Raises:
        DomainError: "visit.cancel_late", "entitlement.ended", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    now = timezone.now()
    ticket = _standing(entitlement)
    visit = _settled_or_open(ticket, now)
    if visit is not None:
        _release(venue, visit, now)
        lifecycle.unbook_slot(actor=actor, venue=venue, entitlement=ticket)
        audit.write(actor, "visit.cancel", ticket, venue, day=visit.day.isoformat())
    return visit


def settle_visits(venue: Venue, now: datetime | None = None) -> int:
    """Says of visits that are over whether they were kept; how many. Safe in several workers, and again."""
    now = now or timezone.now()
    settled = 0
    while True:
        with transaction.atomic():
            due = Visit.objects.filter(venue=venue, state=_State.BOOKED, ends_at__lt=now)
            rows = list(due.select_for_update(skip_locked=True, no_key=True).order_by("pk")[:AT_ONCE])
            for visit in rows:
                _settle(visit, now)
        settled += len(rows)
        if len(rows) < AT_ONCE:
            return settled


def _standing(entitlement: Entitlement) -> Entitlement:
    row = lock_row(Entitlement, entitlement.pk)
    require_standing(row)
    return row


def _settled_or_open(ticket: Entitlement, now: datetime) -> Visit | None:
    """The booking the ticket has, settled first where it is over. The caller holds the ticket's lock."""
    visit = Visit.objects.filter(entitlement=ticket, state=_State.BOOKED).first()
    if visit is not None and visit.ends_at < now:
        _settle(visit, now)
        return None
    return visit


def _settle(visit: Visit, now: datetime) -> None:
    visit.state = _State.KEPT if _used(visit) else _State.MISSED
    visit.settled_at = now
    visit.save(update_fields=["state", "settled_at"])


def _used(visit: Visit) -> bool:
    """Whether gates have told of a use on the day or, if they tell of one late, after it."""
    ticket = visit.entitlement
    rows = Usage.objects.filter(venue_id=visit.venue_id, owner_id=ticket.owner_id or ticket.pk)
    day = visit.day.toordinal()
    return any(
        one.day >= day and one.day_count for one in (records.Usage.unpack(bytes(row.record)) for row in rows)
    )  # fmt: skip


def _release(venue: Venue, visit: Visit, now: datetime) -> None:
    if now > visit.cancel_until:
        local = visit.cancel_until.astimezone(ZoneInfo(venue.time_zone))
        raise DomainError(
            "visit.cancel_late",
            f"最晚取消时间为 {local:%Y-%m-%d %H:%M}，已过。",
            f"It could be cancelled until {local:%Y-%m-%d %H:%M}; that is over.",
        )
    visit.state = _State.CANCELLED
    visit.settled_at = now
    visit.save(update_fields=["state", "settled_at"])
    capacity.give_back(venue, reference=visit.reference)


def _check_open(venue: Venue, ticket: Entitlement, day: date, start: int | None, now: datetime) -> None:
    rules = BookingRules.from_json(ticket.product.booking_rules)
    slot = next((one for one in rules_of(ticket.product).slots if one.start == start), None)
    opens, closes = booking_window(venue, rules, day, slot)
    if opens is not None and now < opens:
        local = opens.astimezone(ZoneInfo(venue.time_zone))
        raise DomainError(
            "visit.early",
            f"{day} 的预约 {local:%Y-%m-%d %H:%M} 开始。",
            f"{day} can be booked from {local:%Y-%m-%d %H:%M} on.",
            "day",
        )
    if now >= closes:
        raise DomainError("visit.closed", f"{day} 的预约已截止。", f"Booking for {day} is closed.", "day")


def _check_block(venue: Venue, ticket: Entitlement, day: date) -> None:
    missed = Visit.objects.filter(entitlement=ticket, state=_State.MISSED, block_days__gt=0).order_by("-day").first()
    if missed is None:
        return
    until = missed.day + timedelta(days=missed.block_days)
    if day <= until:
        raise DomainError(
            "visit.blocked",
            f"{missed.day} 预约未到，{until} 及以前不能再预约。",
            f"The visit booked for {missed.day} was missed: nothing can be booked up to {until}.",
            "day",
        )
