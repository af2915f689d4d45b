"""Database work for an event loop: a bounded pool of threads, each call with fresh or checked connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")

THREADS = 8


class Database:
    """Runs calls in its threads. A call that outlives the asker (a cancelled RPC) runs to its end."""

    def __init__(self, threads: int = THREADS, name: str = "database") -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _guarded, call)

    async def run_kept(self, call: Callable[[], T]) -> T:
        """The same without looking after the connection, for a caller that runs many times a second.

        Only for a pool of one thread. An error closes the connection; the next call opens another.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, _kept, call)

    def close(self) -> None:
        """Waits for the calls that run."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _guarded(call: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return call()
    finally:
        close_old_connections()


def _kept(call: Callable[[], T]) -> T:
    try:
        return call()
    except BaseException:
        connections.close_all()
        raise
