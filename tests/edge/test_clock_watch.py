"""Rollback, jump, drift, a week without the cloud: visible, and journalled once for each stretch."""

from __future__ import annotations

import pytest

from edge.clock import BEHIND, CONFIRMED, JUMPED, LONG_OFF_MS, UNCONFIRMED, UNSURE_MS
from edge.clock_watch import PATIENCE_MS, ClockWatch
from tests.support.machine import HOUR, T0, Machine

DAY = 24 * HOUR


class Watched(Machine):
    def __init__(self, wall: int = T0, mark: int = 0) -> None:
        super().__init__(wall, mark)
        self.alarms: list[str] = []
        self.watch = ClockWatch(self.clock, lambda code, detail: self.alarms.append(code))

    def live(self, ms: int, step_ms: int = 1000) -> list[str]:
        """Goes on for so long, looked at each step; the alarms of that time."""
        before = len(self.alarms)
        for _ in range(ms // step_ms):
            self.run(step_ms)
            self.watch.look()
        return self.alarms[before:]


def test_a_week_without_the_cloud() -> None:
    machine = Watched()
    machine.confirm(T0)
    assert machine.live(DAY, HOUR) == []
    assert machine.live(6 * DAY, HOUR) == ["clock.unconfirmed"]  # said once
    assert machine.clock.state == UNCONFIRMED
    assert machine.clock.bound_ms() == UNSURE_MS  # as far off as 100 ppm make in a week
    assert abs(machine.clock.now_ms() - (T0 + 7 * DAY)) < 100  # and it goes on all the same
    machine.confirm(machine.clock.now_ms())
    assert machine.clock.state == CONFIRMED
    assert machine.live(2 * DAY, HOUR) == ["clock.unconfirmed"]  # the next stretch is said again


def test_a_start_without_the_cloud_is_said_after_a_minute() -> None:
    machine = Watched(mark=T0 - HOUR)
    assert machine.live(PATIENCE_MS - 1000) == []
    assert machine.live(60_000) == ["clock.unconfirmed"]


@pytest.mark.parametrize(("wall", "state"), [(T0 - HOUR, BEHIND), (T0 + LONG_OFF_MS + HOUR, JUMPED)])
def test_a_start_on_a_wrong_clock_is_said_at_once(wall: int, state: int) -> None:
    machine = Watched(wall=wall, mark=T0)
    assert machine.clock.state == state
    assert machine.live(5000) == ["clock.degraded"]
    machine.confirm(T0 + HOUR)
    assert machine.clock.state == CONFIRMED


def test_a_machine_clock_set_wrong_while_it_runs() -> None:
    """Trusted time does not follow; who will start the machine next has to know."""
    machine = Watched()
    machine.confirm(T0)
    for leap in (2 * HOUR, -2 * HOUR):
        machine.wall += leap
        assert machine.live(3000) == ["clock.machine"]
        assert machine.clock.state == CONFIRMED
        assert abs(machine.clock.machine_off_ms() - leap) < 100
        machine.wall -= leap
        assert machine.live(3000) == []


def test_a_clock_that_runs_away_is_measured_and_not_trusted_for_long() -> None:
    machine = Watched()
    cloud = T0
    machine.confirm(cloud)
    for _ in range(11):  # the machine counts a minute where 59.97 s have gone by: 500 ppm
        machine.live(60_000)
        cloud += 59_972  # and 2 ms on the way
        machine.confirm(cloud, round_trip_ms=2)
    assert machine.clock.drift_ppm == pytest.approx(500, abs=30)
    assert machine.alarms == ["clock.drift"]
    machine.live(HOUR, 60_000)
    assert machine.clock.bound_ms() == pytest.approx(1800, rel=0.1)  # an hour at that rate, not at 100 ppm
