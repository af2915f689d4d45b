"""Certificates: what each kind may be used for, and which requests are refused."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.core.actors import Actor
from cloud.core.models import AuditRow
from cloud.core.sealing import unseal
from cloud.gates import authority, certificates
from cloud.gates.certificates import RequestError
from cloud.gates.models import Authority
from tests.support.edge_identity import new_key, request_of
from tests.support.race import race

NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def issuer() -> certificates.Issuer:
    return certificates.make_authority(NOW)


def uses(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_the_authority_signs_end_certificates_only(issuer: certificates.Issuer) -> None:
    limits = issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    usage = issuer.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)
    issuer.certificate.verify_directly_issued_by(issuer.certificate)


def test_a_server_certificate(issuer: certificates.Issuer) -> None:
    key, chain = certificates.issue_server(issuer, ["gates.example.com", "10.0.0.5"], NOW)
    server, top = x509.load_pem_x509_certificates(chain)
    assert top == issuer.certificate
    server.verify_directly_issued_by(issuer.certificate)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cloud.paifang", "localhost", "gates.example.com"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.0.0.5"]
    assert uses(server) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert server.not_valid_before_utc == NOW - dt.timedelta(days=1)
    private = serialization.load_pem_private_key(key, None)
    assert private.public_key() == server.public_key()


def test_a_members_certificate_serves_and_asks(issuer: certificates.Issuer) -> None:
    key, made = certificates.issue_member(issuer, ["10.0.0.11", "south.example.com"], NOW)
    member = x509.load_pem_x509_certificate(made)
    member.verify_directly_issued_by(issuer.certificate)
    assert uses(member) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    names = member.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "south.example.com"]  # never the cloud's own
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.0.0.11"]
    assert serialization.load_pem_private_key(key, None).public_key() == member.public_key()


@pytest.mark.django_db
def test_making_one_is_audited() -> None:
    key, made, top = authority.member_certificate(["b", "a", "b"], actor=Actor.system("test"))
    x509.load_pem_x509_certificate(made).verify_directly_issued_by(x509.load_pem_x509_certificate(top))
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert AuditRow.objects.get(action="authority.member").detail == {"hosts": ["a", "b"]}


def test_a_client_certificate(issuer: certificates.Issuer) -> None:
    key = new_key()
    client = certificates.issue_client(issuer, 42, key.public_key(), NOW)
    client.verify_directly_issued_by(issuer.certificate)
    assert uses(client) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert client.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "42"
    assert client.public_key() == key.public_key()
    assert len(certificates.serial_hex(client)) <= 40


def test_a_request_gives_its_key() -> None:
    key = new_key()
    assert certificates.read_request(request_of(key)) == key.public_key()


def requests() -> dict[str, bytes]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    der = serialization.Encoding.DER
    forged = bytearray(request_of(new_key()))
    forged[-1] ^= 1
    return {
        "empty": b"",
        "noise": b"\x30\x03\x02\x01\x05",
        "P-384": builder.sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA256()).public_bytes(der),
        "Ed25519": builder.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(der),
        "forged": bytes(forged),
    }


@pytest.mark.parametrize("kind", ["empty", "noise", "P-384", "Ed25519", "forged"])
def test_a_request_that_is_refused(kind: str) -> None:
    with pytest.raises(RequestError):
        certificates.read_request(requests()[kind])


@pytest.mark.django_db
def test_the_authority_is_made_once_and_its_key_is_sealed() -> None:
    first = authority.ensure_authority(actor=Actor.system())
    assert authority.ensure_authority(actor=Actor.system()) == first
    assert b"PRIVATE KEY" not in bytes(first.sealed_key)
    assert b"PRIVATE KEY" in unseal(authority.PURPOSE, bytes(first.sealed_key))
    assert first.fingerprint == certificates.fingerprint(authority.issuer().certificate)
    assert AuditRow.objects.filter(action="authority.create").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_processes_make_one_authority() -> None:
    made = race(None, *[lambda: authority.ensure_authority(actor=Actor.system()).fingerprint] * 4)
    assert len(set(made)) == 1
    assert Authority.objects.count() == 1
