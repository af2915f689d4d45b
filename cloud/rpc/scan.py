"""The Scan service: the journal comes up, health comes up, the time and questions go down."""

from __future__ import annotations

import time

from cloud.admissions.selectors import elsewhere, journal_tail
from cloud.admissions.services import ingest
from cloud.core.errors import DomainError
from cloud.entitlements import restored
from cloud.gates.selectors import last_report
from cloud.gates.services import answer, report, waiting
from cloud.rpc.calls import Calls, Context
from cloud.rpc.peer import Peer
from paifang.v1 import scan_pb2, scan_pb2_grpc

MOST_ENTRIES = 5000


class ScanService(scan_pb2_grpc.ScanServicer):
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def Upload(self, request: scan_pb2.JournalBatch, context: Context) -> scan_pb2.JournalAck:  # noqa: N802
        """Durable when the answer goes out."""

        def handle(peer: Peer) -> scan_pb2.JournalAck:
            if len(request.entries) > MOST_ENTRIES:
                raise DomainError(
                    "upload.size", f"一次最多上传 {MOST_ENTRIES} 条。", f"At most {MOST_ENTRIES} entries a call."
                )
            return scan_pb2.JournalAck(acked_seq=ingest(peer.edge, request.entries))

        return await self._calls.as_edge(context, handle)

    async def Report(self, request: scan_pb2.EdgeStatus, context: Context) -> scan_pb2.ReportReply:  # noqa: N802
        """What the edge's siblings counted, what staff ask it, and where its journal stands go down with the answer."""

        def handle(peer: Peer) -> scan_pb2.ReportReply:
            tail = journal_tail(peer.edge)
            if request.journal_acked > tail.seq:
                restored.noticed_lost(peer.venue, last_report(peer.edge))
            report(peer.edge, request.SerializeToString())
            day, entered, left = elsewhere(peer.edge)
            counted = scan_pb2.Elsewhere(day=day.toordinal(), entered=entered, left=left)
            return scan_pb2.ReportReply(
                elsewhere=counted, questions=waiting(peer.edge), journal=tail, restores=restored.restores(peer.venue)
            )

        reply = await self._calls.as_edge(context, handle)
        reply.cloud_time_ms = time.time_ns() // 1_000_000  # as late as can be: clocks are set by it
        return reply

    async def Explain(self, request: scan_pb2.Explanation, context: Context) -> scan_pb2.ExplanationReply:  # noqa: N802
        """An answer to a question of a reply. One that is not waited for any more is nobody's fault."""
        await self._calls.as_edge(context, lambda peer: answer(peer.edge, request))
        return scan_pb2.ExplanationReply()
