"""The venue's calendar: public holidays and moved working days, kept by staff and told to the gates (T-53)."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from cloud.core import audit, business_day
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.staff.permissions import Permission, require
from cloud.venues import holidays
from cloud.venues.models import CalendarDay, Venue


@transaction.atomic
def create_calendar_day(
    *, actor: Actor, venue: Venue, day: date, kind: str, name_zh: str, name_en: str = ""
) -> CalendarDay:
    """A holiday or a moved working day.

    Raises:
        DomainError: "calendar.day" (there is an entry), "calendar.kind", "input.*", "permission.denied".
    """
    require(actor, Permission.VENUE_MANAGE, venue)
    row = CalendarDay(venue=venue, day=day, **_checked(kind, name_zh, name_en))
    lock_row(Venue, venue.pk)
    _save(row)
    live.publish_venue(venue)
    audit.write(actor, "calendar.create", row, venue, day=day.isoformat(), kind=kind, name=row.name_zh)
    return row


@transaction.atomic
def edit_calendar_day(
    *, actor: Actor, venue: Venue, row: CalendarDay, day: date, kind: str, name_zh: str, name_en: str = ""
) -> CalendarDay:
    """Changes any of it. Raises as create_calendar_day, and "row.gone"."""
    require(actor, Permission.VENUE_MANAGE, venue)
    terms = {"day": day, **_checked(kind, name_zh, name_en)}
    lock_row(Venue, venue.pk)
    row = lock_row(CalendarDay, row.pk)
    changed = {
        name: [str(getattr(row, name)), str(value)] for name, value in terms.items() if getattr(row, name) != value
    }
    if changed:
        for name, value in terms.items():
            setattr(row, name, value)
        _save(row)
        live.publish_venue(venue)
        audit.write(actor, "calendar.edit", row, venue, **changed)
    return row


@transaction.atomic
def fill_calendar(*, actor: Actor, venue: Venue, year: int) -> int:
    """Puts in the days announced for a year that the venue has no entry for; how many.

    Raises:
        DomainError: "calendar.year": nothing was announced for it that is known here. "permission.denied".
    """
    require(actor, Permission.VENUE_MANAGE, venue)
    if year not in holidays.years():
        raise DomainError(
            "calendar.year", f"{year} 年的放假安排尚未收录。", f"The holidays of {year} are not known here yet.", "year"
        )
    lock_row(Venue, venue.pk)
    there = set(CalendarDay.objects.filter(venue=venue, day__year=year).values_list("day", flat=True))
    rows = [
        CalendarDay(venue=venue, day=one.day, kind=one.kind, name_zh=one.name_zh, name_en=one.name_en)
        for one in holidays.announced(year)
        if one.day not in there
    ]
    if rows:
        CalendarDay.objects.bulk_create(rows)
        live.publish_venue(venue)
        audit.write(actor, "calendar.fill", venue, venue, year=year, days=len(rows))
    return len(rows)


def keep_calendar(venue: Venue, now: datetime | None = None) -> None:
    """Fills years from this one on that have no entry at all, and tells the gates of days that have come within
    reach. Within the venue's scope; safe in several workers at once."""
    now = now or timezone.now()
    this_year = business_day.today(venue, now).year
    for year in sorted(one for one in holidays.years() if one >= this_year):
        if venue.time_zone in holidays.ZONES and not CalendarDay.objects.filter(venue=venue, day__year=year).exists():
            fill_calendar(actor=Actor.system("calendar"), venue=venue, year=year)
    with transaction.atomic():
        lock_row(Venue, venue.pk)
        live.publish_venue_if_stale(venue)


def _checked(kind: str, name_zh: str, name_en: str) -> dict[str, str]:
    if kind not in CalendarDay.Kind.values:
        raise DomainError("calendar.kind", "没有这种日期类型。", "There is no such kind of day.", "kind")
    return {
        "kind": kind,
        "name_zh": required_text(name_zh, "name_zh", 40),
        "name_en": optional_text(name_en, "name_en", 60),
    }


def _save(row: CalendarDay) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise DomainError(
            "calendar.day", f"{row.day} 已有安排。", f"There is an entry for {row.day} already.", "day"
        ) from None
