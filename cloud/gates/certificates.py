"""X.509 as this installation uses it: one P-256 authority, server certificates, client certificates. No database.

gRPC's TLS refuses Ed25519 certificates, hence P-256. Certificates start a day early: an edge's clock may be behind.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MEMBER_NAME = "claims member"  # no edge's id: the gates' port knows nobody of that name
SERVER_NAME = "cloud.paifang"  # in every server certificate: what an edge checks, whatever address it dials
AUTHORITY_YEARS = 20
CLIENT_YEARS = 5  # every call checks the serial, so revocation does not wait for this
SERVER_DAYS = 400  # a fresh one is made at each start of the server
EARLY = dt.timedelta(days=1)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RequestError(ValueError):
    """A certificate request that cannot be honoured; the message says why."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """The authority with its key in hand."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return pem(self.certificate)


def make_authority(now: dt.datetime) -> Issuer:
    """A new self-signed authority that signs end certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Paifang authority")
    builder = (
        _builder(name, name, key.public_key(), now, dt.timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Issuer(builder.sign(key, hashes.SHA256()), key)


def issue_server(issuer: Issuer, hosts: Iterable[str], now: dt.datetime) -> tuple[bytes, bytes]:
    """A server's (private key PEM, certificate chain PEM): the chain carries the authority, which edges pin.

    `hosts` are host names or addresses edges may dial; the server name and loopback are always among them.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _end_builder(issuer, SERVER_NAME, key.public_key(), now, dt.timedelta(days=SERVER_DAYS))
    builder = builder.add_extension(_names([SERVER_NAME, *_LOOPBACK, *hosts]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=True)
    return private_pem(key), pem(builder.sign(issuer.key, hashes.SHA256())) + issuer.pem


def issue_member(issuer: Issuer, hosts: Iterable[str], now: dt.datetime) -> tuple[bytes, bytes]:
    """An etcd member's (private key PEM, certificate PEM): it serves edges, and both serves and asks its peers."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _end_builder(issuer, MEMBER_NAME, key.public_key(), now, dt.timedelta(days=365 * CLIENT_YEARS))
    builder = builder.add_extension(_names([*_LOOPBACK, *hosts]), critical=False)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
    return private_pem(key), pem(builder.sign(issuer.key, hashes.SHA256()))


def issue_client(issuer: Issuer, edge_id: int, public: ec.EllipticCurvePublicKey, now: dt.datetime) -> x509.Certificate:
    """An edge's certificate: client authentication only, the edge's id as common name."""
    builder = _end_builder(issuer, str(edge_id), public, now, dt.timedelta(days=365 * CLIENT_YEARS))
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
    return builder.sign(issuer.key, hashes.SHA256())


def read_request(csr_der: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a PKCS#10 request. Raises RequestError unless it is P-256 and signed by that key."""
    try:
        request = x509.load_der_x509_csr(csr_der)
        public = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise RequestError(f"not a certificate request: {problem}") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise RequestError("the key is not P-256")
    if not signed:
        raise RequestError("the request is not signed by its own key")
    return public


def public_fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo, hex."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER, hex: what a token carries and an edge pins."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def serial_hex(certificate: x509.Certificate) -> str:
    """At most 40 digits."""
    return f"{certificate.serial_number:x}"


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_issuer(certificate_pem: bytes, key_pem: bytes) -> Issuer:
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic-curve key")
    return Issuer(x509.load_pem_x509_certificate(certificate_pem), key)


def _end_builder(
    issuer: Issuer, common_name: str, public: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        _builder(_name(common_name), issuer.certificate.subject, public, now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _names(hosts: Iterable[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts) if host])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
