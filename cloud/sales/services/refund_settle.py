"""An agreed refund: revoked at the gates, confirmed by them, late scans collected, and only then money is due.

In this order always (the gates first): a visitor who got money back never enters, and what an unreachable gate let
in meanwhile is on record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from cloud.capacity import services as capacity
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.locks import lock_row
from cloud.entitlements import holds, services, spread
from cloud.entitlements.models import Entitlement
from cloud.sales import quotas, states, stock, terms
from cloud.sales.models import Order, OrderUnit, RefundCase, RefundUnit
from cloud.sales.services.place import reference
from cloud.venues.models import Venue

GATES_HAVE = timedelta(minutes=10)  # to confirm; then the venue bears what an unreachable one lets in
AT_ONCE = 50
SYSTEM = Actor.system("refunds")


def agree_case(actor: Actor, case: RefundCase, order: Order) -> RefundCase:
    """Revokes its tickets urgently; where no gate need confirm, the money is due at once. The order is locked."""
    now = timezone.now()
    states.move_case(case, RefundCase.State.AGREED)
    case.decided_by, case.decided_at = actor.employee, now
    case.save(update_fields=["state", "decided_by", "decided_at"])
    services.revoke(case.venue, _tickets(case), Entitlement.State.REFUNDED)
    audit.write(actor, "refund.agree", case, case.venue, number=case.number, order=order.number)
    return _settle(case, order, now)


def settle_due(venue: Venue, now: datetime | None = None) -> int:
    """Looks after every agreed refund whose gates have not confirmed yet; how many are done. Repeatable."""
    now = now or timezone.now()
    waiting = RefundCase.objects.filter(venue=venue, state=RefundCase.State.AGREED).order_by("applied_at")
    done = 0
    for pk, order_id in list(waiting.values_list("pk", "order_id")[:AT_ONCE]):
        with transaction.atomic():
            order = lock_row(Order, order_id)
            case = lock_row(RefundCase, pk)
            done += _settle(case, order, now).state != RefundCase.State.AGREED
    return done


def _settle(case: RefundCase, order: Order, now: datetime) -> RefundCase:
    """On from agreed, if the gates have it or had their time. The order and the case are locked."""
    if case.state != RefundCase.State.AGREED or case.decided_at is None:
        return case
    units = list(case.units.select_related("unit__entitlement", "unit__line__terms"))
    applied = spread.revocation(case.venue, [row.unit.entitlement_id for row in units], case.decided_at)
    unreached = applied.waiting if applied is not None and applied.by is None else []
    if unreached and now < case.decided_at + GATES_HAVE:
        return case
    late = _used_late(case, units)
    back = [row for row in units if row not in late]
    for row in late:
        row.used_late, row.amount_fen = True, 0
    RefundUnit.objects.bulk_update(late, ["used_late", "amount_fen"])
    case.amount_fen = sum(row.amount_fen for row in back)
    case.settled_at, case.unreached = now, [edge.name for edge in unreached]
    states.move_case(case, RefundCase.State.DUE if back else RefundCase.State.VOID)
    if back and not case.amount_fen:  # nothing was paid for them, or all of it is kept
        states.move_case(case, RefundCase.State.PAID)
    if case.state != RefundCase.State.DUE:
        case.closed_at = now
    case.save(update_fields=["amount_fen", "settled_at", "unreached", "state", "closed_at"])
    if back:
        _free(order, [row.unit for row in back], now)
    audit.write(
        SYSTEM, "refund.settle", case, case.venue, number=case.number, amount_fen=case.amount_fen,
        used=len(late), unreached=case.unreached,
    )  # fmt: skip
    return case


def _used_late(case: RefundCase, units: Sequence[RefundUnit]) -> list[RefundUnit]:
    """Those let in before the gates knew. Who may refund a used ticket, by its rules or by an override, still may."""
    if case.override:
        return []
    used = holds.used(case.venue, [row.unit.entitlement for row in units if row.unit.entitlement is not None])
    return [row for row in units if row.unit.entitlement_id in used and _only_unused(row.unit)]


def _only_unused(unit: OrderUnit) -> bool:
    return unit.line is None or terms.read(unit.line.terms).refund.only_unused


def _free(order: Order, units: Sequence[OrderUnit], now: datetime) -> None:
    """Their stock and what they counted against limits; the order's own state."""
    OrderUnit.objects.filter(pk__in=[unit.pk for unit in units]).update(refunded_at=now)
    every = list(order.units.select_related("line"))
    freed = Counter[stock.Key]()
    whole = set()
    mine = {unit.pk for unit in units}
    for key in {(unit.line_id, unit.bundle) for unit in units if unit.line_id is not None}:
        bundle = [unit for unit in every if (unit.line_id, unit.bundle) == key]
        line = bundle[0].line
        places = [place for place, unit in enumerate(bundle) if unit.pk in mine]
        complete = all(unit.refunded_at is not None for unit in bundle)
        if complete:
            whole.add(key)
        if line is not None:
            freed += stock.given_back(line.takes, places, whole=complete, tickets=bundle[0].tickets)
    quotas.give_back(order, [(line, bundle) for line, bundle in whole if line is not None])
    capacity.give_back(order.venue, reference=reference(order), quantities=freed)
    if order.state in states.STANDING:
        ended = all(unit.refunded_at is not None for unit in every)
        states.move(order, Order.State.REFUNDED if ended else Order.State.PART_REFUNDED)
        order.save(update_fields=["state"])


def _tickets(case: RefundCase) -> list[Entitlement]:
    return list(Entitlement.objects.filter(unit__refunds__case=case))
