"""Enrolment: a one-time token becomes a certificate. The edge makes its own key, and pins before it speaks.

The token names the authority by the SHA-256 of its certificate. The edge first takes the certificate chain the
enrol port shows, with nothing sent, picks the certificate of that fingerprint, and only then opens gRPC
trusting it alone. Asking again with the same key and token gives the same certificate, so a lost reply costs
nothing.
"""

from __future__ import annotations

import hashlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from edge import identity
from edge.errors import EnrolError, PinError, TokenError
from edge.identity import Identity
from paifang.v1 import enrol_pb2, enrol_pb2_grpc

CLOUD_NAME = "cloud.paifang"  # the DNS name in every server certificate of an installation
TIMEOUT_S = 10.0

_TOKEN = re.compile(r"([A-Z2-7]{26})(?:={0,6})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Token:
    """`secret` proves the right to enrol; `fingerprint` is the authority's SHA-256, hex."""

    secret: str
    fingerprint: str

    @classmethod
    def parse(cls, text: str) -> Token:
        """Reads a token as the console shows it; white space around and within is forgiven. Raises TokenError."""
        secret, dot, fingerprint = "".join(text.split()).partition(".")
        match = _TOKEN.fullmatch(f"{secret.upper()}{dot}{fingerprint.lower()}")
        if match is None:
            raise TokenError(
                "this is not an enrolment token: 26 letters and digits, a dot, and 64 hexadecimal digits are expected"
            )
        return cls(match[1], match[2])


def enrol(state: Path, address: str, token: Token, software_version: str) -> Identity:
    """Enrols this machine and keeps its identity under `state`.

    Raises:
        PinError: the server is not the one the token names; nothing was sent to it.
        EnrolError: refused, unreachable, an unusable answer, or the state belongs to another edge.
    """
    authority = authority_of(chain_at(address), token.fingerprint, address)
    private = identity.key(state)
    request = enrol_pb2.EnrolRequest(
        secret=token.secret,
        csr_der=x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge")]))
        .sign(private, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER),
        software_version=software_version,
    )
    reply = _call(address, authority, request)
    enrolled = Identity(
        edge_id=reply.edge_id,
        venue_id=reply.venue_id,
        root_key=reply.venue_root_key,
        gates_address=reply.gates_address,
        pepper_version=reply.pepper_version,
        pepper=reply.pepper,
        key_pem=identity.key_pem(private),
        certificate_pem=reply.certificate_pem,
        authority_pem=reply.authority_pem,
    )
    _check(enrolled, token, private.public_key())
    _same_edge(state, enrolled)
    try:
        identity.save(state, enrolled)
    except OSError as problem:
        raise EnrolError(
            f"the identity cannot be kept: {problem}. Put that right and enrol again with the same token"
        ) from problem
    return enrolled


def chain_at(address: str) -> list[bytes]:
    """The certificates a server shows, DER, unverified. Sends nothing but the handshake. Raises EnrolError."""
    host, _, port = address.rpartition(":")
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    context.set_alpn_protos([b"h2"])
    try:
        with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S) as raw:
            raw.settimeout(None)  # pyOpenSSL wants a blocking socket; SO_RCVTIMEO keeps the bound
            _bound(raw)
            connection = SSL.Connection(context, raw)
            connection.set_tlsext_host_name(CLOUD_NAME.encode())
            connection.set_connect_state()
            connection.do_handshake()
            chain = connection.get_peer_cert_chain(as_cryptography=True) or []
            return [certificate.public_bytes(serialization.Encoding.DER) for certificate in chain]
    except (OSError, SSL.Error) as problem:
        raise EnrolError(f"no TLS answer at the enrol address {address}: {problem or type(problem).__name__}") from None


def authority_of(chain: list[bytes], fingerprint: str, address: str) -> bytes:
    """The certificate of the chain with that fingerprint, PEM. Raises PinError."""
    for der in chain:
        if hashlib.sha256(der).hexdigest() == fingerprint:
            return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
    raise PinError(
        f"the server at {address} is not of the authority this token names (SHA-256 {fingerprint[:16]}...): "
        "nothing was sent to it. Check the enrol address, or take a new token"
    )


def _bound(raw: socket.socket) -> None:
    seconds = int(TIMEOUT_S).to_bytes(8, "little") + bytes(8)  # struct timeval
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)


def _call(address: str, authority: bytes, request: enrol_pb2.EnrolRequest) -> enrol_pb2.EnrolReply:
    credentials = grpc.ssl_channel_credentials(root_certificates=authority)
    options = [("grpc.ssl_target_name_override", CLOUD_NAME)]
    with grpc.secure_channel(address, credentials, options) as channel:
        stub = enrol_pb2_grpc.EnrolStub(channel)  # type: ignore[no-untyped-call]
        try:
            reply: enrol_pb2.EnrolReply = stub.Enrol(request, timeout=TIMEOUT_S)
        except grpc.RpcError as problem:
            raise EnrolError(f"the cloud at {address} refused: {problem.details()} ({problem.code().name})") from None
    return reply


def _check(enrolled: Identity, token: Token, public: object) -> None:
    """The answer is usable: our key in the certificate, the pinned authority, keys of the right size."""
    try:
        certificate = x509.load_pem_x509_certificate(enrolled.certificate_pem)
        authority = x509.load_pem_x509_certificate(enrolled.authority_pem)
    except ValueError:
        raise EnrolError("the cloud's answer holds a certificate that cannot be read") from None
    if certificate.public_key() != public:
        raise EnrolError("the cloud's certificate is not for this edge's key")
    if authority.fingerprint(hashes.SHA256()).hex() != token.fingerprint:
        raise PinError("the cloud's answer names another authority than the token")
    if len(enrolled.root_key) != 32 or len(enrolled.pepper) != 32 or not enrolled.edge_id or not enrolled.venue_id:
        raise EnrolError("the cloud's answer is not whole")


def _same_edge(state: Path, enrolled: Identity) -> None:
    """A store is one edge's: its journal and its uses carry that edge's number."""
    held = identity.whose(state)
    if held is not None and held != (enrolled.edge_id, enrolled.venue_id):
        raise EnrolError(
            f"{state} belongs to edge {held[0]} of venue {held[1]}; the token is for edge "
            f"{enrolled.edge_id} of venue {enrolled.venue_id}. Use another state folder"
        )
