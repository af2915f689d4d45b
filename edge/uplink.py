"""Journal up, health up, time down: what the edge tells the cloud. With feed.py and enrol.py all that knows gRPC.

The journal is the outbox. Stored entries go up in order, byte for byte; the cloud's ack is cumulative and
durable, and only what is acked is trimmed. A lost reply means the same entries again, which the cloud knows by
(edge, epoch, seq). Nothing here is on the way of a scan.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import grpc
import trio

from edge.clock import Clock
from edge.committer import Committer
from edge.enrol import CLOUD_NAME
from edge.identity import Identity
from edge.journal import seq_key
from edge.works import Trim
from paifang.records import Table
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
    last_report_ms: int = 0


class Uplink:
    """Runs in the trio thread; each call waits in a worker thread.

    Args:
        status: how the edge is doing, asked for each report.
        answer: explains what staff ask about; may raise, which costs the answer and nothing else.
        elsewhere: told what the venue's other edges have counted, when the cloud says.
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
    ) -> None:
        self._stub = scan_pb2_grpc.ScanStub(channel)  # type: ignore[no-untyped-call]
        self._environment = environment
        self._committer = committer
        self._clock = clock
        self._status = status
        self._alarm = alarm
        self._answer = answer
        self._elsewhere = elsewhere
        self._answered: deque[bytes] = deque(maxlen=ANSWERED)
        self._trimmed = 0
        self.state = UplinkState(acked=self._acked_at_start())
        self.spoken = trio.Event()  # the cloud has told its time at least once

    def _acked_at_start(self) -> int:
        """Only acked entries are ever trimmed, so all before the first stored one are."""
        rows = self._environment.scan(Table.JOURNAL, b"", 1)
        return int.from_bytes(rows[0][0], "big") - 1 if rows else self._committer.last_seq

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
        """Once a second at most: what is acked is of no more use here."""
        acked = self.state.acked
        if acked > self._trimmed and self._committer.submit(Trim(acked)):
            self._trimmed = acked

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
                self._trim()
                await trio.sleep_until(started + REPORT_S)

    async def _report(self) -> list[scan_pb2.Question]:
        """What the cloud asks in return."""
        status = self._status()

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
        return list(reply.questions)

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
