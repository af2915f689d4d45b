"""Trusted time: what it is made of, when it is not to be trusted, and which business day it falls on."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from edge.clock import BEHIND, CONFIRMED, JUMPED, LONG_OFF_MS, UNCONFIRMED, UNSURE_MS
from paifang.business_day import Calendar
from tests.support.machine import HOUR, T0, Machine


def test_a_new_store_starts_on_the_machines_time() -> None:
    machine = Machine()
    machine.run(1500)
    assert machine.clock.now_ms() == T0 + 1500
    assert machine.clock.state == UNCONFIRMED
    assert machine.saved == []


def test_the_clouds_time_counts() -> None:
    machine = Machine(wall=T0 - HOUR)
    assert machine.confirm(T0, round_trip_ms=40)
    assert machine.clock.now_ms() == T0 + 20
    assert machine.clock.state == CONFIRMED
    assert machine.saved == [T0 + 20]
    machine.wall += 10 * HOUR  # whatever the machine's own clock does now
    machine.run(1000)
    assert machine.clock.now_ms() == T0 + 1020
    assert machine.clock.state == CONFIRMED


def test_an_answer_that_agrees_moves_nothing() -> None:
    machine = Machine()
    machine.confirm(T0, round_trip_ms=40)
    machine.run(960)
    before = machine.clock.now_ms()
    assert machine.confirm(T0 + 1005, round_trip_ms=40)
    assert machine.clock.now_ms() == before + 40


@pytest.mark.parametrize(("cloud_ms", "round_trip_ms"), [(T0, 2001), (0, 10), (-5, 10)])
def test_an_answer_of_no_use(cloud_ms: int, round_trip_ms: int) -> None:
    machine = Machine()
    assert not machine.confirm(cloud_ms, round_trip_ms)
    assert machine.clock.state == UNCONFIRMED


def test_the_mark_rises_with_confirmed_time_once_a_minute() -> None:
    machine = Machine()
    machine.confirm(T0)
    for _ in range(180):
        machine.run(1000)
    assert machine.saved == [T0 + 10, T0 + 60_010, T0 + 120_010, T0 + 180_010]


def test_unconfirmed_time_never_raises_the_mark() -> None:
    machine = Machine(wall=T0 + 2 * LONG_OFF_MS, mark=T0)
    for _ in range(200):
        machine.run(1000)
    assert machine.saved == []
    assert machine.clock.mark_ms == T0


def test_confirmation_wears_off() -> None:
    machine = Machine()
    machine.confirm(T0)
    machine.run(24 * HOUR)
    assert machine.clock.state == CONFIRMED
    machine.run(1)
    assert machine.clock.state == UNCONFIRMED
    machine.confirm(machine.clock.now_ms())
    assert machine.clock.state == CONFIRMED


def test_a_start_behind_the_mark_uses_the_mark() -> None:
    machine = Machine(wall=1_000_000, mark=T0)
    assert machine.clock.state == BEHIND
    assert machine.clock.now_ms() == T0
    machine.run(5000)
    assert machine.clock.now_ms() == T0 + 5000
    assert machine.clock.state == BEHIND


def test_a_clock_that_was_behind_and_is_set_right() -> None:
    machine = Machine(wall=1_000_000, mark=T0)
    machine.wall = T0 + HOUR
    machine.run(1000)
    assert machine.clock.now_ms() == T0 + HOUR + 1000
    assert machine.clock.state == UNCONFIRMED


def test_a_start_long_after_the_mark_has_jumped() -> None:
    machine = Machine(wall=T0 + LONG_OFF_MS + 1, mark=T0)
    assert machine.clock.state == JUMPED
    machine.confirm(T0 + 1000)
    assert machine.clock.state == CONFIRMED
    assert machine.clock.now_ms() == T0 + 1005


def test_a_leap_of_the_wall_clock_is_seen_and_not_followed() -> None:
    machine = Machine(mark=T0 - HOUR)
    machine.wall += HOUR
    machine.run(1000)
    assert machine.clock.state == JUMPED
    assert machine.clock.now_ms() == T0 + 1000
    machine.wall -= HOUR
    machine.run(1000)
    assert machine.clock.state == UNCONFIRMED


def test_a_cloud_that_goes_back_behind_its_own_word() -> None:
    machine = Machine()
    machine.confirm(T0)
    machine.confirm(T0 - HOUR)
    assert machine.clock.now_ms() == T0 - HOUR + 5
    assert machine.clock.state == BEHIND
    machine.confirm(T0 + 1000)
    assert machine.clock.state == CONFIRMED


# --- the venue's calendar ---------------------------------------------------------------------------------------------


def at(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def shown(machine: Machine) -> tuple[date, int]:
    moment = machine.clock.moment()
    assert moment.now_ms == machine.clock.now_ms()
    return date.fromordinal(moment.day), moment.month


def test_the_day_turns_at_the_venues_start() -> None:
    machine = Machine(wall=at("2026-10-01T03:59:59.999", "Asia/Shanghai"))
    machine.clock.use_calendar(Calendar("Asia/Shanghai", 240))
    assert shown(machine) == (date(2026, 9, 30), 202609)
    machine.run(1)
    assert shown(machine) == (date(2026, 10, 1), 202610)
    machine.run(24 * HOUR - 1)
    assert shown(machine) == (date(2026, 10, 1), 202610)
    machine.run(1)
    assert shown(machine) == (date(2026, 10, 2), 202610)


def test_before_the_venues_settings_have_come() -> None:
    machine = Machine(wall=at("2026-12-31T23:59:59", "Asia/Shanghai"))
    assert shown(machine) == (date(2026, 12, 31), 202612)
    machine.run(1000)
    assert shown(machine) == (date(2027, 1, 1), 202701)


def test_changed_settings_count_at_once() -> None:
    machine = Machine(wall=at("2026-10-01T03:00:00", "Asia/Shanghai"))
    assert shown(machine) == (date(2026, 10, 1), 202610)
    machine.clock.use_calendar(Calendar("Asia/Shanghai", 300))
    assert shown(machine) == (date(2026, 9, 30), 202609)


def test_a_day_of_25_hours_is_one_day() -> None:
    machine = Machine(wall=at("2026-10-25T00:00:00", "Europe/Berlin"))
    machine.clock.use_calendar(Calendar("Europe/Berlin", 0))
    machine.run(25 * HOUR - 1)
    assert shown(machine) == (date(2026, 10, 25), 202610)
    machine.run(1)
    assert shown(machine) == (date(2026, 10, 26), 202610)


def test_time_set_back_over_midnight_shows_the_day_before() -> None:
    machine = Machine(wall=at("2026-10-02T00:10:00", "Asia/Shanghai"))
    assert shown(machine) == (date(2026, 10, 2), 202610)
    machine.confirm(at("2026-10-01T23:50:00", "Asia/Shanghai"))
    assert shown(machine) == (date(2026, 10, 1), 202610)


@pytest.mark.parametrize(
    ("zone", "day_start", "now", "minute"),
    [
        ("Asia/Shanghai", 0, "2026-10-01T00:00:00", 0),
        ("Asia/Shanghai", 0, "2026-10-01T23:59:59", 1439),
        ("Asia/Shanghai", 240, "2026-10-01T01:30:00", 1530),  # of the day before
        ("Asia/Shanghai", 240, "2026-10-01T04:00:00", 240),
        ("Europe/Berlin", 0, "2026-03-29T03:10:00", 190),  # there was no hour of two
        ("Europe/Berlin", 0, "2026-10-25T02:10:00", 130),  # the first of two
    ],
)
def test_the_minute_is_the_wall_clocks(zone: str, day_start: int, now: str, minute: int) -> None:
    machine = Machine(wall=at(now, zone))
    machine.clock.use_calendar(Calendar(zone, day_start))
    assert machine.clock.moment().minute == minute


def test_the_minute_turns_with_the_clock() -> None:
    machine = Machine(wall=at("2026-10-25T02:59:59", "Europe/Berlin"))
    machine.clock.use_calendar(Calendar("Europe/Berlin", 0))
    assert machine.clock.moment().minute == 179
    machine.run(1000)
    assert machine.clock.moment().minute == 120  # the hour comes again
    machine.run(59_999)
    assert machine.clock.moment().minute == 120
    machine.run(1)
    assert machine.clock.moment().minute == 121


def test_a_clock_is_as_good_as_its_last_confirmation() -> None:
    machine = Machine()
    assert machine.clock.bound_ms() == UNSURE_MS
    machine.confirm(T0, round_trip_ms=40)
    assert machine.clock.bound_ms() == 41
    machine.run(HOUR)
    assert machine.clock.bound_ms() == 41 + 360  # 100 ppm of an hour
    machine.run(1000 * HOUR)
    assert machine.clock.bound_ms() == UNSURE_MS
