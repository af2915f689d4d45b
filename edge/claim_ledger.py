"""The keys of claims in etcd: one for each counter owner, one that says how far each edge's store has come.

/paifang/VENUE/use/OWNER    SharedUsage; put only over the revision it was made from
/paifang/VENUE/edge/EDGE    Witness of that edge's store

Keys of owners expire with the leases they hang on, one lease for each day on which tickets end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import msgpack

from edge.claim_record import SharedUsage
from edge.claims import DAY_S
from edge.etcd_client import AnswerError, Cluster
from paifang.etcd import rpc_pb2

REMEMBERED = 8192  # owners whose revision is known without asking; the others cost one more round
LEAST_TTL_S = 3600


@dataclass(frozen=True, slots=True)
class Known:
    """An owner's key as last seen. `revision` 0: there is none. `mine`: this edge put it so."""

    revision: int = 0
    value: SharedUsage = SharedUsage()  # noqa: RUF009 - immutable
    mine: bool = False


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Witness:
    """Which store an edge has, and up to which journal entry it had come."""

    store: bytes
    seq: int

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb((self.store, self.seq))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> Witness:
        return cls(*msgpack.unpackb(data))


class Ledger:
    """Belongs to the trio thread. Its calls raise NoQuorumError and AnswerError.

    Args:
        now_s: Unix seconds, for what leases have left.

    Attributes:
        cluster_id: of the etcd that was asked last; another one after it was set up anew. 0: none was.
    """

    def __init__(self, cluster: Cluster, *, venue_id: int, edge_id: int, now_s: Callable[[], int]) -> None:
        self.cluster = cluster
        self._now_s = now_s
        self._venue_id = venue_id
        self.prefix = f"/paifang/{venue_id}/use/".encode()
        self._witness_key = f"/paifang/{venue_id}/edge/{edge_id}".encode()
        self._known: OrderedDict[int, Known] = OrderedDict()
        self._leases: set[int] = set()
        self.cluster_id = 0

    def now_s(self) -> int:
        return self._now_s()

    def today(self) -> int:
        """Days since 1970."""
        return self._now_s() // DAY_S

    # --- owners -------------------------------------------------------------------------------------------------------

    def known(self, owner_id: int) -> Known:
        """What was last seen of an owner; NOTHING may also mean that it was not looked at."""
        return self._known.get(owner_id, NOTHING)

    def note(self, pair: rpc_pb2.KeyValue) -> tuple[int, Known]:
        """Takes what etcd shows of an owner, unless something later is known. Raises ValueError where it is none."""
        owner_id = self._owner(pair.key)
        before = self.known(owner_id)
        if before.revision >= pair.mod_revision:
            return owner_id, before
        return owner_id, self._keep(owner_id, Known(pair.mod_revision, SharedUsage.unpack(pair.value)))

    def is_new(self, event: rpc_pb2.Event) -> bool:
        """Whether an event says more than what this edge put itself. Any thread."""
        try:
            known = self._known.get(self._owner(event.kv.key))
        except ValueError:  # whoever looks closer says so
            return True
        return known is None or not known.mine or known.revision < event.kv.mod_revision

    async def swap(self, owner_id: int, known: Known, value: SharedUsage) -> tuple[bool, Known]:
        """Puts a value over the one it was made from: whether it did, and what is there now."""
        try:
            return await self._swap(owner_id, known, value)
        except AnswerError as refused:
            if refused.code is not grpc.StatusCode.NOT_FOUND:
                raise
        self._leases.discard(value.until_day)  # it is gone: its day was over, or etcd was set up anew
        return await self._swap(owner_id, known, value)

    async def _swap(self, owner_id: int, known: Known, value: SharedUsage) -> tuple[bool, Known]:
        key = self.prefix + b"%016x" % owner_id
        lease = await self._lease(value.until_day)
        reply = await self.cluster.txn(
            rpc_pb2.TxnRequest(
                compare=[rpc_pb2.Compare(target=rpc_pb2.Compare.MOD, key=key, mod_revision=known.revision)],
                success=[
                    rpc_pb2.RequestOp(request_put=rpc_pb2.PutRequest(key=key, value=value.pack(), lease=lease)),
                ],
                failure=[rpc_pb2.RequestOp(request_range=rpc_pb2.RangeRequest(key=key))],
            )
        )
        if reply.succeeded:
            return True, self._keep(owner_id, Known(reply.header.revision, value, mine=True))
        pairs = reply.responses[0].response_range.kvs
        if not pairs:
            self._known.pop(owner_id, None)
            return False, NOTHING
        return False, self.note(pairs[0])[1]

    def _owner(self, key: bytes) -> int:
        """Raises ValueError where the key is none of an owner."""
        return int(key[len(self.prefix) :], 16)

    def _keep(self, owner_id: int, known: Known) -> Known:
        self._known[owner_id] = known
        self._known.move_to_end(owner_id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _lease(self, until_day: int) -> int:
        """The lease of a day, made where this edge has not seen it."""
        lease_id = self._venue_id << 24 | until_day
        if until_day not in self._leases:
            await self.cluster.grant(lease_id, max(LEAST_TTL_S, until_day * DAY_S - self._now_s()))
            self._leases.add(until_day)
        return lease_id

    async def page(self, after: bytes, limit: int, revision: int) -> rpc_pb2.RangeResponse:
        """Owners' keys after one, in order, as they were at a revision (0: now)."""
        return await self.cluster.range(
            rpc_pb2.RangeRequest(key=after, range_end=_end(self.prefix), limit=limit, revision=revision)
        )

    def watching(self, revision: int) -> rpc_pb2.WatchRequest:
        """Asks for every change of an owner's key from a revision on."""
        wanted = rpc_pb2.WatchCreateRequest(key=self.prefix, range_end=_end(self.prefix), start_revision=revision)
        return rpc_pb2.WatchRequest(create_request=wanted)

    # --- this edge ----------------------------------------------------------------------------------------------------

    async def witness(self) -> Witness | None:
        """What this edge's store had come to when it last said so; None where it never did."""
        reply = await self.cluster.range(rpc_pb2.RangeRequest(key=self._witness_key))
        if reply.header.cluster_id != self.cluster_id:  # what was known of another one means nothing
            self.cluster_id = reply.header.cluster_id
            self._known.clear()
            self._leases.clear()
        return Witness.unpack(reply.kvs[0].value) if reply.kvs else None

    async def say(self, witness: Witness) -> None:
        """Writes it: also the proof that a majority can."""
        put = rpc_pb2.PutRequest(key=self._witness_key, value=witness.pack())
        await self.cluster.txn(rpc_pb2.TxnRequest(success=[rpc_pb2.RequestOp(request_put=put)]))


def _end(prefix: bytes) -> bytes:
    """The first key after all that begin so."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))
