"""Questions to an edge: who may ask, what goes down, what comes back, what is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements.selectors import pass_line
from cloud.gates import selectors
from cloud.gates.models import Question
from cloud.gates.services import answer, ask, ask_about, forget_questions, waiting
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2
from tests.support import venue as make

pytestmark = pytest.mark.django_db
LINE = CredentialKind.LINE


def asked(venue: Venue, gate: Device, credential: bytes = b"PF1:ABC", **fields: object) -> Question:
    return ask(actor=make.SYSTEM, venue=venue, device=gate, kind=LINE, credential=credential, **fields)  # type: ignore[arg-type]


def test_a_question_goes_to_the_edge_of_its_lane_until_it_is_answered(venue: Venue, edge: Edge, gate: Device) -> None:
    at = datetime(2026, 12, 24, 10, tzinfo=UTC)
    question = asked(venue, gate, at=at)
    other = make.make_edge(venue, "东门主机")
    assert waiting(other) == []
    [sent] = waiting(edge)
    assert (sent.credential_kind, sent.credential, sent.device_id, sent.at_ms) == (
        LINE, b"PF1:ABC", gate.pk, int(at.timestamp() * 1000),
    )  # fmt: skip
    said = scan_pb2.Explanation(id=sent.id, admit=False, reason=121, entitlement_id=7)
    said.checks.add(number=12, outcome=scan_pb2.CHECK_OUTCOME_FAILED, reason=121).inputs["month"] = "3 of 3"
    assert not answer(other, said), "it was not asked"
    assert answer(edge, said)
    assert not answer(edge, scan_pb2.Explanation(id=sent.id, admit=True)), "the first answer stands"
    assert waiting(edge) == []
    got = selectors.answer_to(venue, question.pk)
    assert got is not None
    assert (got.explanation, got.late) == (said, False)
    assert bytes(Question.objects.get().sealed_credential) == b"", "what was presented is not kept"


def test_a_tickets_own_pass_is_asked_about(venue: Venue, edge: Edge, gate: Device, adult: TicketProduct) -> None:
    line = OrderLine(adult, 1, today(venue))
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="it")
    ticket = order.units.get().entitlement
    ask_about(actor=make.SYSTEM, venue=venue, device=gate, entitlement=ticket)
    [sent] = waiting(edge)
    assert (sent.credential, sent.at_ms) == (pass_line(ticket).encode(), 0)
    row = AuditRow.objects.get(action="entitlement.explain")
    assert row.detail == {
        "question": Question.objects.get().pk, "credential": "line", "entitlement": str(ticket.pk)
    }  # fmt: skip


def test_it_is_too_late_after_half_a_minute_and_gone_after_a_day(venue: Venue, edge: Edge, gate: Device) -> None:
    question = asked(venue, gate)
    assert b"PF1:ABC" not in bytes(question.sealed_credential)
    now = timezone.now()
    late = selectors.answer_to(venue, question.pk, now + timedelta(seconds=31))
    assert late is not None
    assert (late.late, late.explanation, waiting(edge, now + timedelta(seconds=31))) == (True, None, [])
    assert forget_questions(venue, now + timedelta(seconds=31)) == 0
    assert bytes(Question.objects.get().sealed_credential) == b""
    assert forget_questions(venue, now + timedelta(days=1, seconds=1)) == 1
    assert selectors.answer_to(venue, question.pk) is None


@pytest.mark.parametrize(
    ("kind", "credential", "code"),
    [
        (LINE, b"", "question.credential"),
        (LINE, b"x" * 513, "question.credential"),
        (CredentialKind.PASS, b"x", "question.kind"),
    ],
)
def test_what_no_reader_reads(venue: Venue, gate: Device, kind: CredentialKind, credential: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        ask(actor=make.SYSTEM, venue=venue, device=gate, kind=kind, credential=credential)
    assert refused.value.code == code


def test_a_lane_without_an_edge_answers_nothing(venue: Venue, west: Station) -> None:
    with pytest.raises(DomainError) as refused:
        asked(venue, make.make_gate(venue, west))
    assert refused.value.code == "question.lane"


def test_an_answer_without_end_is_not_kept(venue: Venue, edge: Edge, gate: Device) -> None:
    asked(venue, gate)
    said = scan_pb2.Explanation(id=waiting(edge)[0].id)
    said.checks.add().inputs["x"] = "x" * 70_000
    assert not answer(edge, said)
