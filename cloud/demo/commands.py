"""What can be asked of a running demo from another terminal: one JSON line each, over its control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cloud.demo.supervisor import Supervisor

MAX_LINE = 64 * 1024


async def serve(path: Path, supervisor: Supervisor) -> asyncio.Server:
    """Listens until closed. Requests: {"do": "stop"|"start"|"kill", "what": GROUP or NAME}, {"do": "status"}."""
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await _reply(supervisor, line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # it left, or sent a line without end
        finally:
            writer.close()

    return await asyncio.start_unix_server(answer, str(path), limit=MAX_LINE)


async def _reply(supervisor: Supervisor, line: bytes) -> dict[str, Any]:
    handlers: dict[str, Callable[[str], Awaitable[None]]] = {
        "stop": supervisor.stop,
        "start": _soon(supervisor.start),
        "kill": _soon(supervisor.kill),
    }
    try:
        request = json.loads(line)
        do, what = request["do"], request.get("what", "")
        if do in handlers:
            supervisor.say(f"asked to {do} {what}")
            await handlers[do](what)
        elif do != "status":
            return {"ok": False, "error": f'expected "stop", "start", "kill" or "status", not {do!r}'}
    except KeyError as problem:
        return {"ok": False, "error": str(problem.args[0])}
    except (ValueError, TypeError, AttributeError) as problem:
        return {"ok": False, "error": f"not a request: {problem}"}
    return {"ok": True, "programs": status(supervisor)}


def status(supervisor: Supervisor) -> dict[str, dict[str, Any]]:
    """By name: its group, whether it runs, its process id, how often it was started."""
    return {
        name: {
            "group": one.program.group,
            "alive": one.alive,
            "pid": one.process.pid if one.process is not None and one.alive else None,
            "starts": one.starts,
        }
        for name, one in supervisor.programs.items()
    }


def _soon(act: Callable[[str], None]) -> Callable[[str], Awaitable[None]]:
    async def done(what: str) -> None:
        act(what)

    return done
