"""The control socket: a JSON object a line in, one a line out."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

MAX_LINE = 4 << 20

Order = dict[str, Any]
Handler = Callable[[Order], Awaitable[dict[str, Any]]]


class OrderError(ValueError):
    """The order cannot be carried out; the message goes back to who gave it."""


def field(order: Order, name: str, kind: type[Any], default: Any = ...) -> Any:
    """A field of an order. Raises OrderError where it is missing or of another type."""
    if name not in order:
        if default is ...:
            raise OrderError(f"{name} is missing")
        return default
    value = order[name]
    if type(value) is not kind:
        raise OrderError(f"{name} is {kind.__name__}, not {value!r}")
    return value


async def serve(path: Path, handlers: dict[str, Handler], task_status: trio.TaskStatus[None]) -> None:
    """Answers orders on a unix socket at `path` until cancelled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await listening.bind(str(path))
    listening.listen(64)

    async def converse(stream: trio.SocketStream) -> None:
        received = b""
        async with stream:
            try:
                async for data in stream:
                    *lines, received = (received + data).split(b"\n")
                    for line in lines:
                        reply = await answer(line, handlers)
                        await stream.send_all(json.dumps(reply, ensure_ascii=False).encode() + b"\n")
                    if len(received) > MAX_LINE:
                        return
            except trio.BrokenResourceError:
                return

    try:
        task_status.started()
        await trio.serve_listeners(converse, [trio.SocketListener(listening)])
    finally:
        path.unlink(missing_ok=True)


async def answer(line: bytes, handlers: dict[str, Handler]) -> dict[str, Any]:
    """One reply to one line, whatever is in it."""
    try:
        order = json.loads(line)
        if not isinstance(order, dict) or order.get("do") not in handlers:
            raise OrderError(f"an order has a do: one of {', '.join(sorted(handlers))}")
        return {"ok": True, **await handlers[order["do"]](order)}
    except ValueError as problem:
        return {"ok": False, "error": str(problem)}
