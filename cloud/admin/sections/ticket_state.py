"""What stands between a ticket and the gate, as its order's page says it: activated, collected, booked, its cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.text import minute
from cloud.catalog.compile import rules_of
from cloud.catalog.rules import ProductRules
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.entitlements.services import ENDED
from cloud.sales.models import OrderUnit
from paifang.records import CredentialKind
from paifang.rulesets import Activation, RuleFlag, RuleSet

_WHOLE_DAY = timedelta(hours=22)  # a booked day; slots are shorter
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket with the rules it was sold under, `rules`, and what its product says now, `product`."""

    unit: OrderUnit
    rules: RuleSet
    product: ProductRules
    credentials: tuple[EntitlementCredential, ...]

    @property
    def entitlement(self) -> Entitlement:
        return self.unit.entitlement

    @property
    def state(self) -> Entitlement.State:
        return Entitlement.State(self.entitlement.state)

    @property
    def stands(self) -> bool:
        """Neither ended nor over: what is done to it still matters at a gate."""
        return self.state not in ENDED and self.entitlement.not_after >= timezone.now()

    def takes(self, kind: CredentialKind) -> bool:
        """Whether gates take that medium for it."""
        return bool(self.rules.media >> kind & 1)

    def asks(self, flag: RuleFlag) -> bool:
        return bool(self.rules.flags & flag)


@dataclass(frozen=True, slots=True)
class Held:
    """A credential that stands for a ticket. `fixed`: it cannot be taken away."""

    pk: int
    name: str
    hint: str
    fixed: bool


def with_state(units: QuerySet[OrderUnit]) -> QuerySet[OrderUnit]:
    """The tickets with what `ticket_of` reads."""
    return units.select_related("entitlement__rules").prefetch_related("entitlement__credentials")


def ticket_of(unit: OrderUnit) -> Ticket:
    held = sorted(unit.entitlement.credentials.all(), key=lambda one: (one.kind, one.pk))
    rules = RuleSet.unpack(bytes(unit.entitlement.rules.compiled))
    return Ticket(unit, rules, rules_of(unit.product), tuple(held))


def pills(ticket: Ticket) -> list[Pill]:
    """What was done, and what a gate still waits for. Nothing about what its product does not ask."""
    return [pill for pill in (_activated(ticket), _collected(ticket), _booked(ticket)) if pill is not None]


def _activated(ticket: Ticket) -> Pill | None:
    at = ticket.entitlement.activated_at
    if at is not None:
        return Pill(_("Activated %(at)s") % {"at": minute(at)}, Tone.GOOD, "badge-check")
    if ticket.rules.activation == Activation.NONE:
        return None
    return Pill(_("Not activated"), Tone.WARN, "circle-dashed")


def _collected(ticket: Ticket) -> Pill | None:
    at = ticket.entitlement.collected_at
    if at is not None:
        return Pill(_("Collected %(at)s") % {"at": minute(at)}, Tone.GOOD, "hand")
    return Pill(_("Not collected"), Tone.WARN, "circle-dashed") if ticket.asks(RuleFlag.COLLECT_FIRST) else None


def _booked(ticket: Ticket) -> Pill | None:
    booked = booking(ticket.entitlement)
    if booked:
        return Pill(_("Booked %(slot)s") % {"slot": booked}, Tone.GOOD, "calendar-check")
    return Pill(_("Not booked"), Tone.WARN, "circle-dashed") if ticket.asks(RuleFlag.BOOK_FIRST) else None


def booking(entitlement: Entitlement) -> str:
    """ "2026-11-23", "2026-11-23 09:00–10:00"; empty where nothing is booked."""
    if entitlement.slot_from is None or entitlement.slot_to is None:
        return ""
    first, last = timezone.localtime(entitlement.slot_from), timezone.localtime(entitlement.slot_to + _SECOND)
    if entitlement.slot_to - entitlement.slot_from > _WHOLE_DAY:
        return first.date().isoformat()
    return f"{first:%Y-%m-%d %H:%M}–{last:%H:%M}"


def held(ticket: Ticket) -> list[Held]:
    """Its credentials, told apart by their last characters. An ID card's are shown with its visitor."""
    names = kinds()
    return [
        Held(one.pk, names[one.kind], one.hint, one.kind == CredentialKind.ID_NUMBER)
        for one in ticket.credentials
        if one.kind in names
    ]


def kinds() -> dict[int, str]:
    return {
        CredentialKind.CARD_UID: _("Card"),
        CredentialKind.MEMBER: _("Member code"),
        CredentialKind.CHANNEL: _("Code of a sales channel"),
        CredentialKind.ID_NUMBER: _("ID card"),
        CredentialKind.SHORT: _("Short code"),
    }
