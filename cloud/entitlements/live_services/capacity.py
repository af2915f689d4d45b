"""How many people a venue takes, told to the gates in the same transaction."""

from __future__ import annotations

from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import within
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

MAX_PEOPLE = 10_000_000


def checked_limits(capacity: int | None, day_capacity: int | None, warn_permille: int) -> dict[str, int | None]:
    """The venue's columns for them. Raises DomainError: "venue.capacity", "input.range"."""
    limits = {"capacity": capacity, "day_capacity": day_capacity}
    for name, value in limits.items():
        if value is not None:
            within(value, name, 1, MAX_PEOPLE)
    if capacity and day_capacity and capacity > day_capacity:
        raise DomainError(
            "venue.capacity",
            "同时在园上限不能大于每日入园上限。",
            "No more people can be inside at once than are let in on a day.",
            "capacity",
        )
    return {**limits, "warn_permille": within(warn_permille, "warn_permille", 1, 1000)}


@transaction.atomic
def set_capacity(
    *, actor: Actor, venue: Venue, capacity: int | None, day_capacity: int | None, warn_permille: int = 900
) -> Venue:
    """People inside at once, and let in on one business day; None: not limited. From `warn_permille` on they warn.

    Raises:
        DomainError: "venue.capacity": more inside at once than in a day. "input.range", "permission.denied".
    """
    require(actor, Permission.VENUE_MANAGE, venue)
    terms = checked_limits(capacity, day_capacity, warn_permille)
    venue = lock_row(Venue, venue.pk)
    changed = {name: [getattr(venue, name), value] for name, value in terms.items() if getattr(venue, name) != value}
    if changed:
        for name, value in terms.items():
            setattr(venue, name, value)
        venue.save(update_fields=list(terms))
        live.publish_venue(venue)
        audit.write(actor, "venue.capacity", venue, venue, **changed)
    return venue
