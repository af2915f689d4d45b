"""One-time enrolment tokens: `<secret, base32>.<fingerprint of the authority, hex>`. Only a hash is kept."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.locks import lock_row
from cloud.gates.authority import ensure_authority
from cloud.gates.models import EnrolToken
from cloud.gates.services.retire import retired
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Edge

LIFE = dt.timedelta(minutes=15)
SECRET_BYTES = 16


@transaction.atomic
def create_token(*, actor: Actor, edge: Edge) -> str:
    """A token that enrols this edge within 15 minutes, once. Shown now and never again.

    Tokens of the edge that nobody used yet are withdrawn: the newest alone works.

    Raises:
        DomainError: "permission.denied", "edge.retired".
    """
    require(actor, Permission.EDGE_MANAGE, edge.venue)
    edge = lock_row(Edge, edge.pk)
    if edge.retired_at is not None:
        raise retired(edge)
    now = timezone.now()
    EnrolToken.objects.filter(edge=edge, used_at=None, expires_at__gt=now).update(expires_at=now)
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")
    EnrolToken.objects.create(venue=edge.venue, edge=edge, secret_hash=secret_hash(secret), expires_at=now + LIFE)
    audit.write(actor, "edge.token", edge, edge.venue)
    return f"{secret}.{ensure_authority(actor=actor).fingerprint}"


def secret_hash(secret: str) -> str:
    """SHA-256, hex: the secret has 128 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.strip().upper().encode()).hexdigest()
