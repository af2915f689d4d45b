"""etcd's members over mutual TLS: one call, answered by whichever member can.

No worker thread waits for an answer: a member that hangs must not take the threads others need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
import trio

from edge.identity import Identity
from edge.uplink import CHANNEL_OPTIONS, describe, open_channel
from paifang.etcd import rpc_pb2, rpc_pb2_grpc

Reply = TypeVar("Reply")

_OPTIONS = [option for option in CHANNEL_OPTIONS if option[0] != "grpc.ssl_target_name_override"]
_REQUIRE_LEADER = (("hasleader", "true"),)  # a watch ends where its member has lost the others

# A member that says these has asked the others, or need not.
_ANSWERS = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)


class NoQuorumError(Exception):
    """No member could answer for a majority in time; what was asked for may have been done all the same."""


class AnswerError(Exception):
    """etcd refused a request. `code` is gRPC's."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code


class Member:
    """One member and the calls to it."""

    def __init__(self, identity: Identity, address: str) -> None:
        self.address = address
        self.channel = open_channel(identity, address, _OPTIONS)
        key_value = rpc_pb2_grpc.KVStub(self.channel)  # type: ignore[no-untyped-call]
        self.range = key_value.Range
        self.txn = key_value.Txn
        self.watch = rpc_pb2_grpc.WatchStub(self.channel).Watch  # type: ignore[no-untyped-call]
        self.grant = rpc_pb2_grpc.LeaseStub(self.channel).LeaseGrant  # type: ignore[no-untyped-call]


class Cluster:
    """The members of a site.

    Args:
        identity: whose certificate is shown, and the authority that must have signed theirs.
        addresses: host:port of each; the nearest first. Their certificates name these hosts.
        timeout_s: for one call, within which two members are asked where the first does not answer.
    """

    def __init__(self, identity: Identity, addresses: Sequence[str], timeout_s: float) -> None:
        self._members = [Member(identity, address) for address in addresses]
        self._at = 0
        self.timeout_s = timeout_s

    @property
    def member(self) -> Member:
        """The one that answered last."""
        return self._members[self._at]

    def close(self) -> None:
        for member in self._members:
            member.channel.close()

    def leave(self, member: Member) -> None:
        """Another member is asked first from now on, unless one is already."""
        if member is self.member:
            self._at = (self._at + 1) % len(self._members)

    async def range(self, request: rpc_pb2.RangeRequest) -> rpc_pb2.RangeResponse:
        """Raises NoQuorumError, AnswerError."""
        reply: rpc_pb2.RangeResponse = await self._ask(lambda member: member.range, request)
        return reply

    async def txn(self, request: rpc_pb2.TxnRequest) -> rpc_pb2.TxnResponse:
        """Raises NoQuorumError, AnswerError."""
        reply: rpc_pb2.TxnResponse = await self._ask(lambda member: member.txn, request)
        return reply

    async def grant(self, lease_id: int, ttl_s: int) -> None:
        """A lease; one that is there already is left as it is. Raises NoQuorumError, AnswerError."""
        try:
            await self._ask(lambda member: member.grant, rpc_pb2.LeaseGrantRequest(ID=lease_id, TTL=ttl_s))
        except AnswerError as refused:
            if refused.code not in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ALREADY_EXISTS):
                raise

    def watch(self, requests: Any) -> Any:
        """The call of a stream of WatchResponse from the member that answered last."""
        return self.member.watch(requests, metadata=_REQUIRE_LEADER)

    async def _ask(self, method: Callable[[Member], Any], request: Any) -> Any:
        said = []
        tries = min(2, len(self._members))
        for _ in range(tries):
            member = self.member
            try:
                return await answered(method(member).future(request, timeout=self.timeout_s / tries))
            except grpc.RpcError as problem:
                code = problem.code() if isinstance(problem, grpc.Call) else None
                if code is not None and code in _ANSWERS:
                    raise AnswerError(code, problem.details() or "") from None
                said.append(f"{member.address} {describe(problem)}")
                self.leave(member)
        raise NoQuorumError("; ".join(said))


async def answered(future: Any) -> Any:
    """Waits for a gRPC future in trio. Cancelled, the call is too; whether it was done is then not known."""
    token = trio.lowlevel.current_trio_token()
    arrived = trio.Event()

    def resolved(_: Any) -> None:
        try:
            token.run_sync_soon(arrived.set)
        except trio.RunFinishedError:  # the daemon has ended meanwhile
            return

    future.add_done_callback(resolved)
    try:
        await arrived.wait()
    except trio.Cancelled:
        future.cancel()
        raise
    return future.result()
