"""`paifang edge doctor`: everything that can be seen to be wrong with an entrance's machine, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from edge import identity, scrub, verifier
from edge._store_common import OwnerLock
from edge.config import EdgeConfig
from edge.errors import NotEnrolledError
from edge.identity import Identity
from edge.verifier import StoreError

GOOD, ODD, BAD = "good", "odd", "BAD"
CONNECT_S = 3.0
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """`state`: good, odd (works, look at it) or BAD (does not work)."""

    state: str
    about: str
    text: str


def examine(config: EdgeConfig) -> list[Finding]:
    """Every check; one that fails does not keep the others from being made."""
    findings: list[Finding] = []
    for check in _CHECKS:
        findings += check(config)
    return findings


def _core(config: EdgeConfig) -> Iterator[Finding]:
    try:
        verifier.load(config.verifier)
    except ImportError as problem:
        yield Finding(ODD if config.allow_twin else BAD, "verifier", f"{config.verifier} cannot be used: {problem}")
        return
    yield Finding(GOOD, "verifier", config.verifier)


def _identity(config: EdgeConfig) -> Iterator[Finding]:
    try:
        held = identity.load(config.state)
    except NotEnrolledError as problem:
        yield Finding(BAD, "identity", str(problem))
        return
    yield Finding(GOOD, "identity", f"edge {held.edge_id} of venue {held.venue_id}")
    yield from _private(identity.folder(config.state))
    yield _certificate(held)


def _private(folder: Path) -> Iterator[Finding]:
    """Keys and pepper are readable by the edge's user only."""
    for path, mode in ((folder, 0o700), (folder / "edge.key", 0o600), (folder / "pepper", 0o600)):
        found = path.stat()
        if stat.S_IMODE(found.st_mode) & ~mode:
            yield Finding(BAD, "secrets", f"{path} is open to others: chmod {mode:o} {path}")
        elif found.st_uid != os.geteuid():
            yield Finding(ODD, "secrets", f"{path} belongs to user {found.st_uid}: run doctor as the edge's user")


def _certificate(held: Identity) -> Finding:
    ends = x509.load_pem_x509_certificate(held.certificate_pem).not_valid_after_utc
    left = ends - datetime.now(UTC)
    text = f"valid until {ends:%Y-%m-%d}"
    if left < timedelta(0):
        return Finding(BAD, "certificate", f"{text}: it has ended. Enrol again with a new token; the store stays")
    return Finding(ODD if left < RENEW_BEFORE else GOOD, "certificate", text)


def _store(config: EdgeConfig) -> Iterator[Finding]:
    path = config.state / "store"
    if not (path / "data.mdb").exists():
        yield Finding(ODD, "store", f"{path} holds none yet: the first run makes it")
        return
    try:
        lock = OwnerLock(str(path))
    except (StoreError, OSError) as problem:
        yield Finding(GOOD, "store", f"in use ({problem}); stop the edge to have it looked through")
        return
    try:
        found = scrub.look_through(path)
    finally:
        lock.release()
    if found.problem:
        yield Finding(BAD, "store", f"{found.problem}. Start the edge: it puts the store aside and makes a new one")
    else:
        yield Finding(GOOD, "store", f"whole: {sum(found.rows.values())} rows, journal of {found.rows['journal']}")
    for aside in sorted(config.state.glob("store.broken-*")):
        yield Finding(ODD, "store", f"{aside.name} is kept: see the alarm of that moment, then remove it")


def _room(config: EdgeConfig) -> Iterator[Finding]:
    wanted = config.map_size_mb << 20
    data = config.state / "store" / "data.mdb"
    held = data.stat().st_blocks * 512 if data.exists() else 0
    at = config.state if config.state.exists() else config.state.parent
    free = shutil.disk_usage(at).free
    text = f"{free >> 20} MB free; the store may still grow by {max(0, wanted - held) >> 20} MB"
    yield Finding(GOOD if free + held > wanted else BAD, "disk", text)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory:
        yield Finding(ODD, "memory", f"the store's map ({wanted >> 20} MB) is larger than memory ({memory >> 20} MB)")


def _clock(config: EdgeConfig) -> Iterator[Finding]:
    try:
        asked = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True, text=True, timeout=CONNECT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return  # nobody to ask on this machine
    good = asked.stdout.strip() == "yes"
    yield Finding(GOOD if good else ODD, "clock", "set by NTP" if good else "not set by NTP: the cloud's time alone")


def _ports(config: EdgeConfig) -> Iterator[Finding]:
    for lane in config.lanes:
        for port in (*lane.readers, lane.barrier):
            if not os.path.exists(port.port):
                yield Finding(BAD, f"lane {lane.device}", f"{port.port} ({port.driver}) is not there: cable, adapter?")
            elif not os.access(port.port, os.R_OK | os.W_OK):
                yield Finding(BAD, f"lane {lane.device}", f"{port.port} may not be used by this user: group dialout?")
            else:
                yield Finding(GOOD, f"lane {lane.device}", f"{port.port} ({port.driver})")


def _cloud(config: EdgeConfig) -> Iterator[Finding]:
    addresses = {"enrol": config.enrol, "gates": config.gates}
    if config.gates is None:
        try:
            addresses["gates"] = identity.load(config.state).gates_address
        except NotEnrolledError:
            del addresses["gates"]
    for name, address in addresses.items():
        host, _, port = str(address).rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        except OSError as problem:
            yield Finding(ODD, f"cloud, {name}", f"{address}: {problem}. The gates go on without it")
        else:
            yield Finding(GOOD, f"cloud, {name}", f"{address} answers")


_CHECKS: tuple[Callable[[EdgeConfig], Iterator[Finding]], ...] = (
    _core, _identity, _store, _room, _clock, _ports, _cloud,
)  # fmt: skip
