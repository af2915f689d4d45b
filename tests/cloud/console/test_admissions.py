"""The list of what was shown at the gates: whom it finds, what a record tells of its place in the journal."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.admissions.models import Case, JournalEntry
from cloud.admissions.services import ingest
from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from paifang.v1 import scan_pb2
from tests.support import venue as make
from tests.support.journal import Journal
from tests.support.presented import present

NUMBER = make.make_id_number()


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def found(client: Any, **query: Any) -> list[int]:
    page = client.get("/admissions", query).content.decode()
    return [int(pk) for pk in re.findall(r'class="pf-row-link"[^>]*href="/admissions/(\d+)"', page)]


@pytest.fixture
def ticket(venue: Venue, adult: TicketProduct) -> int:
    lines = [OrderLine(adult, 1, today(venue), [VisitorInput("王小明", NUMBER)])]
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=lines, idempotency_key="k")
    return order.units.get().entitlement_id


def test_records_are_found_by_place_verdict_person_and_time(
    log_in, venue: Venue, gate: Device, east: Station, ticket: int
):
    now = timezone.now()
    far = make.make_gate(venue, east, "E-1", make.make_edge(venue, "东门主机"))
    ours = present(gate, ticket)
    refused = present(far, ticket, reason=Reason.USED_UP)
    other = present(gate, 4242, outcome="returned", at=now - timedelta(days=2))
    client = log_in()
    local = timezone.localtime(now - timedelta(days=1), timezone=None)
    cases: list[tuple[dict[str, Any], list[JournalEntry]]] = [
        ({}, [refused, ours, other]),
        ({"decision": scan_pb2.DECISION_REFUSE}, [refused]),
        ({"reason": int(Reason.USED_UP)}, [refused]),
        ({"station": east.pk}, [refused]),
        ({"lane": gate.pk}, [ours, other]),
        ({"edge": far.edge_id}, [refused]),
        ({"outcome": "returned"}, [other]),
        ({"q": "4242"}, [other]),
        ({"q": "王小明"}, [refused, ours]),
        ({"q": NUMBER}, [refused, ours]),
        ({"q": make.make_id_number(9)}, []),
        ({"since": local.strftime("%Y-%m-%dT%H:%M")}, [refused, ours]),
        ({"until": local.strftime("%Y-%m-%dT%H:%M")}, [other]),
    ]
    for query, wanted in cases:
        assert found(client, **query) == [row.pk for row in wanted], query
    page = client.get("/admissions").content.decode()
    assert "王**" in page
    assert "王小明" not in page
    assert 'data-refresh="2"' in page
    assert "data-refresh" not in client.get("/admissions?page=2").content.decode()


def test_a_record_tells_of_its_place_in_the_journal_and_what_followed(log_in, edge: Edge, gate: Device, west: Station):
    journal = Journal(edge.pk)
    raws = [
        journal.boot(),
        journal.admit(77, station=west.pk, device=gate.pk, credential_tag=bytes.fromhex("0102030405060708")),
        journal.settle(2, scan_pb2.OUTCOME_RETURNED, passed=0, returned=1, entitlement=77),
        journal.settle(2, scan_pb2.OUTCOME_LATE, passed=1, entitlement=77, revision=3),
    ]
    ingest(edge, raws)
    entry = JournalEntry.objects.get(kind="presentation")
    client = log_in()
    text = text_of(client.get(f"/admissions/{entry.pk}"))
    assert "Follows the record before it" in text
    assert "Pass (QR code)" in text
    assert "Begins with 0102030405060708" in text
    assert "Edge&#x27;s clock confirmed" in text
    assert bytes(entry.entry_hash).hex() in text
    assert "Nobody walked; use given back 0 1 No 3" in text
    assert "Walked late; use taken again 1 0 No 4" in text
    JournalEntry.objects.filter(seq=1).update(entry_hash=bytes(32))
    assert "Does not follow the record before it" in text_of(client.get(f"/admissions/{entry.pk}"))
    JournalEntry.objects.filter(seq=1).delete()
    assert "The record before it is missing" in text_of(client.get(f"/admissions/{entry.pk}"))


def test_a_conflict_shows_both_admissions_beside_each_other(
    log_in, venue: Venue, edge: Edge, gate: Device, west: Station, ticket: int
):
    other = make.make_edge(venue, "东门主机")
    lane = make.make_gate(venue, west, "W-2", other)
    start = timezone.now() - timedelta(minutes=5)
    for at, (one, device) in enumerate(((edge, gate), (other, lane))):
        journal = Journal(one.pk, at_ms=int((start + timedelta(seconds=at)).timestamp() * 1000))
        ingest(one, [journal.admit(ticket, station=west.pk, device=device.pk, group_id=west.group_id)])
    case = Case.objects.get()
    client = log_in("gate_supervisor")
    assert 'class="pf-side-badge"' in client.get("/live").content.decode()
    page = client.get(f"/conflicts/{case.pk}")
    text = text_of(page)
    assert "Before it" in text
    assert text.index("W-1") < text.index("Beyond the ticket") < text.index("W-2", text.index("Beyond the ticket"))
    assert "¥80.00" in text
    assert "王小明" not in text
    for entry in JournalEntry.objects.filter(kind="presentation"):
        assert f'href="/admissions/{entry.pk}"' in page.content.decode()
    client.post("/conflicts/do/close", {"pk": case.pk, "note": "seen on camera", "next": "/conflicts"})
    assert "pf-side-badge" not in client.get("/live").content.decode()
    text = text_of(client.get(f"/conflicts/{case.pk}"))
    assert "Closed" in text
    assert "seen on camera" in text
    client.post("/conflicts/do/reopen", {"pk": case.pk, "note": "not so sure", "next": "/conflicts"})
    assert "Undecided" in text_of(client.get(f"/conflicts/{case.pk}"))
