"""What a gate says of a ticket that is being given back, and of a group's one code: sold, published, judged."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.entitlements.selectors import pass_line
from cloud.sales.services import agree_refund, apply_refund, pay_order, reject_refund
from cloud.venues.models import Device, Venue
from paifang.reasons import Reason
from tests.support.fed_gate import FedGate
from tests.support.sales import place, refunded_by, sell, sold_by, tickets
from tests.support.venue import SYSTEM

NOON = 720
pytestmark = pytest.mark.django_db


@pytest.mark.spec("T-34", "T-62", "O-10", "O-12")
def test_refused_while_it_waits_let_in_once_it_is_refused_and_never_again_once_agreed(
    venue: Venue, adult: TicketProduct, gate: Device, tmp_path: Path
) -> None:
    fed = FedGate(venue, tmp_path)
    day = today(venue) + timedelta(days=1)
    order = sell(venue, tickets(refunded_by(adult, kind="any", review="review"), 2, visit_date=day))
    first, second = order.units.all()
    lines = [pass_line(unit.entitlement).encode() for unit in (first, second)]

    def says(line: bytes) -> Reason:
        fed.sync()
        return Reason(fed.present(line, gate, day, NOON).reason)

    case = apply_refund(actor=SYSTEM, venue=venue, order=order, units=[first], idempotency_key="r1")
    assert says(lines[0]) == Reason.LOCKED
    reject_refund(actor=SYSTEM, venue=venue, case=case, why="x")
    other = apply_refund(actor=SYSTEM, venue=venue, order=order, units=[second], idempotency_key="r2")
    agree_refund(actor=SYSTEM, venue=venue, case=other)
    assert [says(line) for line in lines] == [Reason.OK, Reason.REFUNDED]
    fed.close()


@pytest.mark.spec("T-26")
def test_one_code_lets_five_in_and_not_a_sixth(
    venue: Venue, adult: TicketProduct, gate: Device, tmp_path: Path
) -> None:
    fed = FedGate(venue, tmp_path)
    day = today(venue) + timedelta(days=1)
    order = place(venue, tickets(sold_by(adult, printing="together"), 5, visit_date=day))
    pay_order(actor=SYSTEM, venue=venue, order=order, method="cash")
    line = pass_line(order.units.get().entitlement).encode()
    fed.sync()
    verdict = fed.present(line, gate, day, NOON)
    assert (Reason(verdict.reason), verdict.persons) == (Reason.OK, 5)
    assert Reason(fed.present(line, gate, day, NOON + 1).reason) == Reason.USED_UP
    fed.close()
