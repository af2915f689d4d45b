"""What a venue chose about its lists of products."""

from __future__ import annotations

from django.db import transaction

from cloud.catalog.models import SaleSettings
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.inputs import within
from cloud.core.locks import lock_row
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

DEFAULT_SOON_DAYS = 7


def soon_days(venue: Venue) -> int:
    """How many days ahead a delisting counts as "about to go off sale" (T-05)."""
    found = SaleSettings.objects.filter(venue=venue).values_list("soon_days", flat=True).first()
    return DEFAULT_SOON_DAYS if found is None else found


@transaction.atomic
def set_sale_settings(*, actor: Actor, venue: Venue, soon_days: int) -> SaleSettings:
    """Raises DomainError "input.range", "permission.denied"."""
    require(actor, Permission.PRODUCT_MANAGE, venue)
    lock_row(Venue, venue.pk)
    wanted = within(soon_days, "soon_days", 1, 365)
    settings, _ = SaleSettings.objects.get_or_create(venue=venue)
    if settings.soon_days != wanted:
        before, settings.soon_days = settings.soon_days, wanted
        settings.save(update_fields=["soon_days"])
        audit.write(actor, "product.settings", venue, venue, soon_days=[before, wanted])
    return settings
