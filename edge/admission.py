"""From a credential to a durable admission: verify, reserve, commit, and only then open.

Verifying and reserving are one step of the trio thread without an await in it, so two lanes can never both
see "one left". The committer checks again, inside its transaction, that the usage is what the verdict was made
from; where it is not (a use came back meanwhile) the credential is decided once more. What other edges could admit
too is claimed among them between the two, and decided once more where another was first.

At an exit nobody is kept in: what cannot be recorded there is let out all the same, and counted as unjournalled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, cast

from edge import claims, space, uses
from edge.claim_works import Learn, Withdraw
from edge.claims import Answer, Claim, Claims, Outcome, Sight
from edge.committer import BROKEN, Committer
from edge.exposure import Exposure
from edge.reservations import Chain, Reservations
from edge.signed_only import SignedOnly, record_told
from edge.standing import Standing
from edge.use_works import Admit, Late, Settle, WalkedOut, presentation
from edge.venue_room import VenueRoom
from edge.verdict import Credential, Moment, OpenUse, Place
from edge.verifier import StoreError
from edge.works import Committed, Conflict, Note, Result
from paifang.reasons import Reason
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict, Verifier

log = logging.getLogger(__name__)

ADMIT, REFUSE, GO_AHEAD = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE, scan_pb2.DECISION_GO_AHEAD
REDECIDE = 3  # conflicts after which a visitor is asked to scan again
FILLING_PERMILLE = 800  # refusals are no longer journalled
FULL_PERMILLE = 950  # nobody is admitted
LOOK_EVERY = 256  # presentations, or a second: how often the store's filling is looked at
LOOK_MS = 1000
U32_MAX = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Presented:
    """What became of a presentation.

    Attributes:
        decision: paifang.v1 Decision, ADMIT or REFUSE.
        verdict: the verifier's; where the entrance itself could not serve (BUSY ...) it may well say admit.
        use: to be settled by the passage. None on a refusal, where no passage is awaited, and where somebody was
            let out unrecorded.
        companion: the ID number that was read with it, b"" where none was.
    """

    decision: int
    reason: Reason
    verdict: Verdict | None
    use: OpenUse | None
    credential: Credential
    companion: bytes = field(default=b"", repr=False)


class _Scan:
    """One presentation on its way."""

    __slots__ = (
        "assume_passed", "chains", "claim", "companion", "conflicts", "counter", "credential", "done", "moment",
        "place", "work",
    )  # fmt: skip

    def __init__(
        self, credential: Credential, companion: bytes, place: Place, moment: Moment, counter: int | None,
        assume_passed: bool, done: Callable[[Presented], None],
    ) -> None:  # fmt: skip
        self.credential = credential
        self.companion = companion
        self.place = place
        self.moment = moment
        self.counter = counter
        self.assume_passed = assume_passed
        self.done = done
        self.conflicts = 0
        self.claim: Claim | None = None  # until it is recorded as admission
        self.work: Admit
        self.chains: list[Chain]


class Admissions:
    """Decides, reserves, records. Belongs to the trio thread.

    Args:
        decide: the core's pure rules, asked again in the committer's thread for a late passage.
        moment: the clock, for what nobody presented (alarms).
        claims: among the edges of the site.

    Attributes:
        room: what the venue's capacity leaves.
        signed_only: what the caps on unseen passes leave.
        standing: whether this edge knows enough to admit.
        exposure: what an outage of the claims leaves.
        permille: how full the store was at the last look.
        unreadable: why the store cannot be read any more, "" while it can.
        unjournalled: refusals that left no entry since the start, the store or its queue being full.
    """

    def __init__(
        self, environment: Environment, verifier: Verifier, committer: Committer, *,
        decide: Callable[..., Verdict], moment: Callable[[], Moment], claims: Claims = claims.LOCAL,
    ) -> None:  # fmt: skip
        self._environment = environment
        self._verifier = verifier
        self._committer = committer
        self._decide_late = decide
        self._moment = moment
        self._claims = claims
        self._reservations = Reservations(verifier.inflight)
        self._found = {use.admission_seq: use for use in uses.all_open(environment)}
        self.room = VenueRoom(environment, committer, self._found.values())
        self.signed_only = SignedOnly(environment, verifier, committer)
        self.standing = Standing(environment)
        self.exposure = Exposure(environment, committer)
        self._owed: list[Settle | Late | WalkedOut | Withdraw] = []
        self._looks = 0
        self._look_at_ms = 0
        self.permille = 0
        self.unreadable = ""
        self.unjournalled = 0

    # --- a presentation -----------------------------------------------------------------------------------------------

    def present(
        self, credential: Credential, place: Place, moment: Moment, *, counter: int | None, assume_passed: bool,
        done: Callable[[Presented], None], companion: bytes = b"",
    ) -> None:  # fmt: skip
        """Decides on a credential. `done` comes exactly once: at once on a refusal, after the fsync on an admission.

        Args:
            counter: the board's counter now; what settles the use should the daemon die before it is settled.
            assume_passed: the barrier has no passage sensor, so the use is settled as it is reserved.
            companion: the ID number read at this lane after it.
        """
        self._decide(_Scan(credential, companion, place, moment, counter, assume_passed, done))

    def _decide(self, scan: _Scan, sight: Sight | None = None) -> None:
        credential, place, moment = scan.credential, scan.place, scan.moment
        try:
            self._look(moment)
            verdict = self._verifier.check(
                credential.kind, credential.data, place.station_id, place.device_id,
                moment.now_ms, moment.day, moment.month, moment.minute, scan.companion, *self.room.left(moment.day),
            )  # fmt: skip
        except StoreError as problem:
            log.exception("the store cannot be read")
            self.unreadable = str(problem) if problem.code in BROKEN else self.unreadable
            return self._refuse(scan, Reason.NOT_RECORDED, None)
        if not verdict.admit:
            return self._refuse(scan, Reason(verdict.reason), verdict)
        held_back = self.standing.refuses(verdict, moment.now_ms)
        if held_back is not None:
            return self._refuse(scan, held_back, verdict)
        if self.permille >= FULL_PERMILLE:
            return self._refuse(scan, Reason.STORE_FULL, verdict)
        if verdict.signed_only and self.signed_only.room(verdict.product_class) <= 0:
            return self._refuse(scan, Reason.SIGNED_ONLY_SPENT, verdict)
        shared = self._claims.shares(verdict)
        if shared and not verdict.leaving and (sight is None or sight.owner_id != verdict.owner_id):
            # The committer writes between two reads: what a claim stands on is read before its verdict is made.
            sight = claims.look(self._environment, self._verifier.inflight, verdict.owner_id)
            return self._decide(scan, sight)
        unseen = record_told(credential, verdict.ruleset_id) if verdict.signed_only else b""
        work = Admit(verdict, place, moment, scan.counter, scan.assume_passed, _since_us(credential), unseen)
        if shared and sight is not None:
            return self._claim(scan, work, sight)
        if shared and verdict.whole_after:
            work.event = claims.new_event()
        if not self._committer.submit(work, lambda result: self._answered(scan, result)):
            return self._refuse(scan, Reason.BUSY, verdict)
        scan.work = work
        self._reserve(scan, verdict)
        return None

    def _reserve(self, scan: _Scan, verdict: Verdict) -> None:
        """From now on the other lanes decide on what this admission leaves."""
        reserve = self._reservations.reserve
        scan.chains = [reserve(verdict.usage_key, verdict.usage_after)] if verdict.usage_after else []
        if verdict.whole_after:
            scan.chains.append(reserve(verdict.whole_key, verdict.whole_after))
        if not (verdict.leaving or scan.place.inner):
            self.room.reserve(verdict.persons)
        if verdict.signed_only:
            self.signed_only.reserve(scan.work)

    def _release(self, scan: _Scan, verdict: Verdict, *, committed: bool) -> None:
        """The store speaks for itself, or the admission never came to be."""
        for chain in scan.chains:
            self._reservations.release(chain, committed=committed)
        if not (verdict.leaving or scan.place.inner):
            self.room.release(verdict.persons, scan.work.use if committed and not scan.assume_passed else None)
        if verdict.signed_only:
            self.signed_only.release(scan.work)

    def _claim(self, scan: _Scan, work: Admit, sight: Sight) -> None:
        """Reserved here at once. What the other edges say comes later, and the commit after it."""
        verdict = work.verdict
        claim = claims.make(verdict, sight)
        work.event = claim.event
        scan.work = work
        self._reserve(scan, verdict)
        self._claims.take(claim, partial(self._claimed, scan, claim))

    def _claimed(self, scan: _Scan, claim: Claim, answer: Answer) -> None:
        """The other edges' answer to a claim."""
        work, verdict = scan.work, scan.work.verdict
        if answer.outcome is Outcome.LOST:
            self._release(scan, verdict, committed=False)
            scan.conflicts += 1
            learn = Learn([answer.learned] if answer.learned else [])
            if scan.conflicts > REDECIDE:
                self._refuse(scan, Reason.TRY_AGAIN, verdict)
            elif not self._committer.submit(learn, lambda result: self._learned(scan, result)):
                self._refuse(scan, Reason.BUSY, verdict)
            return
        if answer.outcome is Outcome.NO_QUORUM:
            if self.exposure.room(verdict.product_class) < verdict.persons:
                self._release(scan, verdict, committed=False)
                if answer.asked:
                    self._insist(Withdraw(claim.owner_id, claim.after))
                return self._refuse(scan, Reason.NO_CLAIM, verdict)
            work.unclaimed = True
            self.exposure.reserve(verdict.product_class, verdict.persons)
        scan.claim = claim
        if not self._committer.submit(work, lambda result: self._answered(scan, result)):
            self._release(scan, verdict, committed=False)
            self._end_claim(scan, committed=False)
            self._refuse(scan, Reason.BUSY, verdict)

    def _learned(self, scan: _Scan, result: Result) -> None:
        """What the winner of a claim has is in the store."""
        if type(result) is Committed:
            self._decide(scan)
        else:
            self._refuse(scan, Reason.NOT_RECORDED, scan.work.verdict)

    def _end_claim(self, scan: _Scan, *, committed: bool) -> None:
        """A claim is an admission now, or its use is given back."""
        claim, scan.claim = scan.claim, None
        if claim is None:
            return
        self._claims.over(claim)
        if not committed:
            verdict = scan.work.verdict
            if scan.work.unclaimed:
                self.exposure.release(verdict.product_class, verdict.persons)
            self._insist(Withdraw(claim.owner_id, claim.after))

    def _answered(self, scan: _Scan, result: Result) -> None:
        """The committer's answer to an admission."""
        verdict = scan.work.verdict
        committed = type(result) is Committed
        self._release(scan, verdict, committed=committed)
        if scan.work.event:
            self._end_claim(scan, committed=committed)
            self._claims.tell()
        if committed:
            use = None if scan.assume_passed else scan.work.use
            if self._owed:
                self._insist_again()
            scan.done(Presented(ADMIT, Reason(verdict.reason), verdict, use, scan.credential, scan.companion))
        elif type(result) is Conflict and scan.conflicts < REDECIDE:
            scan.conflicts += 1
            self._decide(scan)
        else:
            self._refuse(scan, Reason.TRY_AGAIN if type(result) is Conflict else Reason.NOT_RECORDED, verdict)

    def _refuse(self, scan: _Scan, reason: Reason, verdict: Verdict | None) -> None:
        if scan.place.exit:
            self.unjournalled += 1
            return scan.done(Presented(ADMIT, Reason.LEAVING, verdict, None, scan.credential))
        if verdict is None or not self._journal_refusal(scan, reason, verdict):
            self.unjournalled += 1
        return scan.done(Presented(REFUSE, reason, verdict, None, scan.credential, scan.companion))

    def _journal_refusal(self, scan: _Scan, reason: Reason, verdict: Verdict) -> bool:
        if self.permille >= FILLING_PERMILLE:
            return False
        body = presentation(verdict, scan.place, REFUSE, reason, _since_us(scan.credential))
        return self._committer.submit(Note(body, scan.moment))

    def _look(self, moment: Moment) -> None:
        """Looks at the store's filling now and then, and raises an alarm as it crosses a mark."""
        self._looks -= 1
        if self._looks > 0 and moment.now_ms < self._look_at_ms:
            return
        self._looks = LOOK_EVERY
        self._look_at_ms = moment.now_ms + LOOK_MS
        before, self.permille = self.permille, space.used_permille(self._environment)
        if before < FULL_PERMILLE <= self.permille:
            self.alarm("store.full", f"{self.permille} permille used: nobody is admitted")
        elif before < FILLING_PERMILLE <= self.permille:
            self.alarm("store.filling", f"{self.permille} permille used: refusals are not journalled")

    # --- what becomes of a use ----------------------------------------------------------------------------------------

    def settle(
        self, use: OpenUse, *, passed: int, returned: int, outcome: int, moment: Moment, recovered: bool = False
    ) -> None:
        """Closes an open use: `passed` persons went through, `returned` of those who did not come back as uses.

        A settlement that cannot be written is tried again with the next admission that can; should the daemon
        end before, the use is found open at the next start.
        """
        self._found.pop(use.admission_seq, None)
        self._insist(Settle(use, outcome, passed, returned, moment, recovered))

    def late(self, use: OpenUse, persons: int, moment: Moment, *, returned: bool) -> None:
        """Bodies went through after their use was settled: where it came back (`returned`) it is taken again, or a
        case is journalled."""
        self._insist(Late(use, persons, returned, moment, self._decide_late))

    def walked_out(self, place: Place, persons: int, moment: Moment) -> None:
        """Bodies left by an exit without showing anything."""
        self._insist(WalkedOut(place, persons, moment))

    def open_uses(self, device_id: int) -> list[OpenUse]:
        """Uses found open at the start and not settled since, oldest first: the board's counter settles them.

        What it counted since `OpenUse.counter` passed and the rest comes back; where that cannot be told, settle
        with OUTCOME_UNKNOWN and nothing returned.
        """
        return [use for use in self._found.values() if use.device_id == device_id]

    def doubt_open_uses(self) -> None:
        """The store is an old copy: what the boards counted since says nothing of the uses found open in it."""
        self._found = {seq: use._replace(counter=None) for seq, use in self._found.items()}

    def _insist(self, work: Settle | Late | WalkedOut | Withdraw) -> None:
        def answered(result: Result) -> None:
            self._claims.tell()
            if type(result) is not Committed:
                self._owed.append(work)
            elif isinstance(work, Settle):
                self.room.settled(work.use)
            if isinstance(work, Settle | Late) and work.use.unseen:
                self.signed_only.look()

        if not self._committer.submit(work, answered, always=True):
            log.warning("stopping: bodies that were counted just now are not recorded")

    def _insist_again(self) -> None:
        owed, self._owed = self._owed, []
        for work in owed:
            self._insist(work)

    # --- entries of their own -----------------------------------------------------------------------------------------

    def boot(self, software_version: str, verifier: str) -> None:
        """The first entry of a start: `verifier` is the core's IMPLEMENTATION."""
        body = scan_pb2.Boot(software_version=software_version, verifier=verifier, open_uses=len(self._found))
        self._committer.submit(Note(body, self._moment()), always=True)

    def note_go_ahead(self, presented: Presented, place: Place, moment: Moment) -> None:
        """The credential of `presented` came again while its barrier stands open: no new use."""
        if presented.verdict is not None:
            body = presentation(presented.verdict, place, GO_AHEAD, Reason.GO_AHEAD, 0)
            self._committer.submit(Note(body, moment))

    def note_turned_away(self, credential: Credential, place: Place, reason: Reason, moment: Moment) -> None:
        """The lane could not serve the credential, so nothing was decided on it; that it came is recorded."""
        body = scan_pb2.Presentation(
            device_id=place.device_id, station_id=place.station_id, decision=REFUSE, reason=reason,
            credential_kind=credential.kind,
        )  # fmt: skip
        if self.permille >= FILLING_PERMILLE or not self._committer.submit(Note(body, moment)):
            self.unjournalled += 1

    def note_lane_change(self, device_id: int, state: int, cause: str, moment: Moment) -> None:
        """A lane's state (paifang.v1 LaneState) changed."""
        body = scan_pb2.LaneChange(device_id=device_id, state=cast(scan_pb2.LaneState, state), cause=cause)
        self._committer.submit(Note(body, moment))

    def alarm(self, code: str, detail: str, device_id: int = 0) -> None:
        """Something staff should see. `detail` holds no personal data."""
        body = scan_pb2.Alarm(code=code, detail=detail, device_id=device_id)
        self._committer.submit(Note(body, self._moment()), always=True)


def _since_us(credential: Credential) -> int:
    """Microseconds since the credential's last byte was readable."""
    return min(max(0, time.monotonic_ns() - credential.read_ns) // 1000, U32_MAX)
