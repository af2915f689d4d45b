"""The demo's main programs: run until Ctrl-C, count once, present by hand."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cloud.demo import site
from cloud.demo.gate import Gate
from cloud.demo.layout import Layout, Ports
from cloud.demo.stack import Stack
from paifang import passes

BANNER = """
  Paifang is running: {venue}.

  Console   {web}
            log in as {logins}; the password is {password}
  Edge      {health}
  Data      {var}  (kept; delete it to begin anew)

  Try in another terminal, from this folder:
    .venv/bin/paifang demo stop-cloud           the gates go on without it ...
    .venv/bin/paifang demo start-cloud          ... and nothing is counted twice when it is back
    .venv/bin/paifang demo kill-edge            SIGKILL in the middle of traffic; the count still comes out
    .venv/bin/paifang demo unplug WEST-2 reader pull a cable; "plug" puts it back. No other lane minds
    .venv/bin/paifang present {free} 'PF1:...'   show a pass of an order at the lane the crowd leaves to you
  Or issue a ticket in the console, present it at {free}, revoke the order and present it again.

  Ctrl-C stops everything.
"""


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def forever(layout: Layout, *, crowd: bool) -> int:
    """`make run`. Exit code 0 after Ctrl-C or SIGTERM, 1 when it could not start."""

    async def serve(stack: Stack) -> None:
        await stack.start()
        if crowd:
            stack.start_crowd()
        print(_banner(layout), flush=True)
        await asyncio.Event().wait()

    asyncio.run(_with_stack(layout, say, serve))
    return 0


def once(seconds: float, visits: int, *, keep: bool) -> int:
    """`make demo-once`. Exit code 0 only when nobody was admitted twice or lost and all entries were ingested."""
    var = Path(tempfile.mkdtemp(prefix="paifang-once-"))
    layout = Layout(var, Ports.free(), open_seconds=2.0)
    answer = layout.demo / "count.json"

    def to_stderr(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    async def serve(stack: Stack) -> None:
        await stack.start()
        to_stderr(f"Playing {visits} visits in {seconds:g} s")
        await stack.count(seconds, visits, answer)

    good = False
    try:
        if asyncio.run(_with_stack(layout, to_stderr, serve)):
            result = json.loads(answer.read_text())
            good = count_is_good(result)
            print(json.dumps(result), flush=True)
    finally:
        if good and not keep:
            shutil.rmtree(var)
        else:
            to_stderr(f"Its folder is kept: {var}")
    return 0 if good else 1


def count_is_good(result: dict[str, Any]) -> bool:
    """Nobody in twice, nobody lost, who is inside is right, and the cloud has all that the gates wrote."""
    wrong = result["double_admitted"] or result["lost"] or result["miscounted"]
    return not wrong and result["journalled"] == result["ingested"]


async def _with_stack(layout: Layout, tell: Callable[[str], None], act: Callable[[Stack], Awaitable[None]]) -> bool:
    """Runs `act` in a stack that is stopped afterwards. False: SIGINT, SIGTERM or SIGHUP ended it early."""
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    async with Stack(layout, tell) as stack:
        acting = asyncio.ensure_future(act(stack))
        stopping = asyncio.ensure_future(asked_to_stop.wait())
        await asyncio.wait((acting, stopping), return_when=asyncio.FIRST_COMPLETED)
        finished = acting.done()
        for task in (acting, stopping):
            task.cancel()
        if finished:
            await acting
        else:
            tell("Stopping")
            await asyncio.gather(acting, return_exceptions=True)
        return finished


def present(gate: Gate, text: str, *, card: bool, bodies: int) -> int:
    """Shows something at a lane with bodies behind it. Exit code 0 when they all went through, 1 when not."""
    label = _label(text)
    if card:
        gate.card(text, "来宾")
    else:
        gate.scan(text.encode())
    before = gate.tally(label)
    for _ in range(bodies):
        gate.stand(label, patience_ms=3000)
    deadline = time.monotonic() + 5 + bodies
    while time.monotonic() < deadline:
        tally = gate.tally(label)
        walked, gave_up = (tally[part][label] - before[part][label] for part in ("bodies", "gave_up"))
        if walked + gave_up >= bodies:
            break
        time.sleep(0.1)
    print(f"{gate.plan.device}: {walked} of {bodies} went through")
    return 0 if walked == bodies else 1


def _label(text: str) -> str:
    """What the bodies are called: by the entitlement their pass names, so that they can be found in the count."""
    try:
        return str(passes.parse_line(text.encode()).claims.entitlement_id)
    except passes.PassError:
        return f"by-hand-{time.time_ns()}"


def _banner(layout: Layout) -> str:
    return BANNER.format(
        venue=" ".join(site.VENUE_NAME),
        web=f"http://{layout.web_address}/",
        logins=", ".join(plan.username for plan in site.EMPLOYEES),
        password=site.PASSWORD,
        health=layout.edge_health,
        var=layout.var,
        free=next(plan.device for plan in site.LANES if plan.by_hand),
    )
