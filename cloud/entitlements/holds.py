"""Tickets whose refund is being decided: refused at the gates meanwhile; and which have been used.

Called inside the caller's transaction, who has checked the permission and writes the audit row.
"""

from __future__ import annotations

from collections.abc import Iterable

from cloud.core.locks import lock_rows
from cloud.entitlements import publish
from cloud.entitlements.models import Entitlement, Usage
from cloud.entitlements.services import record_ops
from cloud.venues.models import Venue
from paifang.usage import Usage as UsageRecord

_State = Entitlement.State


def hold(venue: Venue, ids: Iterable[int]) -> list[Entitlement]:
    """Locks the active ones; gates refuse them urgently with "refund in progress". Returns those changed."""
    return _turn(venue, ids, _State.ACTIVE, _State.LOCKED)


def let_go(venue: Venue, ids: Iterable[int]) -> list[Entitlement]:
    """The refund did not come: locked ones are as they were. Returns those changed."""
    return _turn(venue, ids, _State.LOCKED, _State.ACTIVE)


def used(venue: Venue, entitlements: Iterable[Entitlement]) -> set[int]:
    """The ids of those with a use that was not given back, as far as the gates have told. Tickets that spend one pool
    are used when it is."""
    owners = {one.pk: one.owner_id or one.pk for one in entitlements}
    rows = Usage.objects.filter(venue=venue, owner_id__in=set(owners.values())).values_list("owner_id", "record")
    spent = {owner for owner, record in rows if UsageRecord.unpack(bytes(record)).total > 0}
    return {pk for pk, owner in owners.items() if owner in spent}


def _turn(venue: Venue, ids: Iterable[int], before: int, after: int) -> list[Entitlement]:
    changed = []
    for entitlement in lock_rows(Entitlement, ids):
        if entitlement.state == before:
            entitlement.state = after
            entitlement.revision += 1
            changed.append(entitlement)
    Entitlement.objects.bulk_update(changed, ["state", "revision"])
    publish.urgent(venue, record_ops(changed))
    return changed
