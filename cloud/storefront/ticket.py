"""What a ticket's page says: facts for people, and what the phone draws its code from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats, timezone
from django.utils.translation import get_language

from cloud.core.business_day import calendar_of
from cloud.entitlements import rotating
from cloud.entitlements.left import persons_left
from cloud.entitlements.models import Entitlement
from cloud.entitlements.services import ENDED
from cloud.sales.models import OrderUnit
from cloud.sales.personal import masked_name
from paifang.rulesets import Activation, RuleFlag, RuleSet

_SECOND = timedelta(seconds=1)
_LONG = timedelta(hours=22)  # a booked day, not a slot
# Of a ticket now. Only GOOD shows a code.
GOOD, EARLY, OVER, ENDED_NOW, HELD, USED = "good", "early", "over", "ended", "held", "used"
INACTIVE, AT_DESK = "inactive", "desk"  # waits for its holder here, or for the desk


@dataclass(frozen=True, slots=True)
class Facts:
    """Said in the reader's language, times in the venue's."""

    venue: str
    product: str
    holder: str
    window: str
    slot: str
    order: str


def facts_of(entitlement: Entitlement) -> Facts:
    unit = OrderUnit.objects.filter(entitlement=entitlement).select_related("visitor", "order").first()
    zone = ZoneInfo(entitlement.venue.time_zone)
    calendar = calendar_of(entitlement.venue)
    first, last = calendar.day(entitlement.not_before), calendar.day(entitlement.not_after)
    window = formats.date_format(first, "DATE_FORMAT")
    if last != first:
        window = f"{window} – {formats.date_format(last, 'DATE_FORMAT')}"
    return Facts(
        venue=_named(entitlement.venue.name_zh, entitlement.venue.name_en),
        product=_named(
            unit.product_name_zh if unit else entitlement.product.name_zh,
            unit.product_name_en if unit else entitlement.product.name_en,
        ),
        holder=masked_name(unit.visitor.name) if unit and unit.visitor else "",
        window=window,
        slot=_slot(entitlement, zone),
        order=unit.order.number if unit else "",
    )


def code_of(entitlement: Entitlement, now: datetime | None = None) -> dict[str, Any]:
    """What the phone keeps for the day: JSON. Only a ticket that is good today comes with a key.

    `now_ms` is the server's clock, by which the phone steps. `raw` is the pass as issued; without a `key` it is
    shown as it is, for it does not rotate.
    """
    now = now or timezone.now()
    left = persons_left(entitlement, now)
    state = state_of(entitlement, now, left)
    told: dict[str, Any] = {"state": state, "left": left, "persons": entitlement.persons}
    if state == GOOD:
        given = rotating.key_for_today(entitlement, now)
        told |= {
            "raw": bytes(entitlement.pass_raw).hex(),
            "key": given.key.hex() if entitlement.rotating else None,
            "until_ms": min(given.until_s, int(entitlement.not_after.timestamp()) + 1) * 1000,
        }
    return told | {"now_ms": int(timezone.now().timestamp() * 1000)}


def state_of(entitlement: Entitlement, now: datetime, left: int | None) -> str:
    if entitlement.state in ENDED:
        return ENDED_NOW
    if entitlement.state != Entitlement.State.ACTIVE:
        return HELD
    if now > entitlement.not_after:
        return OVER
    if left == 0:
        return USED
    waits_for = activation_of(entitlement)
    if waits_for != Activation.NONE:
        return INACTIVE if waits_for == Activation.HOLDER else AT_DESK
    if now < entitlement.not_before:
        return EARLY
    return GOOD


def activation_of(entitlement: Entitlement) -> Activation:
    """Who has to activate it yet; NONE where nobody has to."""
    return Activation.NONE if entitlement.activated_at is not None else _rules(entitlement).activation


def asks_identity(entitlement: Entitlement) -> bool:
    """Whether gates will ask for its holder's ID card."""
    return bool(_rules(entitlement).flags & RuleFlag.IDENTITY)


def _rules(entitlement: Entitlement) -> RuleSet:
    return RuleSet.unpack(bytes(entitlement.rules.compiled))


def _slot(entitlement: Entitlement, zone: ZoneInfo) -> str:
    """The slot that is booked, or the day; empty where neither is."""
    if entitlement.slot_from is None or entitlement.slot_to is None:
        return ""
    if entitlement.slot_to - entitlement.slot_from > _LONG:
        return f"{formats.date_format(entitlement.slot_from.astimezone(zone), 'DATE_FORMAT')}"
    first, last = entitlement.slot_from.astimezone(zone), (entitlement.slot_to + _SECOND).astimezone(zone)
    return f"{formats.date_format(first, 'SHORT_DATE_FORMAT')} {first:%H:%M}–{last:%H:%M}"


def _named(zh: str, en: str) -> str:
    return en if en and not (get_language() or "").startswith("zh") else zh
