"""A machine's two clocks, and the edge's one on top of them."""

from __future__ import annotations

from edge.clock import Clock

T0 = 1_790_000_000_000
HOUR = 3_600_000


class Machine:
    """A machine's two clocks, in milliseconds."""

    def __init__(self, wall: int = T0, mark: int = 0) -> None:
        self.wall = wall
        self.monotonic = 5_000_000
        self.saved: list[int] = []
        self.clock = Clock(
            mark, self.saved.append, monotonic_ns=lambda: self.monotonic * 1_000_000, wall_ms=lambda: self.wall
        )

    def run(self, ms: int) -> None:
        """Both clocks go on."""
        self.wall += ms
        self.monotonic += ms
        self.clock.tick()

    def confirm(self, cloud_ms: int, round_trip_ms: int = 10) -> bool:
        sent = self.monotonic * 1_000_000
        self.wall += round_trip_ms
        self.monotonic += round_trip_ms
        return self.clock.confirm(cloud_ms, sent, self.monotonic * 1_000_000)
