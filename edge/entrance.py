"""The lanes of an entrance at work: ports, drivers, state machine and admissions of each, under supervision.

Everything of a lane runs in the trio thread, from a port's callback to the bytes that open the barrier. What
breaks in one lane ends that lane's run alone; it starts again and settles what it left open by the counter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from edge.admission import Admissions, Presented
from edge.config import LaneConfig
from edge.doorway import LaneSettings
from edge.drivers import registry
from edge.drivers.base import NS_PER_MS, Barrier, BarrierEvent, Online, Reader, ReaderEvent, Send
from edge.drivers.serial import SerialPort
from edge.lane import Lane
from edge.lane_actions import (
    STARTING,
    Action,
    Alarm,
    Changed,
    Close,
    GoAhead,
    Late,
    Open,
    Present,
    Show,
    TurnAway,
    WalkedOut,
)
from edge.lane_ports import ReaderPort, open_port
from edge.locations import Location, locate, look_at
from edge.passages import Settle
from edge.texts import EXIT, READY, Texts
from edge.verdict import Credential, Moment, Place
from paifang.reasons import Reason, Text
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment

log = logging.getLogger("paifang.lane")

SHORTEST_S, LONGEST_S = 0.002, 0.1  # between two looks at what is due
LOCATE_S = 1.0  # how often a lane asks where it stands
RESTART_S = 1.0  # between the end of a lane's run by an error and the next
SHOW_MS = 5000  # how long the display keeps a verdict


class LaneRunner:
    """One lane.

    Args:
        environment: the store, for the live records that say where the lane stands.
        moment: the trusted clock.
        display: shown each verdict; must not block.
        texts: the words on the display.

    Raises ValueError when a driver or one of its options is not known.
    """

    def __init__(
        self,
        config: LaneConfig,
        environment: Environment,
        admissions: Admissions,
        moment: Callable[[], Moment],
        *,
        display: Callable[[Show], None] | None = None,
        texts: Texts | None = None,
    ) -> None:
        self.config = config
        self._admissions = admissions
        self._moment = moment
        self._environment = environment
        self._display = display
        self._texts = texts or Texts()
        self._shown: tuple[Show, Moment] | None = None
        self._shown_until_ms = 0
        self._place: Place | None = None
        self._located: Location | None = None
        self._status = scan_pb2.LaneStatus()
        self._failed = trio.Event()
        self._failure: Exception | None = None
        self.restarts = 0
        self._build()

    # --- for the daemon -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serves the lane until cancelled."""
        while True:
            try:
                await self._serve()
            except Exception as problem:
                log.exception("lane %s broke down and starts again", self.config.device)
                self._admissions.alarm("lane.restarted", _root(problem), self._device_id())
            self.restarts += 1
            uses = self._lane.open_uses
            self._build()
            self._lane.recover(uses)
            if self._located is not None:
                self._lane.known(True, exit_lane=self._located.exit)
                self._lane.enabled(self._located.enabled)
            await trio.sleep(RESTART_S)

    def status(self) -> scan_pb2.LaneStatus:
        """How the lane is doing. A new message each time."""
        status = scan_pb2.LaneStatus()
        status.CopyFrom(self._status)
        status.device_id = self._device_id()
        status.state = self._lane.state  # type: ignore[assignment]
        status.reader_online = all(reader.up for reader in self._readers)
        status.barrier_online = self._barrier_up
        return status

    @property
    def cause(self) -> str:
        """Why the lane is out of order, "" while it is not."""
        return self._lane.cause

    def shows(self) -> Text:
        """What the lane's display says now: the last verdict for a moment, then whether the venue has room."""
        if self._shown is not None and time.monotonic_ns() // NS_PER_MS < self._shown_until_ms:
            return self._texts.of(*self._shown)
        if self._place is None or self._place.inner:
            return READY
        return EXIT if self._place.exit else self._texts.idle(self._admissions.room.state(self._moment().day))

    def counts(self) -> dict[str, dict[str, int]]:
        """What each driver dropped and why, by port."""
        ports: dict[str, Reader | Barrier] = {reader.name: reader.driver for reader in self._readers}
        return {name: driver.counts() for name, driver in (ports | {self.config.barrier.port: self._barrier}).items()}

    def relocate(self) -> None:
        """Looks up where the lane stands. The lane does so itself every second."""
        identifier, before = self.config.device, self._located
        found = look_at(self._environment, before.device_id, identifier) if before is not None else None
        if found is None:
            found = locate(self._environment, identifier)
        if found == self._located:
            return
        if found is None:
            self._place = None
        else:
            self._place = found.place
            if self._located is None or self._located.device_id != found.device_id:
                self._lane.recover(self._admissions.open_uses(found.device_id))
        self._located = found
        self._do(self._lane.known(found is not None, exit_lane=found is not None and found.exit))
        if found is not None:
            self._do(self._lane.enabled(found.enabled))

    # --- a run --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        config = self.config
        self._failed = trio.Event()
        self._failure = None
        self._barrier = registry.make_barrier(config.barrier.driver, config.barrier.options, config.poll_ms)
        self._barrier_up = False
        self._barrier_port = open_port(
            config.barrier, self._on_barrier_data, self._on_barrier_open, self._on_barrier_lost
        )
        self._lane = Lane(
            LaneSettings(
                open_ms=int(config.open_seconds * 1000),
                debounce_ms=int(config.debounce_seconds * 1000),
                passage=config.passage == "counter",
                counter_modulus=self._barrier.counter_modulus,
                identity_ms=int(config.identity_seconds * 1000),
            )
        )
        self._readers = [
            ReaderPort(port, self._on_reader_data, self._on_reader_open, self._on_reader_lost)
            for port in config.readers
        ]

    async def _serve(self) -> None:
        self.relocate()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._barrier_port.run)
            for reader in self._readers:
                nursery.start_soon(reader.port.run)
            nursery.start_soon(self._tick)
            await self._failed.wait()
            if self._failure is not None:
                raise self._failure

    async def _tick(self) -> None:
        ask_at = trio.current_time() + LOCATE_S
        devices: list[tuple[SerialPort, Reader | Barrier]] = [(self._barrier_port, self._barrier)]
        devices += [(reader.port, reader.driver) for reader in self._readers]
        while True:
            now = time.monotonic_ns()
            wait_s = min([LONGEST_S, *((device.due_ns(now) - now) / 1e9 for port, device in devices if port.is_open)])
            await trio.sleep(max(SHORTEST_S, wait_s))
            now = time.monotonic_ns()
            for reader in self._readers:
                if reader.port.is_open:
                    self._reader_events(reader, reader.driver.tick(now))
            if self._barrier_port.is_open:
                self._barrier_events(self._barrier.tick(now), now)
            self._do(self._lane.tick(now // NS_PER_MS))
            if trio.current_time() >= ask_at:
                ask_at = trio.current_time() + LOCATE_S
                self.relocate()

    # --- ports --------------------------------------------------------------------------------------------------------

    def _on_reader_data(self, reader: ReaderPort, data: bytes) -> None:
        self._reader_events(reader, reader.driver.feed(data, time.monotonic_ns()))

    def _on_reader_open(self, reader: ReaderPort) -> None:
        self._reader_events(reader, reader.driver.connected(time.monotonic_ns()))

    def _on_reader_lost(self, reader: ReaderPort, why: str) -> None:
        log.warning("lane %s: reader %s lost: %s", self.config.device, reader.name, why)
        reader.driver.disconnected()
        self._reader_up(reader, False)

    def _on_barrier_data(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._barrier_events(self._barrier.feed(data, now), now)

    def _on_barrier_open(self) -> None:
        now = time.monotonic_ns()
        self._barrier_events(self._barrier.connected(now), now)

    def _on_barrier_lost(self, why: str) -> None:
        log.warning("lane %s: barrier %s lost: %s", self.config.device, self.config.barrier.port, why)
        self._barrier.disconnected()
        self._barrier_online(False, time.monotonic_ns())

    # --- events -------------------------------------------------------------------------------------------------------

    def _reader_events(self, reader: ReaderPort, events: list[ReaderEvent]) -> None:
        for event in map(reader.marked, events):
            if isinstance(event, Credential):
                self._do(self._lane.scanned(event, event.read_ns // NS_PER_MS))
            elif isinstance(event, Send):
                reader.port.write(event.data)
            elif isinstance(event, Online):
                self._reader_up(reader, event.up)
            else:
                self._do(self._lane.unreadable(time.monotonic_ns() // NS_PER_MS))

    def _barrier_events(self, events: list[BarrierEvent], now_ns: int) -> None:
        for event in events:
            if isinstance(event, Send):
                self._barrier_port.write(event.data)
            elif isinstance(event, Online):
                self._barrier_online(event.up, now_ns)
            else:
                self._do(self._lane.barrier(event, now_ns // NS_PER_MS))

    def _reader_up(self, reader: ReaderPort, up: bool) -> None:
        if reader.up and not up and any(other.up for other in self._readers if other is not reader):
            self._admissions.alarm("reader.lost", reader.name, self._device_id())
        reader.up = up
        self._do(self._lane.reader_online(any(one.up for one in self._readers), time.monotonic_ns() // NS_PER_MS))

    def _barrier_online(self, up: bool, now_ns: int) -> None:
        self._barrier_up = up
        self._do(self._lane.barrier_online(up, now_ns // NS_PER_MS))

    # --- actions ------------------------------------------------------------------------------------------------------

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            _CARRY_OUT[type(action)](self, action)

    def _present(self, action: Present) -> None:
        assert self._place is not None  # a lane that is not known serves nobody
        self._status.presented += 1
        self._admissions.present(
            action.credential,
            self._place,
            self._moment(),
            counter=action.counter,
            assume_passed=self.config.passage == "none",
            done=partial(self._presented, self._lane),
            companion=action.companion.data if action.companion is not None else b"",
        )

    def _turn_away(self, action: TurnAway) -> None:
        if self._place is None:  # not known to the cloud yet: nowhere it could be said to have happened
            return
        self._status.presented += 1
        self._decided(scan_pb2.DECISION_REFUSE, action.reason)
        self._admissions.note_turned_away(action.credential, self._place, action.reason, self._moment())

    def _presented(self, lane: Lane, result: Presented) -> None:
        """Called by the committer's delivery, where an exception would end the whole daemon."""
        try:
            if lane is not self._lane:
                self._lane.recover([result.use] if result.use is not None else [])
                return
            self._decided(result.decision, result.reason)
            self._status.admitted += result.decision == scan_pb2.DECISION_ADMIT
            self._do(lane.presented(result, time.monotonic_ns() // NS_PER_MS))
        except Exception as problem:  # noqa: BLE001 - ends this lane's run, which reports it
            self._failure = problem
            self._failed.set()

    def _decided(self, decision: int, reason: Reason) -> None:
        self._status.last_decision = decision  # type: ignore[assignment]
        self._status.last_reason = reason
        self._status.last_at_ms = self._moment().now_ms

    def _open(self, action: Open) -> None:
        now = time.monotonic_ns()
        self._barrier_events(self._barrier.open(action.persons, now), now)

    def _close(self, _action: Close) -> None:
        now = time.monotonic_ns()
        self._barrier_events(self._barrier.close(now), now)

    def _settle(self, action: Settle) -> None:
        self._admissions.settle(
            action.use,
            passed=action.passed,
            returned=action.returned,
            outcome=action.outcome,
            moment=self._moment(),
            recovered=action.recovered,
        )

    def _late(self, action: Late) -> None:
        self._admissions.late(action.use, action.persons, self._moment(), returned=action.returned)

    def _walked_out(self, action: WalkedOut) -> None:
        if self._place is not None:
            self._admissions.walked_out(self._place, action.persons, self._moment())

    def _go_ahead(self, action: GoAhead) -> None:
        if self._place is not None:
            self._status.presented += 1
            self._decided(scan_pb2.DECISION_GO_AHEAD, Reason.GO_AHEAD)
            self._admissions.note_go_ahead(action.presented, self._place, self._moment())

    def _show(self, action: Show) -> None:
        self._shown = action, self._moment()
        waits = action.reason == Reason.IDENTITY_NEEDED
        shown_ms = int(self.config.identity_seconds * 1000) if waits else SHOW_MS
        self._shown_until_ms = time.monotonic_ns() // NS_PER_MS + shown_ms
        if self._display is not None:
            self._display(action)

    def _changed(self, action: Changed) -> None:
        if action.cause and action.cause != STARTING and self._place is not None:
            self._admissions.note_lane_change(self._place.device_id, action.state, action.cause, self._moment())

    def _alarm(self, action: Alarm) -> None:
        self._admissions.alarm(action.code, action.detail, self._device_id())

    def _device_id(self) -> int:
        return self._place.device_id if self._place is not None else 0


_CARRY_OUT: dict[type[Any], Callable[[LaneRunner, Any], None]] = {
    Present: LaneRunner._present,
    TurnAway: LaneRunner._turn_away,
    Open: LaneRunner._open,
    Close: LaneRunner._close,
    Settle: LaneRunner._settle,
    Late: LaneRunner._late,
    WalkedOut: LaneRunner._walked_out,
    GoAhead: LaneRunner._go_ahead,
    Show: LaneRunner._show,
    Changed: LaneRunner._changed,
    Alarm: LaneRunner._alarm,
}


def _root(problem: BaseException) -> str:
    """The innermost error's type: its message could hold what was presented."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return type(problem).__name__
