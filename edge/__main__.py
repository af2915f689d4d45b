"""The edge's command line: run, enrol, and what an operator asks. `paifang edge ...` comes here."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from edge import config, logs
from edge.config import EdgeConfig
from edge.errors import EdgeError
from paifang import __version__
from paifang.records import CredentialKind

FAILED = 1  # what was asked could not be done
AMISS = 3  # it works, and something is amiss
WRONG = 2  # it was asked wrongly: arguments, configuration, token

STATUS_TIMEOUT_S = 3.0
_KINDS = [kind.name.lower() for kind in CredentialKind]


def main(arguments: list[str] | None = None) -> int:
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC's own log of every reconnect; health says it better
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.do(config.load(asked.config), asked))
    except EdgeError as problem:
        print(f"paifang edge: {problem}", file=sys.stderr)
        return WRONG if problem.code in ("config", "enrol.token", "explain") else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="paifang edge", description="One entrance: its lanes, its store, its cloud.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do: Any, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.add_argument("--config", "-c", type=Path, required=True, metavar="FILE", help="the edge's TOML file")
        one.set_defaults(do=do)
        return one

    command("run", _run, "Runs the entrance until SIGTERM or Ctrl-C.")
    enrolling = command("enrol", _enrol, "Trades a one-time token from the console for this edge's certificate.")
    token = enrolling.add_mutually_exclusive_group(required=True)
    token.add_argument("token", nargs="?", metavar="TOKEN", help="as the console shows it")
    token.add_argument("--token-file", type=Path, metavar="FILE", help='a file that holds it; "-" is standard input')
    status = command("status", _status, "Asks the running edge how it is doing.")
    status.add_argument("--json", action="store_true", help="the whole of /health, as it is")
    explaining = command("explain", _explain, "Why a credential is or would be refused: every check. Uses nothing up.")
    explaining.add_argument("credential", metavar="CREDENTIAL", help='what would be presented; "-": standard input')
    explaining.add_argument("--lane", required=True, metavar="N", help="the lane's device, or its place in the file")
    explaining.add_argument("--at", default="", metavar="TIME", help="wall clock, 2026-10-01T09:30; default: now")
    explaining.add_argument("--kind", choices=_KINDS, default="line", help="default: line, what a scanner reads")
    explaining.add_argument("--id-read", default="", metavar="NUMBER", help="the ID number read at the lane before")
    explaining.add_argument("--language", choices=("zh", "en"), default="zh")
    looking = command("inspect", _inspect, "What is in the store, beside a running edge or without one.")
    looking.add_argument("--json", action="store_true", help="for programs")
    exporting = command("export", _export, "Writes the journal to a file, for when a machine has to be given up.")
    exporting.add_argument("file", type=Path, metavar="FILE", help="is replaced; one JSON object a line")
    exporting.add_argument("--all", action="store_true", help="acked entries too, as far as they are kept")
    command("doctor", _doctor, "Looks the machine over: store, keys, disk, ports, cloud; says what to do.")
    command("unit", _unit, "Prints a systemd unit for this edge, with a user of its own that may do nothing else.")
    command("check-config", _check_config, "Reads the configuration and says what is wrong with it.")
    return parser


def _run(settings: EdgeConfig, _: argparse.Namespace) -> int:
    from edge import daemon  # only here: it loads the verifier's libraries and gRPC's threads

    logs.set_up(settings.log)
    daemon.run(settings)
    return 0


def _explain(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    from edge import explain_cli

    return explain_cli.run(settings, asked)


def _enrol(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    from edge import enrol

    if asked.token_file is None:
        text = asked.token
    elif str(asked.token_file) == "-":
        text = sys.stdin.read()
    else:
        try:
            text = asked.token_file.read_text()
        except OSError as problem:
            print(f"paifang edge: the token file cannot be read: {problem}", file=sys.stderr)
            return WRONG
    enrolled = enrol.enrol(settings.state, settings.enrol, enrol.Token.parse(text), __version__)
    print(
        f"enrolled as edge {enrolled.edge_id} of venue {enrolled.venue_id}; the gates' port is {enrolled.gates_address}"
    )
    return 0


def _inspect(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    from edge import inspection

    said = inspection.inspect(settings.state)
    print(json.dumps(said, indent=1) if asked.json else inspection.told(said))
    return 0


def _export(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    """0: written, and its chain is whole. 3: written, and it is not. 1: not written."""
    from edge import inspection

    try:
        count, problem = inspection.export(settings.state, asked.file, everything=asked.all)
    except OSError as refused:
        print(f"paifang edge: {asked.file} cannot be written: {refused.strerror}", file=sys.stderr)
        return FAILED
    print(f"{count} entries in {asked.file}" + (f"; the chain is broken: {problem}" if problem else ", a whole chain"))
    return AMISS if problem else 0


def _doctor(settings: EdgeConfig, _: argparse.Namespace) -> int:
    """0: nothing found. 3: something to look at. 1: something that does not work."""
    from edge import doctor

    findings = doctor.examine(settings)
    for one in findings:
        print(f"{one.state:<5} {one.about}: {one.text}")
    states = {one.state for one in findings}
    return FAILED if doctor.BAD in states else AMISS if doctor.ODD in states else 0


def _unit(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    from importlib.resources import files

    room = files("edge").joinpath("systemd")
    docs = Path(__file__).resolve().parent.parent / "docs" / "edge.md"
    unit = room.joinpath("paifang-edge.service").read_text(encoding="utf-8")
    for name, value in (
        ("python", sys.executable), ("config", asked.config.resolve()), ("state", settings.state), ("docs", docs)
    ):  # fmt: skip
        unit = unit.replace(f"{{{name}}}", str(value))
    print(unit, end="")
    return 0


def _check_config(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    lanes = ", ".join(lane.device for lane in settings.lanes)
    print(f"{asked.config}: good. Edge {settings.name}, state in {settings.state}, lanes {lanes}")
    return 0


def _status(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    """0: all is well. 1: the edge does not answer, or nobody can be admitted. 3: it works with something amiss."""
    if settings.http is None:
        print(f'paifang edge: {asked.config} has http = "": there is nobody to ask', file=sys.stderr)
        return FAILED
    url = f"http://{settings.http}/health"
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=STATUS_TIMEOUT_S) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as problem:
        if problem.code != 503:
            print(f"paifang edge: {url} answers {problem}", file=sys.stderr)
            return FAILED
        said = json.load(problem)
    except (OSError, ValueError) as problem:
        print(f"paifang edge: no edge answers at {url}: {problem}", file=sys.stderr)
        return FAILED
    print(json.dumps(said, ensure_ascii=False, indent=1) if asked.json else _told(said))
    return {"ok": 0, "degraded": AMISS}.get(said["status"], FAILED)


_ROOM = {"warning": ", filling up", "full": ", full", "day_full": ", full for today"}


def _told(said: dict[str, Any]) -> str:
    """Health for people."""
    edge, store, journal, feed = said["edge"], said["store"], said["journal"], said["feed"]
    lines = [
        f"edge {edge['id']} ({edge['name']}), venue {edge['venue']}: {said['status']}",
        *(f"  ! {problem}" for problem in said["problems"]),
        f"verifier  {said['verifier']}, version {edge['version']}, process {edge['process']}, up {edge['uptime_s']} s",
        f"clock     {said['clock']['state']}, {said['clock']['now']}",
        f"store     {store['entitlements']} entitlements, {store['permille'] / 10:.1f} % of {store['map_size_mb']} MB",
        f"journal   entry {journal['last']}, {journal['backlog']} not yet in the cloud",
        f"cloud     {said['cloud']['address']}: {'connected' if said['cloud']['online'] else said['cloud']['error']}",
        f"keys      set {said['keys']['version']}",
        *(f"{name:<9} {_stream(feed[name])}" for name in ("urgent", "bulk")),
        f"inside    {said['inside']}{_ROOM.get(said['room']['state'], '')}",
    ]
    for lane in said["lanes"]:
        parts = [f"{part} {'up' if lane[f'{part}_online'] else 'DOWN'}" for part in ("reader", "barrier")]
        last = f", last {lane['last_decision']} {lane['last_reason']}" if lane["last_at"] else ""
        counts = f"{lane['admitted']} of {lane['presented']} admitted"
        lines.append(
            f"lane      {lane['device']} ({lane['name']}): {lane['state']}, {', '.join(parts)}, {counts}{last}"
        )
    return "\n".join(lines)


def _stream(stream: dict[str, Any]) -> str:
    if stream["snapshot"]:
        return f"taking snapshot {stream['snapshot']}, {stream['rows']} rows so far"
    if stream["seq"] is None:
        return f"nothing yet: {stream['error']}"
    told = f"row {stream['seq']}, current to {stream['current_to']}"
    return f"{told} ({stream['age_s']:.1f} s ago)" if stream["online"] else f"{told}; {stream['error']}"


if __name__ == "__main__":
    sys.exit(main())
