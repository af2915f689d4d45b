"""Takes an edge's certificates back: its next call is refused, its open streams are cut."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.gates.models import EdgeCertificate, EnrolToken
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Edge


@transaction.atomic
def revoke_edge(*, actor: Actor, edge: Edge, why: str = "") -> int:
    """Revokes every certificate and withdraws every token of the edge; how many certificates it had.

    The gates keep deciding from what they hold: passes they have are not affected. Raises DomainError
    "permission.denied".
    """
    require(actor, Permission.EDGE_MANAGE, edge.venue)
    revoked = withdraw(edge, timezone.now())
    audit.write(actor, "edge.revoke", edge, edge.venue, certificates=revoked, why=why[:200])
    return revoked


def withdraw(edge: Edge, now: datetime) -> int:
    """Ends the edge's tokens and certificates, in the caller's transaction; how many certificates it had."""
    EnrolToken.objects.filter(edge=edge, expires_at__gt=now).update(expires_at=now)
    return EdgeCertificate.objects.filter(edge=edge, revoked_at=None).update(revoked_at=now)
