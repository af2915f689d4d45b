"""What is done to one ticket on its order's page: said first, permitted, checked beside the field, and shown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.admin.sections import ticket_actions
from cloud.catalog.rules import ProductRules, Times
from cloud.core.business_day import today
from cloud.core.models import AuditRow
from cloud.entitlements import attach, lifecycle
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.sales.models import Order, RefundCase, RefundUnit
from cloud.sales.services import issue_order, revoke_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Station, Venue
from paifang.records import CredentialKind
from tests.support import venue as make

RULES = ProductRules(
    activation="desk", collect_first=True, book_first=True, slots=(Times(540, 600), Times(600, 660, (0, 1))),
    early_minutes=10,
)  # fmt: skip


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def sell(venue: Venue, west: Station, rules: ProductRules, visitors: tuple[VisitorInput, ...] = ()) -> Order:
    product = make.make_product(
        venue, "card", name_zh="卡", name_en="Pass", rules=rules, stations=[west], validity="open", valid_days=30
    )
    line = OrderLine(product, 1, None, visitors)
    return issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="card")


@pytest.fixture
def order(venue: Venue, west: Station) -> Order:
    """One ticket whose product asks for everything."""
    return sell(venue, west, RULES)


def ticket(order: Order) -> Entitlement:
    return Entitlement.objects.get(unit__order=order)


def offered(client, order: Order) -> set[str]:
    page = client.get(f"/orders/{order.number}").content.decode()
    return set(re.findall(rf'href="/orders/{order.number}/1/do/([\w-]+)"', page))


def do(client, order: Order, name: str, **sent: Any):
    return client.post(f"/orders/{order.number}/1/do/{name}", sent, follow=True)


def test_what_is_offered_follows_the_ticket_and_its_rules(log_in, venue: Venue, west: Station, order: Order):
    client = log_in()
    every = {action.key for action in ticket_actions.ACTIONS}
    assert offered(client, order) == every - {"unbook", "unfreeze", "unlock"}
    plain = make.make_product(venue, "plain", stations=[west], rules=ProductRules(media=("pass", "rotating")))
    sold = issue_order(
        actor=make.SYSTEM, venue=venue, lines=[OrderLine(plain, 1, today(venue))], idempotency_key="plain"
    )
    assert offered(client, sold) == {"freeze", "lock"}, "its rules ask nothing and take no card"
    revoke_order(actor=make.SYSTEM, venue=venue, order=order, why="x")
    assert offered(client, order) == set()


@pytest.mark.parametrize(
    ("role", "what"), [("viewer", set()), ("gate_supervisor", {"activate", "collect", "book", "attach", "short-code"})]
)
def test_who_may_do_what(log_in, order: Order, role: str, what: set[str]):
    client = log_in(role)
    assert offered(client, order) == what
    before = AuditRow.objects.count()
    addresses = {action.key: f"/orders/{order.number}/1/do/{action.key}" for action in ticket_actions.ACTIONS}
    asked = {key for key, address in addresses.items() if client.get(address).status_code == 403}
    assert asked == addresses.keys() - what - ({"unbook"} if what else set())
    assert all(client.post(addresses[key], {"why": "x"}).status_code == 403 for key in asked)
    assert AuditRow.objects.count() == before


@pytest.mark.spec("T-58")
@pytest.mark.parametrize(
    ("action", "says", "sent", "shows"),
    [
        ("activate", "until now they refused it as not activated", {}, "Activated 20"),
        ("collect", "until now they refused it as not collected", {"where": "Counter 3"}, "Collected 20"),
        ("freeze", "refuses it as frozen within a moment, whatever is shown", {"why": "lost"}, "Pass Frozen"),
        ("lock", "refuses it as being refunded within a moment", {"why": "asked"}, "Pass Refund pending"),
    ],
)
def test_each_says_what_gates_will_do_and_the_order_shows_it(log_in, order: Order, action, says, sent, shows):
    client = log_in()
    assert shows not in text_of(client.get(f"/orders/{order.number}"))
    asked = text_of(client.get(f"/orders/{order.number}/1/do/{action}", headers={"HX-Request": "true"}))
    assert says in asked
    revision = ticket(order).revision
    done = do(client, order, action, **sent)
    assert done.redirect_chain[0][0] == f"/orders/{order.number}#unit-1"
    assert shows in text_of(done)
    assert ticket(order).revision == revision + 1
    assert action not in offered(client, order), "done already"
    again = do(client, order, action, **sent)
    assert "Nothing to do" in text_of(again)
    assert ticket(order).revision == revision + 1


def test_frozen_and_locked_are_let_go_again_with_a_reason(log_in, order: Order):
    client = log_in()
    for hold, let_go in (("freeze", "unfreeze"), ("lock", "unlock")):
        do(client, order, hold, why="x")
        assert offered(client, order) & {"freeze", "lock", "unfreeze", "unlock"} == {let_go}
        refused = do(client, order, let_go, why=" ")
        assert refused.status_code == 422
        assert 'id="id_why_error"' in refused.content.decode()
        assert "Uses already made stay counted" in text_of(refused)
        do(client, order, let_go, why="found")
        assert ticket(order).state == Entitlement.State.ACTIVE
    assert AuditRow.objects.get(action="entitlement.unlock").detail["why"] == "found"
    assert "Ticket no longer locked" in text_of(client.get(f"/orders/{order.number}")), "in the order's history"


def test_what_waits_for_a_refund_is_not_unlocked_by_hand(log_in, venue: Venue, order: Order):
    client = log_in()
    do(client, order, "lock", why="asked by telephone")
    case = RefundCase.objects.create(
        venue=venue, number="1", order=order, state="waiting", idempotency_key="k", request_hash="x", paid_fen=8000,
        amount_fen=8000, applied_at=timezone.now(),
    )  # fmt: skip
    RefundUnit.objects.create(venue=venue, case=case, unit=order.units.get(), paid_fen=8000, amount_fen=8000)
    assert "unlock" not in offered(client, order)
    assert "Nothing to do" in text_of(do(client, order, "unlock", why="x"))
    RefundCase.objects.update(state="rejected")
    assert "unlock" in offered(client, order)


def test_an_order_not_paid_yet_has_no_ticket_to_do_anything_to(log_in, order: Order):
    order.units.update(entitlement=None)
    client = log_in()
    assert client.get(f"/orders/{order.number}/1/do/freeze").status_code == 404
    assert client.get(f"/orders/{order.number}/1/cards/1/off").status_code == 404


def test_a_slot_is_booked_changed_and_taken_back(log_in, venue: Venue, order: Order):
    client = log_in()
    day = today(venue) + timedelta(days=1)
    while day.weekday() in (0, 1):
        day += timedelta(days=1)
    page = text_of(client.get(f"/orders/{order.number}/1/do/book"))
    assert "up to 10 minutes before and 0 minutes after it" in page
    assert "09:00-10:00" in page
    for sent, field in (
        ({"day": "", "slot": "540"}, "day"),
        ({"day": day.isoformat(), "slot": ""}, "slot"),
        ({"day": day.isoformat(), "slot": "600"}, "slot"),
        ({"day": (day + timedelta(days=60)).isoformat(), "slot": "540"}, "day"),
    ):
        refused = do(client, order, "book", **sent)
        assert refused.status_code == 422, sent
        assert f'id="id_{field}_error"' in refused.content.decode(), sent
    assert ticket(order).slot_from is None
    assert f"Booked {day} 09:00–10:00" in text_of(do(client, order, "book", day=day.isoformat(), slot="540"))
    assert "The booking it has now is replaced" in text_of(client.get(f"/orders/{order.number}/1/do/book"))
    assert "refuse it as not booked until another" in text_of(client.get(f"/orders/{order.number}/1/do/unbook"))
    assert "Not booked" in text_of(do(client, order, "unbook"))


def test_the_slots_of_the_day_are_drawn_again(log_in, venue: Venue, order: Order):
    day = today(venue)
    while day.weekday() not in (0, 2):
        day += timedelta(days=1)
    sent = {"day": day.isoformat(), "slot": "", "_redraw": "1"}
    part = log_in().post(f"/orders/{order.number}/1/do/book", sent, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert ("data-unfit" in part) is (day.weekday() == 2)


def test_cards_and_codes_are_attached_shown_by_their_end_and_taken_off(log_in, order: Order):
    client = log_in()
    address = f"/orders/{order.number}/1/do/attach"
    assert "a gate takes the one that admits and ends first" in text_of(client.get(address))
    kind = int(CredentialKind.CARD_UID)
    refused = client.post(address, {"kind": kind, "value": "not hex"})
    assert refused.status_code == 422
    assert 'id="id_value_error"' in refused.content.decode()
    assert client.post(address, {"kind": int(CredentialKind.ID_NUMBER), "value": "x"}).status_code == 422
    done = do(client, order, "attach", kind=kind, value="04:a3:2f:1c")
    assert "Card …2F1C" in text_of(done)
    assert "04A32F1C" not in text_of(done)
    do(client, order, "short-code")
    assert "Short code" in text_of(client.get(f"/orders/{order.number}"))
    assert "short-code" not in offered(client, order)
    card = EntitlementCredential.objects.get(kind=kind)
    off = f"/orders/{order.number}/1/cards/{card.pk}/off"
    assert "Take Card …2F1C off ticket 1?" in text_of(client.get(off))
    assert "Card …2F1C is taken off." in text_of(client.post(off, follow=True))
    assert not EntitlementCredential.objects.filter(kind=kind).exists()
    assert client.post(off).status_code == 404
    assert log_in("viewer").post(off).status_code == 403


def test_a_visitors_id_card_stays(log_in, venue: Venue, west: Station):
    number = make.make_id_number()
    order = sell(venue, west, ProductRules(), (VisitorInput("王小明", number),))
    [bound] = EntitlementCredential.objects.all()
    client = log_in()
    page = client.get(f"/orders/{order.number}")
    assert "ID card" in text_of(page)
    assert "/cards/" not in page.content.decode()
    assert client.post(f"/orders/{order.number}/1/cards/{bound.pk}/off").status_code == 404


def test_twenty_cards_are_the_most(log_in, venue: Venue, order: Order):
    client = log_in()
    given = {"actor": make.SYSTEM, "venue": venue, "entitlement": ticket(order), "kind": CredentialKind.MEMBER}
    for n in range(attach.MAX_CREDENTIALS):
        attach.attach(**given, value=f"MEMBER-{n}")
    assert "attach" not in offered(client, order)


def test_a_refusal_of_the_service_stands_in_the_question(log_in, venue: Venue, order: Order, monkeypatch):
    """Somebody locks it between the question and the answer."""
    client = log_in()
    standing = ticket_actions.find("freeze")
    assert standing is not None
    monkeypatch.setattr(ticket_actions, "_BY_KEY", {"freeze": _always(standing)})
    lifecycle.lock(actor=make.SYSTEM, venue=venue, entitlement=ticket(order), why="x")
    refused = do(client, order, "freeze", why="lost")
    assert refused.status_code == 422
    assert "locked for a refund: this cannot be done now" in text_of(refused)
    assert ticket(order).state == Entitlement.State.LOCKED


def _always(action: ticket_actions.TicketAction) -> ticket_actions.TicketAction:
    return replace(action, fits=lambda _ticket: True)


@pytest.mark.parametrize("address", ["9/do/activate", "1/do/nothing", "1/cards/99999/off"])
def test_what_is_not_there_is_not_found(log_in, order: Order, address: str):
    client = log_in()
    assert client.get(f"/orders/{order.number}/{address}").status_code == 404
    assert client.get(f"/orders/%00/{address}").status_code == 404
