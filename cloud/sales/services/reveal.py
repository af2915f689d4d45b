"""A visitor's whole name and ID number, for a reason that is kept."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.sales.models import OrderUnit
from cloud.sales.personal import id_number
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

WHY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Revealed:
    """To be shown once and kept nowhere. `id_number` is empty where none was given."""

    name: str
    id_number: str


@transaction.atomic
def reveal_visitor(*, actor: Actor, venue: Venue, unit: OrderUnit, why: str) -> Revealed:
    """Who a ticket is for. The audit says who asked, of which ticket, which fields they were shown, and why.

    Raises:
        DomainError: "permission.denied", "input.*" (no reason), "visitor.none".
        SealError: the ID number was sealed by another installation.
    """
    require(actor, Permission.PERSONAL_VIEW, venue)
    why = required_text(why, "why", WHY_LENGTH)
    visitor = unit.visitor
    if visitor is None:
        raise DomainError("visitor.none", "该门票没有登记游客。", "No visitor is named for this ticket.")
    shown = Revealed(visitor.name, id_number(visitor) or "")
    fields = ["name", *(["id_number"] if shown.id_number else [])]
    audit.write(
        actor, "personal.show", unit, venue, number=unit.order.number, position=unit.position, fields=fields, why=why
    )
    return shown
