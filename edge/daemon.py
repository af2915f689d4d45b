"""The edge as a process: opens the store, wires the rooms together, keeps them running, and stops cleanly.

A room that fails is started again and never takes another with it: the cloud's side may be down for days and
one lane's port may be on fire, the other lanes go on.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

import trio

from edge import claims_setup, health, http, identity, keyring, standing, store, suspicion, witness
from edge.admission import Admissions
from edge.claims import LOCAL
from edge.claims_etcd import EtcdClaims
from edge.clock import Clock
from edge.clock_watch import ClockWatch
from edge.committer import BROKEN, Committer
from edge.config import EdgeConfig
from edge.entrance import LaneRunner
from edge.errors import KeySetError, StartError
from edge.explain import Explainer
from edge.feed import KEYSET, Feed
from edge.identity import Identity
from edge.keyring import KeyRing
from edge.occupancy import Occupancy
from edge.store import Opened
from edge.texts import Texts
from edge.uplink import Uplink, open_channel
from edge.verifier import StoreError
from edge.witness import Witness
from edge.works import PutMeta
from paifang import __version__
from paifang.business_day import Calendar
from paifang.records import Table, VenueSettings, live_key
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment

log = logging.getLogger(__name__)

CLOCK_MARK = b"clock.mark"  # its row in META: u64, milliseconds
SWITCH_INTERVAL_S = 1e-4  # a busy worker thread gives the interpreter back within 0.1 ms, not 5
ALARM_AGAIN_S = 60.0  # the same alarm is journalled at most this often
RESTART_S = 1.0
ASK_FIRST_S = 1.0  # lanes wait so long for the cloud's first word: it may know that this store is an old copy


def run(config: EdgeConfig) -> None:
    """Runs until SIGTERM or SIGINT. Raises NotEnrolledError, StartError."""
    enrolled = identity.load(config.state)
    module = store.core(config)
    opened = store.open_store(module, config.state, config.map_size_mb)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    daemon = _Daemon(config, enrolled, module, opened)
    try:
        trio.run(daemon.run)
    finally:
        opened.environment.close()
    if daemon.fault:
        raise StartError(f"the store is at fault ({daemon.fault}): the next start looks it through")


class _Daemon:
    def __init__(self, config: EdgeConfig, enrolled: Identity, module: Any, opened: Opened) -> None:
        self.config = config
        self.enrolled = enrolled
        self.module = module
        self.opened = opened
        self.environment: Environment = opened.environment
        self.alarmed: dict[tuple[str, int], float] = {}
        self.texts = Texts()
        self.lasted = False
        self.fault = self.unreadable = ""

    async def run(self) -> None:
        """Wires everything; on the way out everything queued is written before the store closes."""
        token = trio.lowlevel.current_trio_token()
        self.lasts_at = trio.current_time() + suspicion.LASTED_S
        old = witness.check(self.environment, self.config.state, self.enrolled.edge_id)
        standing.mark_new(self.environment)
        self.committer = Committer(self.environment, edge_id=self.enrolled.edge_id, deliver=token.run_sync_soon)
        self.clock = Clock(self._stored_mark(), self._save_mark)
        self.keys = KeyRing(self.enrolled.root_key, self.enrolled.venue_id)
        self.verifier = self.module.Verifier(self.environment, self.enrolled.pepper)
        self.site = claims_setup.on_etcd(
            self.config, self.enrolled, self.environment, self.committer, now_ms=self.clock.now_ms, alarm=self.alarm,
            healed=self._healed, forgetful=lambda: self.admissions.standing.catching_up,
        )  # fmt: skip
        self.admissions = Admissions(
            self.environment, self.verifier, self.committer, decide=self.module.decide, moment=self.clock.moment,
            claims=self.site or LOCAL,
        )  # fmt: skip
        self.explainer = Explainer(
            self.environment, self.verifier, self.enrolled.pepper, pass_keys=self.keys.pass_keys,
            calendar=lambda: self.clock.calendar, now_ms=self.clock.now_ms, room=self.admissions.room.left,
        )  # fmt: skip
        self.admissions.standing.stale_ms = int(self.config.max_age_hours * standing.HOUR_MS)
        self.witness = Witness(
            self.environment, self.committer, self.admissions, state=self.config.state, alarm=self.alarm
        )
        self.committer.start()
        gates = self.config.gates or self.enrolled.gates_address
        channel = open_channel(self.enrolled, gates)
        try:
            self._first_entries(old)
            self.parts = self._parts(gates, channel)
            self._use_settings()
            gc.collect()
            gc.freeze()  # what lives as long as the daemon need not be looked through again
            await self._supervise()
        finally:
            with trio.CancelScope(shield=True):
                channel.close()
                if self.site is not None:
                    self.site.close()
                await trio.to_thread.run_sync(self.committer.stop)
                self.witness.note()
            log.info("stopped: entry %d is the last, all of it on disk", self.committer.last_seq)

    def _parts(self, gates: str, channel: Any) -> health.Parts:
        uplink = Uplink(
            channel, self.environment, self.committer, self.clock,
            status=lambda: health.edge_status(self.parts), alarm=self.alarm, answer=self.explainer.answer,
            elsewhere=self._elsewhere, contradicted=self.witness.contradicted, restores=self.witness.restores,
            keep_s=self.config.journal_keep_hours * 3600,
        )  # fmt: skip
        feed = Feed(
            channel, self.environment, self.committer, self.keys, self.clock, edge_id=self.enrolled.edge_id,
            ready=uplink.spoken, alarm=self.alarm, live_changed=self._live_changed, keys_changed=self._keys_changed,
            current_to=self.admissions.signed_only.current_to, standing=self.admissions.standing, heard=uplink.heard,
        )  # fmt: skip
        self.witness.feed, self.witness.uplink = feed, uplink
        self.lanes = [
            LaneRunner(lane, self.environment, self.admissions, self.clock.moment, texts=self.texts)
            for lane in self.config.lanes
        ]
        return health.Parts(
            config=self.config, identity=self.enrolled, gates=gates, verifier=self.module.IMPLEMENTATION,
            version=__version__, environment=self.environment, committer=self.committer, admissions=self.admissions,
            clock=self.clock, keys=self.keys, feed=feed, uplink=uplink, lanes=self.lanes,
            started_ns=time.monotonic_ns(), site=self.site,
        )  # fmt: skip

    def _first_entries(self, old: str) -> None:
        """The boot entry, the stored keys, and an alarm for a store that was broken or is an old copy."""
        self.admissions.boot(__version__, self.module.IMPLEMENTATION)
        if self.opened.instead is not None:
            self.alarm("store.broken", str(self.opened.instead))
        elif self.opened.suspected:
            self.alarm("store.suspect", f"{self.opened.suspected}: looked through, it is whole")
        if old:
            self.alarm(standing.RESTORED, old)
        stored = self.environment.get(Table.META, KEYSET)
        if stored is not None:
            try:
                self.keys.offer(*keyring.unpack_stored(stored))
            except KeySetError as refused:
                self.alarm(refused.code, f"the stored set: {refused}")
        self._keys_changed()

    # --- running ------------------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        log.info(
            "edge %d (%s) of venue %d, %s verifier, %d lanes, entry %d",
            self.enrolled.edge_id, self.config.name, self.enrolled.venue_id, self.module.IMPLEMENTATION,
            len(self.config.lanes), self.committer.last_seq,
        )  # fmt: skip
        async with trio.open_nursery() as nursery:
            self.scope = nursery.cancel_scope
            nursery.start_soon(self._stop_on_signal, nursery.cancel_scope)
            nursery.start_soon(self._keep, "uplink", self.parts.uplink.run)
            nursery.start_soon(self._keep, "feed", self.parts.feed.run)
            nursery.start_soon(self._start_lanes, nursery)
            if self.site is not None:
                nursery.start_soon(self._start_claims, self.site)
            nursery.start_soon(self._keep, "clock", self._tick_forever)
            if self.config.http:
                said = partial(health.health, self.parts)
                served = partial(http.serve_forever, self.config.http, said, self.explainer.asked)
                nursery.start_soon(self._keep, "http", served)

    async def _start_lanes(self, nursery: trio.Nursery) -> None:
        with trio.move_on_after(ASK_FIRST_S):
            await self.parts.uplink.tried.wait()
        for config, lane in zip(self.config.lanes, self.lanes, strict=True):
            nursery.start_soon(self._keep, f"lane {config.device}", lane.run)

    async def _start_claims(self, site: EtcdClaims) -> None:
        """As the lanes: what a store has forgotten must not be told as if it had not been."""
        with trio.move_on_after(ASK_FIRST_S):
            await self.parts.uplink.tried.wait()
        await self._keep("claims", site.run)

    async def _keep(self, name: str, room: Callable[[], Awaitable[None]]) -> None:
        """Runs a room for ever."""
        while True:
            try:
                await room()
                log.error("%s ended; it is started again", name)
            except StoreError as problem:
                log.exception("%s failed", name)
                self.unreadable = str(problem) if problem.code in BROKEN else self.unreadable
            except Exception:
                log.exception("%s failed; it is started again", name)
            self.alarm("daemon.restart", f"{name} was started again")
            await trio.sleep(RESTART_S)

    async def _stop_on_signal(self, scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                log.info("stopping on %s", signal.Signals(number).name)
                scope.cancel()

    async def _tick_forever(self) -> None:
        watch = ClockWatch(self.clock, self.alarm)
        while True:
            self.clock.tick()
            self.witness.note()
            self._look_after_store()
            self.verifier.skew_ms = self.clock.bound_ms()
            self.admissions.room.watch(self.clock.moment().day, self.alarm)
            watch.look()
            await trio.sleep(1)

    def _look_after_store(self) -> None:
        """Ends the process where only another start can help: that one looks the store through."""
        if not self.lasted and trio.current_time() >= self.lasts_at:
            self.lasted = True
            suspicion.lasted(self.config.state)
        broken = self.committer.broken or self.admissions.unreadable or self.unreadable
        if broken:
            suspicion.suspect(self.config.state, broken)
            self.fault = broken
            self.scope.cancel()

    # --- what the rooms tell each other -------------------------------------------------------------------------------

    def alarm(self, code: str, detail: str, device_id: int = 0) -> None:
        """Journalled and logged; a trouble that repeats itself only once a minute."""
        now = trio.current_time()
        if now < self.alarmed.get((code, device_id), 0.0):
            return
        self.alarmed[code, device_id] = now + ALARM_AGAIN_S
        log.error("alarm %s: %s", code, detail)
        self.admissions.alarm(code, detail, device_id)

    def _live_changed(self) -> None:
        """The feed changed rule sets, stations, devices or the venue's settings."""
        self.verifier.reload_live()
        if self.site is not None:
            self.site.live_changed()
        self._use_settings()
        for lane in self.lanes:
            lane.relocate()

    def _use_settings(self) -> None:
        stored = self.environment.get(Table.VENUE, live_key(self.enrolled.venue_id))
        if stored is None:
            return
        try:
            settings = VenueSettings.unpack(stored)
            self.clock.use_calendar(Calendar(settings.time_zone, settings.day_start_minutes))
            self.texts.use_settings(settings)
        except (ValueError, KeyError, TypeError, ZoneInfoNotFoundError) as problem:
            self.alarm("venue.settings", f"the venue's settings cannot be used, the ones before stay: {problem}")
            return
        self.admissions.room.use_settings(settings)
        self.admissions.signed_only.use_settings(settings.signed_only)
        self.admissions.exposure.use_settings(settings.outage)
        if settings.keyset_version > self.keys.version:
            self.parts.feed.ask_keys()

    def _elsewhere(self, told: scan_pb2.Elsewhere) -> None:
        """The cloud says what the other edges have counted."""
        self.admissions.room.told(Occupancy(told.day, told.entered, told.left), self.clock.now_ms())

    def _healed(self) -> None:
        """Etcd holds all that this edge has: what was admitted without a claim, if anybody was, is over."""
        persons = self.admissions.exposure.persons
        if persons:
            self.alarm("claims.healed", f"{persons} persons were admitted without a claim")
            self.admissions.exposure.over()
        self.alarmed.pop(("claims.no_quorum", 0), None)

    def _keys_changed(self) -> None:
        self.verifier.set_pass_keys(self.keys.pass_keys())

    def _stored_mark(self) -> int:
        stored = self.environment.get(Table.META, CLOCK_MARK)
        return int.from_bytes(stored, "big") if stored else 0

    def _save_mark(self, mark_ms: int) -> None:
        self.committer.submit(PutMeta([(CLOCK_MARK, mark_ms.to_bytes(8, "big"))]))
