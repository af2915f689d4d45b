"""`python -m cloud demo ...`: run the demo, count a short one, cut and heal a running one by hand."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cloud.demo import run, site
from cloud.demo.control import Control, ControlError
from cloud.demo.gate import Gate
from cloud.demo.layout import DemoError, Layout, Ports, default_var

PARTS = {"reader": "qr", "id": "id", "barrier": "board"}


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 done, 1 it could not be done (said on stderr), 2 wrong usage."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.act(asked)
        return code
    except (DemoError, ControlError, LookupError) as problem:
        print(f"paifang demo: {problem.args[0]}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="paifang demo", description="The demo venue on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[argparse.Namespace], int], help: str | None) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help) if help else commands.add_parser(name)
        added.set_defaults(act=act)
        return added

    started = command("run", _run, "start everything, with a crowd at the gates; Ctrl-C stops it")
    _port_options(started)
    started.add_argument("--no-crowd", action="store_true", help="leave the gates to you")
    started.add_argument("--open-seconds", type=float, default=8.0, help="how long a barrier waits for a body")
    once = command("once", _once, "20 seconds of compressed traffic in a folder of its own; the last line is JSON")
    once.add_argument("--seconds", type=float, default=20.0)
    once.add_argument("--visits", type=int, default=150)
    once.add_argument("--keep", action="store_true", help="keep the folder; its name is printed")
    command("status", _status, "the processes of the running demo")
    for do, group, help in (
        ("stop", "cloud", "stop web, rpc and worker: the gates go on"),
        ("start", "cloud", "start them again: the queue drains"),
        ("kill", "cloud", "SIGKILL them; they are started again"),
        ("stop", "edge", "stop the edge: its lanes stay shut"),
        ("start", "edge", "start it again"),
        ("kill", "edge", "SIGKILL the edge in the middle of traffic; it is started again"),
        ("stop", "crowd", "send the crowd home"),
        ("start", "crowd", "let it come back"),
    ):
        command(f"{do}-{group}", _tell, help).set_defaults(do=do, what=group)
    for do, help in (("unplug", "pull the cable of a lane's device"), ("plug", "put it back")):
        plug = command(do, _plug, help)
        plug.set_defaults(do=do)
        plug.add_argument("lane", help=", ".join(plan.device for plan in site.LANES))
        plug.add_argument("device", choices=sorted(PARTS))
    present = command("present", _present, "show something at a lane, with a body behind it")
    present.add_argument("lane", help=", ".join(plan.device for plan in site.LANES))
    present.add_argument("text", help="what the scanner reads (PF1:...), or with --id an ID number")
    present.add_argument("--id", action="store_true", help="lay an ID card on the reader instead")
    present.add_argument("--bodies", type=int, default=1)
    prepare = command("prepare", _prepare, None)
    prepare.add_argument("--token", type=Path)
    command("crowd", _crowd, None)
    count = command("count", _count, None)
    count.add_argument("--seconds", type=float, required=True)
    count.add_argument("--visits", type=int, required=True)
    count.add_argument("--result", type=Path, required=True)
    return parser


def _port_options(parser: argparse.ArgumentParser) -> None:
    for name in Ports.__slots__:
        default = getattr(Ports(), name)
        parser.add_argument(f"--{name}-port", type=int, default=default, help=f"default {default}")
    parser.add_argument("--free-ports", action="store_true", help="take any free ports instead")


def _run(asked: argparse.Namespace) -> int:
    numbers = {name: getattr(asked, f"{name}_port") for name in Ports.__slots__}
    layout = Layout(default_var(), Ports.free() if asked.free_ports else Ports(**numbers), asked.open_seconds)
    return run.forever(layout, crowd=not asked.no_crowd)


def _once(asked: argparse.Namespace) -> int:
    return run.once(asked.seconds, asked.visits, keep=asked.keep)


def _layout() -> Layout:
    """Of the demo that runs under this var. Raises DemoError when none does."""
    layout = Layout(default_var(), Ports())
    if not layout.running.exists():
        raise DemoError(f"no demo is running in {layout.var}; start it with make run")
    return Layout(layout.var, Ports(**json.loads(layout.running.read_text())["ports"]))


def _tell(asked: argparse.Namespace) -> int:
    Control(_layout().supervisor, timeout=60).ask(do=asked.do, what=asked.what)
    print(f"{asked.what}: {asked.do} done")
    return 0


def _status(_: argparse.Namespace) -> int:
    for name, one in Control(_layout().supervisor).ask(do="status")["programs"].items():
        print(f"{name:12} {one['group']:10} {'running' if one['alive'] else 'stopped':8} starts {one['starts']}")
    return 0


def _gate(asked: argparse.Namespace) -> Gate:
    return Gate(_layout().control, site.lane(asked.lane))


def _plug(asked: argparse.Namespace) -> int:
    _gate(asked).part(PARTS[asked.device]).ask(do=asked.do)
    print(f"{asked.lane} {asked.device}: {asked.do}ged")
    return 0


def _present(asked: argparse.Namespace) -> int:
    return run.present(_gate(asked), asked.text, card=asked.id, bodies=asked.bodies)


# What follows runs in processes of its own, inside the environment that `run` made for them.


def _prepare(asked: argparse.Namespace) -> int:
    _django()
    from django.core.management import call_command

    from cloud.demo.venue import enrol_token, ensure_venue

    call_command("migrate", verbosity=0)
    venue = ensure_venue()
    if asked.token is not None:
        asked.token.touch(mode=0o600)
        asked.token.write_text(enrol_token(venue))
    return 0


def _crowd(_: argparse.Namespace) -> int:
    _django()
    from cloud.demo import play
    from cloud.demo.venue import ensure_venue

    play.forever(ensure_venue(), Path(os.environ["PAIFANG_EMULATORS_CONTROL"]))
    return 0


def _count(asked: argparse.Namespace) -> int:
    _django()
    from cloud.demo import count
    from cloud.demo.venue import ensure_venue

    layout = Layout(default_var(), Ports())
    asked.result.write_text(
        json.dumps(count.play_and_count(ensure_venue(), layout.control, asked.seconds, asked.visits))
    )
    return 0


def _django() -> None:
    import django

    django.setup()
