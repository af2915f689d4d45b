"""Trades a token and a certificate request for an edge's certificate."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from django.db import transaction
from django.utils import timezone
from django_scopes import scope, scopes_disabled

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import keys
from cloud.gates import authority, certificates
from cloud.gates.certificates import RequestError
from cloud.gates.models import EdgeCertificate, EnrolToken
from cloud.gates.services.retire import retired
from cloud.gates.services.tokens import secret_hash
from cloud.venues.models import Edge

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an edge needs from now on; the fields of paifang.v1.EnrolReply without the address."""

    certificate_pem: bytes
    authority_pem: bytes
    edge_id: int
    venue_id: int
    venue_root_key: bytes  # Ed25519 public key
    pepper: bytes
    pepper_version: int


def enrol(*, secret: str, csr_der: bytes, software_version: str) -> Enrolled:
    """Issues the certificate a token stands for.

    The same token with the same public key, again within its time, returns the same certificate: the first
    answer may have been lost. Another key is refused and audited. An edge has one certificate: a new one
    revokes those before it.

    Raises:
        DomainError: "enrol.request" (not a signed P-256 request), "enrol.token" (no such token),
            "enrol.expired", "enrol.used" (by another key), "edge.retired", "enrol.revoked".
    """
    try:
        public = certificates.read_request(csr_der)
    except RequestError as problem:
        raise DomainError(
            "enrol.request", f"证书请求无效：{problem}", f"The request is not usable: {problem}"
        ) from None
    refused: DomainError | None = None
    with scopes_disabled(), transaction.atomic():
        asked = EnrolToken.objects.filter(secret_hash=secret_hash(secret)).first()
        edge = lock_row(Edge, asked.edge_id) if asked else None  # before its tokens, as where it is retired
        token = EnrolToken.objects.select_for_update().filter(pk=asked.pk).first() if asked else None
        if edge is None or token is None:
            # Anybody can ask: no audit row, or a stranger could fill the table.
            logger.warning("enrolment refused: no such token")
            raise DomainError(
                "enrol.token", "没有此令牌，请重新生成。", "There is no such token. Make one: paifang cloud token EDGE."
            )
        now = timezone.now()
        refused = _refusal(token, edge, public, now)
        actor = Actor.system(f"edge {edge.name}")
        if refused is not None:
            # Committed: a refusal leaves its trace, so it is raised only after the transaction.
            audit.write(actor, "edge.enrol_refused", edge, edge.venue, code=refused.code)
        else:
            with scope(venue=edge.venue):
                return _enrolled(edge, token.certificate or _issue(token, edge, public, now, actor, software_version))
    raise refused


def _refusal(token: EnrolToken, edge: Edge, public: ec.EllipticCurvePublicKey, now: datetime) -> DomainError | None:
    if token.expires_at <= now:
        return DomainError("enrol.expired", "令牌已过期，请重新生成。", "The token has expired. Make a new one.")
    if edge.retired_at is not None:
        return retired(edge)
    if token.used_at is not None and token.used_by_key != certificates.public_fingerprint(public):
        return DomainError(
            "enrol.used",
            "令牌已被另一台设备使用。若不是您操作的，请立即吊销该边缘。",
            "Another device has used this token. If that was not you, revoke the edge at once.",
        )
    if token.certificate is not None and token.certificate.revoked_at is not None:
        return DomainError(
            "enrol.revoked", "该证书已吊销。", "The certificate of this token was revoked. Make a new token."
        )
    return None


def _issue(
    token: EnrolToken, edge: Edge, public: ec.EllipticCurvePublicKey, now: datetime, actor: Actor, version: str
) -> EdgeCertificate:
    issued = certificates.issue_client(authority.issuer(), edge.pk, public, now)
    before = EdgeCertificate.objects.filter(edge=edge, revoked_at=None).update(revoked_at=now)
    row = EdgeCertificate.objects.create(
        venue=edge.venue,
        edge=edge,
        serial=certificates.serial_hex(issued),
        pem=certificates.pem(issued).decode(),
        not_after=issued.not_valid_after_utc,
    )
    token.used_at = now
    token.used_by_key = certificates.public_fingerprint(public)
    token.certificate = row
    token.save(update_fields=["used_at", "used_by_key", "certificate"])
    audit.write(actor, "edge.enrol", edge, edge.venue, serial=row.serial, version=version[:40], revoked=before)
    return row


def _enrolled(edge: Edge, certificate: EdgeCertificate) -> Enrolled:
    pepper_version, pepper = keys.pepper(edge.venue)
    return Enrolled(
        certificate_pem=certificate.pem.encode(),
        authority_pem=authority.issuer().pem,
        edge_id=edge.pk,
        venue_id=edge.venue_id,
        venue_root_key=keys.root_public_key(edge.venue),
        pepper=pepper,
        pepper_version=pepper_version,
    )
