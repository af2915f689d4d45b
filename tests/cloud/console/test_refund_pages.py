"""Orders that are not paid yet, and giving tickets back: what the pages show, ask and do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ProductRules, Times
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.entitlements import lifecycle
from cloud.sales.models import Order, RefundCase
from cloud.sales.services import apply_refund
from cloud.venues.models import Venue
from tests.cloud.console.test_orders import asked
from tests.support import venue as make
from tests.support.sales import place, refunded_by, sell, sold_by, tickets, with_parts

FEE = {"kind": "any", "fee": "fixed", "fee_fen": 500}


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.spec("T-23", "T-21", "O-07")
def test_an_order_is_held_at_the_desk_then_paid(log_in, venue: Venue, adult: TicketProduct):
    sold_by(adult, notice_zh="水深", notice_en="Deep water", pay_methods=("cash", "wechat"))
    client = log_in()
    sent = asked(venue, pay_method="later", phone="13800138000")
    refused = client.post("/orders/new", sent)
    assert refused.status_code == 422
    assert "Deep water" in text_of(refused)
    held = client.post("/orders/new", sent | {"notice": "on"}, follow=True)
    for shown in ("Not paid yet", "Held until", "Risk notice", "…8000", "Not issued"):
        assert shown in text_of(held), shown
    order = Order.objects.get()
    assert client.get(f"/orders/{order.number}/1/qr").status_code == 404, "no ticket, no code"
    asking = client.get(f"/orders/do/pay?pk={order.pk}")
    assert "¥160.00 is to be paid." in text_of(asking)
    barred = client.post("/orders/do/pay", {"pk": order.pk, "method": "card"})
    assert "Cash, WeChat Pay" in text_of(barred)
    client.post("/orders/do/pay", {"pk": order.pk, "method": "wechat"})
    order.refresh_from_db()
    assert (order.state, order.pay_method) == ("issued", "wechat")
    assert "WeChat Pay" in text_of(client.get(f"/orders/{order.number}"))

    other = place(venue, tickets(sold_by(adult)), key="k2")
    client.post("/orders/do/cancel", {"pk": other.pk})
    other.refresh_from_db()
    assert other.state == "cancelled"


@pytest.mark.spec("T-32", "T-30")
def test_what_it_returns_is_shown_before_it_is_done(log_in, venue: Venue, adult: TicketProduct):
    order = sell(venue, tickets(refunded_by(adult, **FEE), 2))
    first, second = order.units.all()
    client = log_in()
    url = f"/orders/{order.number}/refund"
    assert url in client.get(f"/orders/{order.number}").content.decode()
    sent = {"idempotency_key": "r1", "units": [first.pk]}
    quoted = client.post(url, sent | {"quote": "1"})
    assert "1 ticket: returns 75.00 of 80.00, keeps 5.00." in text_of(quoted)
    assert 'name="shown_fen" value="7500"' in quoted.content.decode()
    assert RefundCase.objects.count() == 0
    changed = client.post(url, sent | {"shown_fen": "7600"})
    assert changed.status_code == 422
    assert "The amount has changed." in text_of(changed)
    done = client.post(url, sent | {"shown_fen": "7500"}, follow=True)
    assert "pay back ¥75.00, then note it there." in text_of(done)
    case = RefundCase.objects.get()
    assert client.post(url, {"idempotency_key": "r2"}).status_code == 422
    page = text_of(client.get(url))
    assert f"{second.position} ·" in page
    assert f"{first.position} · 成人票" not in page

    note = {"pk": case.pk, "method": "", "receipt": "A7"}
    paid = client.post("/refunds/do/paid", note, follow=True)
    assert "Noted as paid back" in text_of(paid)
    assert "Cash · A7" in text_of(client.get(f"/refunds/{case.pk}"))


@pytest.mark.spec("T-34")
def test_a_refund_is_reviewed(log_in, venue: Venue, adult: TicketProduct):
    refunded_by(adult, kind="any", review="review")
    client = log_in()
    cases = []
    for turn in range(2):
        order = sell(venue, tickets(adult), key=f"k{turn}")
        cases.append(
            apply_refund(
                actor=make.SYSTEM, venue=venue, order=order, units=list(order.units.all()), idempotency_key=f"r{turn}"
            )
        )
    assert text_of(client.get("/refunds?state=waiting")).count("Waits for review") >= 2
    client.post("/refunds/do/agree", {"pk": cases[0].pk})
    client.post("/refunds/do/reject", {"pk": cases[1].pk, "why": "活动期间"})
    assert list(RefundCase.objects.order_by("pk").values_list("state", "decision")) == [
        ("due", ""), ("rejected", "活动期间"),
    ]  # fmt: skip
    assert "活动期间" in text_of(client.get(f"/refunds/{cases[1].pk}"))


@pytest.mark.spec("T-30")
def test_who_may_not_override_is_not_offered_it(log_in, venue: Venue, adult: TicketProduct):
    order = sell(venue, tickets(adult))
    url = f"/orders/{order.number}/refund"
    assert "Against the rules" not in text_of(log_in(role="product_manager").get(url))
    client = log_in()
    assert "Against the rules" in text_of(client.get(url))
    sent = {"idempotency_key": "r", "units": [order.units.get().pk]}
    assert "It is not refundable." in text_of(client.post(url, sent | {"quote": "1"}))
    sent |= {"override": "on", "shown_fen": "8000"}
    assert client.post(url, sent).status_code == 422, "a reason is needed"
    client.post(url, sent | {"why": "雷雨"})
    assert RefundCase.objects.get().why == "雷雨"
    assert client.get(url).status_code == 404, "nothing of it is left"


@pytest.mark.spec("T-37")
def test_a_package_with_a_timed_ticket_asks_for_its_slot(log_in, venue: Venue, adult: TicketProduct):
    boat = make.make_product(venue, "boat", name_en="Boat", rules=ProductRules(slots=(Times(0, 1439),)))
    with_parts(make.make_product(venue, "both", kind="package", name_en="Both"), (adult, 1), (boat, 1))
    client = log_in()
    spec = boat.specs.get().pk
    sent = asked(venue, product="both", quantity="1")
    assert "Choose a slot on" in text_of(client.post("/orders/new", sent))
    assert client.post("/orders/new", sent | {f"part_{spec}": "0"}).status_code == 302
    assert Order.objects.get().lines.get().part_slots == {str(spec): 0}


@pytest.mark.spec("T-25")
def test_it_is_handed_out_from_so_long_before_the_visit_on(venue: Venue, adult: TicketProduct):
    day = today(venue) + timedelta(days=2)
    sold_by(adult, pick_up_hours=24)
    held = sell(venue, tickets(adult, visit_date=day)).units.get().entitlement
    with pytest.raises(DomainError) as refused:
        lifecycle.mark_collected(actor=make.SYSTEM, venue=venue, entitlement=held)
    assert refused.value.code == "entitlement.collect_early"
    sold_by(adult, pick_up_hours=72)
    row = lifecycle.mark_collected(actor=make.SYSTEM, venue=venue, entitlement=held)
    assert row.collected_at is not None
    assert row.collected_at <= timezone.now()
