"""Staff ask why a credential is or would be refused; the edge of the lane answers, for it alone decides.

A question goes down with the reply to the edge's next report, a second later at most, and comes back as an
explanation. Nothing is used up by it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from cloud.core import audit, sealing
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.entitlements.models import Entitlement
from cloud.entitlements.selectors import shown_line
from cloud.gates.models import Question
from cloud.staff.permissions import Permission, require_at
from cloud.venues.models import Device, Edge, Venue
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2

LIFE = timedelta(seconds=30)
KEEP = timedelta(days=1)
MAX_BYTES = 512
MAX_ANSWER = 64 * 1024
AT_ONCE = 10  # questions a reply
_PURPOSE = "gates/question"
_KINDS = (CredentialKind.LINE, CredentialKind.ID_NUMBER, CredentialKind.CARD_UID)


@transaction.atomic
def ask(
    *, actor: Actor, venue: Venue, device: Device, kind: CredentialKind, credential: bytes, at: datetime | None = None
) -> Question:
    """Asks about what a reader of this lane would read: a scanner's line, an ID number, a card's UID.

    Raises:
        DomainError: "question.lane": it hangs on no edge. "question.kind", "question.credential" (nothing, or too
            long), "permission.denied".
    """
    require_at(actor, Permission.ENTITLEMENT_EXPLAIN, venue, device.station_id)
    return _ask(actor, venue, device, kind, credential, at, {})


@transaction.atomic
def ask_about(
    *, actor: Actor, venue: Venue, device: Device, entitlement: Entitlement, at: datetime | None = None
) -> Question:
    """Asks about a ticket's own code, as its holder would show it now. Raises as ask."""
    require_at(actor, Permission.ENTITLEMENT_EXPLAIN, venue, device.station_id)
    line = shown_line(entitlement).encode("ascii")
    return _ask(actor, venue, device, CredentialKind.LINE, line, at, {"entitlement": str(entitlement.pk)})


def _ask(
    actor: Actor, venue: Venue, device: Device, kind: CredentialKind, credential: bytes, at: datetime | None,
    detail: dict[str, str],
) -> Question:  # fmt: skip
    if device.edge_id is None or device.venue_id != venue.pk:
        raise DomainError("question.lane", "此通道没有边缘主机。", "No edge serves this lane.", "device")
    if kind not in _KINDS:
        raise DomainError("question.kind", "没有这种凭证。", "No reader reads such a credential.", "kind")
    if not 0 < len(credential) <= MAX_BYTES:
        raise DomainError("question.credential", "请扫描或输入凭证。", "Scan or type what is presented.", "credential")
    now = timezone.now()
    question = Question.objects.create(
        venue=venue,
        number=secrets.token_bytes(16),
        edge_id=device.edge_id,
        device=device,
        credential_kind=kind,
        sealed_credential=sealing.seal(_PURPOSE, credential),
        at=at,
        asked_by=actor.name[:150],
        asked_at=now,
        expires_at=now + LIFE,
    )
    audit.write(
        actor, "entitlement.explain", device, venue, question=question.pk, credential=kind.name.lower(), **detail
    )
    return question


def waiting(edge: Edge, now: datetime | None = None) -> list[scan_pb2.Question]:
    """The questions to this edge that nobody answered yet and that are not too old, in the order they were asked."""
    rows = Question.objects.filter(edge=edge, answered_at=None, expires_at__gt=now or timezone.now())
    return [
        scan_pb2.Question(
            id=bytes(row.number),
            credential_kind=row.credential_kind,
            credential=sealing.unseal(_PURPOSE, bytes(row.sealed_credential)),
            device_id=row.device_id,
            at_ms=int(row.at.timestamp() * 1000) if row.at else 0,
        )
        for row in rows.order_by("pk")[:AT_ONCE]
    ]


def answer(edge: Edge, explanation: scan_pb2.Explanation) -> bool:
    """Stores an edge's answer and forgets what was presented; False where it was not asked, is answered already or
    says too much."""
    stored = explanation.SerializeToString()
    if len(stored) > MAX_ANSWER:
        return False
    rows = Question.objects.filter(edge=edge, number=explanation.id, answered_at=None)
    return bool(rows.update(answered_at=timezone.now(), answer=stored, sealed_credential=b""))


def forget_questions(venue: Venue, now: datetime | None = None) -> int:
    """Deletes questions after a day, and of older ones what was presented; how many were deleted."""
    now = now or timezone.now()
    Question.objects.filter(venue=venue, answered_at=None, expires_at__lt=now).exclude(sealed_credential=b"").update(
        sealed_credential=b""
    )
    gone, _ = Question.objects.filter(venue=venue, asked_at__lt=now - KEEP).delete()
    return gone
