"""Cases: opened once each by the ingest, decided by people."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest

from cloud.admissions.models import Admission, Case, SetAside
from cloud.admissions.services import close_case, ingest, reopen_case, review_case
from cloud.catalog.models import TicketProduct
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements.models import Entitlement
from cloud.sales.models import OrderUnit
from cloud.sales.services import issue_order, revoke_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.v1 import scan_pb2
from tests.support import venue as make
from tests.support.journal import NOON_MS, TODAY, Journal
from tests.support.race import race

pytestmark = pytest.mark.django_db
SECOND = 1000


def sold(venue: Venue, product: TicketProduct, key: str = "k") -> int:
    """A ticket of the product; its entitlement's id."""
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[OrderLine(product, 1)], idempotency_key=key)
    return order.units.get().entitlement_id


@pytest.fixture
def family(venue: Venue, west: Station, east: Station) -> TicketProduct:
    """Four persons, 320 yuan, once."""
    return make.make_product(
        venue, "family", price_fen=32_000, persons=4, validity="open", valid_days=3, stations=[west, east]
    )


@pytest.fixture
def other(venue: Venue) -> Edge:
    return make.make_edge(venue, "东门主机")


def admit(edge: Edge, owner: int, west: Station, *, persons: int = 1, at_s: int = 0, group: int = 0) -> list[bytes]:
    journal = Journal(edge.pk, at_ms=NOON_MS + at_s * SECOND)
    return [journal.admit(owner, station=west.pk, persons=persons, group_id=group or west.group_id)]


def seen(case: Case) -> tuple[str, str, int, int]:
    return case.kind, case.state, case.persons, case.value_fen


@pytest.mark.spec("S-11")
def test_two_edges_that_let_one_ticket_in_are_a_case(
    venue: Venue, edge: Edge, other: Edge, west: Station, family: TicketProduct
) -> None:
    owner = sold(venue, family)
    late, early = admit(edge, owner, west, persons=4, at_s=60), admit(other, owner, west, persons=2)
    ingest(edge, late)
    assert not Case.objects.exists(), "one edge alone never lets in too many"
    ingest(other, early)
    case = Case.objects.get()
    assert seen(case) == ("double_use", "open", 2, 16_000)
    assert case.admission is not None
    assert case.other is not None
    assert (case.admission.edge, case.other.edge) == (edge, other), "the later of the two is beyond the limit"
    assert (case.station_id, case.entitlement_id, case.business_day) == (west.pk, owner, TODAY)
    for again in (late, early):
        ingest(edge if again is late else other, again)
    assert Case.objects.count() == 1


def test_uses_within_the_limit_or_of_other_groups_are_none(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, family: TicketProduct
) -> None:
    owner = sold(venue, family)
    ingest(edge, admit(edge, owner, west, persons=2))
    ingest(other, admit(other, owner, west, persons=2, at_s=5))
    ingest(make.make_edge(venue, "third"), admit(Edge.objects.get(name="third"), owner, east, persons=4, at_s=9))
    assert not Case.objects.exists()


def test_a_use_given_back_is_no_second_one(
    venue: Venue, edge: Edge, other: Edge, west: Station, family: TicketProduct
) -> None:
    owner = sold(venue, family)
    journal = Journal(edge.pk)
    admission = journal.admit(owner, station=west.pk, persons=4, group_id=west.group_id)
    ingest(edge, [admission, journal.settle(1, scan_pb2.OUTCOME_RETURNED, passed=0, returned=4)])
    ingest(other, admit(other, owner, west, persons=4, at_s=5))
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    ("outcome", "kind"), [(scan_pb2.OUTCOME_UNTICKETED, "unticketed"), (scan_pb2.OUTCOME_UNKNOWN, "unknown")]
)
@pytest.mark.parametrize("apart", [False, True])
def test_a_settlement_to_look_at_is_a_case(
    venue: Venue, edge: Edge, west: Station, gate: Device, family: TicketProduct, outcome: int, kind: str, apart: bool
) -> None:
    owner = sold(venue, family)
    journal = Journal(edge.pk)
    raws = [journal.admit(owner, station=west.pk, device=gate.pk, persons=1), journal.settle(1, outcome, passed=1)]
    for batch in [raws[:1], raws[1:]] if apart else [raws]:
        ingest(edge, batch)
    case = Case.objects.get()
    assert seen(case) == (kind, "open", 1, 8_000)
    assert (case.admission, case.device_id) == (Admission.objects.get(), gate.pk)
    ingest(edge, raws)
    assert Case.objects.count() == 1


def test_an_admission_of_a_ticket_that_is_none_is_a_case(
    venue: Venue, edge: Edge, west: Station, gate: Device, family: TicketProduct
) -> None:
    """Nobody sold it, or it had ended: who, where, when, and what it is worth; once, however often it comes in."""
    owner = sold(venue, family)
    unit = OrderUnit.objects.get(entitlement_id=owner)
    revoke_order(actor=make.SYSTEM, venue=venue, order=unit.order, why="refunded")
    Entitlement.objects.filter(pk=owner).update(ended_at=datetime.fromtimestamp(NOON_MS / 1000 - 60, UTC))
    journal = Journal(edge.pk)
    raws = [
        journal.admit(owner, station=west.pk, device=gate.pk, persons=2),
        journal.admit(12345, station=west.pk, persons=4, product_class=family.product_class),
        journal.admit(12346, station=west.pk, product_class=4_000_000),
        journal.admit(0, station=west.pk, leaving=True, usage=b""),
    ]
    for _time in range(2):
        ingest(edge, raws)
    cases = list(Case.objects.order_by("admission__seq"))
    assert [seen(case) for case in cases] == [
        ("ended", "open", 2, 16_000), ("unsold", "open", 4, 32_000), ("unsold", "open", 1, 0),
    ]  # fmt: skip
    assert (cases[0].station_id, cases[0].device_id, cases[0].entitlement_id) == (west.pk, gate.pk, owner)
    assert cases[0].admission is not None
    assert cases[0].at == cases[0].admission.at


def test_an_ordinary_passage_is_none(venue: Venue, edge: Edge, west: Station, family: TicketProduct) -> None:
    journal = Journal(edge.pk)
    ingest(edge, [journal.admit(sold(venue, family), station=west.pk), journal.settle(1), journal.boot()])
    assert not Case.objects.exists()


def test_entries_set_aside_are_one_case_for_each_reason(edge: Edge) -> None:
    journal = Journal(edge.pk)
    raws = [journal.garbage(), journal.garbage(b"\xff more"), journal.write(edge_id=edge.pk + 1, alarm={"code": "x"})]
    ingest(edge, raws)
    ingest(edge, raws)
    cases = {case.key.split(":")[2]: case for case in Case.objects.all()}
    assert sorted(cases) == ["foreign", "unreadable"]
    assert {seen(case) for case in cases.values()} == {("set_aside", "open", 0, 0)}
    assert cases["unreadable"].entries.count() == 2
    assert not SetAside.objects.filter(case=None).exists()


@pytest.fixture
def case(venue: Venue, edge: Edge, west: Station, family: TicketProduct) -> Case:
    journal = Journal(edge.pk)
    ingest(edge, [journal.admit(sold(venue, family), station=west.pk), journal.settle(1, scan_pb2.OUTCOME_UNTICKETED)])
    return Case.objects.get()


def test_a_case_is_reviewed_closed_and_opened_again(venue: Venue, case: Case) -> None:
    actor = make.make_actor(venue, "gate_supervisor")
    review_case(actor=actor, venue=venue, case=case, note=" paid at the desk ")
    case.refresh_from_db()
    assert (case.state, case.note, case.decided_by) == ("reviewed", "paid at the desk", actor.employee)
    close_case(actor=actor, venue=venue, case=case, note="settled")
    for decide in (close_case, review_case):
        with pytest.raises(DomainError) as refused:
            decide(actor=actor, venue=venue, case=case, note="x")
        assert refused.value.code == "case.state"
    reopen_case(actor=actor, venue=venue, case=case, note="not paid after all")
    case.refresh_from_db()
    assert (case.state, case.note) == ("open", "not paid after all")
    with pytest.raises(DomainError) as refused:
        reopen_case(actor=actor, venue=venue, case=case, note="x")
    assert refused.value.code == "case.state"
    trail = [(row.action, row.detail["note"]) for row in AuditRow.objects.filter(action__startswith="case.")]
    assert trail == [
        ("case.review", "paid at the desk"),
        ("case.close", "settled"),
        ("case.reopen", "not paid after all"),
    ]


def test_what_a_person_decided_an_upload_does_not_undo(
    venue: Venue, edge: Edge, west: Station, family: TicketProduct
) -> None:
    journal = Journal(edge.pk)
    raws = [journal.admit(sold(venue, family), station=west.pk), journal.settle(1, scan_pb2.OUTCOME_UNKNOWN)]
    ingest(edge, raws)
    close_case(actor=make.SYSTEM, venue=venue, case=Case.objects.get(), note="seen on camera")
    ingest(edge, raws)
    assert Case.objects.get().state == "closed"


@pytest.mark.parametrize("decide", [review_case, close_case, reopen_case])
def test_deciding_needs_the_permission_and_a_reason(venue: Venue, case: Case, decide) -> None:  # type: ignore[no-untyped-def]
    for role in ("viewer", "product_manager"):
        with pytest.raises(DomainError) as refused:
            decide(actor=make.make_actor(venue, role), venue=venue, case=case, note="x")
        assert refused.value.code == "permission.denied"
    with pytest.raises(DomainError) as refused:
        decide(actor=make.SYSTEM, venue=venue, case=case, note="  ")
    assert (refused.value.code, refused.value.field) == ("input.required", "note")
    assert Case.objects.get().state == "open"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_at_once_one_is_told(venue: Venue, edge: Edge, west: Station, family: TicketProduct) -> None:
    journal = Journal(edge.pk)
    ingest(edge, [journal.admit(sold(venue, family), station=west.pk), journal.settle(1, scan_pb2.OUTCOME_UNKNOWN)])
    case = Case.objects.get()
    close = partial(close_case, actor=make.SYSTEM, venue=venue, case=case)
    done = race(venue, partial(close, note="a"), partial(close, note="b"))
    refused = [one for one in done if isinstance(one, DomainError)]
    assert [one.code for one in refused] == ["case.state"]
    assert AuditRow.objects.filter(action="case.close").count() == 1


@pytest.mark.django_db(transaction=True)
def test_edges_that_upload_at_once_miss_no_double_use(
    venue: Venue, edge: Edge, other: Edge, west: Station, family: TicketProduct
) -> None:
    owners = [sold(venue, family, f"k{n}") for n in range(5)]
    batches = {}
    for at, one in enumerate((edge, other)):
        journal = Journal(one.pk, at_ms=NOON_MS + at)
        batches[one] = [journal.admit(own, station=west.pk, persons=4, group_id=west.group_id) for own in owners]
    assert race(venue, *(partial(ingest, one, raws) for one, raws in batches.items())) == [5, 5]
    cases = Case.objects.order_by("pk")
    assert [(case.kind, case.admission.edge) for case in cases if case.admission] == [("double_use", other)] * 5
    assert {case.entitlement_id for case in cases} == set(owners)
