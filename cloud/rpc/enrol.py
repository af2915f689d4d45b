"""The Enrol service: the only one that answers without a client certificate, on a port of its own."""

from __future__ import annotations

from cloud.gates.services import Enrolled, enrol
from cloud.rpc.calls import Calls, Context
from paifang.v1 import enrol_pb2, enrol_pb2_grpc


class EnrolService(enrol_pb2_grpc.EnrolServicer):
    def __init__(self, calls: Calls, gates_address: str) -> None:
        self._calls = calls
        self._gates_address = gates_address

    async def Enrol(self, request: enrol_pb2.EnrolRequest, context: Context) -> enrol_pb2.EnrolReply:  # noqa: N802
        def handle() -> Enrolled:
            return enrol(secret=request.secret, csr_der=request.csr_der, software_version=request.software_version)

        done = await self._calls.as_stranger(context, handle)
        return enrol_pb2.EnrolReply(
            certificate_pem=done.certificate_pem,
            authority_pem=done.authority_pem,
            edge_id=done.edge_id,
            venue_id=done.venue_id,
            venue_root_key=done.venue_root_key,
            gates_address=self._gates_address,
            pepper=done.pepper,
            pepper_version=done.pepper_version,
        )
