"""An etcd in memory that acts like edge.etcd_client.Cluster: one store, any number of connections to it.

A test decides what answers: `gone` refuses at once, `hang` takes a request and never answers, `lose` answers the next
swaps only after having carried them out and forgotten to say so.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import grpc
import trio

from edge.etcd_client import AnswerError, NoQuorumError
from paifang.etcd import rpc_pb2


class FakeEtcd:
    """The store.

    Attributes:
        gone, hang: what every request meets.
        lose: so many next swaps are carried out and not answered.
        delay: so many next swaps are not answered, and carried out when `late` is called, if they then still can be.
        full: puts are refused, as by an etcd whose space is used up.
    """

    def __init__(self) -> None:
        self.pairs: dict[bytes, rpc_pb2.KeyValue] = {}
        self.leases: dict[int, int] = {}
        self.cluster_id = 1
        self.revision = 1
        self.compacted = 0
        self.gone = self.hang = self.full = False
        self.lose = self.delay = 0
        self._delayed: list[rpc_pb2.TxnRequest] = []
        self.swaps = 0
        self._changes: list[tuple[int, rpc_pb2.KeyValue]] = []
        self._watches: list[_Watch] = []

    def cluster(self, timeout_s: float = 0.5) -> FakeCluster:
        return FakeCluster(self, timeout_s)

    def put(self, put: rpc_pb2.PutRequest) -> None:
        if put.lease and put.lease not in self.leases:
            raise AnswerError(grpc.StatusCode.NOT_FOUND, "etcdserver: requested lease not found")
        self.revision += 1
        pair = rpc_pb2.KeyValue(key=put.key, value=put.value, mod_revision=self.revision, lease=put.lease)
        self.pairs[put.key] = pair
        self._changes.append((self.revision, pair))
        for watch in self._watches:
            watch.tell(self.revision, pair)

    def carry_out(self, request: rpc_pb2.TxnRequest) -> tuple[bool, list[rpc_pb2.ResponseOp]]:
        """A transaction: whether its comparisons held, and what its operations answer."""
        good = all(
            (self.pairs[one.key].mod_revision if one.key in self.pairs else 0) == one.mod_revision
            for one in request.compare
        )
        responses = []
        for operation in request.success if good else request.failure:
            if operation.HasField("request_put"):
                self.put(operation.request_put)
                responses.append(rpc_pb2.ResponseOp())
            else:
                pair = self.pairs.get(operation.request_range.key)
                found = rpc_pb2.RangeResponse(kvs=[pair] if pair is not None else [])
                responses.append(rpc_pb2.ResponseOp(response_range=found))
        return good, responses

    def late(self) -> list[bool]:
        """Carries out what was delayed; whether each could be."""
        delayed, self._delayed = self._delayed, []
        return [self.carry_out(request)[0] for request in delayed]

    def keep(self, request: rpc_pb2.TxnRequest) -> None:
        self._delayed.append(request)

    def set_up_anew(self) -> None:
        """All three members are lost; empty ones take their place."""
        self.cut()
        self.pairs.clear()
        self.leases.clear()
        self._changes.clear()
        self.cluster_id, self.revision, self.compacted = self.cluster_id + 1, 1, 0

    def compact(self) -> None:
        """What was is forgotten; who watches from an earlier revision is told so."""
        self.compacted = self.revision
        self._changes.clear()

    def cut(self) -> None:
        """Every watch ends."""
        for watch in self._watches:
            watch.cancel()
        self._watches.clear()

    def watch(self, wanted: rpc_pb2.WatchCreateRequest) -> _Watch:
        watch = _Watch(wanted)
        if wanted.start_revision <= self.compacted:
            watch.replies.put(rpc_pb2.WatchResponse(canceled=True, compact_revision=self.compacted))
            return watch
        for revision, pair in self._changes:
            if revision >= wanted.start_revision:
                watch.tell(revision, pair)
        self._watches.append(watch)
        return watch


class _Watch:
    """The call of a watch: an iterator over what is said."""

    def __init__(self, wanted: rpc_pb2.WatchCreateRequest) -> None:
        self._wanted = wanted
        self.replies: queue.SimpleQueue[rpc_pb2.WatchResponse | None] = queue.SimpleQueue()

    def tell(self, revision: int, pair: rpc_pb2.KeyValue) -> None:
        if self._wanted.key <= pair.key < self._wanted.range_end:
            header = rpc_pb2.ResponseHeader(revision=revision)
            self.replies.put(rpc_pb2.WatchResponse(header=header, events=[rpc_pb2.Event(kv=pair)]))

    def __iter__(self) -> Iterator[rpc_pb2.WatchResponse]:
        return self

    def __next__(self) -> rpc_pb2.WatchResponse:
        reply = self.replies.get()
        if reply is None:
            self.replies.put(None)
            raise StopIteration
        return reply

    def cancel(self) -> None:
        self.replies.put(None)


class FakeCluster:
    def __init__(self, etcd: FakeEtcd, timeout_s: float) -> None:
        self.etcd = etcd
        self.timeout_s = timeout_s
        self.member = None

    def leave(self, member: Any) -> None:
        pass

    def close(self) -> None:
        pass

    async def _ask(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.etcd.gone:
            raise NoQuorumError("gone, says the test")
        if self.etcd.hang:
            await trio.sleep(self.timeout_s)
            raise NoQuorumError("no answer, says the test")

    async def range(self, request: rpc_pb2.RangeRequest) -> rpc_pb2.RangeResponse:
        await self._ask()
        end = request.range_end or request.key + b"\0"
        found = [pair for key, pair in sorted(self.etcd.pairs.items()) if request.key <= key < end]
        limit = request.limit or len(found)
        header = rpc_pb2.ResponseHeader(revision=self.etcd.revision, cluster_id=self.etcd.cluster_id)
        return rpc_pb2.RangeResponse(header=header, kvs=found[:limit], more=len(found) > limit, count=len(found))

    async def txn(self, request: rpc_pb2.TxnRequest) -> rpc_pb2.TxnResponse:
        await self._ask()
        etcd = self.etcd
        if etcd.full:
            raise NoQuorumError("RESOURCE_EXHAUSTED: mvcc: database space exceeded")
        swap = bool(request.compare)
        if swap and etcd.delay:
            etcd.delay -= 1
            etcd.keep(request)
            raise NoQuorumError("no answer yet, says the test")
        good, responses = etcd.carry_out(request)
        etcd.swaps += swap
        if swap and etcd.lose:
            etcd.lose -= 1
            raise NoQuorumError("the answer was lost, says the test")
        header = rpc_pb2.ResponseHeader(revision=etcd.revision)
        return rpc_pb2.TxnResponse(header=header, succeeded=good, responses=responses)

    async def grant(self, lease_id: int, ttl_s: int) -> None:
        await self._ask()
        self.etcd.leases.setdefault(lease_id, ttl_s)

    def watch(self, requests: Iterator[rpc_pb2.WatchRequest]) -> _Watch:
        return self.etcd.watch(next(requests).create_request)
