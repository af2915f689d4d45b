"""Trusted time: monotonic progress on top of what the cloud said, and a high-water mark in the store.

The mark rises only on confirmed time plus monotonic progress, so one bad jump of the machine's clock cannot
poison it. What the machine's own clock says counts only until the cloud has spoken: at a start without it,
and never below the mark. Every state but CONFIRMED is shown and journalled with each entry.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from edge.verdict import Moment
from paifang.business_day import Calendar, month_number
from paifang.v1 import scan_pb2

CONFIRMED_FOR_MS = 24 * 3600 * 1000  # at 100 ppm of drift the clock is then within 9 s
MAX_ROUND_TRIP_MS = 2000  # a slower answer says too little about now
MARK_EVERY_MS = 60_000
JUMP_MS = 5000  # the wall clock may run away from monotonic time by this much
LONG_OFF_MS = 7 * 24 * 3600 * 1000  # a start this long after the mark is as likely a wrong clock
DRIFT_PPM = 100  # taken for granted; more where it was measured
MEASURE_MS = 600_000  # between two confirmations drift is measured over
UNSURE_MS = 60_000  # how far off a clock is taken to be that nobody has confirmed, and at most
MINUTE_MS = 60_000

CONFIRMED = scan_pb2.CLOCK_STATE_CONFIRMED
UNCONFIRMED = scan_pb2.CLOCK_STATE_UNCONFIRMED
BEHIND = scan_pb2.CLOCK_STATE_BEHIND
JUMPED = scan_pb2.CLOCK_STATE_JUMPED


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Clock:
    """The edge's one clock. Belongs to the trio thread.

    Args:
        mark_ms: the stored high-water mark, 0 for a new store.
        save_mark: keeps a new mark (through the committer); called at most once a minute.
    """

    def __init__(
        self,
        mark_ms: int,
        save_mark: Callable[[int], None],
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ms: Callable[[], int] = _wall_ms,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ms = wall_ms
        self._save_mark = save_mark
        self.mark_ms = mark_ms
        self._saved_ms = mark_ms
        self._confirmed_at_ns: int | None = None
        self._round_trip_ms = 0  # of the answer that confirmed it
        self._anchor: tuple[float, int] | None = None  # the cloud's time at a monotonic instant
        self.drift_ppm = 0.0  # of the monotonic clock against the cloud's, as last measured
        self._calendar = Calendar("Asia/Shanghai")  # until the venue's settings have come
        self._day = self._month = 0
        self._day_from_ms = self._day_until_ms = 0
        self._minute = self._minute_from_ms = self._minute_until_ms = 0
        self._start()

    def _start(self) -> None:
        """Time as the machine has it, but never before the mark."""
        wall = self._wall_ms()
        self._base_ns = self._monotonic_ns()
        self._base_ms = max(wall, self.mark_ms)
        self._started_behind = wall < self.mark_ms
        self._started_late = 0 < self.mark_ms < wall - LONG_OFF_MS
        self.state = self._judge()

    def now_ms(self) -> int:
        """Trusted time, Unix milliseconds."""
        return self._base_ms + (self._monotonic_ns() - self._base_ns) // 1_000_000

    def moment(self) -> Moment:
        """Now, with the venue's calendar; cheap enough for every scan."""
        now = self.now_ms()
        if not self._minute_from_ms <= now < self._minute_until_ms:
            self._turn_minute(now)
        return Moment(now, self._day, self._month, self.state, self._minute)

    def bound_ms(self) -> int:
        """How far off `now_ms` may be, either way."""
        if self._confirmed_at_ns is None or self.state == BEHIND:
            return UNSURE_MS
        since_ms = (self._monotonic_ns() - self._confirmed_at_ns) // 1_000_000
        ppm = max(DRIFT_PPM, abs(self.drift_ppm))
        return min(UNSURE_MS, self._round_trip_ms + int(since_ms * ppm) // 1_000_000 + 1)

    def machine_off_ms(self) -> int:
        """The machine's own clock minus trusted time: what the next start without the cloud would begin with."""
        return self._wall_ms() - self.now_ms()

    def _turn_minute(self, now_ms: int) -> None:
        """Another minute, and perhaps another day, which may begin at any second of one."""
        if not self._day_from_ms <= now_ms < self._day_until_ms:
            self._turn_day(now_ms)
        self._minute_from_ms = max(now_ms // MINUTE_MS * MINUTE_MS, self._day_from_ms)
        self._minute_until_ms = min(now_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS, self._day_until_ms)
        instant = datetime.fromtimestamp(now_ms / 1000, UTC)
        self._minute = self._calendar.minute(instant, date.fromordinal(self._day))

    def _turn_day(self, now_ms: int) -> None:
        day = self._calendar.day(datetime.fromtimestamp(now_ms / 1000, UTC))
        self._day = day.toordinal()
        self._month = month_number(day)
        self._day_from_ms = int(self._calendar.start(day).timestamp()) * 1000
        self._day_until_ms = int(self._calendar.end(day).timestamp()) * 1000

    @property
    def was_confirmed(self) -> bool:
        """Since the start, however long ago."""
        return self._confirmed_at_ns is not None

    @property
    def calendar(self) -> Calendar:
        return self._calendar

    def use_calendar(self, calendar: Calendar) -> None:
        """The venue's settings came or changed."""
        self._calendar = calendar
        self._day_from_ms = self._day_until_ms = 0
        self._minute_from_ms = self._minute_until_ms = 0

    def confirm(self, cloud_ms: int, sent_ns: int, received_ns: int) -> bool:
        """The cloud's time, read somewhere between two monotonic instants. False: too slow to be of use."""
        round_trip_ms = (received_ns - sent_ns) // 1_000_000
        if round_trip_ms > MAX_ROUND_TRIP_MS or cloud_ms <= 0:
            return False
        ours = self._base_ms + (received_ns - self._base_ns) // 1_000_000
        if not cloud_ms <= ours <= cloud_ms + round_trip_ms + 1:
            self._base_ms = cloud_ms + round_trip_ms // 2
            self._base_ns = received_ns
        self._confirmed_at_ns, self._round_trip_ms = received_ns, round_trip_ms
        self._measure(cloud_ms, round_trip_ms, received_ns)
        self.tick()
        return True

    def _measure(self, cloud_ms: int, round_trip_ms: int, received_ns: int) -> None:
        """How fast the monotonic clock runs. Over ten minutes an answer in 50 ms tells it to some 80 ppm."""
        now = (cloud_ms + round_trip_ms / 2, received_ns)
        if self._anchor is None:
            self._anchor = now
            return
        elapsed_ms = (received_ns - self._anchor[1]) / 1e6
        if elapsed_ms >= MEASURE_MS:
            self.drift_ppm = (elapsed_ms - (now[0] - self._anchor[0])) / elapsed_ms * 1e6
            self._anchor = now

    def tick(self) -> None:
        """Judges the state anew and raises the mark. Call it about once a second."""
        self.state = self._judge()
        if self._confirmed_at_ns is None:
            return
        now = self.now_ms()
        if now > self.mark_ms:
            self.mark_ms = now
        if self.mark_ms >= self._saved_ms + MARK_EVERY_MS or self._saved_ms == 0:
            self._saved_ms = self.mark_ms
            self._save_mark(self.mark_ms)

    def _judge(self) -> int:
        now_ns = self._monotonic_ns()
        now = self.now_ms()
        if self._confirmed_at_ns is not None:
            if now < self.mark_ms:
                return BEHIND  # the cloud itself went back; its word counts, and the contradiction shows
            confirmed_for_ms = (now_ns - self._confirmed_at_ns) // 1_000_000
            return CONFIRMED if confirmed_for_ms <= CONFIRMED_FOR_MS else UNCONFIRMED
        wall = self._wall_ms()
        if wall < self.mark_ms:
            return BEHIND
        if self._started_behind and wall >= now:
            # Somebody set the clock that was behind: better than the mark, and no better than at a start.
            self._started_behind = False
            self._base_ms, self._base_ns = wall, now_ns
            self._started_late = wall - self.mark_ms > LONG_OFF_MS
            now = wall
        return JUMPED if self._started_late or wall > now + JUMP_MS else UNCONFIRMED
