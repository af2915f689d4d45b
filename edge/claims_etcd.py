"""Claims on etcd: a compare-and-swap on the one key of a counter owner, whose loser decides again on what is there.

While a majority of its members cannot be reached every claim is answered at once, without quorum. What the store has
and etcd does not is in the table CLAIM and told as soon as it can be; see edge.claim_works.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import trio

from edge import uses
from edge.claim_ledger import Ledger, Witness
from edge.claim_record import Reservation, SharedUsage
from edge.claim_works import Learn, Learned, Told, owner_key
from edge.claims import DAY_S, KEEP_DAYS, Answer, Claim, Outcome, Reach, State
from edge.claims_retell import everything
from edge.claims_watch import Watch, news_of
from edge.committer import Committer
from edge.etcd_client import AnswerError, NoQuorumError
from edge.works import Work
from paifang.records import Record, Table, entitlement_key

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict

log = logging.getLogger(__name__)

TRIES = 4  # swaps of one claim, before it is called lost
AT_ONCE = 16  # owners told of at the same time
LOOK_S = 1.0  # between two looks at the members while all is well
AGAIN_S = 0.1  # and while they cannot be reached
UNKNOWN_DAYS = 400  # an owner's key is kept where nothing here says how long its ticket is good


@dataclass(frozen=True, slots=True)
class _Asked:
    """A claim, and until when (trio's clock) it may be answered."""

    claim: Claim
    done: Callable[[Answer], None]
    until: float


class EtcdClaims:
    """Runs in the trio thread.

    Args:
        store_id: names the store: another one, or one from before etcd's witness, has forgotten uses.
        forgetful: whether the store is known to have, by another witness.
        alarm: (code, detail), journalled.
        healed: etcd holds all that this edge has, after it had not.

    Attributes:
        error: what the members said last, "" while they answer.
    """

    def __init__(
        self, ledger: Ledger, environment: Environment, committer: Committer, reach: Reach, *, edge_id: int,
        store_id: bytes, alarm: Callable[[str, str], None], healed: Callable[[], None],
        forgetful: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._environment = environment
        self._committer = committer
        self._reach = reach
        self._edge_id = edge_id
        self._store_id = store_id
        self._first_seq = committer.last_seq
        self._alarm = alarm
        self._healed = healed
        self._forgetful = forgetful
        self._flying: dict[int, dict[int, Reservation]] = {}  # won, and not yet in the store
        self._waiting: dict[int, deque[_Asked]] = {}  # claims by owner, the first of them being made
        self._turns: WeakValueDictionary[int, trio.Lock] = WeakValueDictionary()
        self._nursery: trio.Nursery | None = None
        self._wanted = trio.Event()  # something is to be told
        self._changed = trio.Event()  # the state
        self._behind = True  # something may be untold since the last time all was
        self._old = False  # the store had forgotten what etcd holds, when it was opened
        self._synced = False  # all of that is in it again
        self._cluster_id: int | None = None
        self._anew = False  # etcd knows nothing of this edge yet
        self.state = State.NO_QUORUM
        self.error = "not tried yet"
        self.won = self.lost = self.unanswered = 0

    # --- for admissions -----------------------------------------------------------------------------------------------

    def live_changed(self) -> None:
        """Stations or devices changed: others may be in reach."""
        self._reach.look(self._environment)

    def close(self) -> None:
        """Ends the connections."""
        self._ledger.cluster.close()

    def shares(self, verdict: Verdict) -> bool:
        return self._reach.shares(verdict)

    def take(self, claim: Claim, done: Callable[[Answer], None]) -> None:
        if self._nursery is None or self.state is not State.QUORUM:
            self._behind = True
            self.unanswered += 1
            done(Answer(Outcome.NO_QUORUM))
            return
        until = trio.current_time() + self._ledger.cluster.timeout_s * 1.5
        waiting = self._waiting.get(claim.owner_id)
        if waiting is not None:
            waiting.append(_Asked(claim, done, until))
            return
        self._waiting[claim.owner_id] = deque([_Asked(claim, done, until)])
        self._nursery.start_soon(self._serve, claim.owner_id)

    def over(self, claim: Claim) -> None:
        flying = self._flying.get(claim.owner_id, {})
        flying.pop(claim.event, None)
        if not flying:
            self._flying.pop(claim.owner_id, None)

    def tell(self) -> None:
        self._behind = True
        self._wanted.set()

    async def _serve(self, owner_id: int) -> None:
        """The claims on one owner in their order: each stands on what the one before it left."""
        waiting = self._waiting[owner_id]
        try:
            while waiting:
                await self._take(waiting[0])
                waiting.popleft()
        finally:
            del self._waiting[owner_id]
            for asked in list(waiting)[1:]:  # cancelled; the first has its answer
                self._answer(asked.claim, Answer(Outcome.NO_QUORUM), asked.done)

    async def _take(self, asked: _Asked) -> None:
        """One claim; `done` comes whatever happens, for a lane waits for it."""
        claim = asked.claim
        answer = Answer(Outcome.LOST)  # others are before it for longer than it may wait
        try:
            with trio.move_on_at(asked.until) as scope:
                async with self._turn(claim.owner_id):
                    answer = Answer(Outcome.NO_QUORUM, asked=True)
                    try:
                        answer = await self._compete(claim)
                    except (NoQuorumError, AnswerError) as problem:
                        self._down(str(problem))
                    except ValueError as problem:
                        self._alarm("claims.unreadable", f"the uses of an owner: {problem}")
            if scope.cancelled_caught and answer.outcome is Outcome.NO_QUORUM:
                self._down("no answer in time")
        finally:
            self._answer(claim, answer, asked.done)

    def _answer(self, claim: Claim, answer: Answer, done: Callable[[Answer], None]) -> None:
        self.won += answer.outcome is Outcome.WON
        self.lost += answer.outcome is Outcome.LOST
        self.unanswered += answer.outcome is Outcome.NO_QUORUM
        try:
            done(answer)
        except Exception:
            log.exception("an answer to a claim was not taken")  # and the claims after it still get theirs

    async def _compete(self, claim: Claim) -> Answer:
        owner, edge = claim.owner_id, self._edge_id
        known = self._ledger.known(owner)
        for _ in range(TRIES):
            if any(one.event == claim.event for one in known.value.reservations):  # an answer that got lost
                return self._win(claim)
            news, ahead = known.value.news(edge, claim.sight.seen), known.value.ahead(edge, claim.sight.own)
            learned = Learned(owner, news, ahead, self._forgot(known.value))
            if learned:
                return Answer(Outcome.LOST, learned)
            mine = self._reservations(owner)
            mine[claim.event] = Reservation(claim.event, edge, self._committer.epoch, claim.persons)
            value = known.value.told(edge, {**claim.sight.own, **claim.after}, mine.values(), claim.until_day)
            won, known = await self._ledger.swap(owner, known, value)
            if won:
                return self._win(claim)
        return Answer(Outcome.LOST)

    def _win(self, claim: Claim) -> Answer:
        reservation = Reservation(claim.event, self._edge_id, self._committer.epoch, claim.persons)
        self._flying.setdefault(claim.owner_id, {})[claim.event] = reservation
        return Answer(Outcome.WON)

    def _reservations(self, owner_id: int) -> dict[int, Reservation]:
        """This edge's open ones of an owner, by event: those in the store and those on their way to it."""
        found = {
            use.event: Reservation(use.event, self._edge_id, self._committer.epoch, use.persons)
            for use in uses.all_open(self._environment)
            if use.owner_id == owner_id and use.event and not use.leaving
        }
        return found | self._flying.get(owner_id, {})

    def _turn(self, owner_id: int) -> trio.Lock:
        """One at a time writes an owner's key from here."""
        lock = self._turns.get(owner_id)
        if lock is None:
            lock = self._turns[owner_id] = trio.Lock()
        return lock

    # --- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        watch = Watch(
            self._ledger, self._environment, self._commit, edge_id=self._edge_id, alarm=self._alarm,
            stale=self._stale,
        )  # fmt: skip
        try:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self._look_forever)
                self._nursery.start_soon(self._tell_forever)
                while True:
                    await self._until(State.QUORUM)
                    if self._anew:
                        await everything(self._environment, self._commit, self._ledger.now_s())
                        self._anew = False
                    await watch.follow(synced=self._caught_up)
                    await trio.sleep(AGAIN_S)
        finally:
            self._nursery = None
            self._down("starting again")

    async def _look_forever(self) -> None:
        """Whether a majority can be written to."""
        while True:
            changed = self._changed
            try:
                with trio.fail_after(self._ledger.cluster.timeout_s * 4):
                    await self._say()
                self._up()
            except (NoQuorumError, AnswerError, trio.TooSlowError) as problem:
                self._down(str(problem) or "no answer in time")
            if self.state is State.QUORUM:
                with trio.move_on_after(LOOK_S):
                    await changed.wait()
            else:
                await trio.sleep(AGAIN_S)

    async def _say(self) -> None:
        """Says how far this store has come, once nothing of it is missing there, nor here."""
        before = await self._ledger.witness()
        if self._ledger.cluster_id != self._cluster_id:  # at the start, and where it was set up anew
            self._cluster_id = self._ledger.cluster_id
            self._anew = before is None
            if before is not None and (before.store != self._store_id or before.seq > self._first_seq):
                self._old = True
                self._alarm(
                    "claims.store_old",
                    f"the store ends with entry {self._first_seq}, etcd has seen {before.seq}: its uses are taken "
                    "from there",
                )
        if not self._anew and (self._synced or not self._old):
            await self._ledger.say(Witness(self._store_id, self._committer.last_seq))

    def _forgot(self, value: SharedUsage) -> bool:
        """Whether own uses that are ahead of the store are ones it forgot, rather than a claim that came to nothing.

        What was put since the start says so by a reservation of this start, and was made from all that etcd had.
        """
        epoch = self._committer.epoch
        fresh = any(one.edge_id == self._edge_id and one.epoch == epoch for one in value.reservations)
        return (self._old or self._forgetful()) and not fresh

    def _caught_up(self) -> None:
        """All that etcd holds of this edge's own uses is in the store."""
        self._synced = True

    def _up(self) -> None:
        if self.state is not State.QUORUM:
            log.info("claims: a majority answers")
            self.state, self.error = State.QUORUM, ""
            self._flip()
            self.tell()

    def _down(self, why: str) -> None:
        self.error = why
        if self.state is State.QUORUM:
            self.state = State.NO_QUORUM
            self._flip()
            self._alarm("claims.no_quorum", why)
        self._behind = True

    def _flip(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def _until(self, state: State) -> None:
        while self.state is not state:
            await self._changed.wait()

    def _stale(self, owner_id: int, value: SharedUsage) -> Learned:
        """What a key says of this edge that its store does not: a claim from before a crash, or uses it forgot."""
        if owner_id in self._flying or owner_id in self._turns:
            return Learned(owner_id)  # a claim is on its way, and knows
        own = value.ahead(self._edge_id, self._stored(owner_id))
        ours = {one.event for one in value.reservations if one.edge_id == self._edge_id}
        gone = bool(ours) and not ours <= self._reservations(owner_id).keys()
        return Learned(owner_id, own=own, adopt=self._forgot(value), tell=gone)

    async def _commit(self, work: Work) -> None:
        """Has a work written, and waits for it."""
        ready = trio.Event()
        while not self._committer.submit(work, lambda _: ready.set()):
            await trio.sleep(AGAIN_S)
        await ready.wait()
        self.tell()

    # --- telling ------------------------------------------------------------------------------------------------------

    async def _tell_forever(self) -> None:
        while True:
            with trio.move_on_after(LOOK_S):
                await self._wanted.wait()
            self._wanted = trio.Event()
            await self._until(State.QUORUM)
            self._behind = self._behind or self._environment.entries(Table.CLAIM) > 0
            while self._behind and self.state is State.QUORUM:
                self._behind = False
                if not await self._tell_all():
                    self._behind = True
                    await trio.sleep(AGAIN_S)
                    continue
                self._healed()

    async def _tell_all(self) -> bool:
        """Whether etcd then held everything."""
        after, done = b"", True
        while rows := self._environment.scan(Table.CLAIM, after, AT_ONCE):
            told: dict[bytes, bytes] = {}
            async with trio.open_nursery() as nursery:
                for key, value in rows:
                    nursery.start_soon(self._tell_row, key, value, told)
            if told and not self._committer.submit(Told(told), always=True):
                return False
            done = done and len(told) == len(rows)
            after = rows[-1][0] + b"\0"
        return done

    async def _tell_row(self, key: bytes, value: bytes, told: dict[bytes, bytes]) -> None:
        owner_id = int.from_bytes(key, "big")
        try:
            async with self._turn(owner_id):
                if await self._tell(owner_id):
                    told[key] = value
        except NoQuorumError as problem:
            self._down(str(problem))
        except (AnswerError, ValueError) as problem:
            self._alarm("claims.refused", f"etcd cannot be told of an owner's uses: {problem}")

    async def _tell(self, owner_id: int) -> bool:
        """Makes an owner's key say what the store has. False: later, for something else is on its way."""
        known = self._ledger.known(owner_id)
        for _ in range(TRIES):
            if owner_id in self._flying:
                return False
            own = self._stored(owner_id)
            ahead = known.value.ahead(self._edge_id, own)
            if ahead:
                learned = Learned(owner_id, own=ahead, adopt=self._forgot(known.value))
                self._committer.submit(Learn([learned]), always=True)
                return False
            others = news_of(self._environment, self._edge_id, owner_id, known.value)
            if others:
                self._committer.submit(Learn([Learned(owner_id, others)]), always=True)
            reservations = self._reservations(owner_id).values()
            value = known.value.told(self._edge_id, own, reservations, self._until_day(owner_id))
            if known.revision and value == known.value:
                return True
            won, known = await self._ledger.swap(owner_id, known, value)
            if won:
                return True
        return False

    def _stored(self, owner_id: int) -> dict[int, bytes]:
        """This edge's records of an owner, by group."""
        owner = owner_key(owner_id)
        rows = self._environment.scan(Table.USAGE, owner, 1 << 20, prefix=owner)
        return {int.from_bytes(key[8:], "big"): usage for key, usage in rows}

    def _until_day(self, owner_id: int) -> int:
        """How long an owner's key is kept at least: to the end of its ticket, where the store knows it."""
        row = self._environment.get(Table.ENTITLEMENT, entitlement_key(owner_id))
        try:
            return Record.unpack(row).not_after // DAY_S + KEEP_DAYS if row is not None else self._far_day()
        except ValueError:  # of a later layout
            return self._far_day()

    def _far_day(self) -> int:
        return self._ledger.today() + UNKNOWN_DAYS
