"""The venue's own settings changed while gates are working. Gates hear of its calendar and limits at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.entitlements.live_services.capacity import checked_limits
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue, both_languages
from cloud.venues.services import check_calendar

TOLD = {"time_zone", "day_start_minutes", "capacity", "day_capacity", "warn_permille"}  # what gates go by


@transaction.atomic
def edit_venue(
    *,
    actor: Actor,
    venue: Venue,
    name_zh: str,
    time_zone: str,
    name_en: str = "",
    day_start_minutes: int = 0,
    capacity: int | None = None,
    day_capacity: int | None = None,
    warn_permille: int = 900,
    languages: Sequence[str] = (),
    default_language: str = "zh-hans",
) -> Venue:
    """Everything but the code. Without `languages` all are offered.

    A new time zone or start of the day holds for what happens from now on. What is posted keeps the business day it
    was posted on, and a ticket sold before the instants it is valid between: nothing is restated.

    Raises:
        DomainError: "venue.time_zone", "venue.languages", "venue.capacity", "input.*", "permission.denied", "row.gone".
    """
    require(actor, Permission.VENUE_MANAGE, venue)
    check_calendar(time_zone, day_start_minutes)
    limits = checked_limits(capacity, day_capacity, warn_permille)
    offered = [code for code, _name in settings.LANGUAGES if code in (languages or both_languages())]
    if default_language not in offered:
        raise DomainError(
            "venue.languages", "默认语言须在可选语言之中。", "The default must be one of the languages offered.",
            "default_language",
        )  # fmt: skip
    wanted: dict[str, Any] = {
        "name_zh": required_text(name_zh, "name_zh", 80),
        "name_en": optional_text(name_en, "name_en", 80),
        "time_zone": time_zone,
        "day_start_minutes": day_start_minutes,
        **limits,
        "languages": offered,
        "default_language": default_language,
    }
    row = lock_row(Venue, venue.pk)
    changed = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
    if changed:
        for name in changed:
            setattr(row, name, wanted[name])
        row.save(update_fields=list(changed))
        if TOLD & changed.keys():
            live.publish_venue(row)
        audit.write(actor, "venue.edit", row, row, **changed)
    return row
