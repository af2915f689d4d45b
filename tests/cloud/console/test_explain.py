"""The Explain page: a question to a gate, the wait, the answer in words; and the ways to it from a ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cloud.catalog.rules import ProductRules, Times
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.entitlements import attach, links
from cloud.entitlements.models import Entitlement
from cloud.gates.models import Question
from cloud.gates.services import answer, ask, waiting
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.staff import services as staff
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2
from tests.support import venue as make

LINE, CARD = int(CredentialKind.LINE), int(CredentialKind.CARD_UID)


def sell(venue, product):
    line = OrderLine(product, 1, today(venue))
    return issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="it").units.get()


def asked(client, gate, **typed):
    response = client.post("/explain", {"lane": gate.pk, "kind": LINE, "credential": "PF1:ABC", "at": ""} | typed)
    assert response.status_code == 302
    return response.url


def told(edge, ticket=None):
    """What the gate says: one check passed, one failed, one not asked, of an entitlement."""
    said = scan_pb2.Explanation(id=waiting(edge)[0].id, reason=122, entitlement_id=ticket.pk if ticket else 7)
    number = str(ticket.pk if ticket else 7)
    for name, outcome, reason, inputs in (
        ("standing", scan_pb2.CHECK_OUTCOME_PASSED, 0, {"standing": "active"}),
        ("daily", scan_pb2.CHECK_OUTCOME_FAILED, 122, {"limit": "1", "used": "1", "mystery": "<b>"}),
        ("identity", scan_pb2.CHECK_OUTCOME_NOT_ASKED, 0, {}),
    ):
        check = said.checks.add(number=1, outcome=outcome, reason=reason)
        for key, value in (inputs | {"check": name, "entitlement": number, "chosen": "yes"}).items():
            check.inputs[key] = value
    return said


def test_a_question_waits_for_the_gate_and_its_answer_is_said_in_words(venue, gate, edge, log_in, report):
    report(edge, gate)
    client = log_in()
    url = asked(client, gate, at="2026-12-24T09:30")
    page = client.get(url).content.decode()
    assert 'hx-trigger="load delay:500ms"' in page
    assert "It answers within a second or two." in page
    [question] = waiting(edge)
    assert question.at_ms == datetime(2026, 12, 24, 1, 30, tzinfo=UTC).timestamp() * 1000, "the venue's time"
    answer(edge, told(edge))
    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in part
    assert "<html" not in part
    assert part.index("Still stands") < part.index("Uses left today") < part.index("The holder&#x27;s ID card")
    assert part.count("Daily limit") == 2
    assert "limit: 1; mystery: &lt;b&gt;; used: 1" in part
    assert ("Passed" in part, "Not asked" in part) == (True, True)
    whole = client.get(url).content.decode()
    assert "u-administrator" in whole
    assert "2026-12-24 09:30" in whole


def test_the_answer_in_chinese(venue, gate, edge, log_in):
    client = log_in(language="zh-hans")
    url = asked(client, gate)
    answer(edge, told(edge))
    part = client.get(url).content.decode()
    assert ("票仍有效" in part, "今日次数已满" in part, "限额: 1" in part, "状态: 有效" in part) == (True,) * 4


def test_a_gate_out_of_contact_is_said_and_no_answer_after_a_while(venue, gate, edge, log_in):
    client = log_in()
    url = asked(client, gate)
    assert f"{edge.name} is not in contact with the cloud: it cannot answer now." in client.get(url).content.decode()
    Question.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    page = client.get(url).content.decode()
    assert f"{edge.name} did not answer within 30 seconds." in page
    assert "hx-trigger" not in page
    assert client.get("/explain/999999").status_code == 404


def test_from_a_tickets_page_nothing_need_be_typed(venue, gate, edge, adult, log_in):
    unit = sell(venue, adult)
    client = log_in()
    link = f"/explain?order={unit.order.number}&amp;position=1"
    assert link in client.get(f"/orders/{unit.order.number}").content.decode()
    page = client.get(link.replace("&amp;", "&")).content.decode()
    assert "Ticket 1 of order" in page
    assert 'name="credential"' not in page
    response = client.post(link.replace("&amp;", "&"), {"lane": gate.pk, "at": ""})
    assert waiting(edge)[0].credential.startswith(b"PF1:")
    answer(edge, told(edge, unit.entitlement))
    assert client.get(response.url).status_code == 200
    assert client.get("/explain?order=123&position=1").status_code == 404


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"credential": ""}, "credential"), ({"lane": "0"}, "lane"), ({"at": "soon"}, "at"), ({"kind": "9"}, "kind")],
)
def test_what_is_wrong_is_said_beside_its_field(venue, gate, log_in, typed, field):
    response = log_in().post("/explain", {"lane": gate.pk, "kind": LINE, "credential": "x", "at": ""} | typed)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Question.objects.exists()


def test_a_cards_number_as_it_is_typed(venue, gate, edge, log_in):
    asked(log_in(), gate, kind=CARD, credential="04 a1 b2 c3")
    assert (waiting(edge)[0].credential, waiting(edge)[0].credential_kind) == (b"04A1B2C3", CARD)


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("gate_supervisor", 200)])
def test_who_may_ask(venue, gate, log_in, role, status):
    client = log_in(role)
    assert client.get("/explain").status_code == status
    assert ('href="/explain"' in client.get("/").content.decode()) is (status == 200)


def test_a_rotating_tickets_page_leads_to_the_phone_and_shows_its_short_code(venue, west, log_in):
    product = make.make_product(
        venue, "e", stations=[west], rules=ProductRules(rotating=True, short_code=True)
    )  # fmt: skip
    unit = sell(venue, product)
    response = log_in().get(f"/orders/{unit.order.number}/1/qr")
    view = response.context["view"]
    address = view.line
    assert address.startswith("http://testserver/t/")
    assert links.find(address.rsplit("/", 1)[1]) == unit.entitlement
    page = response.content.decode()
    assert "PF1:" not in page
    assert attach.short_code(unit.entitlement) in page
    assert "Only the live code shown there opens the gate." in page


def test_a_timed_ticket_is_issued_with_its_slot(venue, west, log_in):
    rules = ProductRules(slots=(Times(540, 600), Times(600, 660)))
    make.make_product(venue, "timed", stations=[west], rules=rules)
    client = log_in()
    typed = {"idempotency_key": "k", "product": "timed", "quantity": "2", "visit_date": str(today(venue))}
    typed["pay_method"] = "cash"
    assert "09:00-10:00" in client.get("/orders/new").content.decode()
    refused = client.post("/orders/new", typed | {"slot": ""})
    assert refused.context["form"].errors == {"slot": ["Choose one of its slots."]}
    assert client.post("/orders/new", typed | {"slot": "600"}).status_code == 302
    assert {(ticket.slot_from.astimezone(UTC).hour) for ticket in Entitlement.objects.all()} == {2}


@pytest.mark.spec("S-09")
def test_who_is_limited_to_a_station_asks_its_lanes_only(venue, west, east, gate, edge):
    other = make.make_gate(venue, east, "E-1", edge)
    zhou = staff.hire_employee(
        actor=make.SYSTEM, venue=venue, username="zhou", name="周敏", role="gate_supervisor", stations=[west]
    )
    client = Client()
    client.force_login(zhou, backend="django.contrib.auth.backends.ModelBackend")
    assert list(client.get("/explain").context["form"].fields["lane"].queryset) == [gate]
    with pytest.raises(DomainError) as refused:
        ask(actor=Actor.of(zhou), venue=venue, device=other, kind=CredentialKind.LINE, credential=b"PF1:ABC")
    assert refused.value.code == "permission.station"
    assert Question.objects.count() == 0
