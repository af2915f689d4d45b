"""Which ID numbers the gates hold: those of tickets valid now or within the next few days, and no others.

A stolen gate gives its index away, hashes of ID numbers and the pepper that made them. So an entry goes to the
gates when its ticket is sold, if that is valid soon; else the worker publishes it in time, and it withdraws each
once its ticket is over. An annual card's stays as long as the card is valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from cloud.core.locks import lock_rows
from cloud.entitlements import compile as compiled
from cloud.entitlements import publish
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.venues.models import Venue
from paifang.records import CredentialKind

# An edge's clock may be behind, and staff may still ask why yesterday's ticket is refused.
KEEP = timedelta(days=1)
AT_ONCE = 500  # entries a transaction: within SQLite's limit of bound values, and no sale waits long


def entry(entitlement: Entitlement, hashed: bytes, now: datetime) -> EntitlementCredential:
    """A new entitlement's entry, not saved yet; `published` where the caller is to tell the gates with the record."""
    soon = entitlement.not_before <= now + _lead()
    return EntitlementCredential(
        venue_id=entitlement.venue_id,
        entitlement=entitlement,
        kind=CredentialKind.ID_NUMBER,
        hashed=hashed,
        published=soon,
        turns_at=entitlement.not_after if soon else entitlement.not_before,
    )


def turn(venue: Venue, now: datetime | None = None, limit: int = AT_ONCE) -> int:
    """Publishes the entries that are due and withdraws those that are over; how many. Own transactions.

    Safe to run in several workers at once, and beside sales, revocations and new codes.
    """
    now = now or timezone.now()
    turned = 0
    while wanted := list(_due(venue, now).order_by("turns_at").values_list("entitlement_id", flat=True)[:limit]):
        with transaction.atomic():
            entitlements = {row.pk: row for row in lock_rows(Entitlement, wanted)}
            # Read again under the lock: another worker may have turned them meanwhile.
            due = _due(venue, now).filter(entitlement__in=entitlements).order_by("entitlement_id", "pk")
            turned += _turn(venue, list(due), entitlements, now)
    return turned


def _turn(
    venue: Venue, due: Sequence[EntitlementCredential], entitlements: dict[int, Entitlement], now: datetime
) -> int:
    ops = []
    for credential in due:
        entitlement = entitlements[credential.entitlement_id]
        over = entitlement.not_after < now - KEEP
        if over and credential.published:
            ops.append(compiled.index_delete_op(credential))
        elif not over:
            ops.append(compiled.index_op(credential, entitlement.revision))
        credential.published = not over
        credential.turns_at = None if over else entitlement.not_after
    EntitlementCredential.objects.bulk_update(due, ["published", "turns_at"])
    publish.bulk(venue, ops)
    return len(due)


def _due(venue: Venue, now: datetime) -> QuerySet[EntitlementCredential]:
    soon = Q(published=False, turns_at__lte=now + _lead())
    over = Q(published=True, turns_at__lt=now - KEEP)
    return EntitlementCredential.objects.filter(soon | over, venue=venue)


def _lead() -> timedelta:
    return timedelta(days=settings.ID_DAYS_AHEAD)
