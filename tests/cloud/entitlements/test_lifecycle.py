"""Tickets activated, handed out, booked, locked and frozen: who may, what is told, and two at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloud.catalog.rules import ProductRules, Times
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import attach, lifecycle, services
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Station, Venue
from paifang import short_codes
from paifang.records import CredentialKind, Record, RecordFlag, State, Table
from paifang.rulesets import Activation
from paifang.v1 import feed_pb2
from tests.support import venue as make
from tests.support.race import race

pytestmark = pytest.mark.django_db
SLOTS = ProductRules(slots=(Times(540, 600), Times(600, 660, (0,))), book_first=True)


def sell(venue: Venue, stations: list[Station], rules: ProductRules | None = None, **fields: Any) -> Entitlement:
    product = make.make_product(venue, "it", rules=rules, stations=stations, **fields)
    line = OrderLine(product, 1, today(venue) + timedelta(days=1) if product.validity == "dated" else None)
    return issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="it").units.get().entitlement


@pytest.fixture
def ticket(venue: Venue, west: Station) -> Entitlement:
    return sell(venue, [west])


def told(mark: int) -> list[tuple[int, Record]]:
    """(stream, record) of the tickets published since."""
    return [
        (row.stream, Record.unpack(op.value))
        for row in make.feed_rows(after=mark)
        for op in row.ops
        if op.table == Table.ENTITLEMENT and op.value
    ]


CHANGES: dict[str, tuple[Any, dict[str, Any], int, Any]] = {
    "entitlement.activate": (lifecycle.activate, {}, feed_pb2.STREAM_BULK, RecordFlag.ACTIVATED),
    "entitlement.collect": (lifecycle.mark_collected, {"where": "x"}, feed_pb2.STREAM_BULK, RecordFlag.COLLECTED),
    "entitlement.book": (lifecycle.book_slot, {"day": 1}, feed_pb2.STREAM_BULK, RecordFlag.BOOKED),
    "entitlement.lock": (lifecycle.lock, {"why": "x"}, feed_pb2.STREAM_URGENT, State.LOCKED),
    "entitlement.freeze": (lifecycle.freeze, {"why": "x"}, feed_pb2.STREAM_URGENT, State.FROZEN),
}


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_is_told_once_on_its_stream_with_a_new_revision(
    venue: Venue, ticket: Entitlement, action: str
) -> None:
    service, fields, stream, what = CHANGES[action]
    given = fields | ({"day": today(venue) + timedelta(days=1)} if "day" in fields else {})
    mark = make.last_feed_row()
    for _ in range(2):
        service(actor=make.SYSTEM, venue=venue, entitlement=ticket, **given)
    [(on, record)] = told(mark)
    assert (on, record.revision) == (stream, 2)
    assert what in (record.state, record.flags)
    assert AuditRow.objects.filter(action=action).count() == 1


@pytest.mark.parametrize("action", CHANGES)
def test_an_ended_ticket_stays_as_it_is(venue: Venue, ticket: Entitlement, action: str) -> None:
    services.revoke(venue, [ticket], Entitlement.State.REVOKED)
    service, fields, *_ = CHANGES[action]
    given = fields | ({"day": today(venue)} if "day" in fields else {})
    with pytest.raises(DomainError) as refused:
        service(actor=make.SYSTEM, venue=venue, entitlement=ticket, **given)
    assert refused.value.code == "entitlement.ended"


def test_what_is_undone_is_told_as_urgently(venue: Venue, ticket: Entitlement) -> None:
    doing = {"actor": make.SYSTEM, "venue": venue, "entitlement": ticket, "why": "test"}
    lifecycle.freeze(**doing)
    with pytest.raises(DomainError) as refused:
        lifecycle.lock(**doing)
    assert refused.value.code == "entitlement.state"
    mark = make.last_feed_row()
    assert lifecycle.unfreeze(**doing).state == State.ACTIVE
    assert [(stream, record.state, record.revision) for stream, record in told(mark)] == [
        (feed_pb2.STREAM_URGENT, State.ACTIVE, 3)
    ]
    with pytest.raises(DomainError, match=r"input\.required"):
        lifecycle.freeze(**(doing | {"why": " "}))


def test_the_holder_cannot_do_what_the_desk_must(venue: Venue, west: Station) -> None:
    ticket = sell(venue, [west], ProductRules(activation="desk"))
    with pytest.raises(DomainError) as refused:
        lifecycle.activate(actor=make.SYSTEM, venue=venue, entitlement=ticket, by=Activation.HOLDER)
    assert refused.value.code == "entitlement.activation"


def test_slots_are_those_of_the_product_on_that_weekday(venue: Venue, west: Station) -> None:
    ticket = sell(venue, [west], SLOTS, validity="open", valid_days=30)
    monday = today(venue) + timedelta(days=7 - today(venue).weekday())
    doing = {"actor": make.SYSTEM, "venue": venue, "entitlement": ticket}
    booked = lifecycle.book_slot(**doing, day=monday, start=600)
    assert (booked.slot_to - booked.slot_from).total_seconds() == 3599
    for day, start in ((monday, None), (monday, 660), (monday + timedelta(days=1), 600)):
        with pytest.raises(DomainError) as refused:
            lifecycle.book_slot(**doing, day=day, start=start)
        assert refused.value.code == "booking.slot"
    for day in (today(venue) - timedelta(days=1), today(venue) + timedelta(days=30)):
        with pytest.raises(DomainError) as refused:
            lifecycle.book_slot(**doing, day=day, start=540)
        assert refused.value.code == "booking.day"
    assert Entitlement.objects.get().revision == 2


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_are_all_kept_and_numbered(venue: Venue, ticket: Entitlement) -> None:
    mark = make.last_feed_row()
    doing = {"actor": make.SYSTEM, "venue": venue, "entitlement": ticket}
    race(
        venue,
        lambda: lifecycle.activate(**doing),
        lambda: lifecycle.mark_collected(**doing),
        lambda: lifecycle.freeze(**doing, why="lost"),
        lambda: lifecycle.book_slot(**doing, day=today(venue) + timedelta(days=1)),
    )
    now = Entitlement.objects.get()
    records = sorted((record for _, record in told(mark)), key=lambda record: record.revision)
    assert [record.revision for record in records] == [2, 3, 4, 5]
    assert (now.revision, records[-1].state) == (5, State.FROZEN)
    assert records[-1].flags == RecordFlag.ACTIVATED | RecordFlag.COLLECTED | RecordFlag.BOOKED


@pytest.mark.django_db(transaction=True)
def test_of_a_refund_and_a_freeze_at_once_one_is_refused(venue: Venue, ticket: Entitlement) -> None:
    doing = {"actor": make.SYSTEM, "venue": venue, "entitlement": ticket, "why": "test"}
    results = race(venue, lambda: lifecycle.lock(**doing), lambda: lifecycle.freeze(**doing))
    assert sorted(type(one).__name__ for one in results) == ["DomainError", "Entitlement"]
    assert Entitlement.objects.get().revision == 2


def attached(venue: Venue, ticket: Entitlement, kind: CredentialKind, value: str) -> EntitlementCredential:
    return attach.attach(actor=make.SYSTEM, venue=venue, entitlement=ticket, kind=kind, value=value)


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (CredentialKind.CARD_UID, "04A1B2", "credential.value"),
        (CredentialKind.CARD_UID, "no card", "credential.value"),
        (CredentialKind.MEMBER, "a b", "credential.value"),
        (CredentialKind.CHANNEL, "12345", "credential.value"),
        (CredentialKind.SHORT, "0000-0000-0001", "credential.value"),
        (CredentialKind.PASS, "PF1:X", "credential.kind"),
        (CredentialKind.ID_NUMBER, "x", "credential.kind"),
    ],
)
def test_credentials_have_a_form(
    venue: Venue, ticket: Entitlement, kind: CredentialKind, value: str, code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        attached(venue, ticket, kind, value)
    assert refused.value.code == code
    assert not EntitlementCredential.objects.exists()


def test_one_card_for_several_tickets_and_a_short_code_for_one(venue: Venue, west: Station) -> None:
    product = make.make_product(venue, "it", stations=[west], rules=ProductRules(short_code=True))
    line = OrderLine(product, 2, today(venue))
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="it")
    one, two = (unit.entitlement for unit in order.units.all())
    mark = make.last_feed_row()
    first = attached(venue, one, CredentialKind.CARD_UID, "04:a1:b2:c3")
    assert attached(venue, one, CredentialKind.CARD_UID, "04A1B2C3") == first
    second = attached(venue, two, CredentialKind.CARD_UID, "04 A1 B2 C3")
    assert bytes(first.hashed) == bytes(second.hashed)
    rows = [op for row in make.feed_rows(after=mark) for op in row.ops]
    assert [op.table for op in rows] == [Table.INDEX, Table.INDEX]
    codes = [attach.short_code(ticket) for ticket in (one, two)]
    assert len({*codes}) == 2
    assert all(short_codes.normalise(code.encode()) for code in codes)
    made = attach.make_short_code(actor=make.SYSTEM, venue=venue, entitlement=one)
    assert (attach.short_code_of(made), made.hint) == (codes[0], "")
    trail = AuditRow.objects.filter(action="credential.attach")
    assert [row.detail for row in trail.order_by("pk")] == [{"kind": "card_uid", "hint": "B2C3"}] * 2


def test_a_visitors_id_card_stays_bound(venue: Venue, adult: Any) -> None:
    visitors = [VisitorInput("张三", make.make_id_number())]
    line = OrderLine(adult, 1, today(venue), visitors)
    issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="it")
    with pytest.raises(DomainError) as refused:
        attach.detach(actor=make.SYSTEM, venue=venue, credential=EntitlementCredential.objects.get())
    assert refused.value.code == "credential.kind"


@pytest.mark.django_db(transaction=True)
def test_one_short_code_of_two_made_at_once(venue: Venue, ticket: Entitlement) -> None:
    made = race(venue, *[lambda: attach.make_short_code(actor=make.SYSTEM, venue=venue, entitlement=ticket)] * 3)
    assert len({each.pk for each in made}) == 1


@pytest.mark.parametrize("role", ["viewer", "gate_supervisor"])
def test_locks_are_for_those_who_may(venue: Venue, ticket: Entitlement, role: str) -> None:
    who: Actor = make.make_actor(venue, role)
    with pytest.raises(DomainError) as refused:
        lifecycle.lock(actor=who, venue=venue, entitlement=ticket, why="test")
    assert refused.value.code == "permission.denied"
