"""The venue's calendar and how many people it takes: kept, checked, and told to the gates."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import live, live_services
from cloud.entitlements.keys import ensure_venue_keys
from cloud.venues import holidays
from cloud.venues.models import CalendarDay, Venue
from paifang.records import DayKind, Table, VenueSettings
from paifang.v1 import feed_pb2
from tests.support import venue as make

pytestmark = pytest.mark.django_db


def settings(mark: int = 0) -> list[VenueSettings]:
    """The venue's records as published since."""
    rows = [row for row in make.feed_rows(after=mark) if row.stream == feed_pb2.STREAM_URGENT]
    return [VenueSettings.unpack(op.value) for row in rows for op in row.ops if op.table == Table.VENUE and op.value]


def doing(venue: Venue) -> dict[str, Any]:
    return {"actor": make.SYSTEM, "venue": venue}


@pytest.mark.spec("T-53")
def test_days_are_told_as_far_as_gates_look_ahead(venue: Venue) -> None:
    now = today(venue)
    for ahead, kind in ((-2, "holiday"), (-1, "holiday"), (0, "workday"), (400, "holiday"), (401, "holiday")):
        day = now + timedelta(days=ahead)
        live_services.create_calendar_day(
            **doing(venue), day=day, kind=kind, name_zh="节", name_en="Feast" if ahead else ""
        )
    ordinal = now.toordinal()
    assert settings()[-1].holidays == {
        ordinal - 1: (DayKind.HOLIDAY, "节", "Feast"), ordinal: (DayKind.WORKDAY, "节", "节"),
        ordinal + 400: (DayKind.HOLIDAY, "节", "Feast"),
    }  # fmt: skip


def test_a_day_has_one_entry_and_a_kind(venue: Venue) -> None:
    row = live_services.create_calendar_day(**doing(venue), day=date(2027, 1, 1), kind="holiday", name_zh="元旦")
    other = live_services.create_calendar_day(**doing(venue), day=date(2027, 1, 2), kind="workday", name_zh="上班")
    wrong = [
        lambda: live_services.create_calendar_day(**doing(venue), day=row.day, kind="holiday", name_zh="x"),
        lambda: live_services.edit_calendar_day(**doing(venue), row=other, day=row.day, kind="holiday", name_zh="x"),
        lambda: live_services.create_calendar_day(**doing(venue), day=date(2027, 1, 3), kind="feast", name_zh="x"),
        lambda: live_services.create_calendar_day(**doing(venue), day=date(2027, 1, 3), kind="holiday", name_zh=" "),
    ]
    codes = []
    for call in wrong:
        with pytest.raises(DomainError) as refused:
            call()
        codes.append((refused.value.code, refused.value.field))
    assert codes == [
        ("calendar.day", "day"), ("calendar.day", "day"), ("calendar.kind", "kind"), ("input.required", "name_zh"),
    ]  # fmt: skip


def test_an_edit_is_told_and_a_second_of_the_same_is_not(venue: Venue) -> None:
    row = live_services.create_calendar_day(**doing(venue), day=date(2027, 1, 1), kind="holiday", name_zh="元旦")
    mark = make.last_feed_row()
    for _ in range(2):
        live_services.edit_calendar_day(**doing(venue), row=row, day=row.day, kind="workday", name_zh="元旦")
    assert len(settings(mark)) == 1
    assert AuditRow.objects.get(action="calendar.edit").detail == {"kind": ["holiday", "workday"]}


def test_a_year_is_filled_once_and_keeps_what_staff_put_there(venue: Venue) -> None:
    mine = live_services.create_calendar_day(**doing(venue), day=date(2026, 10, 1), kind="workday", name_zh="开门")
    assert live_services.fill_calendar(**doing(venue), year=2026) == len(list(holidays.announced(2026))) - 1
    assert live_services.fill_calendar(**doing(venue), year=2026) == 0
    mine.refresh_from_db()
    assert mine.kind == "workday"
    spring = CalendarDay.objects.get(day=date(2026, 2, 17))
    assert (spring.kind, spring.name_zh, spring.name_en) == ("holiday", "春节", "Spring Festival")
    moved = CalendarDay.objects.get(day=date(2026, 2, 14))
    assert (moved.kind, moved.name_zh) == ("workday", "春节调休上班")
    with pytest.raises(DomainError) as refused:
        live_services.fill_calendar(**doing(venue), year=1999)
    assert (refused.value.code, refused.value.field) == ("calendar.year", "year")


def test_the_calendar_keeps_itself(venue: Venue) -> None:
    ensure_venue_keys(venue)
    now = timezone.now().replace(year=2026, month=1, day=5)
    live_services.keep_calendar(venue, now)
    assert CalendarDay.objects.filter(day__year=2026).count() == len(list(holidays.announced(2026)))
    mark = make.last_feed_row()
    live_services.keep_calendar(venue, now)
    assert make.last_feed_row() == mark
    far = make.make_venue("paris", time_zone="Europe/Paris")
    live_services.keep_calendar(far, now)
    assert not CalendarDay.objects.filter(venue=far).exists()
    CalendarDay.objects.filter(day=date(2026, 10, 1)).update(day=today(venue))  # as when days have gone by
    live.publish_venue_if_stale(venue)
    assert len(settings(mark)) == 1


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"capacity": 0, "day_capacity": None}, "input.range", "capacity"),
        ({"capacity": None, "day_capacity": -1}, "input.range", "day_capacity"),
        ({"capacity": 10, "day_capacity": 9}, "venue.capacity", "capacity"),
        ({"capacity": 10, "day_capacity": 10, "warn_permille": 1001}, "input.range", "warn_permille"),
    ],
)
def test_capacities_that_make_no_sense(venue: Venue, fields: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        live_services.set_capacity(**doing(venue), **fields)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_capacities_are_told_at_once(venue: Venue) -> None:
    mark = make.last_feed_row()
    for _ in range(2):
        live_services.set_capacity(**doing(venue), capacity=5000, day_capacity=20_000, warn_permille=850)
    [told] = settings(mark)
    assert (told.capacity, told.day_capacity, told.warn_permille) == (5000, 20_000, 850)
    live_services.set_capacity(**doing(venue), capacity=None, day_capacity=None)
    assert (settings(mark)[-1].capacity, settings(mark)[-1].day_capacity) == (0, 0)
