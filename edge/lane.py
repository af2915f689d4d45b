"""One lane: what to do about a scan, an open barrier and the bodies that pass. Sans-IO.

Every input returns the actions to carry out, in order. `now_ms` is monotonic milliseconds. A lane opens only
on an admission, and settles every use it was given exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from edge import passages
from edge.drivers.base import Closed, Opened, OpenFailed, Status
from edge.lane_actions import (
    BACK,
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
)
from edge.passages import Settle
from edge.verdict import Credential, OpenUse
from paifang.reasons import Reason
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge.admission import Presented

READY, DECIDING, OPEN = scan_pb2.LANE_STATE_READY, scan_pb2.LANE_STATE_DECIDING, scan_pb2.LANE_STATE_OPEN
OUT_OF_SERVICE, FAULT = scan_pb2.LANE_STATE_OUT_OF_SERVICE, scan_pb2.LANE_STATE_FAULT

CLOSE_MS = 1500  # a board that does not acknowledge the close is settled by what it counts all the same
LATE_MS = 60_000  # a body this long after the give-back is not its visitor any more


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """`passage`: the barrier counts bodies; where it does not, a use is spent as it is admitted."""

    open_ms: int = 8000
    debounce_ms: int = 3000
    passage: bool = True
    counter_modulus: int | None = 1 << 24


class _Phase(Enum):
    OPENING = 1  # told to open, not acknowledged
    OPEN = 2
    CLOSING = 3  # told to close; settled by the first reading after it
    LOST = 4  # the barrier is gone; its counter will tell


@dataclass(slots=True)
class _Stand:
    """An admission whose barrier stands open. Without a use (no passage sensor) it only knows repeated scans."""

    presented: Presented
    use: OpenUse | None
    baseline: int | None
    phase: _Phase
    deadline_ms: int
    seen_ms: int
    passed: int = 0
    acknowledged: bool = False
    closed: bool = False


@dataclass(slots=True)
class _Unwalked:
    """Persons of a settled use who did not walk, whether it came back or was kept."""

    use: OpenUse
    persons: int
    until_ms: int


class Lane:
    def __init__(self, settings: LaneSettings) -> None:
        self._settings = settings
        self._known = False
        self._enabled = True
        self._reader_up: bool | None = None
        self._barrier_up: bool | None = None
        self._board_bits = (0, 0)
        self._deciding: Credential | None = None
        self._pending: Credential | None = None
        self._pending_until_ms = 0
        self._stand: _Stand | None = None
        self._unwalked: list[_Unwalked] = []
        self._recovering: list[OpenUse] = []
        self._recover_by_ms: int | None = None
        self.counter: int | None = None
        self.state: int = FAULT
        self.cause = STARTING

    @property
    def open_uses(self) -> list[OpenUse]:
        """Uses not settled yet, recovered ones included."""
        standing = [self._stand.use] if self._stand is not None and self._stand.use is not None else []
        return self._recovering + standing

    def recover(self, uses: Iterable[OpenUse]) -> None:
        """Uses left open by a crash. The barrier is closed first; the reading after it settles them."""
        self._recovering += uses
        self._recover_by_ms = None

    # --- people -------------------------------------------------------------------------------------------------------

    def scanned(self, credential: Credential, now_ms: int) -> list[Action]:
        if not self._serving():
            return _turn_away(credential, Reason.OUT_OF_ORDER)
        if self._deciding is not None:
            if _same(credential, self._deciding):
                return []
            return self._wait(credential, now_ms)
        stand = self._stand
        if stand is not None:
            if _same(credential, stand.presented.credential) and self._repeats(stand, now_ms):
                stand.seen_ms = now_ms
                left = stand.use.persons - stand.passed if stand.use is not None else 0
                return [GoAhead(stand.presented), Show(Reason.GO_AHEAD, True, left)]
            if stand.use is not None:
                return self._wait(credential, now_ms)
        return self._note(self._present(credential))

    def unreadable(self) -> list[Action]:
        """A reader saw something it could not make a credential of."""
        return [Show(Reason.UNREADABLE, False, 0)]

    def presented(self, result: Presented, now_ms: int) -> list[Action]:
        """The answer to Present."""
        self._deciding = None
        if result.decision != scan_pb2.DECISION_ADMIT:
            actions: list[Action] = [Show(result.reason, False, 0)]
            return self._note(actions + self._next(now_ms))
        use = result.use
        persons = use.persons if use is not None else result.verdict.persons if result.verdict is not None else 1
        # What was counted since the scan has been dealt with, so this use starts at the latest reading.
        baseline = None if use is None else use.counter if self.counter is None else self.counter
        until_ms = now_ms + self._settings.open_ms
        self._stand = stand = _Stand(result, use, baseline, _Phase.OPENING, until_ms, now_ms)
        if self._barrier_up:
            return self._note([Open(persons), Show(Reason.OK, True, persons), *self._next(now_ms)])
        stand.phase = _Phase.LOST
        return self._note([Show(Reason.OUT_OF_ORDER, False, 0), *self._not_opened("the barrier was lost meanwhile")])

    # --- the barrier --------------------------------------------------------------------------------------------------

    def barrier(self, event: Status | Opened | OpenFailed | Closed, now_ms: int) -> list[Action]:
        if type(event) is Status:
            return self._status(event, now_ms)
        stand = self._stand
        actions: list[Action] = []
        if type(event) is Closed:
            if self._recovering and self._recover_by_ms is not None:
                self._recover_by_ms = now_ms
            if stand is not None:
                stand.closed = stand.phase is _Phase.CLOSING
        elif stand is not None and stand.phase is _Phase.OPENING:
            if type(event) is Opened:
                stand.phase = _Phase.OPEN
                stand.acknowledged = True
                stand.deadline_ms = now_ms + self._settings.open_ms
                if event.first_try:
                    actions = self._rebase(stand, event.counter, now_ms)
            elif type(event) is OpenFailed:
                actions = [Alarm("barrier.not_opened", event.cause), Show(Reason.OUT_OF_ORDER, False, 0)]
                actions += self._close(stand, now_ms)
        return self._note(actions)

    def barrier_online(self, up: bool, now_ms: int) -> list[Action]:
        self._barrier_up = up
        actions: list[Action] = []
        if not up:
            self._recover_by_ms = None
            if self._stand is not None and self._stand.use is not None:
                self._stand.phase = _Phase.LOST
                self._stand.closed = False
            if self._pending is not None:
                actions += _turn_away(self._pending, Reason.OUT_OF_ORDER)
                self._pending = None
        elif self._recovering and self._settings.counter_modulus is None:
            actions += self._recovered(now_ms)
        return self._note(actions)

    # --- the lane itself ----------------------------------------------------------------------------------------------

    def reader_online(self, up: bool, now_ms: int) -> list[Action]:
        """Whether any reader of the lane works."""
        self._reader_up = up
        return self._note([])

    def known(self, known: bool) -> list[Action]:
        """Whether the cloud has told where this lane stands."""
        self._known = known
        return self._note([])

    def enabled(self, enabled: bool) -> list[Action]:
        """Staff switched the lane. Scans are still presented: the verifier refuses them and they are recorded."""
        self._enabled = enabled
        return self._note([])

    def tick(self, now_ms: int) -> list[Action]:
        """Call it every 100 ms or so."""
        actions: list[Action] = []
        stand = self._stand
        if stand is not None and now_ms >= stand.deadline_ms:
            if stand.use is None:
                self._stand = None
            elif stand.phase in (_Phase.OPENING, _Phase.OPEN):
                actions = self._close(stand, now_ms)
        return self._note(actions)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _serving(self) -> bool:
        heard = self.counter is not None or not self._settings.passage
        return bool(self._known and self._barrier_up and heard and not self._recovering)

    def _repeats(self, stand: _Stand, now_ms: int) -> bool:
        standing = stand.phase in (_Phase.OPENING, _Phase.OPEN) and now_ms < stand.deadline_ms
        return standing and now_ms - stand.seen_ms <= self._settings.debounce_ms

    def _present(self, credential: Credential) -> list[Action]:
        self._deciding = credential
        return [Present(credential, self.counter)]

    def _wait(self, credential: Credential, now_ms: int) -> list[Action]:
        """One credential may wait for its turn; who comes after it is asked to scan again."""
        before = self._pending
        if before is not None and _same(credential, before):
            before = None
        elif before is not None and now_ms < self._pending_until_ms:
            return _turn_away(credential, Reason.BUSY)
        self._pending = credential
        self._pending_until_ms = now_ms + self._settings.open_ms + CLOSE_MS
        return [] if before is None else _turn_away(before, Reason.BUSY)

    def _next(self, now_ms: int) -> list[Action]:
        """Presents who waited, once nothing stands in the way."""
        waiting = self._stand is not None and self._stand.use is not None
        if self._pending is None or waiting or self._deciding is not None or not self._serving():
            return []
        credential, self._pending = self._pending, None
        return self._present(credential) if now_ms < self._pending_until_ms else _turn_away(credential, Reason.BUSY)

    def _status(self, status: Status, now_ms: int) -> list[Action]:
        before, self.counter = self.counter, status.counter
        actions: list[Action] = []
        bits = (status.fault, status.alarm)
        if bits != self._board_bits:
            self._board_bits = bits
            actions.append(Alarm("barrier.bits", f"fault {bits[0]:02x}, alarm {bits[1]:02x}"))
        if self._recovering:
            actions += self._recover_step(now_ms)
            return self._note(actions)
        stand = self._stand
        if stand is not None and stand.use is not None:
            actions += self._count(stand, stand.use, status, now_ms)
        elif before is not None and status.counter is not None:
            passed = passages.moved(before, status.counter, self._settings.counter_modulus)
            if passed is None:
                actions.append(Alarm("barrier.restarted", "its counter was reset"))
            elif passed and self._settings.passage:
                actions += self._unexpected(passed, now_ms)
        return self._note(actions)

    def _count(self, stand: _Stand, use: OpenUse, status: Status, now_ms: int) -> list[Action]:
        """A reading while a use is open."""
        passed = None
        if stand.baseline is not None and status.counter is not None:
            passed = passages.moved(stand.baseline, status.counter, self._settings.counter_modulus)
        if passed is None or passed < stand.passed:
            restarted = Alarm("barrier.restarted", "while a use was open: it stays spent")
            return [restarted, Close(), *self._settle(stand, use, None, now_ms)]
        if stand.phase is _Phase.OPENING:
            # A driver reports Opened before what was counted since, so these came through earlier.
            return self._rebase(stand, status.counter, now_ms)
        if passed >= use.persons:
            actions = self._settle(stand, use, passed, now_ms)
            if passed > use.persons:
                actions = [*actions[:1], *self._unexpected(passed - use.persons, now_ms), *actions[1:]]
            return actions
        if passed > stand.passed:
            stand.passed = passed
            stand.deadline_ms = now_ms + self._settings.open_ms
        if stand.phase is _Phase.LOST:
            if stand.acknowledged and now_ms < stand.deadline_ms:
                stand.phase = _Phase.OPEN
                return []
            return self._close(stand, now_ms)
        if stand.phase is _Phase.CLOSING and (stand.closed or now_ms >= stand.deadline_ms):
            return self._settle(stand, use, passed, now_ms)
        return []

    def _close(self, stand: _Stand, now_ms: int) -> list[Action]:
        if stand.use is None:
            self._stand = None
            return [Close()]
        stand.phase = _Phase.CLOSING
        stand.deadline_ms = now_ms + CLOSE_MS
        stand.closed = False
        return [Close()]

    def _settle(self, stand: _Stand, use: OpenUse, passed: int | None, now_ms: int) -> list[Action]:
        self._stand = None
        settle = passages.settlement(use, passed, seen=stand.passed)
        return [self._settled(settle, now_ms), *self._next(now_ms)]

    def _settled(self, settle: Settle, now_ms: int) -> Settle:
        """Remembers who did not walk: they may yet."""
        use, missing = settle.use, settle.use.persons - settle.passed
        if missing and settle.outcome != scan_pb2.OUTCOME_UNKNOWN:
            self._unwalked.append(_Unwalked(use, missing, now_ms + LATE_MS))
        return settle

    def _rebase(self, stand: _Stand, counter: int | None, now_ms: int) -> list[Action]:
        """Who was counted before the board had the open command did not walk on this use."""
        if stand.baseline is None or counter is None or stand.use is None:
            return []
        early = passages.moved(stand.baseline, counter, self._settings.counter_modulus)
        if not early:
            return []
        stand.baseline = counter
        return self._unexpected(early, now_ms)

    def _unexpected(self, bodies: int, now_ms: int) -> list[Action]:
        """Bodies no open use accounts for: the latest who did not walk in time, else nobody's."""
        actions: list[Action] = []
        self._unwalked = [entry for entry in self._unwalked if now_ms < entry.until_ms]
        while bodies and self._unwalked:
            entry = self._unwalked[-1]
            taken = min(bodies, entry.persons)
            bodies -= taken
            entry.persons -= taken
            if not entry.persons:
                self._unwalked.pop()
            actions.append(Late(entry.use, taken))
        if bodies:
            actions.append(Alarm("lane.unticketed", f"{bodies} passed without a use"))
        return actions

    def _not_opened(self, cause: str) -> list[Action]:
        """An admission without passage sensor whose barrier did not open: its use is spent already."""
        if self._stand is None or self._stand.use is not None:
            return []
        self._stand = None
        return [Alarm("barrier.not_opened", cause)]

    def _recover_step(self, now_ms: int) -> list[Action]:
        if self._recover_by_ms is None:
            self._recover_by_ms = now_ms + CLOSE_MS
            return [Close()]
        return self._recovered(now_ms) if now_ms >= self._recover_by_ms else []

    def _recovered(self, now_ms: int) -> list[Action]:
        uses, self._recovering = self._recovering, []
        found = passages.recovered(uses, self.counter, self._settings.counter_modulus)
        return [self._settled(settle, now_ms) for settle in found]

    def _note(self, actions: list[Action]) -> list[Action]:
        """Adds Changed where the state is another one now."""
        state, cause = self._judge()
        if state == self.state and cause == self.cause:
            return actions
        hindered = self.state in (FAULT, OUT_OF_SERVICE) and self.cause != STARTING
        self.state, self.cause = state, cause
        actions.append(Changed(state, BACK if hindered and not cause else cause))
        return actions

    def _judge(self) -> tuple[int, str]:
        if self._barrier_up is False:
            return FAULT, "barrier lost"
        if self._reader_up is False:
            return FAULT, "reader lost"
        if not self._known:
            return FAULT, "not known to the cloud yet"
        if self._barrier_up is None or self._reader_up is None or self._recovering:
            return FAULT, STARTING
        if not self._enabled:
            return OUT_OF_SERVICE, "switched off"
        if self._stand is not None:
            return OPEN, ""
        return (DECIDING, "") if self._deciding is not None else (READY, "")


def _turn_away(credential: Credential, reason: Reason) -> list[Action]:
    return [TurnAway(credential, reason), Show(reason, False, 0)]


def _same(one: Credential, other: Credential) -> bool:
    return one.data == other.data and one.kind == other.kind
