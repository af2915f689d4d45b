"""What surrounds every call: the peer, the venue's scope, the thread pool, and errors turned into statuses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from django.db import OperationalError
from django_scopes import scope

from cloud.core.errors import DomainError
from cloud.entitlements.batches import CursorTooOldError
from cloud.rpc.database import Database
from cloud.rpc.peer import Peer, UnknownPeerError, identify, serial_of

logger = logging.getLogger(__name__)

T = TypeVar("T")
Context = grpc.aio.ServicerContext[Any, Any]

# FAILED_PRECONDITION is the feed's word for "take a snapshot", so a refusal is never that.
_CODES = {
    "permission.denied": grpc.StatusCode.PERMISSION_DENIED,
    "enrol.token": grpc.StatusCode.PERMISSION_DENIED,
    "enrol.expired": grpc.StatusCode.PERMISSION_DENIED,
    "enrol.used": grpc.StatusCode.PERMISSION_DENIED,
    "enrol.revoked": grpc.StatusCode.PERMISSION_DENIED,
    "edge.retired": grpc.StatusCode.PERMISSION_DENIED,
}


class Calls:
    """Runs handlers in the pool."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def peer(self, context: Context) -> Peer:
        """The edge that calls; ends the call with UNAUTHENTICATED where it is none."""
        return await self._run(context, lambda: identify(serial_of(context)))

    async def as_edge(self, context: Context, handle: Callable[[Peer], T]) -> T:
        """Answers a call of an edge, in its venue's scope."""

        def work() -> T:
            peer = identify(serial_of(context))
            with scope(venue=peer.venue):
                return handle(peer)

        return await self._run(context, work)

    async def as_stranger(self, context: Context, handle: Callable[[], T]) -> T:
        """Answers a call that needs no certificate."""
        return await self._run(context, handle)

    async def within(self, context: Context, peer: Peer, handle: Callable[[], T]) -> T:
        """Further work of a call whose peer is known already: a stream's."""

        def work() -> T:
            with scope(venue=peer.venue):
                return handle()

        return await self._run(context, work)

    async def _run(self, context: Context, work: Callable[[], T]) -> T:
        try:
            return await self.database.run(work)
        except Exception as problem:  # noqa: BLE001 - the one place where any failure becomes a status
            await end(context, problem)


async def end(context: Context, problem: Exception) -> NoReturn:
    """Ends a call with the status of a failure. A fault of ours is logged here and not described to the caller."""
    match problem:
        case UnknownPeerError():
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(problem))
        case DomainError():
            code = _CODES.get(problem.code, grpc.StatusCode.INVALID_ARGUMENT)
            await context.abort(code, str(problem))
        case CursorTooOldError():
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))
        case OperationalError():
            logger.warning("the database is not available: %s", problem)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the database is not available; try again")
        case _:
            logger.error("a call failed", exc_info=problem)
            await context.abort(grpc.StatusCode.INTERNAL, "the cloud failed; its log says why")
