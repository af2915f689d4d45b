"""Business days: every instant is in exactly one, across changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.business_day import Calendar, month_number

# Whole and half hours, both hemispheres, a skipped midnight, a skipped day, no changes at all.
ZONES = [
    "Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
    "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu", "UTC",
]  # fmt: skip
calendars = st.builds(Calendar, st.sampled_from(ZONES), st.integers(0, 1439))
instants = st.integers(631_152_000, 3_786_912_000).map(
    lambda second: datetime.fromtimestamp(second, UTC)
)  # 1990 to 2089
days = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@given(calendars, instants)
def test_an_instant_is_within_its_day(calendar: Calendar, instant: datetime) -> None:
    day = calendar.day(instant)
    assert calendar.start(day) <= instant < calendar.end(day)


@given(calendars, days)
def test_days_follow_one_another_without_gap_or_overlap(calendar: Calendar, day: date) -> None:
    start, end = calendar.start(day), calendar.end(day)
    assert end == calendar.start(day + timedelta(days=1))
    # Samoa went from 29 to 31 December 2011: the day between has no instant.
    assert start == end if day == date(2011, 12, 30) and calendar.time_zone == "Pacific/Apia" else start < end
    if start < end:
        assert calendar.day(start) == day
        assert calendar.day(end - timedelta(microseconds=1)) == day
        assert calendar.last_second(day) == int(end.timestamp()) - 1


@given(calendars, instants, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_later_instants_are_never_in_earlier_days(calendar: Calendar, instant: datetime, later: timedelta) -> None:
    assert calendar.day(instant) <= calendar.day(instant + later)


@pytest.mark.spec("Y-30")
@pytest.mark.parametrize(
    ("zone", "minutes", "day", "start", "hours"),
    [
        ("Asia/Shanghai", 0, date(2026, 11, 22), "2026-11-21T16:00", 24),
        ("Asia/Shanghai", 360, date(2026, 11, 22), "2026-11-21T22:00", 24),
        ("Europe/Berlin", 0, date(2026, 3, 29), "2026-03-28T23:00", 23),
        ("Europe/Berlin", 0, date(2026, 10, 25), "2026-10-24T22:00", 25),
        ("Europe/Berlin", 150, date(2026, 3, 29), "2026-03-29T01:00", 23.5),  # 02:30 is skipped: from the change on
        ("Europe/Berlin", 150, date(2026, 10, 25), "2026-10-25T00:30", 25),  # 02:30 comes twice: from the first on
        ("America/Sao_Paulo", 0, date(2018, 11, 4), "2018-11-04T03:00", 23),  # midnight is skipped
    ],
)
def test_known_days(zone: str, minutes: int, day: date, start: str, hours: float) -> None:
    calendar = Calendar(zone, minutes)
    assert calendar.start(day) == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert calendar.end(day) - calendar.start(day) == timedelta(hours=hours)


@pytest.mark.spec("Y-30")
def test_business_running_into_the_next_day_belongs_to_the_day_before() -> None:
    calendar = Calendar("Asia/Shanghai", 240)
    assert calendar.day(datetime.fromisoformat("2026-11-23T03:59:59+08:00")) == date(2026, 11, 22)
    assert calendar.day(datetime.fromisoformat("2026-11-23T04:00:00+08:00")) == date(2026, 11, 23)


def test_bad_calendars_are_refused() -> None:
    with pytest.raises(ValueError, match="within 0"):
        Calendar("UTC", 1440)
    with pytest.raises(ZoneInfoNotFoundError):
        Calendar("Asia/Nowhere")
    with pytest.raises(ValueError, match="time zone"):
        Calendar("UTC").day(datetime(2026, 1, 1))  # noqa: DTZ001 - a naive one is what is tested


def test_months_are_numbered_as_usage_records_count_them() -> None:
    assert month_number(date(2026, 2, 28)) == 202602


def test_minutes_count_from_the_midnight_of_the_business_day() -> None:
    calendar = Calendar("Asia/Shanghai", 240)
    day = date(2026, 11, 22)
    assert calendar.minute(datetime.fromisoformat("2026-11-22T04:00:59+08:00"), day) == 240
    assert calendar.minute(datetime.fromisoformat("2026-11-23T03:59:59+08:00"), day) == 1679
    berlin = Calendar("Europe/Berlin")
    both = [datetime.fromisoformat(f"2026-10-25T0{hour}:30:00+00:00") for hour in (0, 1)]
    assert [berlin.minute(instant, date(2026, 10, 25)) for instant in both] == [150, 150]
