"""A visitor's ticket page: who finds it, what it says, what its code is drawn from, and how often it is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from cloud.catalog.rules import ProductRules, Times
from cloud.core.business_day import today
from cloud.entitlements import day_keys, lifecycle, links, services
from cloud.entitlements.left import persons_left
from cloud.entitlements.models import Entitlement
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.storefront import limits
from cloud.venues.models import Edge, Station, Venue
from paifang.rotating import pass_key
from paifang.usage import Usage
from tests.support import venue as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    cache.clear()


def sell(venue: Venue, west: Station, rules: ProductRules | None = None, **fields: Any) -> Entitlement:
    days = fields.pop("days", 0)
    slot = fields.pop("slot", None)
    given = {"name_zh": "电子票", "name_en": "E-ticket"} | fields
    product = make.make_product(venue, "e", rules=rules or ProductRules(rotating=True), stations=[west], **given)
    line = OrderLine(product, 1, today(venue) + timedelta(days=days), [VisitorInput("王小明")], slot)
    return issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="e").units.get().entitlement


@pytest.fixture
def ticket(venue: Venue, west: Station) -> Entitlement:
    return sell(venue, west, persons=4)


def told(ticket: Entitlement) -> dict[str, Any]:
    reply = Client().get(f"/t/{links.token_of(ticket)}/now")
    assert reply.status_code == 200
    return reply.json()


def test_a_link_is_long_says_nothing_and_ends_with_its_pass(venue: Venue, ticket: Entitlement) -> None:
    one, two = links.token_of(ticket), links.token_of(ticket)
    assert one != two
    assert links.find(one) == links.find(two) == ticket
    assert str(ticket.pk) not in one
    assert [links.find(wrong) for wrong in (one[:-1], one[:-2] + "AA", "", "x" * 200, "ä", str(ticket.pk))] == [
        None
    ] * 6
    services.reissue(venue, ticket)
    assert links.find(one) is None
    assert links.find(links.token_of(Entitlement.objects.get())) == ticket


def test_the_phone_gets_its_passs_key_and_never_the_days(venue: Venue, ticket: Entitlement) -> None:
    answer = told(ticket)
    day_key = day_keys.key_of(venue, today(venue))
    assert answer["raw"] == bytes(ticket.pass_raw).hex()
    assert answer["key"] == pass_key(day_key, bytes(ticket.pass_digest)).hex()
    assert day_key.hex() not in str(answer)
    assert (answer["state"], answer["persons"], answer["left"]) == ("good", 4, 4)
    assert abs(answer["now_ms"] / 1000 - timezone.now().timestamp()) < 5
    assert answer["until_ms"] == (int(ticket.not_after.timestamp()) + 1) * 1000


def test_a_plain_ticket_has_no_key(venue: Venue, west: Station) -> None:
    answer = told(sell(venue, west, ProductRules()))
    assert (answer["state"], answer["key"]) == ("good", None)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"not_after": timezone.now() - timedelta(seconds=5)}, "over"),
        ({"not_before": timezone.now() + timedelta(days=1)}, "early"),
        ({"state": Entitlement.State.REVOKED}, "ended"),
        ({"state": Entitlement.State.FROZEN}, "held"),
        ({"state": Entitlement.State.LOCKED}, "held"),
    ],
)
def test_no_code_unless_it_is_good_today(venue: Venue, ticket: Entitlement, change: dict[str, Any], state: str) -> None:
    Entitlement.objects.filter(pk=ticket.pk).update(**change)
    answer = told(ticket)
    assert answer["state"] == state
    assert not {"raw", "key"} & answer.keys()


def test_who_is_left_and_when_it_is_used(venue: Venue, edge: Edge, west: Station, ticket: Entitlement) -> None:
    day = today(venue).toordinal()
    make.relay(edge, ticket.pk, west.group_id, Usage(revision=1, total=3, day=day).pack())
    assert told(ticket)["left"] == 1
    make.relay(edge, ticket.pk, west.group_id, Usage(revision=2, total=4, day=day).pack())
    assert (told(ticket)["state"], told(ticket).get("key")) == ("used", None)


def test_what_is_left_by_each_limit(venue: Venue, edge: Edge, west: Station) -> None:
    rules = ProductRules(total=10, per_month=3, per_day=1)
    ticket = sell(venue, west, rules, uses=0, validity="open", valid_days=400)
    now = timezone.now()
    day = today(venue, now)
    month = day.year * 100 + day.month
    assert persons_left(ticket, now) == 1
    used = Usage(revision=1, total=9, month=month, month_count=1, day=day.toordinal() - 1, day_count=1)
    make.relay(edge, ticket.pk, 0, used.pack())
    assert persons_left(ticket, now) == 1
    make.relay(edge, ticket.pk, 0, Usage(revision=2, total=4, day=day.toordinal(), day_count=1).pack())
    assert persons_left(ticket, now) == 0
    assert persons_left(sell_unlimited(venue, west), now) is None


def sell_unlimited(venue: Venue, west: Station) -> Entitlement:
    product = make.make_product(venue, "free", stations=[west], uses=0)
    line = OrderLine(product, 1, today(venue))
    return issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="f").units.get().entitlement


@pytest.mark.parametrize(("language", "says", "not_says"), [("zh", "电子票", "E-ticket"), ("en", "E-ticket", "电子票")])
def test_the_page_in_both_languages_with_the_name_masked(
    venue: Venue, west: Station, language: str, says: str, not_says: str
) -> None:
    rules = ProductRules(rotating=True, slots=(Times(540, 600),))
    ticket = sell(venue, west, rules, days=1, slot=540)
    reply = Client().get(f"/t/{links.token_of(ticket)}?lang={language}")
    text = reply.content.decode()
    assert says in text
    assert not_says not in text
    assert "王**" in text
    assert "王小明" not in text
    assert "09:00–10:00" in text
    assert str(ticket.pk) not in text
    assert ("09:00–10:00" in text, ticket.unit.order.number in text) == (True, True)


def test_nothing_of_it_is_kept_on_the_way_or_told_to_others(ticket: Entitlement) -> None:
    token = links.token_of(ticket)
    for path in (f"/t/{token}", f"/t/{token}/now"):
        headers = Client().get(path).headers
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "noindex" in headers["X-Robots-Tag"]


def test_no_ticket_at_a_wrong_address_and_no_guessing(ticket: Entitlement) -> None:
    client = Client()
    assert client.get("/t/abc").status_code == 404
    assert 'class="ticket"' in client.get("/t/abc").content.decode()
    for _ in range(limits.GUESSES - 2):
        assert client.get("/t/abc/now").json() == {"state": "gone"}
    refused = client.get(f"/t/{links.token_of(ticket)}/now")
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")


def test_a_ticket_is_asked_for_so_often_a_minute(ticket: Entitlement) -> None:
    client, path = Client(), f"/t/{links.token_of(ticket)}/now"
    assert [client.get(path).status_code for _ in range(limits.FETCHES + 1)] == [200] * limits.FETCHES + [429]
    assert told(ticket)["state"] == "good", "another link is counted by itself"


def test_the_worker_governs_the_tickets_addresses(db: None) -> None:
    reply = Client().get("/t/worker.js")
    assert (reply["Content-Type"], reply["Cache-Control"]) == ("text/javascript", "no-cache")
    assert b"addEventListener" in b"".join(reply.streaming_content)


def test_a_frozen_ticket_is_good_again(venue: Venue, ticket: Entitlement) -> None:
    for service, state in ((lifecycle.freeze, "held"), (lifecycle.unfreeze, "good")):
        service(actor=make.SYSTEM, venue=venue, entitlement=ticket, why="test")
        assert told(ticket)["state"] == state
