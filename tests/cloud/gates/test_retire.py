"""An edge taken out for good: nothing waits for it, nothing of it is answered, its name and devices are free."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import acks, live_services, sequencer
from cloud.gates.models import EdgeCertificate
from cloud.gates.services import alarm_silent_edges, create_token, enrol, report, retire_edge
from cloud.rpc.peer import UnknownPeerError, cut_off, identify
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.v1 import scan_pb2
from paifang.v1.feed_pb2 import STREAM_URGENT
from tests.support import venue as make
from tests.support.edge_identity import new_key, request_of
from tests.support.race import race

pytestmark = pytest.mark.django_db


def enrolled(actor: Actor, edge: Edge) -> EdgeCertificate:
    secret = create_token(actor=actor, edge=edge).split(".")[0]
    enrol(secret=secret, csr_der=request_of(new_key()), software_version="1")
    return EdgeCertificate.objects.get(edge=edge, revoked_at=None)


def refused(**asked: object) -> str:
    with pytest.raises(DomainError) as problem:
        retire_edge(**asked)  # type: ignore[arg-type]
    return problem.value.code


def test_nothing_waits_for_a_retired_edge(actor: Actor, venue: Venue, gate: Device, edge: Edge) -> None:
    other = make.make_edge(venue, "备用主机")
    live_services.set_device_enabled(actor=actor, venue=venue, device=gate, enabled=False)
    sequencer.number_waiting(venue)
    head = sequencer.head(venue, STREAM_URGENT).seq
    acks.record(edge, STREAM_URGENT, head, 1_700_000_000_000)
    assert [one.name for one in acks.applied_at(venue, STREAM_URGENT, head).waiting] == ["备用主机"]
    retire_edge(actor=actor, venue=venue, edge=other, why="报废")
    applied = acks.applied_at(venue, STREAM_URGENT, head)
    assert (applied.waiting, applied.by is not None) == ([], True)


def test_a_retired_edge_is_never_answered_again(actor: Actor, venue: Venue, edge: Edge) -> None:
    certificate = enrolled(actor, edge)
    unused = create_token(actor=actor, edge=edge).split(".")[0]
    assert identify(certificate.serial).edge == edge
    retire_edge(actor=actor, venue=venue, edge=edge, why="报废")
    with pytest.raises(UnknownPeerError):
        identify(certificate.serial)
    assert cut_off([certificate.serial]) == {certificate.serial}  # an open stream ends
    certificate.refresh_from_db()
    assert certificate.revoked_at is not None
    with pytest.raises(DomainError) as problem:
        enrol(secret=unused, csr_der=request_of(new_key()), software_version="1")
    assert problem.value.code == "enrol.expired"
    late = timezone.now() + timedelta(hours=2)
    assert alarm_silent_edges(venue, listening_since=late - timedelta(hours=1), now=late) == []


def test_its_devices_go_to_the_heir_or_hang_on_none(actor: Actor, venue: Venue, gate: Device, edge: Edge) -> None:
    heir = make.make_edge(venue, "新主机")
    retire_edge(actor=actor, venue=venue, edge=edge, why="换新", heir=heir)
    gate.refresh_from_db()
    assert gate.edge == heir
    retire_edge(actor=actor, venue=venue, edge=heir, why="拆除")
    gate.refresh_from_db()
    assert (gate.edge, gate.station is not None, gate.enabled) == (None, True, True)
    details = AuditRow.objects.filter(action="edge.retire").order_by("pk").values_list("detail", flat=True)
    assert list(details) == [
        {"name": edge.name, "why": "换新", "certificates": 0, "unsent": 0, "devices": [gate.identifier],
         "heir": "新主机"},
        {"name": "新主机", "why": "拆除", "certificates": 0, "unsent": 0, "devices": [gate.identifier]},
    ]  # fmt: skip


def test_what_it_has_not_sent_stands_in_the_audit(actor: Actor, venue: Venue, gate: Device, edge: Edge) -> None:
    status = scan_pb2.EdgeStatus(journal_seq=120, journal_acked=103)
    report(edge, status.SerializeToString())
    retire_edge(actor=actor, venue=venue, edge=edge, why="报废")
    assert AuditRow.objects.get(action="edge.retire").detail["unsent"] == 17


def test_its_name_is_free_for_the_machine_that_takes_its_place(actor: Actor, venue: Venue, edge: Edge) -> None:
    retire_edge(actor=actor, venue=venue, edge=edge, why="报废")
    again = make.make_edge(venue, edge.name)
    assert again.pk != edge.pk
    enrolled(actor, again)
    with pytest.raises(DomainError) as problem:
        make.make_edge(venue, edge.name)
    assert problem.value.code == "edge.name"


def test_what_is_refused(actor: Actor, venue: Venue, west: Station, edge: Edge) -> None:
    asked = {"actor": actor, "venue": venue, "edge": edge}
    assert refused(**asked, why=" ") == "input.required"
    assert refused(**asked, why="x", heir=edge) == "edge.heir"
    gone = make.make_edge(venue, "旧主机")
    retire_edge(actor=actor, venue=venue, edge=gone, why="x")
    assert refused(**asked, why="x", heir=gone) == "edge.heir_retired"
    assert refused(actor=actor, venue=venue, edge=gone, why="x") == "edge.retired"
    for act in (
        lambda: make.make_gate(venue, west, "G-9", gone),
        lambda: live_services.edit_device(
            actor=actor, venue=venue, device=make.make_gate(venue, west, "G-8", edge), name="x", edge=gone
        ),
    ):
        with pytest.raises(DomainError) as problem:
            act()
        assert (problem.value.code, problem.value.field) == ("edge.retired", "edge")


@pytest.mark.django_db(transaction=True)
def test_two_people_retire_it_while_a_machine_enrols_and_a_device_is_hung_on_it(
    actor: Actor, venue: Venue, gate: Device, edge: Edge
) -> None:
    secret = create_token(actor=actor, edge=edge).split(".")[0]
    results = race(
        venue,
        partial(retire_edge, actor=actor, venue=venue, edge=edge, why="first"),
        partial(retire_edge, actor=actor, venue=venue, edge=edge, why="second"),
        partial(enrol, secret=secret, csr_der=request_of(new_key()), software_version="1"),
        partial(live_services.edit_device, actor=actor, venue=venue, device=gate, name="renamed", edge=edge),
    )
    problems = [result for result in results if isinstance(result, Exception)]
    assert {type(one) for one in problems} == {DomainError}, problems
    assert [result.code for result in results[:2] if isinstance(result, DomainError)] == ["edge.retired"]
    # Whatever came first: nothing is left that hangs on it or speaks for it.
    assert not Device.objects.filter(edge=edge).exists()
    assert not EdgeCertificate.objects.filter(edge=edge, revoked_at=None).exists()
    assert AuditRow.objects.filter(action="edge.retire").count() == 1
