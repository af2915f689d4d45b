"""A ticket activated by its holder on its page: checked against the sale, bound to the ID card, not guessed at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from cloud.catalog.rules import ProductRules
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import lifecycle, links
from cloud.entitlements.credentials import id_number_hash
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.sales.models import OrderUnit, Visitor
from cloud.sales.personal import id_number
from cloud.sales.services import activate_unit, issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.storefront import limits
from cloud.venues.models import Station, Venue
from paifang.records import CredentialKind, Record, RecordFlag, Table
from tests.support import venue as make
from tests.support.race import race

pytestmark = pytest.mark.django_db
NUMBER, OTHER = make.make_id_number(1), make.make_id_number(2)
IDENTITY = ProductRules(activation="holder", identity=True)


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    cache.clear()


def sell(
    venue: Venue, west: Station, rules: ProductRules = IDENTITY, visitors: tuple[VisitorInput, ...] = (), count: int = 1
) -> OrderUnit:
    """A card of a year; the first ticket of the order."""
    fields = {"name_zh": "年卡", "name_en": "Annual card", "validity": "open", "valid_days": 365}
    product = make.make_product(venue, "card", rules=rules, stations=[west], **fields)
    line = OrderLine(product, count, None, visitors)
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="card")
    return order.units.select_related("entitlement").get(position=1)


def send(unit: OrderUnit, language: str = "en", **typed: str) -> HttpResponse:
    token = links.token_of(unit.entitlement)
    return Client(enforce_csrf_checks=True).post(f"/t/{token}?lang={language}", typed)


def page(unit: OrderUnit) -> str:
    return Client().get(f"/t/{links.token_of(unit.entitlement)}?lang=en").content.decode()


def state(unit: OrderUnit) -> str:
    return str(Client().get(f"/t/{links.token_of(unit.entitlement)}/now").json()["state"])


def active(unit: OrderUnit) -> bool:
    return Entitlement.objects.get(pk=unit.entitlement_id).activated_at is not None


@pytest.mark.spec("T-58")
def test_the_holder_is_named_bound_and_let_in(venue: Venue, west: Station) -> None:
    unit = sell(venue, west)
    assert state(unit) == "inactive"
    assert 'name="id_number"' in page(unit)
    mark = make.last_feed_row()
    done = send(unit, name=" 王小明 ", id_number=NUMBER.lower())
    token = done["Location"].split("?")[0].removeprefix("/t/")
    assert (done.status_code, links.find(token)) == (302, unit.entitlement)
    assert done["Location"].endswith("?lang=en")
    assert state(unit) == "good"
    assert "王**" in page(unit)
    assert "<form" not in page(unit)
    visitor = Visitor.objects.get()
    assert (visitor.name, id_number(visitor)) == ("王小明", NUMBER)
    told = [op for row in make.feed_rows(after=mark) for op in row.ops]
    ops = [op for op in told if op.table != Table.DAYKEY]
    assert [op.table for op in ops] == [Table.INDEX, Table.ENTITLEMENT]
    assert id_number_hash(venue, NUMBER) in ops[0].key
    assert Record.unpack(ops[1].value or b"").flags & RecordFlag.ACTIVATED
    trail = AuditRow.objects.filter(action__in=("unit.holder", "credential.attach", "entitlement.activate"))
    assert {row.actor_name for row in trail} == {"holder"}
    assert trail.get(action="entitlement.activate").detail["by"] == "holder"
    assert NUMBER not in str([row.detail for row in trail])


def test_where_no_card_is_read_a_name_is_enough(venue: Venue, west: Station) -> None:
    unit = sell(venue, west, ProductRules(activation="holder"))
    assert 'name="id_number"' not in page(unit)
    assert send(unit, name="Ann Lee", id_number="what is not asked is not looked at").status_code == 302
    assert (active(unit), EntitlementCredential.objects.count()) == (True, 0)


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"name": "", "id_number": NUMBER}, "name", "This field is required."),
        ({"name": " ", "id_number": NUMBER}, "name", "This field is required."),
        ({"name": "x" * 61, "id_number": NUMBER}, "name", "at most 60"),
        ({"name": "王\x00", "id_number": NUMBER}, "name", "Null characters"),
        ({"name": "王小明", "id_number": ""}, "id_number", "This field is required."),
        ({"name": "王小明", "id_number": NUMBER[:-1] + ("1" if NUMBER[-1] == "0" else "0")}, "id_number", "mistyped"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    venue: Venue, west: Station, typed: dict[str, str], field: str, says: str
) -> None:
    unit = sell(venue, west)
    refused = send(unit, **typed)
    text = refused.content.decode()
    assert refused.status_code == 422
    assert says in text.split(f'id="id_{field}_error"')[1].split("</p>")[0]
    assert 'aria-invalid="true"' in text
    assert (active(unit), Visitor.objects.count()) == (False, 0)


@pytest.mark.spec("T-58")
def test_whom_it_was_sold_to_is_who_activates_it(venue: Venue, west: Station) -> None:
    unit = sell(venue, west, visitors=(VisitorInput("Wang Xiaoming", NUMBER),))
    for typed, says in (
        ({"name": "Li Si", "id_number": NUMBER}, "somebody of another name"),
        ({"name": "Wang Xiaoming", "id_number": OTHER}, "for another ID number"),
    ):
        assert says in send(unit, **typed).content.decode()
    assert "与购票时登记的姓名不符" in send(unit, "zh", name="李四", id_number=NUMBER).content.decode()
    assert not active(unit)
    assert send(unit, name=" wang  XIAOMING", id_number=NUMBER).status_code == 302
    assert active(unit)
    assert Visitor.objects.get().name == "Wang Xiaoming"
    assert EntitlementCredential.objects.filter(kind=CredentialKind.ID_NUMBER).count() == 1


def test_a_visitor_without_a_number_gets_one(venue: Venue, west: Station) -> None:
    unit = sell(venue, west, visitors=(VisitorInput("王小明"),))
    assert send(unit, name="王小明", id_number=NUMBER).status_code == 302
    assert id_number(Visitor.objects.get()) == NUMBER
    assert AuditRow.objects.get(action="unit.holder").detail["fields"] == ["id_number"]


def test_nobody_holds_two_tickets_of_one_order(venue: Venue, west: Station) -> None:
    first = sell(venue, west, count=2)
    second = OrderUnit.objects.select_related("entitlement").get(position=2)
    assert send(first, name="王小明", id_number=NUMBER).status_code == 302
    assert "holds another ticket of the same order" in send(second, name="王小明", id_number=NUMBER).content.decode()
    assert not active(second)
    assert send(second, name="李四", id_number=OTHER).status_code == 302


def test_twice_is_once_and_nobody_elses(venue: Venue, west: Station) -> None:
    unit = sell(venue, west)
    for _ in range(2):
        assert send(unit, name="王小明", id_number=NUMBER).status_code == 302
    assert AuditRow.objects.filter(action="entitlement.activate").count() == 1
    refused = send(unit, name="李四", id_number=OTHER)
    assert refused.status_code == 422
    assert "Somebody else has activated this ticket" in refused.content.decode()
    assert Visitor.objects.get().name == "王小明"


def test_one_the_desk_has_activated_is_not_the_holders_any_more(venue: Venue, west: Station) -> None:
    unit = sell(venue, west)
    lifecycle.activate(actor=make.SYSTEM, venue=venue, entitlement=unit.entitlement)
    assert "Somebody else has activated" in send(unit, name="王小明", id_number=NUMBER).content.decode()


@pytest.mark.parametrize(
    ("rules", "state_now", "says"),
    [
        (ProductRules(activation="desk"), "desk", "activated at the front desk"),
        (ProductRules(), "good", "needs no activation"),
    ],
)
def test_not_the_holders_to_activate(
    venue: Venue, west: Station, rules: ProductRules, state_now: str, says: str
) -> None:
    unit = sell(venue, west, rules)
    assert (state(unit), "<form" in page(unit)) == (state_now, False)
    assert says in send(unit, name="王小明").content.decode()
    assert not active(unit)


@pytest.mark.parametrize(
    ("change", "state_now", "says"),
    [
        ({"state": Entitlement.State.REVOKED}, "ended", "was revoked or refunded"),
        ({"not_after": timezone.now() - timedelta(seconds=5)}, "over", "This ticket is over."),
    ],
)
def test_not_any_more(venue: Venue, west: Station, change: dict[str, Any], state_now: str, says: str) -> None:
    unit = sell(venue, west)
    Entitlement.objects.filter(pk=unit.entitlement_id).update(**change)
    assert state(unit) == state_now
    assert says in send(unit, name="王小明", id_number=NUMBER).content.decode().split("<form")[1]
    assert (active(unit), Visitor.objects.count()) == (False, 0)


def test_who_guesses_is_told_to_wait(venue: Venue, west: Station) -> None:
    unit = sell(venue, west, visitors=(VisitorInput("王小明", NUMBER),))
    answers = [send(unit, name="李四", id_number=NUMBER).status_code for _ in range(limits.HOLDERS)]
    assert answers == [422] * limits.HOLDERS
    refused = send(unit, name="王小明", id_number=NUMBER)
    assert (refused.status_code, active(unit)) == (429, False)
    assert "tried too often" in refused.content.decode()


def test_an_address_that_is_none_takes_nothing(db: None) -> None:
    assert Client().post("/t/abc", {"name": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_the_holder(venue: Venue, west: Station) -> None:
    unit = sell(venue, west)

    def be(name: str, number: str) -> str:
        activate_unit(actor=make.SYSTEM, venue=venue, unit=unit, name=name, id_number=number)
        return name

    results = race(venue, lambda: be("王小明", NUMBER), lambda: be("李四", OTHER))
    [winner] = [one for one in results if isinstance(one, str)]
    [loser] = [one for one in results if isinstance(one, DomainError)]
    assert loser.code == "holder.done"
    assert Visitor.objects.get().name == winner
    assert EntitlementCredential.objects.count() == 1
