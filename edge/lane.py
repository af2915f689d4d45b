"""One lane: what to do about a scan, an open barrier and the bodies that pass. Sans-IO.

Every input returns the actions to carry out, in order. `now_ms` is monotonic milliseconds. A lane opens only
on an admission. The barrier's side of it is edge.doorway; this is the side of the people and of the lane's state.

An exit lane lets everybody out: nobody is sent away while its barrier works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edge.doorway import CLOSE_MS, Doorway, LaneSettings
from edge.drivers.base import NS_PER_MS, Closed, Opened, OpenFailed, Status
from edge.lane_actions import BACK, STARTING, Action, Changed, GoAhead, Present, Show, TurnAway
from edge.lane_wait import IdentityWait, Throttle, Turn, same
from edge.verdict import Credential, OpenUse
from paifang.reasons import Reason
from paifang.records import CredentialKind
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge.admission import Presented

READY, DECIDING, OPEN = scan_pb2.LANE_STATE_READY, scan_pb2.LANE_STATE_DECIDING, scan_pb2.LANE_STATE_OPEN
OUT_OF_SERVICE, FAULT = scan_pb2.LANE_STATE_OUT_OF_SERVICE, scan_pb2.LANE_STATE_FAULT


class Lane:
    def __init__(self, settings: LaneSettings) -> None:
        self._settings = settings
        self._doorway = Doorway(settings)
        self._known = False
        self._enabled = True
        self._reader_up: bool | None = None
        self._deciding: Present | None = None
        self._turn = Turn()
        self._identity = IdentityWait()
        self._throttle = Throttle()
        self.state: int = FAULT
        self.cause = STARTING

    @property
    def counter(self) -> int | None:
        """The board's counter as last read."""
        return self._doorway.counter

    @property
    def open_uses(self) -> list[OpenUse]:
        """Uses not settled yet, recovered ones included."""
        return self._doorway.open_uses

    def recover(self, uses: Iterable[OpenUse]) -> None:
        """Uses left open by a crash. The barrier is closed first; the reading after it settles them."""
        self._doorway.recover(uses)

    # --- people -------------------------------------------------------------------------------------------------------

    def scanned(self, credential: Credential, now_ms: int) -> list[Action]:
        if not self._serving():
            if self._doorway.exit and self._known and self._doorway.up:
                return self._wait(credential, now_ms)  # for a reading of its counter, no longer
            return _turn_away(credential, Reason.OUT_OF_ORDER)
        if self._deciding is not None:
            if self._is_of(credential, self._deciding.credential, self._deciding.companion):
                return []
            return self._wait(credential, now_ms)
        admitted = self._doorway.admitted()
        if admitted is not None and self._is_of(credential, admitted.credential, None, admitted.companion):
            persons = self._doorway.again(now_ms)
            if persons is not None:
                return [GoAhead(admitted), Show(Reason.GO_AHEAD, True, persons, admitted.verdict)]
        if self._doorway.taken:
            return self._wait(credential, now_ms)
        return self._note(self._present(credential, now_ms))

    def unreadable(self, now_ms: int) -> list[Action]:
        """A reader saw something it could not make a credential of."""
        if self._doorway.exit:
            return self.scanned(Credential(CredentialKind.LINE, b"", now_ms * NS_PER_MS), now_ms)
        return [Show(Reason.UNREADABLE, False, 0)]

    def presented(self, result: Presented, now_ms: int) -> list[Action]:
        """The answer to Present."""
        self._deciding = None
        if result.decision == scan_pb2.DECISION_ADMIT:
            self._identity.end()
            return self._go_on(self._doorway.admit(result, now_ms), now_ms)
        if result.reason == Reason.IDENTITY_NEEDED:
            self._identity.ask(result.credential, now_ms + self._settings.identity_ms)
        elif result.reason != Reason.IDENTITY_OTHER:  # the holder's own card may yet follow another's
            self._identity.end()
        if result.credential.typed and _missed(result):
            self._throttle.missed(now_ms)
        return self._go_on([Show(result.reason, False, 0, result.verdict)], now_ms)

    # --- the barrier --------------------------------------------------------------------------------------------------

    def barrier(self, event: Status | Opened | OpenFailed | Closed, now_ms: int) -> list[Action]:
        return self._go_on(self._doorway.event(event, now_ms), now_ms)

    def barrier_online(self, up: bool, now_ms: int) -> list[Action]:
        actions = self._doorway.online(up, now_ms)
        if not up:
            for credential in self._turn.clear():
                actions += _turn_away(credential, Reason.OUT_OF_ORDER)
        return self._go_on(actions, now_ms)

    # --- the lane itself ----------------------------------------------------------------------------------------------

    def reader_online(self, up: bool, now_ms: int) -> list[Action]:
        """Whether any reader of the lane works."""
        self._reader_up = up
        return self._note([])

    def known(self, known: bool, *, exit_lane: bool = False) -> list[Action]:
        """Whether the cloud has told where this lane stands, and whether that is an exit."""
        self._known = known
        self._doorway.exit = exit_lane
        return self._note([])

    def enabled(self, enabled: bool) -> list[Action]:
        """Staff switched the lane. Scans are still presented: the verifier refuses them and they are recorded."""
        self._enabled = enabled
        return self._note([])

    def tick(self, now_ms: int) -> list[Action]:
        """Call it every 100 ms or so."""
        return self._go_on(self._doorway.tick(now_ms), now_ms)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _serving(self) -> bool:
        return self._known and self._doorway.serving

    @staticmethod
    def _is_of(
        credential: Credential, shown: Credential, companion: Credential | None, companion_data: bytes = b""
    ) -> bool:
        """Whether it is what was shown, or the ID card that was read with it."""
        if same(credential, shown):
            return True
        data = companion.data if companion is not None else companion_data
        return credential.kind == CredentialKind.ID_NUMBER and credential.data == data != b""

    def _present(self, credential: Credential, now_ms: int) -> list[Action]:
        if credential.typed and not self._doorway.exit and self._throttle.closed(now_ms):
            return _turn_away(credential, Reason.THROTTLED)
        asked = self._identity.answers(credential, now_ms)
        if asked is None:
            self._identity.end()
            self._deciding = Present(credential, self._doorway.counter)
        else:
            self._deciding = Present(asked, self._doorway.counter, credential)
        return [self._deciding]

    def _wait(self, credential: Credential, now_ms: int) -> list[Action]:
        """One credential may wait for its turn; who comes after it is asked to scan again."""
        until_ms = now_ms + self._settings.open_ms + CLOSE_MS
        gone = self._turn.wait(credential, now_ms, until_ms, exit_lane=self._doorway.exit)
        return [action for one in gone for action in _turn_away(one, Reason.BUSY)]

    def _go_on(self, actions: list[Action], now_ms: int) -> list[Action]:
        """Presents who waited, once nothing stands in the way."""
        if self._deciding is None and not self._doorway.taken and self._serving():
            credential, too_long = self._turn.next(now_ms, exit_lane=self._doorway.exit)
            if credential is not None:
                actions += _turn_away(credential, Reason.BUSY) if too_long else self._present(credential, now_ms)
        return self._note(actions)

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
        up = self._doorway.up
        if up is False:
            return FAULT, "barrier lost"
        if self._reader_up is False:
            return FAULT, "reader lost"
        if not self._known:
            return FAULT, "not known to the cloud yet"
        if up is None or self._reader_up is None or self._doorway.recovering:
            return FAULT, STARTING
        if not self._enabled:
            return OUT_OF_SERVICE, "switched off"
        if self._doorway.standing:
            return OPEN, ""
        return (DECIDING, "") if self._deciding is not None else (READY, "")


def _turn_away(credential: Credential, reason: Reason) -> list[Action]:
    return [TurnAway(credential, reason), Show(reason, False, 0)]


def _missed(result: Presented) -> bool:
    """Whether what was presented is nothing this gate knows."""
    return result.reason < Reason.BUSY and result.verdict is not None and not result.verdict.entitlement_id
