"""A cloud small enough to hold in the hand: real gRPC over TLS, signed batches, and every way to misbehave.

What it was told and what it answered is kept in plain lists and dictionaries. All of it may be used from the
test's thread; the servicers run in gRPC's.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from google.protobuf.message import DecodeError
from nacl.signing import SigningKey

from edge.identity import Identity
from paifang.records import KEYSET_TAG, KeySet, Op, PublicKey, entry_hash, feed_signing_bytes, pack_ops
from paifang.v1 import enrol_pb2, enrol_pb2_grpc, feed_pb2, feed_pb2_grpc, scan_pb2, scan_pb2_grpc
from tests.support.pki import Authority, key_pem, new_key

VENUE, EDGE = 5, 7
PEPPER = bytes(32)
URGENT, BULK = feed_pb2.STREAM_URGENT, feed_pb2.STREAM_BULK
DELTA, SNAPSHOT, START = feed_pb2.BATCH_KIND_DELTA, feed_pb2.BATCH_KIND_SNAPSHOT, feed_pb2.BATCH_KIND_START
HEARTBEAT_S = 0.05
SLICE = 16  # rows of a snapshot's batch

_OPTIONS = [
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 200),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
]


class FakeCloud:
    """Attributes that steer it:
    tamper: every batch goes through it; what it returns is sent instead (a list, so that it may drop and repeat).
    cut_after: this many snapshot batches from now the stream breaks, once.
    trimmed: per stream, the sequence up to which rows are no longer kept.
    lose_replies: this many uploads are taken in, and their reply is lost.
    offset_ms: its clock's error.
    shown_after: PEM, shown after its own certificate chain.
    restores: how often it says it came back from a backup.
    database_gone: every call ends with UNAVAILABLE.
    """

    def __init__(self) -> None:
        self.authority = Authority.make()
        self.root, self.feed_key = SigningKey.generate(), SigningKey.generate()
        self.pass_keys: tuple[PublicKey, ...] = ()
        self.feed_keys = (self.public(1, self.feed_key),)
        self.keyset_version = 1
        self.tokens: dict[str, bytes | None] = {}  # secret -> certificate request's key that used it
        self.rows: dict[int, list[bytes]] = {URGENT: [], BULK: []}
        self.state: list[Op] = []  # what a snapshot holds, in key order
        self.generation = 100
        self.trimmed = {URGENT: 0, BULK: 0}
        self.tamper: Callable[[feed_pb2.FeedBatch], list[feed_pb2.FeedBatch]] = lambda batch: [batch]
        self.cut_after: int | None = None
        self.lose_replies = 0
        self.offset_ms = 0
        self.shown_after = b""
        self.subscribed: list[feed_pb2.SubscribeRequest] = []
        self.acks: list[feed_pb2.FeedAck] = []
        self.entries: dict[tuple[bytes, int], bytes] = {}
        self.uploads: list[list[int]] = []  # the sequences of each call
        self.changed_entries = 0  # the same (epoch, seq) with other bytes
        self.reports: list[scan_pb2.EdgeStatus] = []
        self.elsewhere: scan_pb2.Elsewhere | None = None  # told with each report's reply
        self.questions: list[scan_pb2.Question] = []  # likewise, until answered
        self.answers: dict[bytes, scan_pb2.Explanation] = {}
        self.unreadable: list[bytes] = []  # entries that are none
        self.restores = 0
        self.database_gone = False
        self.tail = scan_pb2.JournalTail(hash=bytes(32))  # of the journal, as the cloud keeps it
        self.enrolments = 0
        self._certificates: dict[str, bytes] = {}
        self._moved = threading.Condition()
        self._server: grpc.Server | None = None
        self._ports = (0, 0)

    # --- running ------------------------------------------------------------------------------------------------------

    def start(self) -> FakeCloud:
        """Serves; after a stop on the same ports as before."""
        key, chain = self.authority.server()
        chain += self.shown_after
        server = grpc.server(ThreadPoolExecutor(32), options=_OPTIONS)
        enrol_pb2_grpc.add_EnrolServicer_to_server(_Enrol(self), server)
        feed_pb2_grpc.add_FeedServicer_to_server(_Feed(self), server)
        scan_pb2_grpc.add_ScanServicer_to_server(_Scan(self), server)
        one_way = grpc.ssl_server_credentials([(key, chain)])
        mutual = grpc.ssl_server_credentials([(key, chain)], self.authority.pem, require_client_auth=True)
        self._ports = (
            server.add_secure_port(f"127.0.0.1:{self._ports[0]}", one_way),
            server.add_secure_port(f"127.0.0.1:{self._ports[1]}", mutual),
        )
        server.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Gone, with every call on it."""
        if self._server is not None:
            server, self._server = self._server, None
            with self._moved:
                self._moved.notify_all()
            server.stop(0).wait()

    @property
    def running(self) -> bool:
        return self._server is not None

    @property
    def enrol_address(self) -> str:
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def gates_address(self) -> str:
        return f"127.0.0.1:{self._ports[1]}"

    # --- who is who ---------------------------------------------------------------------------------------------------

    def token(self) -> str:
        secret = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
        self.tokens[secret] = None
        return f"{secret}.{self.authority.fingerprint}"

    def identity(self, edge_id: int = EDGE) -> Identity:
        """An edge enrolled without the enrol port."""
        key = new_key()
        return Identity(
            edge_id=edge_id, venue_id=VENUE, root_key=bytes(self.root.verify_key), gates_address=self.gates_address,
            pepper_version=1, pepper=PEPPER, key_pem=key_pem(key),
            certificate_pem=self.authority.client(str(edge_id), key.public_key()), authority_pem=self.authority.pem,
        )  # fmt: skip

    @staticmethod
    def public(key_id: int, key: SigningKey, *, killed: bool = False) -> PublicKey:
        return PublicKey(key_id, bytes(key.verify_key), 0, 2**32 - 1, killed)

    def keyset(self) -> tuple[bytes, bytes]:
        payload = KeySet(self.keyset_version, VENUE, self.pass_keys, self.feed_keys).pack()
        return payload, self.root.sign(KEYSET_TAG + payload).signature

    # --- the feed -----------------------------------------------------------------------------------------------------

    def publish(self, stream: int, *ops: Op) -> int:
        """One row; its sequence."""
        with self._moved:
            self.rows[stream].append(pack_ops(ops))
            self._moved.notify_all()
            return len(self.rows[stream])

    def seal(self, batch: feed_pb2.FeedBatch, key: SigningKey | None = None) -> feed_pb2.FeedBatch:
        """Signs a batch as the venue's feed key, or with another key in its name."""
        batch.key_id = self.feed_keys[0].key_id
        batch.signature = (key or self.feed_key).sign(
            feed_signing_bytes(
                venue_id=batch.venue_id, stream=batch.stream, kind=batch.kind, first_seq=batch.first_seq,
                last_seq=batch.last_seq, current_to_ms=batch.current_to_ms, generation=batch.generation,
                snapshot_end=batch.snapshot_end, ops=batch.ops,
            )
        ).signature  # fmt: skip
        return batch

    def batch(self, stream: int, kind: int, first_seq: int, last_seq: int, **more: Any) -> feed_pb2.FeedBatch:
        return self.seal(
            feed_pb2.FeedBatch(
                venue_id=VENUE, stream=stream, kind=kind, first_seq=first_seq, last_seq=last_seq,  # type: ignore[arg-type]
                current_to_ms=self.now_ms(), **more,
            )
        )  # fmt: skip

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.offset_ms

    def need_database(self, context: grpc.ServicerContext) -> None:
        if self.database_gone:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the database is not available; try again")

    def go_back_to(self, entries: dict[tuple[bytes, int], bytes]) -> None:
        """A backup of the journal is put in place: what came since is not known any more."""
        self.entries = dict(entries)
        last = max(map(scan_pb2.Entry.FromString, entries.values()), key=lambda entry: entry.seq)
        raw = entries[last.epoch, last.seq]
        self.tail = scan_pb2.JournalTail(epoch=last.epoch, seq=last.seq, hash=entry_hash(raw))

    # --- the journal --------------------------------------------------------------------------------------------------

    def journal(self) -> list[scan_pb2.Entry]:
        """Every entry taken in, by sequence."""
        return sorted((scan_pb2.Entry.FromString(raw) for raw in self.entries.values()), key=lambda entry: entry.seq)

    def chain_holds(self) -> bool:
        """The entries follow each other from 1 without a gap, hash by hash."""
        last, seq = bytes(32), 0
        for entry in self.journal():
            if entry.seq != seq + 1 or entry.prev_hash != last:
                return False
            last, seq = entry_hash(self.entries[entry.epoch, entry.seq]), entry.seq
        return True


class _Enrol(enrol_pb2_grpc.EnrolServicer):
    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud

    def Enrol(self, request: enrol_pb2.EnrolRequest, context: grpc.ServicerContext) -> enrol_pb2.EnrolReply:  # noqa: N802
        cloud = self.cloud
        cloud.enrolments += 1
        if request.secret not in cloud.tokens:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "There is no such token.")
        public = x509.load_der_x509_csr(request.csr_der).public_key()
        shown = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        used = hashlib.sha256(shown).digest()
        if cloud.tokens[request.secret] not in (None, used):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Another device has used this token.")
        cloud.tokens[request.secret] = used
        pem = cloud._certificates.setdefault(request.secret, cloud.authority.client(str(EDGE), public))  # type: ignore[arg-type]
        return enrol_pb2.EnrolReply(
            certificate_pem=pem, authority_pem=cloud.authority.pem, edge_id=EDGE, venue_id=VENUE,
            venue_root_key=bytes(cloud.root.verify_key), gates_address=cloud.gates_address, pepper=PEPPER,
            pepper_version=1,
        )  # fmt: skip


class _Feed(feed_pb2_grpc.FeedServicer):
    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud

    def GetKeySet(self, request: feed_pb2.KeySetRequest, context: grpc.ServicerContext) -> feed_pb2.SignedKeySet:  # noqa: N802
        payload, signature = self.cloud.keyset()
        return feed_pb2.SignedKeySet(payload=payload, signature=signature)

    def Ack(self, request: feed_pb2.FeedAck, context: grpc.ServicerContext) -> feed_pb2.FeedAckReply:  # noqa: N802
        self.cloud.acks.append(request)
        return feed_pb2.FeedAckReply()

    def Subscribe(  # noqa: N802
        self, request: feed_pb2.SubscribeRequest, context: grpc.ServicerContext
    ) -> Iterator[feed_pb2.FeedBatch]:
        cloud, stream = self.cloud, request.stream
        cloud.need_database(context)
        cloud.subscribed.append(request)
        if request.has_cursor:
            cursor = request.cursor
            if cursor < cloud.trimmed[stream]:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the rows after this cursor are gone")
        elif stream == URGENT:
            cursor = len(cloud.rows[URGENT])
            yield from cloud.tamper(cloud.batch(stream, START, 0, cursor))
        else:
            cursor = yield from self._snapshot(request, context)
        while context.is_active() and cloud.running:
            cloud.need_database(context)
            with cloud._moved:
                if len(cloud.rows[stream]) <= cursor:
                    cloud._moved.wait(HEARTBEAT_S)
                rows = cloud.rows[stream][cursor:]
            batch = cloud.batch(stream, DELTA, cursor + 1, cursor + len(rows), ops=b"".join(rows))
            cursor += len(rows)
            yield from cloud.tamper(batch)

    def _snapshot(
        self, request: feed_pb2.SubscribeRequest, context: grpc.ServicerContext
    ) -> Iterator[feed_pb2.FeedBatch]:
        cloud = self.cloud
        if request.generation:
            generation, base = request.generation, request.base_seq
        else:
            cloud.generation += 1
            generation, base = cloud.generation, len(cloud.rows[BULK])
        after = (request.after_table, request.after_key)
        rest = [op for op in cloud.state if (op.table, op.key) > after]
        slices = [rest[at : at + SLICE] for at in range(0, len(rest), SLICE)] or [[]]
        for number, part in enumerate(slices):
            if cloud.cut_after is not None:
                if not cloud.cut_after:
                    cloud.cut_after = None
                    context.abort(grpc.StatusCode.UNAVAILABLE, "cut, says the test")
                cloud.cut_after -= 1
            yield from cloud.tamper(
                cloud.batch(
                    BULK, SNAPSHOT, 0, base, generation=generation, ops=pack_ops(part),
                    snapshot_end=number == len(slices) - 1,
                )
            )  # fmt: skip
        return base  # type: ignore[return-value]


class _Scan(scan_pb2_grpc.ScanServicer):
    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud

    def Upload(self, request: scan_pb2.JournalBatch, context: grpc.ServicerContext) -> scan_pb2.JournalAck:  # noqa: N802
        cloud = self.cloud
        cloud.need_database(context)
        sequences = []
        for raw in request.entries:
            try:
                entry = scan_pb2.Entry.FromString(raw)
            except DecodeError:  # kept by its place, as it is
                entry = scan_pb2.Entry(seq=sequences[-1] + 1 if sequences else cloud.tail.seq + 1)
                cloud.unreadable.append(raw)
            sequences.append(entry.seq)
            cloud.changed_entries += cloud.entries.setdefault((entry.epoch, entry.seq), raw) != raw
            if entry.seq > cloud.tail.seq:
                cloud.tail = scan_pb2.JournalTail(epoch=entry.epoch, seq=entry.seq, hash=entry_hash(raw))
        cloud.uploads.append(sequences)
        if cloud.lose_replies:
            cloud.lose_replies -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "the reply is lost, says the test")
        return scan_pb2.JournalAck(acked_seq=sequences[-1])

    def Report(self, request: scan_pb2.EdgeStatus, context: grpc.ServicerContext) -> scan_pb2.ReportReply:  # noqa: N802
        self.cloud.need_database(context)
        self.cloud.reports.append(request)
        asked = [question for question in self.cloud.questions if question.id not in self.cloud.answers]
        return scan_pb2.ReportReply(
            cloud_time_ms=self.cloud.now_ms(),
            elsewhere=self.cloud.elsewhere,
            questions=asked,
            journal=self.cloud.tail,
            restores=self.cloud.restores,
        )

    def Explain(self, request: scan_pb2.Explanation, context: grpc.ServicerContext) -> scan_pb2.ExplanationReply:  # noqa: N802
        self.cloud.answers[request.id] = request
        return scan_pb2.ExplanationReply()
