"""The Scan service: the journal comes up, health comes up, the time goes down."""

from __future__ import annotations

import time

from cloud.admissions.services import ingest
from cloud.core.errors import DomainError
from cloud.gates.services import report
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
        await self._calls.as_edge(context, lambda peer: report(peer.edge, request.SerializeToString()))
        return scan_pb2.ReportReply(cloud_time_ms=time.time_ns() // 1_000_000)
