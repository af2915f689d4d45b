"""Journal up, health up, time down: what the edge tells the cloud. With feed.py and enrol.py all that knows gRPC.

The journal is the outbox. Stored entries go up in order, byte for byte; the cloud's ack is cumulative and
durable, and only what is acked is trimmed, after some days: a cloud that comes back from a backup then gets again
what it has lost. A lost reply means the same entries again, which the cloud knows by (edge, epoch, seq). With each
report the cloud says where its copy stands, which is how an old or a cloned store is found. Nothing here is on the
way of a scan.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import grpc
import trio

from edge import space
from edge.clock import Clock
from edge.committer import Committer
from edge.enrol import CLOUD_NAME
from edge.identity import Identity
from edge.journal import ACKED, seq_key
from edge.standing import contradiction
from edge.works import Trim
from paifang.records import Table, entry_hash
from paifang.v1 import scan_pb2, scan_pb2_grpc

if TYPE_CHECKING:
    from edge._verify import Environment

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_ENTRIES = 500  # a call
MAX_BYTES = 1 << 20
IDLE_S = 0.05  # how soon a new entry is noticed
REPORT_S = 1.0
ANSWERED = 64  # questions remembered as answered: the cloud may ask again until it has the answer
CALL_TIMEOUT_S = 5.0
KEEP_S = 48 * 3600  # how long acked entries stay: yesterday's backup of the cloud can then be made whole
CROWDED_PERMILLE = 700  # in a store so full they do not
LOOKED_AT = 256  # entries whose age is looked at, a second

# A frozen peer is found in 2-3 s; a lost one is tried again after 0.1 to 1 s.
CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.ssl_target_name_override", CLOUD_NAME),
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.ping_timeout_ms", 2000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 3000),  # how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.max_send_message_length", 8 << 20),
    ("grpc.enable_http_proxy", 0),
]


def open_channel(
    identity: Identity, address: str, options: Sequence[tuple[str, int | str]] = CHANNEL_OPTIONS
) -> grpc.Channel:
    """A mutual-TLS connection: the gates' port. Connects by itself, again and again; close it at the end."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=identity.authority_pem,
        private_key=identity.key_pem,
        certificate_chain=identity.certificate_pem,
    )
    channel = grpc.secure_channel(address, credentials, options)
    # Without a watcher nothing polls between calls that fail at once, and no attempt to connect ever ends.
    channel.subscribe(lambda state: log.info("connection to %s: %s", address, state.name), try_to_connect=True)
    return channel


class Backoff:
    """0.1 s, doubling up to 1 s; `reset` when something got through."""

    def __init__(self, first_s: float = 0.1, most_s: float = 1.0) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._next_s = first_s

    def reset(self) -> None:
        self._next_s = self._first_s

    def next_s(self) -> float:
        now, self._next_s = self._next_s, min(self._next_s * 2, self._most_s)
        return now


def describe(problem: grpc.RpcError) -> str:
    """A call's failure in a line, for health and log."""
    code = problem.code() if isinstance(problem, grpc.Call) else None
    details = problem.details() if isinstance(problem, grpc.Call) else str(problem)
    return f"{code.name if code else 'UNKNOWN'}: {details}"


@dataclass(slots=True)
class UplinkState:
    """What health shows of it."""

    online: bool = False
    error: str = "not tried yet"
    acked: int = 0
    uploaded: int = 0  # entries acked since the daemon started
    sent_again: int = 0  # entries the cloud had acked and lost
    last_report_ms: int = 0


class Uplink:
    """Runs in the trio thread; each call waits in a worker thread.

    Args:
        status: how the edge is doing, asked for each report.
        answer: explains what staff ask about; may raise, which costs the answer and nothing else.
        elsewhere: told what the venue's other edges have counted, when the cloud says.
        contradicted: the cloud's copy of the journal has what this store never wrote: what, its last entry, and
            whether that is the first it said since the start. Whoever is told sets `first_seq`, where this store's
            own entries go on.
        restores: told how often the cloud came back from a backup.
        keep_s: how long acked entries stay.

    Attributes:
        tried: set once the cloud was asked, whatever came of it.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        environment: Environment,
        committer: Committer,
        clock: Clock,
        *,
        status: Callable[[], scan_pb2.EdgeStatus],
        alarm: Callable[[str, str], None],
        answer: Callable[[scan_pb2.Question], scan_pb2.Explanation],
        elsewhere: Callable[[scan_pb2.Elsewhere], None],
        contradicted: Callable[[str, int, bool], Awaitable[None]],
        restores: Callable[[int], None],
        keep_s: float = KEEP_S,
    ) -> None:
        self._stub = scan_pb2_grpc.ScanStub(channel)  # type: ignore[no-untyped-call]
        self._environment = environment
        self._committer = committer
        self._clock = clock
        self._status = status
        self._alarm = alarm
        self._answer = answer
        self._elsewhere = elsewhere
        self._contradicted = contradicted
        self._restores = restores
        self._keep_ms = int(keep_s * 1000)
        self._answered: deque[bytes] = deque(maxlen=ANSWERED)
        self._trimmed = (0, 0)
        self._asked = self._heard = 0  # reports sent, and the last of them that was answered
        self.first_seq = committer.last_seq + 1
        self.state = UplinkState(acked=self._acked_at_start())
        self.spoken = trio.Event()  # the cloud has told its time at least once
        self.tried = trio.Event()

    def _acked_at_start(self) -> int:
        """As it was noted. Only acked entries are ever trimmed, so all before the first stored one are."""
        rows = self._environment.scan(Table.JOURNAL, b"", 1)
        trimmed = int.from_bytes(rows[0][0], "big") - 1 if rows else self._committer.last_seq
        noted = int.from_bytes(self._environment.get(Table.META, ACKED) or b"", "big")
        return max(trimmed, min(noted, self._committer.last_seq))

    async def heard(self) -> None:
        """Waits for the answer to a report that is still to be sent, for a while at most."""
        due = self._asked + 1
        with trio.move_on_after(CALL_TIMEOUT_S):
            while self._heard < due:
                await trio.sleep(IDLE_S)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._upload_forever)
            nursery.start_soon(self._report_forever)

    # --- journal ------------------------------------------------------------------------------------------------------

    async def _upload_forever(self) -> None:
        backoff = Backoff()
        while True:
            if self.state.acked >= self._committer.last_seq:
                await trio.sleep(IDLE_S)
                continue
            try:
                moved = await self._upload()
            except grpc.RpcError as problem:
                self._failed(problem)
                moved = False
            if moved:
                backoff.reset()
            else:
                await trio.sleep(backoff.next_s())

    async def _upload(self) -> bool:
        """One call. Whether the ack moved on."""
        first = self.state.acked + 1
        rows = self._environment.scan(Table.JOURNAL, seq_key(first), MAX_ENTRIES, MAX_BYTES)
        if not rows:
            return False
        begin = int.from_bytes(rows[0][0], "big")
        # A call never spans a gap (entries a broken store has lost): the cloud places entries by their neighbours.
        entries = [entry for at, (key, entry) in enumerate(rows) if key == seq_key(begin + at)]
        batch = scan_pb2.JournalBatch(entries=entries)
        ack = await in_thread(lambda: self._stub.Upload(batch, timeout=CALL_TIMEOUT_S * 2))
        if not first <= ack.acked_seq <= self._committer.last_seq:
            # Lower: the cloud lost what it had acked. Higher: this store is older than the one it knows.
            self._alarm("uplink.ack", f"entries from {first} were acked up to {ack.acked_seq}")
            return False
        self.state.uploaded += min(len(entries), ack.acked_seq - begin + 1)
        self.state.acked = ack.acked_seq
        return True

    def _trim(self) -> None:
        """Once a second at most: notes what is acked, and forgets what has been for long enough."""
        trim = (self.state.acked, self._outdated())
        if trim != self._trimmed and self._committer.submit(Trim(*trim)):
            self._trimmed = trim

    def _outdated(self) -> int:
        """The last acked entry that need not be kept, of the oldest that are stored."""
        if not self._keep_ms or space.used_permille(self._environment) >= CROWDED_PERMILLE:
            return self.state.acked
        old_ms = self._clock.now_ms() - self._keep_ms
        until = 0
        for key, raw in self._environment.scan(Table.JOURNAL, b"", LOOKED_AT):
            seq = int.from_bytes(key, "big")
            if seq > self.state.acked or scan_pb2.Entry.FromString(raw).at_ms >= old_ms:
                break
            until = seq
        return until

    # --- health -------------------------------------------------------------------------------------------------------

    async def _report_forever(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                started = trio.current_time()
                try:
                    questions = await self._report()
                    nursery.start_soon(self._answer_all, questions)
                except grpc.RpcError as problem:
                    self._failed(problem)
                self.tried.set()
                self._trim()
                await trio.sleep_until(started + REPORT_S)

    async def _report(self) -> list[scan_pb2.Question]:
        """What the cloud asks in return."""
        status, acked = self._status(), self.state.acked
        self._asked += 1

        def call() -> tuple[scan_pb2.ReportReply, int, int]:
            sent_ns = time.monotonic_ns()
            reply = self._stub.Report(status, timeout=CALL_TIMEOUT_S)
            return reply, sent_ns, time.monotonic_ns()

        reply, sent_ns, received_ns = await in_thread(call)
        self._clock.confirm(reply.cloud_time_ms, sent_ns, received_ns)
        self.state.online, self.state.error = True, ""
        self.state.last_report_ms = self._clock.now_ms()
        self.spoken.set()
        if reply.HasField("elsewhere"):
            self._elsewhere(reply.elsewhere)
        self._restores(reply.restores)
        if reply.HasField("journal"):
            await self._compare(reply.journal, acked)
        self._heard = self._asked
        return list(reply.questions)

    async def _compare(self, told: scan_pb2.JournalTail, acked: int) -> None:
        """The cloud's copy with this store. `acked`: by the cloud, before it was asked."""
        first = not self._heard
        stored = (
            self._environment.get(Table.JOURNAL, seq_key(told.seq)) if first or told.seq >= self.first_seq else None
        )
        problem = contradiction(
            told, epoch=self._committer.epoch, first_seq=self.first_seq, last_seq=self._committer.last_seq,
            entry_hash=entry_hash(stored) if stored is not None else None,
        )  # fmt: skip
        if problem:
            await self._contradicted(problem, told.seq, first)
        elif told.seq < acked and self.state.acked >= acked:
            self._alarm("cloud.restored", f"entries up to {acked} were acked, the cloud holds {told.seq}: sent again")
            self.state.sent_again += acked - told.seq
            self.state.acked = told.seq

    async def _answer_all(self, questions: Iterable[scan_pb2.Question]) -> None:
        """Answers staff, each question once. What goes wrong here is logged: the gates do not depend on it."""
        for question in questions:
            if question.id in self._answered:
                continue
            self._answered.append(question.id)
            try:
                explanation = self._answer(question)
            except Exception as problem:  # noqa: BLE001 - a question must never stop the reports
                # No traceback and no message: they could hold what was asked about.
                log.error("a question could not be answered: %s", type(problem).__name__)
                continue
            try:
                await in_thread(partial(self._stub.Explain, explanation, timeout=CALL_TIMEOUT_S))
            except grpc.RpcError as problem:
                log.warning("an answer was not taken: %s", describe(problem))
                self._answered.remove(question.id)  # it may be asked again

    def _failed(self, problem: grpc.RpcError) -> None:
        self.state.online, self.state.error = False, describe(problem)


async def in_thread(call: Callable[[], T]) -> T:
    """Runs a blocking call of gRPC. Cancelled, the call is left to end by itself: close the channel, or cancel it."""
    return await trio.to_thread.run_sync(call, abandon_on_cancel=True)
