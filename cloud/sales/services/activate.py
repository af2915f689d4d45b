"""A ticket activated by its holder, who says who they are: checked against the sale, or noted for the first time."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.idnumber import normalise
from cloud.core.inputs import required_text
from cloud.core.locks import lock_row
from cloud.entitlements import lifecycle
from cloud.entitlements.attach import bind_id_card
from cloud.entitlements.models import Entitlement
from cloud.sales.models import Order, OrderUnit, Visitor
from cloud.sales.personal import put_id_number, search_hash
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue
from paifang.rulesets import Activation, RuleFlag, RuleSet

NAME_LENGTH = 60


@transaction.atomic
def activate_unit(*, actor: Actor, venue: Venue, unit: OrderUnit, name: str, id_number: str = "") -> OrderUnit:
    """The holder's own act: from then on gates admit it. An ID number is bound where the ticket asks for one.

    The same holder doing it again changes nothing.

    Raises:
        DomainError: "holder.name" and "holder.id_number" (it was sold to somebody else), "holder.done" (somebody
            else has activated it), "entitlement.activation" (not the holder's to activate), "entitlement.over",
            "entitlement.ended", "order.same_visitor", "id_number.invalid", "input.*", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    order = lock_row(Order, unit.order_id)  # revoking and giving out a new code lock it first too
    unit = OrderUnit.objects.select_related("visitor").get(pk=unit.pk)
    entitlement = lock_row(Entitlement, unit.entitlement_id)
    rules = RuleSet.unpack(bytes(entitlement.rules.compiled))
    if rules.activation == Activation.NONE:
        raise DomainError("entitlement.activation", "此票无需激活。", "This ticket needs no activation.")
    if entitlement.not_after < timezone.now():
        raise DomainError("entitlement.over", "此票已过期。", "This ticket is over.")
    written = required_text(name, "name", NAME_LENGTH)
    wanted = bool(rules.flags & RuleFlag.IDENTITY)
    number = normalise(required_text(id_number, "id_number", 24)) if wanted else ""
    if unit.visitor is not None:
        _same(unit.visitor, written, number, done=entitlement.activated_at is not None)
    elif entitlement.activated_at is not None:
        raise _done()
    if entitlement.activated_at is None:
        _name_holder(actor, venue, order, unit, written, number)
        lifecycle.activate(actor=actor, venue=venue, entitlement=entitlement, by=Activation.HOLDER)
    return unit


def _same(visitor: Visitor, name: str, number: str, *, done: bool) -> None:
    """Whoever is named already is who activates."""
    other_name = _plain(visitor.name) != _plain(name)
    known = visitor.id_number_hash
    other_number = bool(number and known) and not constant_time_compare(bytes(known or b""), search_hash(number))
    if done and (other_name or other_number):
        raise _done()
    if other_name:
        raise DomainError(
            "holder.name",
            "与购票时登记的姓名不符。如有误，请联系服务中心。",
            "The ticket was sold to somebody of another name. If that is wrong, ask at the service centre.",
            "name",
        )
    if other_number:
        raise DomainError(
            "holder.id_number",
            "与购票时登记的证件号不符。如有误，请联系服务中心。",
            "The ticket was sold for another ID number. If that is wrong, ask at the service centre.",
            "id_number",
        )


def _done() -> DomainError:
    return DomainError(
        "holder.done",
        "此票已由他人激活。如非本人操作，请联系服务中心。",
        "Somebody else has activated this ticket. If that was not meant, ask at the service centre.",
    )


def _name_holder(actor: Actor, venue: Venue, order: Order, unit: OrderUnit, name: str, number: str) -> None:
    """Notes what the sale did not know, and binds the ID card."""
    visitor = unit.visitor or Visitor(venue=venue, order=order, name=name)
    fresh = ["name"] if unit.visitor is None else []
    if number and visitor.id_number_hash is None:
        _only_one(unit, number)
        put_id_number(visitor, number)
        fresh.append("id_number")
    if fresh:
        visitor.save()
        unit.visitor = visitor
        unit.save(update_fields=["visitor"])
        audit.write(actor, "unit.holder", unit, venue, number=order.number, position=unit.position, fields=fresh)
    if number:
        bind_id_card(actor=actor, venue=venue, entitlement=unit.entitlement, number=number)


def _only_one(unit: OrderUnit, number: str) -> None:
    """As at the sale: of one order nobody holds two tickets of a kind."""
    others = OrderUnit.objects.filter(order=unit.order_id, product=unit.product_id).exclude(pk=unit.pk)
    if others.filter(visitor__id_number_hash=search_hash(number)).exists():
        raise DomainError(
            "order.same_visitor",
            "该证件号已用于同一订单的另一张票。",
            "This ID number holds another ticket of the same order already.",
            "id_number",
        )


def _plain(name: str) -> str:
    """Blanks and capitals make no other person."""
    return "".join(name.split()).casefold()
