"""A token enrols one machine, within its time."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial

import pytest
from cryptography import x509
from django.utils import timezone

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import keys
from cloud.gates.models import Authority, EdgeCertificate, EnrolToken
from cloud.gates.services import Enrolled, create_token, enrol, revoke_edge
from cloud.venues.models import Edge, Venue
from tests.support.edge_identity import new_key, request_of
from tests.support.race import race

pytestmark = pytest.mark.django_db


def secret(actor: Actor, edge: Edge) -> str:
    return create_token(actor=actor, edge=edge).split(".")[0]


def ask(token: str, csr: bytes) -> Enrolled:
    return enrol(secret=token, csr_der=csr, software_version="1.0")


def refused(token: str, csr: bytes) -> str:
    with pytest.raises(DomainError) as problem:
        ask(token, csr)
    return problem.value.code


def test_a_token_names_the_authority_and_is_kept_as_a_hash(actor: Actor, edge: Edge) -> None:
    token = create_token(actor=actor, edge=edge)
    assert re.fullmatch(r"[A-Z2-7]{26}\.[0-9a-f]{64}", token)
    assert token.endswith(Authority.objects.get().fingerprint)
    row = EnrolToken.objects.get()
    assert token.split(".")[0] not in (row.secret_hash, row.secret_hash.upper())
    life = row.expires_at - timezone.now()
    assert dt.timedelta(minutes=14) < life <= dt.timedelta(minutes=15)
    assert AuditRow.objects.filter(action="edge.token", venue_id=edge.venue_id).count() == 1


def test_enrolment(actor: Actor, venue: Venue, edge: Edge) -> None:
    key = new_key()
    done = ask(secret(actor, edge), request_of(key))
    certificate = x509.load_pem_x509_certificate(done.certificate_pem)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(done.authority_pem))
    assert certificate.public_key() == key.public_key()
    assert (done.edge_id, done.venue_id) == (edge.pk, venue.pk)
    assert done.venue_root_key == keys.root_public_key(venue)
    assert (done.pepper_version, done.pepper) == keys.pepper(venue)
    row = EdgeCertificate.objects.get()
    assert (row.edge_id, row.serial, row.revoked_at) == (edge.pk, f"{certificate.serial_number:x}", None)
    audit = AuditRow.objects.get(action="edge.enrol")
    assert (audit.actor_name, audit.detail["serial"]) == (f"edge {edge.name}", row.serial)


def test_the_same_key_again_gets_the_same_certificate(actor: Actor, edge: Edge) -> None:
    token, csr = secret(actor, edge), request_of(new_key())
    assert ask(token, csr) == ask(token.lower(), csr)
    assert EdgeCertificate.objects.count() == 1


def test_a_used_token_with_another_key_is_refused_and_audited(actor: Actor, edge: Edge) -> None:
    token = secret(actor, edge)
    ask(token, request_of(new_key()))
    assert refused(token, request_of(new_key())) == "enrol.used"
    assert AuditRow.objects.get(action="edge.enrol_refused").detail == {"code": "enrol.used"}
    assert EdgeCertificate.objects.count() == 1


def test_an_expired_token_is_refused_even_for_its_own_key(actor: Actor, edge: Edge) -> None:
    token, csr = secret(actor, edge), request_of(new_key())
    ask(token, csr)
    EnrolToken.objects.update(expires_at=timezone.now())
    assert refused(token, csr) == "enrol.expired"
    assert refused(token, request_of(new_key())) == "enrol.expired"


def test_a_token_nobody_made(edge: Edge) -> None:
    assert refused("A" * 26, request_of(new_key())) == "enrol.token"
    assert not AuditRow.objects.filter(action__startswith="edge.enrol").exists()


def test_a_request_that_is_none(actor: Actor, edge: Edge) -> None:
    token = secret(actor, edge)
    assert refused(token, b"noise") == "enrol.request"
    ask(token, request_of(new_key()))  # it cost the token nothing


def test_a_newer_token_withdraws_the_older(actor: Actor, edge: Edge) -> None:
    old, new = secret(actor, edge), secret(actor, edge)
    assert refused(old, request_of(new_key())) == "enrol.expired"
    ask(new, request_of(new_key()))


def test_enrolling_again_revokes_the_certificate_before(actor: Actor, edge: Edge) -> None:
    first = ask(secret(actor, edge), request_of(new_key()))
    second = ask(secret(actor, edge), request_of(new_key()))
    states = {row.pem.encode(): row.revoked_at is not None for row in EdgeCertificate.objects.all()}
    assert states == {first.certificate_pem: True, second.certificate_pem: False}


def test_a_retired_edge(actor: Actor, edge: Edge) -> None:
    token = secret(actor, edge)
    Edge.objects.filter(pk=edge.pk).update(retired_at=timezone.now())
    assert refused(token, request_of(new_key())) == "edge.retired"
    edge.refresh_from_db()
    with pytest.raises(DomainError) as problem:
        create_token(actor=actor, edge=edge)
    assert problem.value.code == "edge.retired"


def test_revoking_takes_certificates_and_tokens(actor: Actor, edge: Edge) -> None:
    used, csr = secret(actor, edge), request_of(new_key())
    ask(used, csr)
    unused = secret(actor, edge)
    assert revoke_edge(actor=actor, edge=edge, why="stolen") == 1
    assert EdgeCertificate.objects.get().revoked_at is not None
    assert refused(used, csr) == "enrol.expired"
    assert refused(unused, request_of(new_key())) == "enrol.expired"
    assert revoke_edge(actor=actor, edge=edge) == 0


@pytest.mark.parametrize("act", [create_token, revoke_edge])
def test_who_may(viewer: Actor, edge: Edge, act: object) -> None:
    with pytest.raises(DomainError) as problem:
        act(actor=viewer, edge=edge)  # type: ignore[operator]
    assert problem.value.code == "permission.denied"


@pytest.mark.django_db(transaction=True)
def test_two_machines_race_for_one_token(actor: Actor, venue: Venue, edge: Edge) -> None:
    token = secret(actor, edge)
    results = race(venue, *[partial(ask, token, request_of(new_key())) for _ in range(4)])
    assert sum(isinstance(result, Enrolled) for result in results) == 1
    assert {result.code for result in results if isinstance(result, DomainError)} == {"enrol.used"}
    assert EdgeCertificate.objects.count() == 1
