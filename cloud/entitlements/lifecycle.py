"""What becomes of a ticket between its sale and its end: activated, handed out, booked, locked, frozen.

Each is one transaction: permission, the row's lock, the change with a new revision, the feed row, the audit. What
stops a ticket or lets it go again is urgent, the rest goes with the bulk. Doing the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from cloud.catalog.card_rules import term_end
from cloud.catalog.compile import rules_of
from cloud.catalog.rules import Times
from cloud.catalog.sale_rules import SaleRules
from cloud.catalog.station_lists import require_collectable
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.business_day import calendar_of, wall
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.entitlements import publish
from cloud.entitlements.models import Entitlement
from cloud.entitlements.services import record_ops, require_standing
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue
from cloud.venues.workplaces import work_as
from paifang.records import Op
from paifang.rulesets import Activation, RuleSet

_State = Entitlement.State


@transaction.atomic
def activate(*, actor: Actor, venue: Venue, entitlement: Entitlement, by: Activation = Activation.DESK) -> Entitlement:
    """From now on it may be used. The desk may activate what its holder could, not the other way round.

    Raises:
        DomainError: "entitlement.activation": its rules want the desk. "entitlement.activation_over": too late.
            "entitlement.ended", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    row = _standing(entitlement)
    if by == Activation.HOLDER and _rules(row).activation == Activation.DESK:
        raise DomainError(
            "entitlement.activation",
            "此票须在前台激活。",
            "This ticket is activated at the front desk.",
        )
    if row.activated_at is None:
        row.activated_at = timezone.now()
        columns = ["activated_at"]
        if row.term_months or row.term_days:
            if row.not_after < row.activated_at:
                raise DomainError(
                    "entitlement.activation_over",
                    "已过最晚激活日期，此卡不能再激活。",
                    "The last day to activate this card is over.",
                )
            row.not_before, row.not_after = window(
                venue, calendar_of(venue).day(row.activated_at), row.term_months, row.term_days
            )
            columns += ["not_before", "not_after"]
        _changed(actor, venue, row, "entitlement.activate", columns, by=by.name.lower())
    return row


@transaction.atomic
def mark_collected(
    *, actor: Actor, venue: Venue, entitlement: Entitlement, where: str = "", station: Station | None = None
) -> Entitlement:
    """It was handed out, at the counter or kiosk `where`; at a station only if that hands it out (S-08).

    Raises:
        DomainError: "entitlement.collect_early": not yet. "station.not_collected", naming stations that do.
            "permission.station", "station.disabled",
            "entitlement.ended", "input.*", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    said: dict[str, object] = {"where": optional_text(where, "where", 80)}
    if station is not None:
        station = work_as(actor, venue, station, Permission.ENTITLEMENT_MANAGE)
        said["station"] = station.number
    row = _standing(entitlement)
    _not_too_early(row)
    if row.collected_at is None:
        if station is not None:
            require_collectable(station, row.product)
        row.collected_at = timezone.now()
        _changed(actor, venue, row, "entitlement.collect", ["collected_at"], **said)
    return row


def _not_too_early(row: Entitlement) -> None:
    """Raises DomainError "entitlement.collect_early": it is handed out from so long before its visit on (T-25)."""
    hours = SaleRules.from_json(row.product.sale_rules).pick_up_hours
    opens = (row.slot_from or row.not_before) - timedelta(hours=hours)
    if hours and row.collected_at is None and timezone.now() < opens:
        at = opens.astimezone(ZoneInfo(row.venue.time_zone))
        raise DomainError(
            "entitlement.collect_early",
            f"{at:%Y-%m-%d %H:%M} 起方可取票。",
            f"It is handed out from {at:%Y-%m-%d %H:%M} on.",
        )


@transaction.atomic
def book_slot(
    *, actor: Actor, venue: Venue, entitlement: Entitlement, day: date, start: int | None = None
) -> Entitlement:
    """Books a business day, or the slot of its product that begins `start` minutes after the day's midnight.

    A later booking replaces an earlier one. What remains of a slot's seats is no concern of this service.

    Raises:
        DomainError: "booking.slot": the product has no such slot, or needs one. "booking.day": not a day it is
            valid on, or over. "entitlement.ended", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    row = _standing(entitlement)
    first, last = slot_bounds(venue, rules_of(row.product).slots, day, start)
    if last < row.not_before or first > row.not_after or last < timezone.now():
        raise DomainError(
            "booking.day",
            f"{day} 不在此票有效期内或已过。",
            f"The ticket is not valid on {day}, or that is over.",
            "day",
        )
    if (row.slot_from, row.slot_to) != (first, last):
        row.slot_from, row.slot_to = first, last
        _changed(actor, venue, row, "entitlement.book", ["slot_from", "slot_to"], day=day.isoformat(), start=start)
    return row


@transaction.atomic
def unbook_slot(*, actor: Actor, venue: Venue, entitlement: Entitlement) -> Entitlement:
    """Takes a booking back. Raises DomainError "entitlement.ended", "permission.denied"."""
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    row = _standing(entitlement)
    if row.slot_from is not None:
        row.slot_from = row.slot_to = None
        _changed(actor, venue, row, "entitlement.unbook", ["slot_from", "slot_to"])
    return row


def lock(*, actor: Actor, venue: Venue, entitlement: Entitlement, why: str) -> Entitlement:
    """A refund is being decided: gates refuse it meanwhile. Raises as freeze."""
    return _turn(actor, venue, entitlement, {_State.ACTIVE}, _State.LOCKED, "entitlement.lock", why)


def unlock(*, actor: Actor, venue: Venue, entitlement: Entitlement, why: str) -> Entitlement:
    """The refund did not come. Raises as freeze."""
    return _turn(actor, venue, entitlement, {_State.LOCKED}, _State.ACTIVE, "entitlement.unlock", why)


def freeze(*, actor: Actor, venue: Venue, entitlement: Entitlement, why: str) -> Entitlement:
    """Gates refuse it until it is unfrozen: a lost card, a member's account under question.

    Raises:
        DomainError: "entitlement.state": it stands otherwise. "entitlement.ended", "input.required" (no reason
            given), "permission.denied".
    """
    return _turn(actor, venue, entitlement, {_State.ACTIVE}, _State.FROZEN, "entitlement.freeze", why)


def unfreeze(*, actor: Actor, venue: Venue, entitlement: Entitlement, why: str) -> Entitlement:
    """Raises as freeze."""
    return _turn(actor, venue, entitlement, {_State.FROZEN}, _State.ACTIVE, "entitlement.unfreeze", why)


def slot_bounds(venue: Venue, slots: Collection[Times], day: date, start: int | None) -> tuple[datetime, datetime]:
    """First and last second of a day's slot, or of the day where the product has no slots.

    Raises:
        DomainError: "booking.slot".
    """
    calendar = calendar_of(venue)
    if start is None and not slots:
        return calendar.start(day), calendar.end(day) - timedelta(seconds=1)
    slot = next((one for one in slots if one.start == start and (not one.days or day.weekday() in one.days)), None)
    if slot is None:
        raise DomainError(
            "booking.slot", "请选择此产品当天的时段。", "Choose one of the product's slots on that day.", "slot"
        )
    return wall(venue, day, slot.start), wall(venue, day, slot.end) - timedelta(seconds=1)


def window(venue: Venue, first: date, months: int, days: int) -> tuple[datetime, datetime]:
    """First and last second of so long from a business day on (T-59): a month from 31 January ends with February's
    last day, whatever its number.
    """
    calendar = calendar_of(venue)
    last = term_end(first, months, days)
    return calendar.start(first), datetime.fromtimestamp(calendar.last_second(last), UTC)


@transaction.atomic
def _turn(
    actor: Actor, venue: Venue, entitlement: Entitlement, origins: Collection[int], to: int, action: str, why: str
) -> Entitlement:
    require(actor, Permission.ENTITLEMENT_LOCK, venue)
    reason = required_text(why, "why", 200)
    row = _standing(entitlement)
    if row.state == to:
        return row
    if row.state not in origins:
        state = _State(row.state)
        raise DomainError(
            "entitlement.state",
            f"此票当前状态为“{_NAMES[state][0]}”，不能这样操作。",
            f"The ticket is {_NAMES[state][1]}: this cannot be done now.",
        )
    row.state = to
    _changed(actor, venue, row, action, ["state"], publish.urgent, why=reason)
    return row


_NAMES = {
    _State.ACTIVE: ("正常", "active"),
    _State.LOCKED: ("退款锁定", "locked for a refund"),
    _State.FROZEN: ("冻结", "frozen"),
}


def _standing(entitlement: Entitlement) -> Entitlement:
    row = lock_row(Entitlement, entitlement.pk)
    require_standing(row)
    return row


def _rules(row: Entitlement) -> RuleSet:
    return RuleSet.unpack(bytes(row.rules.compiled))


def _changed(
    actor: Actor,
    venue: Venue,
    row: Entitlement,
    action: str,
    columns: list[str],
    tell: Callable[[Venue, list[Op]], None] = publish.bulk,
    **detail: object,
) -> None:
    row.revision += 1
    row.save(update_fields=[*columns, "revision"])
    tell(venue, record_ops([row]))
    audit.write(actor, action, row, venue, **detail)
