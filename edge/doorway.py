"""The barrier's side of a lane: what stands open for whom, what the board counts, and who walked. Sans-IO.

Every input returns actions, in order; `now_ms` is monotonic milliseconds. Each use is settled exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from edge import passages
from edge.drivers.base import Closed, Opened, OpenFailed, Status
from edge.lane_actions import Action, Alarm, Close, Late, Open, Show, WalkedOut
from edge.passages import Settle
from edge.verdict import OpenUse
from paifang.reasons import Reason
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge.admission import Presented

CLOSE_MS = 1500  # a board that does not acknowledge the close is settled by what it counts all the same
LATE_MS = 60_000  # a body this long after the give-back is not its visitor any more


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """`passage`: the barrier counts bodies; where it does not, a use is spent as it is admitted."""

    open_ms: int = 8000
    debounce_ms: int = 3000
    passage: bool = True
    counter_modulus: int | None = 1 << 24
    identity_ms: int = 20_000


class _Phase(Enum):
    OPENING = 1  # told to open, not acknowledged
    OPEN = 2
    CLOSING = 3  # told to close; settled by the first reading after it
    LOST = 4  # the barrier is gone; its counter will tell


@dataclass(slots=True)
class _Stand:
    """An admission whose barrier stands open. Without a use (nothing to settle) it only knows repeated scans."""

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
    returned: bool
    until_ms: int


class Doorway:
    """Attributes:
    counter: the board's, as last read; None before the first reading, and where there is none.
    up: whether the barrier answers; None: not known yet.
    exit: bodies nobody presented anything for are visitors leaving, not intruders.
    """

    def __init__(self, settings: LaneSettings) -> None:
        self._settings = settings
        self._board_bits = (0, 0)
        self._stand: _Stand | None = None
        self._unwalked: list[_Unwalked] = []
        self._recovering: list[OpenUse] = []
        self._recover_by_ms: int | None = None
        self.counter: int | None = None
        self.up: bool | None = None
        self.exit = False

    # --- for the lane -------------------------------------------------------------------------------------------------

    @property
    def open_uses(self) -> list[OpenUse]:
        """Uses not settled yet, recovered ones included."""
        standing = [self._stand.use] if self._stand is not None and self._stand.use is not None else []
        return self._recovering + standing

    @property
    def standing(self) -> bool:
        """Somebody was admitted, and the barrier is open for them."""
        return self._stand is not None

    @property
    def taken(self) -> bool:
        """A use is open: the next visitor has to wait until it is settled."""
        return self._stand is not None and self._stand.use is not None

    @property
    def recovering(self) -> bool:
        return bool(self._recovering)

    @property
    def serving(self) -> bool:
        """Whether somebody admitted now could be let through and counted."""
        heard = self.counter is not None or not self._settings.passage
        return bool(self.up and heard and not self._recovering)

    def recover(self, uses: Iterable[OpenUse]) -> None:
        """Uses left open by a crash. The barrier is closed first; the reading after it settles them."""
        self._recovering += uses
        self._recover_by_ms = None

    def admitted(self) -> Presented | None:
        """Whom the barrier stands open for."""
        return self._stand.presented if self._stand is not None else None

    def again(self, now_ms: int) -> int | None:
        """Whoever it stands open for presents again: how many may still walk. None: that was too long ago."""
        stand = self._stand
        if stand is None or stand.phase not in (_Phase.OPENING, _Phase.OPEN) or now_ms >= stand.deadline_ms:
            return None
        if now_ms - stand.seen_ms > self._settings.debounce_ms:
            return None
        stand.seen_ms = now_ms
        return stand.use.persons - stand.passed if stand.use is not None else 0

    # --- inputs -------------------------------------------------------------------------------------------------------

    def admit(self, result: Presented, now_ms: int) -> list[Action]:
        """An admission: opens, or says why not."""
        use, verdict = result.use, result.verdict
        persons = use.persons if use is not None else max(1, verdict.persons) if verdict is not None else 1
        # What was counted since the scan has been dealt with, so this use starts at the latest reading.
        baseline = None if use is None else use.counter if self.counter is None else self.counter
        until_ms = now_ms + self._settings.open_ms
        self._stand = stand = _Stand(result, use, baseline, _Phase.OPENING, until_ms, now_ms)
        if self.up:
            return [Open(persons), Show(result.reason, True, persons, verdict)]
        stand.phase = _Phase.LOST
        return [Show(Reason.OUT_OF_ORDER, False, 0), *self._not_opened("the barrier was lost meanwhile")]

    def event(self, event: Status | Opened | OpenFailed | Closed, now_ms: int) -> list[Action]:
        """The board said something."""
        if type(event) is Status:
            return self._status(event, now_ms)
        stand = self._stand
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
                return self._rebase(stand, event.counter, now_ms) if event.first_try else []
            if type(event) is OpenFailed:
                not_opened = Alarm("barrier.not_opened", event.cause)
                return [not_opened, Show(Reason.OUT_OF_ORDER, False, 0), *self._close(stand, now_ms)]
        return []

    def online(self, up: bool, now_ms: int) -> list[Action]:
        """The barrier answers, or no longer does."""
        self.up = up
        if not up:
            self._recover_by_ms = None
            if self._stand is not None and self._stand.use is not None:
                self._stand.phase = _Phase.LOST
                self._stand.closed = False
        elif self._recovering and self._settings.counter_modulus is None:
            return self._recovered(now_ms)
        return []

    def tick(self, now_ms: int) -> list[Action]:
        stand = self._stand
        if stand is not None and now_ms >= stand.deadline_ms:
            if stand.use is None:
                self._stand = None
            elif stand.phase in (_Phase.OPENING, _Phase.OPEN):
                return self._close(stand, now_ms)
        return []

    # --- what the counter says ----------------------------------------------------------------------------------------

    def _status(self, status: Status, now_ms: int) -> list[Action]:
        before, self.counter = self.counter, status.counter
        actions: list[Action] = []
        bits = (status.fault, status.alarm)
        if bits != self._board_bits:
            self._board_bits = bits
            actions.append(Alarm("barrier.bits", f"fault {bits[0]:02x}, alarm {bits[1]:02x}"))
        if self._recovering:
            return actions + self._recover_step(now_ms)
        stand = self._stand
        if stand is not None and stand.use is not None:
            return actions + self._count(stand, stand.use, status, now_ms)
        if before is not None and status.counter is not None:
            passed = passages.moved(before, status.counter, self._settings.counter_modulus)
            if passed is None:
                actions.append(Alarm("barrier.restarted", "its counter was reset"))
            elif passed and self._settings.passage:
                actions += self._unexpected(passed, now_ms)
        return actions

    def _count(self, stand: _Stand, use: OpenUse, status: Status, now_ms: int) -> list[Action]:
        """A reading while a use is open."""
        passed = None
        if stand.baseline is not None and status.counter is not None:
            passed = passages.moved(stand.baseline, status.counter, self._settings.counter_modulus)
        if passed is None or passed < stand.passed:
            restarted = Alarm("barrier.restarted", "while a use was open: it stays spent")
            return [restarted, Close(), self._settle(stand, use, None, now_ms)]
        if stand.phase is _Phase.OPENING:
            # A driver reports Opened before what was counted since, so these came through earlier.
            return self._rebase(stand, status.counter, now_ms)
        if passed >= use.persons:
            settle = self._settle(stand, use, passed, now_ms)
            return [settle, *(self._unexpected(passed - use.persons, now_ms) if passed > use.persons else ())]
        if passed > stand.passed:
            stand.passed = passed
            stand.deadline_ms = now_ms + self._settings.open_ms
        if stand.phase is _Phase.LOST:
            if stand.acknowledged and now_ms < stand.deadline_ms:
                stand.phase = _Phase.OPEN
                return []
            return self._close(stand, now_ms)
        if stand.phase is _Phase.CLOSING and (stand.closed or now_ms >= stand.deadline_ms):
            return [self._settle(stand, use, passed, now_ms)]
        return []

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
            actions.append(Late(entry.use, taken, entry.returned))
        if bodies and self.exit:
            actions.append(WalkedOut(bodies))
        elif bodies:
            actions.append(Alarm("lane.unticketed", f"{bodies} passed without a use"))
        return actions

    # --- closing and settling -----------------------------------------------------------------------------------------

    def _close(self, stand: _Stand, now_ms: int) -> list[Action]:
        if stand.use is None:
            self._stand = None
            return [Close()]
        stand.phase = _Phase.CLOSING
        stand.deadline_ms = now_ms + CLOSE_MS
        stand.closed = False
        return [Close()]

    def _settle(self, stand: _Stand, use: OpenUse, passed: int | None, now_ms: int) -> Settle:
        self._stand = None
        return self._settled(passages.settlement(use, passed, seen=stand.passed), now_ms)

    def _settled(self, settle: Settle, now_ms: int) -> Settle:
        """Remembers who did not walk: they may yet."""
        use, missing = settle.use, settle.use.persons - settle.passed
        if missing and settle.outcome != scan_pb2.OUTCOME_UNKNOWN:
            self._unwalked.append(_Unwalked(use, missing, settle.returned > 0, now_ms + LATE_MS))
        return settle

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
