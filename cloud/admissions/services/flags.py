"""Admissions that the cloud, had it been asked, would have known better: flagged as they come in, and alarmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from cloud.admissions.models import Admission
from cloud.core.alarms import raise_alarm, raised
from cloud.entitlements.models import Entitlement
from cloud.entitlements.services import ENDED
from cloud.venues.models import Edge

_CHUNK = 5000  # ids a query
QUIET = timedelta(hours=1)


def flag(edge: Edge, admissions: Iterable[Admission]) -> None:
    """Sets the flags of rows that are not saved yet: a ticket nobody sold, one that had ended before.

    Who leaves is let out whatever they hold.
    """
    entries = [one for one in admissions if not one.leaving]
    ids = sorted({one.entitlement_id for one in entries})
    known = {}
    for at in range(0, len(ids), _CHUNK):
        rows = Entitlement.objects.filter(venue_id=edge.venue_id, pk__in=ids[at : at + _CHUNK])
        known.update({pk: (state, ended_at) for pk, state, ended_at in rows.values_list("pk", "state", "ended_at")})
    found: Counter[str] = Counter()
    for one in entries:
        if one.entitlement_id not in known:
            one.flag = Admission.Flag.UNKNOWN
        else:
            state, ended_at = known[one.entitlement_id]
            if state in ENDED and ended_at is not None and ended_at < one.at:
                one.flag = Admission.Flag.ENDED
        found[one.flag] += 1
    # Every row is flagged, and a case besides; one alarm an hour says so.
    since = timezone.now() - QUIET
    if found[Admission.Flag.UNKNOWN] and not raised("admission.unknown", edge, since=since):
        raise_alarm("admission.unknown", edge, edge.venue, times=found[Admission.Flag.UNKNOWN])
    if found[Admission.Flag.ENDED] and not raised("admission.ended", edge, since=since):
        raise_alarm("admission.ended", edge, edge.venue, times=found[Admission.Flag.ENDED])
