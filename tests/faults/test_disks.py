"""Disks that fill up, refuse a sync, turn read-only or spoil what is on them. Nobody is admitted unrecorded."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import scrub
from paifang.records import Op
from paifang.v1 import scan_pb2
from tests.support.budget import budget
from tests.support.edge_process import EdgeProcess, wait_for
from tests.support.entrance import code, ticket_rows
from tests.support.fake_cloud import BULK, FakeCloud
from tests.support.mortal import Lives

UNLIMITED = 90

pytestmark = pytest.mark.e2e


def _run(*line: str) -> bool:
    tools = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}  # where a bare environment does not look for mkfs
    return subprocess.run(line, capture_output=True, check=False, env=os.environ | tools).returncode == 0


def mounted(*line: str) -> None:
    if os.geteuid() or not _run("mount", *line):
        pytest.skip("mounting a small disk needs root")


@pytest.fixture
def small_disk(edge: EdgeProcess) -> Iterator[Path]:
    """The edge's state on a disk of 1 MB, where its store may become 32."""
    state = edge.folder / "state"
    kept = edge.folder / "kept"
    state.rename(kept)
    state.mkdir()
    mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(state))
    shutil.copytree(kept, state, dirs_exist_ok=True)
    yield state
    _stop(edge)
    assert _run("umount", str(state))


@pytest.fixture
def failing_disk(edge: EdgeProcess) -> Iterator[Path]:
    """The edge's state on a file system whose device has room for half of it: what does not fit fails at the sync,
    as on a disk whose sectors are going. The file that takes the room away is returned."""
    state, below = edge.folder / "state", edge.folder / "below"
    below.mkdir()
    mounted("-t", "tmpfs", "-o", "size=24m", "tmpfs", str(below))
    image = below / "disk"
    with image.open("wb") as file:
        file.truncate(64 << 20)  # it takes no room before it is written
    assert _run("mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", str(image))
    kept = edge.folder / "kept"
    state.rename(kept)
    state.mkdir()
    if not _run("mount", "-o", "loop,errors=continue", str(image), str(state)):
        _run("umount", str(below))
        pytest.skip("there are no loop devices")
    shutil.copytree(kept, state, dirs_exist_ok=True)
    os.sync()
    yield below / "hog"
    _stop(edge)
    assert _run("umount", str(state))
    assert _run("umount", str(below))


def _stop(edge: EdgeProcess) -> None:
    if edge.process is not None:
        edge.kill()


def started(edge: EdgeProcess) -> EdgeProcess:
    edge.start()
    wait_for(lambda: health(edge)["store"]["entitlements"] == 41, "the snapshot")
    wait_for(lambda: health(edge)["standing"]["behind"] == "", "it has caught up")
    wait_for(lambda: edge.lane("G11")["state"] == "ready", "the lane is ready")
    return edge


def health(edge: EdgeProcess) -> dict[str, Any]:
    said = edge.health()
    assert said is not None
    return said


def shown(edge: EdgeProcess, ticket: int) -> str:
    return edge.show("G11", code(ticket).decode())


def settled(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """All is told, and what the board counted is what the journal says."""
    wait_for(lambda: health(edge)["journal"]["backlog"] == 0 and health(edge)["cloud"]["online"], "all is told")
    assert cloud.chain_holds()
    walked = sum(entry.settlement.passed for entry in cloud.journal())
    assert walked == edge.order("G11", "gate", do="tally")["total"]


def fill(hog: Path, leave: int) -> None:
    """Writes a file until so many bytes are left on its disk."""
    disk = os.statvfs(hog.parent)
    with hog.open("wb") as file:
        file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - leave)))
        file.flush()
        os.fsync(file.fileno())


def test_a_disk_that_fills_up(edge: EdgeProcess, cloud: FakeCloud, small_disk: Path) -> None:
    """With what the cloud sends, long before the store's map is full: refused in time, through a restart, and over
    as soon as there is room."""
    started(edge)
    assert shown(edge, 1) == "OK"
    edge.walk("G11")
    assert health(edge)["store"]["permille"] < 800
    for first in range(1000, 16_000, 100):
        cloud.publish(BULK, *(Op(*row) for number in range(first, first + 100) for row in ticket_rows(number)[:1]))
    wait_for(lambda: health(edge)["store"]["permille"] >= 900, "health sees it")
    wait_for(lambda: health(edge)["feed"]["refused"].get("feed.apply", 0) > 0, "a batch finds no room")
    while shown(edge, UNLIMITED) not in ("STORE_FULL", "NOT_RECORDED"):  # to the last page
        edge.walk("G11")
    assert health(edge)["status"] != "ok"
    edge.kill()
    edge.start()
    wait_for(lambda: edge.lane("G11")["state"] == "ready", "it starts on a full disk, too")
    if shown(edge, 3) == "OK":  # the start has freed a page or two
        edge.walk("G11")
    assert _run("mount", "-o", "remount,size=16m", str(small_disk))
    wait_for(lambda: shown(edge, 2) == "OK", "there is room again")
    edge.walk("G11")
    settled(edge, cloud)


def test_a_disk_that_turns_read_only(edge: EdgeProcess, cloud: FakeCloud, small_disk: Path) -> None:
    started(edge)
    edge.kill()
    assert _run("mount", "-o", "remount,ro", str(small_disk))
    ran = edge.command("run")
    assert ran.returncode == 1
    assert "Read-only file system" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert _run("mount", "-o", "remount,rw", str(small_disk))
    started(edge)
    assert shown(edge, 1) == "OK"
    edge.walk("G11")
    settled(edge, cloud)


def test_a_sync_that_fails(edge: EdgeProcess, cloud: FakeCloud, failing_disk: Path) -> None:
    """The write is taken and the sync says it is lost: nobody gets in on it, and when the disk is well again the
    gate goes on, if need be after another start."""
    started(edge)
    assert shown(edge, 1) == "OK"
    edge.walk("G11")
    fill(failing_disk, 0)  # the device below has no room: what is written now does not reach it
    before = edge.order("G11", "gate", do="state")["opens"]
    answers: list[str] = []
    for ticket in range(2, 30):
        try:
            answers.append(shown(edge, ticket))
        except (OSError, AssertionError):  # it has ended: only another start can help
            break
        if answers[-1] == "OK":
            edge.walk("G11")
        elif answers.count("NOT_RECORDED") >= 3:
            break
    assert "NOT_RECORDED" in answers
    opened = edge.order("G11", "gate", do="state")["opens"] - before
    assert opened <= answers.count("OK")
    assert edge.process is not None
    if edge.process.poll() is None:
        assert health(edge)["store"]["failed"]
        edge.kill()
    failing_disk.unlink()
    started(edge)
    assert shown(edge, 1) == "USED_UP"
    wait_for(lambda: shown(edge, UNLIMITED) == "OK", "the gate goes on")
    edge.walk("G11")
    settled(edge, cloud)


def test_a_spoilt_file_is_served_from_or_replaced(edge: EdgeProcess, cloud: FakeCloud) -> None:
    """Wherever the damage is: after some starts the gate serves, from the store or from a new one in its place."""
    chance = random.Random(20261122)
    started(edge)
    for ticket in (1, 2, 3):
        assert shown(edge, ticket) == "OK"
        edge.walk("G11")
    wait_for(lambda: health(edge)["journal"]["backlog"] == 0, "all is told")
    assert edge.stop() == 0
    state = edge.folder / "state"
    whole = edge.folder / "whole"
    shutil.copytree(state / "store", whole)
    lives = Lives(edge.config, edge.folder / "edge.log")
    replaced = 0
    for number in range(budget(2, 300)):
        shutil.rmtree(state / "store")
        for old in (*state.glob("store.broken-*"), *state.glob("store.new")):
            shutil.rmtree(old)
        shutil.copytree(whole, state / "store")
        spoil(state / "store" / "data.mdb", ("torn", "flipped")[number % 2], chance)
        replaced += _serves(edge, lives)
    lives.close()
    assert replaced


def spoil(data: Path, kind: str, chance: random.Random) -> None:
    size = data.stat().st_size
    with data.open("r+b") as file:
        if kind == "flipped":
            for _ in range(64):
                at = chance.randrange(8192, size)
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes((byte ^ 1 << chance.randrange(8),)))
        else:  # pages of a write that was cut off
            for _ in range(6):
                file.seek(chance.randrange(2, size // 4096) * 4096)
                file.write(bytes(chance.choice((2048, 4096))))


def _serves(edge: EdgeProcess, lives: Lives) -> bool:
    """Starts it until it admits somebody; whether the store was replaced for that."""
    for _ in range(8):
        pid = lives.begin()
        try:
            wait_for(lambda: (edge.health() or {}).get("standing", {}).get("behind") == "", "it has caught up", 3)
            wait_for(lambda: edge.lane("G11")["state"] == "ready", "the lane is ready", 3)
            served = shown(edge, UNLIMITED) == "OK"
        except (OSError, ValueError, LookupError, AssertionError):
            served = False
        if served:
            edge.walk("G11")
        try:
            os.kill(pid, 15 if served else 9)
        except ProcessLookupError:
            served = False
        lives.ended()
        if served:
            return any((edge.folder / "state").glob("store.broken-*"))
    raise AssertionError(edge.log()[-3000:])


def test_a_look_through_finds_what_lmdb_does_not(edge: EdgeProcess, cloud: FakeCloud) -> None:
    started(edge)
    assert shown(edge, 1) == "OK"
    edge.walk("G11")
    assert edge.stop() == 0
    store = edge.folder / "state" / "store"
    found = scrub.look_through(store)
    assert (found.problem, found.rows["entitlement"], found.rows["usage"]) == ("", 41, 1)
    data = store / "data.mdb"
    raw = data.read_bytes()
    admitted = next(entry for entry in cloud.journal() if entry.presentation.decision == scan_pb2.DECISION_ADMIT)
    entry = cloud.entries[admitted.epoch, admitted.seq]
    spoilt = entry[:-1] + bytes([entry[-1] ^ 1])  # still an entry, of another hash
    assert entry in raw
    data.write_bytes(raw.replace(entry, spoilt))
    assert "does not carry the hash of the entry before it" in scrub.look_through(store).problem
