"""The `paifang` command. It only starts `python -m edge ...` or `python -m cloud ...` with what was asked."""

from __future__ import annotations

import os
import sys

HELP = """\
Paifang: gates that never wait and never lose an entry, and the back office behind them.

  paifang demo run          the demo venue on this machine (the same as `make run`)
  paifang demo once         20 seconds of gate traffic, counted
  paifang demo ...          cut and heal the running demo: stop-cloud, start-cloud, kill-edge, unplug ...
  paifang present LANE ...  present a pass, an ID number or any text at a lane of the running demo
  paifang edge ...          one entrance: run, enrol, status, explain
  paifang cloud ...         the control plane: web, rpc, worker, migrate

Each of them says more with --help.
"""

# The first word -> the module that does it, and what it is called there.
COMMANDS: dict[str, tuple[str, ...]] = {
    "demo": ("cloud", "demo"),
    "present": ("cloud", "demo", "present"),
    "edge": ("edge",),
    "cloud": ("cloud",),
}


def command_line(arguments: list[str]) -> list[str] | None:
    """The arguments of the Python interpreter for these of `paifang`; None: there is no such command."""
    if not arguments or arguments[0] not in COMMANDS:
        return None
    return ["-m", *COMMANDS[arguments[0]], *arguments[1:]]


def main() -> int:
    """Replaces this process with the one asked for."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    started = command_line(arguments)
    if started is None:
        print(f'paifang: there is no command "{arguments[0]}"\n\n{HELP}', end="", file=sys.stderr)
        return 2
    os.execv(sys.executable, [sys.executable, *started])


if __name__ == "__main__":
    sys.exit(main())
