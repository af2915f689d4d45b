"""What becomes doubtful about the time is said: in the log, in the journal as an alarm, once for each stretch."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.clock import BEHIND, CONFIRMED, JUMPED, UNCONFIRMED, Clock
from paifang.v1 import scan_pb2

log = logging.getLogger(__name__)

PATIENCE_MS = 60_000  # a start without the cloud is no news before that
MACHINE_OFF_MS = 5000  # the machine's own clock is called wrong from then on, and right again below half of it
DRIFT_PPM = 200  # a clock that runs away faster than this is called bad


class ClockWatch:
    """Asked once a second. `alarm`: (code, detail)."""

    def __init__(self, clock: Clock, alarm: Callable[[str, str], None]) -> None:
        self._clock = clock
        self._alarm = alarm
        self._state = clock.state
        self._since_ms = clock.now_ms()
        self._told = False
        self._off = False
        self._drifts = False

    def look(self) -> None:
        self._look_at_state()
        self._look_at_machine()

    def _look_at_state(self) -> None:
        state = self._clock.state
        if state != self._state:
            self._state, self._since_ms, self._told = state, self._clock.now_ms(), False
            log.info("the clock is %s", name_of(state))
        if self._told or state == CONFIRMED:
            return
        if state in (BEHIND, JUMPED):
            self._told = True
            self._alarm("clock.degraded", f"the clock is {name_of(state)}")
        elif state == UNCONFIRMED and self._clock.now_ms() - self._since_ms >= PATIENCE_MS:
            self._told = True
            last = "for a day" if self._clock.was_confirmed else "since the start"
            self._alarm("clock.unconfirmed", f"nobody has confirmed the time {last}; it goes on by the machine's")

    def _look_at_machine(self) -> None:
        """The next start without the cloud begins with the machine's own clock, so it has to be right as well."""
        clock = self._clock
        if not clock.was_confirmed:
            return
        off_ms = clock.machine_off_ms()
        if abs(off_ms) > MACHINE_OFF_MS and not self._off:
            self._off = True
            self._alarm("clock.machine", f"the machine's own clock is {off_ms / 1000:+.0f} s off: is NTP running?")
        elif abs(off_ms) < MACHINE_OFF_MS / 2:
            self._off = False
        if abs(clock.drift_ppm) > DRIFT_PPM and not self._drifts:
            self._drifts = True
            self._alarm("clock.drift", f"the machine's clock runs away by {clock.drift_ppm:+.0f} ppm")
        elif abs(clock.drift_ppm) < DRIFT_PPM / 2:
            self._drifts = False


def name_of(state: int) -> str:
    return scan_pb2.ClockState.Name(state).removeprefix("CLOCK_STATE_").lower()
