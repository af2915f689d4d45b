"""A throw-away PostgreSQL for a command: `python -m tests.support.postgres -- COMMAND...`.

Starts a cluster of its own in a temporary directory on a free loopback port, exports PAIFANG_DATABASE_URL, runs
the command, stops the cluster whatever happens and exits as the command did. PostgreSQL refuses to run as root:
started by root it runs as the user `postgres`. fsync is off: nothing here outlives the command.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}


class PostgresError(Exception):
    """The server's programs are missing, or one of them failed; the message holds what it said."""


def binaries() -> Path:
    """The newest installed version's programs. Raises PostgresError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresError("no PostgreSQL in /usr/lib/postgresql: install the package `postgresql`")
    return found[-1].parent


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Runs a cluster; the URL of an empty database in it."""
    programs = binaries()
    home = Path(tempfile.mkdtemp(prefix="paifang-pg-"))
    data, password, port = home / "data", secrets.token_hex(16), _free_port()
    try:
        (home / "password").write_text(password)
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            for path in (home, home / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        _run([
            str(programs / "initdb"), "--pgdata", str(data), "--username", "paifang", "--pwfile",
            str(home / "password"), "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        ], home)  # fmt: skip
        options = _OPTIONS | {"port": str(port), "unix_socket_directories": str(home)}
        arguments = " ".join(f"-c {name}={value}" for name, value in options.items())
        control = [str(programs / "pg_ctl"), "--pgdata", str(data), "--log", str(home / "log")]
        _run([*control, "--wait", "--options", arguments, "start"], home)
        try:
            environment = {"PGPASSWORD": password}
            _run(
                [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "paifang", "paifang"],
                home, environment,
            )  # fmt: skip
            yield f"postgresql://paifang:{password}@127.0.0.1:{port}/paifang"
        finally:
            _run([*control, "--mode", "immediate", "--wait", "stop"], home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(command: Sequence[str], home: Path, environment: dict[str, str] | None = None) -> None:
    if os.getuid() == 0:
        runuser = shutil.which("runuser") or "/usr/sbin/runuser"  # a bare PATH has no sbin
        command = [runuser, "-u", "postgres", "--", *command]
    # The server inherits its starter's output: a file, for a pipe would stay open as long as it runs.
    with (home / "output").open("w+") as output:
        done = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=os.environ | (environment or {}),
            check=False,
        )
        if done.returncode:
            output.seek(0)
            log = home / "log"
            said = output.read() + (log.read_text() if log.exists() else "")
            raise PostgresError(f"{command[-1]} failed:\n{said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(arguments: Sequence[str]) -> int:
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command:
        print("usage: python -m tests.support.postgres -- COMMAND...", file=sys.stderr)
        return 2
    # So that a terminated run still stops its server.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with cluster() as url:
        return subprocess.run(command, env=os.environ | {"PAIFANG_DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PostgresError as problem:
        sys.exit(f"PostgreSQL: {problem}")
