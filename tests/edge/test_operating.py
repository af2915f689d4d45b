"""What an operator asks of an entrance's machine: inspect, export, doctor, the systemd unit, the log."""

from __future__ import annotations

import base64
import configparser
import json
import logging
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from edge import identity, journal, verifier
from edge.__main__ import main
from edge.logs import JsonLines
from edge.verdict import Credential
from paifang.records import CredentialKind, Table, entry_hash
from paifang.v1 import scan_pb2
from tests.support.edge_process import free_port
from tests.support.entrance import Entrance
from tests.support.fake_cloud import FakeCloud


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def machine(tmp_path: Path, listening: socket.socket) -> Path:
    """An entrance's configuration: enrolled, its devices there, and a store with an admission that stands open."""
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    for name in ("qr", "gate"):
        (tmp_path / name).touch()
    config = tmp_path / "edge.toml"
    config.write_text(
        f'[edge]\nname = "south"\nstate = "state"\nmap_size_mb = 32\nallow_twin = true\n'
        f'http = "127.0.0.1:{free_port()}"\n'
        f'[cloud]\nenrol = "{address}"\ngates = "{address}"\n'
        f'[[lane]]\ndevice = "G11"\n[[lane.reader]]\ndriver = "line"\nport = "{tmp_path}/qr"\n'
        f'[lane.barrier]\ndriver = "ds205a"\nport = "{tmp_path}/gate"\n'
    )
    identity.save(tmp_path / "state", FakeCloud().identity())
    entrance = Entrance(verifier.load("compiled"), tmp_path / "state" / "store")
    entrance.ticket(1)
    entrance.ticket(2)
    entrance.settle(entrance.admit(1), scan_pb2.OUTCOME_PASSED, passed=1)
    entrance.settled()
    entrance.admit(2)
    entrance.close()
    return config


def run(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str]:
    code = main([*arguments, "--config", str(config)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_inspect(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    code, text = run(capsys, machine, "inspect")
    assert code == 0
    assert "journal   1 .. 3, acked 0, witness 0" in text
    assert "open use  admission 3 at device 11, 1 persons" in text
    said = json.loads(run(capsys, machine, "inspect", "--json")[1])
    assert (said["tables"]["entitlement"], said["tables"]["usage"], said["tables"]["open"]) == (2, 2, 1)
    assert said["cursors"]["bulk"]["seq"] is None
    shutil.rmtree(machine.parent / "state" / "store")
    assert run(capsys, machine, "inspect")[0] == 1


def test_inspect_beside_the_owner(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    """While the daemon has the store: in a process of its own."""
    owner = verifier.load("compiled").Environment(str(machine.parent / "state" / "store"), 32 << 20)
    line = [sys.executable, "-m", "edge", "inspect", "--json", "--config", str(machine)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    owner.close()
    assert json.loads(done.stdout)["journal"]["last"] == 3


def test_export_is_the_journal_byte_for_byte(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    into = machine.parent / "journal.jsonl"
    assert run(capsys, machine, "export", str(into)) == (0, f"3 entries in {into}, a whole chain\n")
    assert into.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in into.read_text().splitlines()]
    raws = [base64.b64decode(line["raw"]) for line in lines]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["hash"] for line in lines] == [entry_hash(raw).hex() for raw in raws]
    assert journal.verify(raws, journal.START).seq == 3
    store = verifier.load("compiled").Environment(str(machine.parent / "state" / "store"), 32 << 20)
    txn = store.begin()
    txn.put(Table.META, journal.ACKED, journal.seq_key(2))
    txn.put(Table.JOURNAL, journal.seq_key(2), raws[1] + b"\x50\x01")
    txn.commit()
    store.close()
    assert run(capsys, machine, "export", str(into)) == (0, f"1 entries in {into}, a whole chain\n")
    code, text = run(capsys, machine, "export", "--all", str(into))
    assert code == 3
    assert text.startswith(f"3 entries in {into}; the chain is broken: entry 3: entry 3 does not carry the hash of")
    assert run(capsys, machine, "export", str(machine / "no" / "folder"))[0] == 1


def test_doctor_finds_nothing(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    code, text = run(capsys, machine, "doctor")
    assert code in (0, 3), text  # a machine without NTP is odd
    lines = text.splitlines()
    assert "good  identity: edge 7 of venue 5" in lines
    assert any(line.startswith("good  store: whole: ") for line in lines)
    assert any(line.startswith("good  cloud, gates: ") for line in lines)
    assert not any(line.startswith("BAD") for line in lines)


def test_doctor_says_what_to_do(capsys: pytest.CaptureFixture[str], machine: Path, listening: socket.socket) -> None:
    state = machine.parent / "state"
    (state / "identity" / "pepper").chmod(0o644)
    (machine.parent / "gate").unlink()
    data = state / "store" / "data.mdb"
    data.write_bytes(data.read_bytes()[:8192] + b"\xff" * (data.stat().st_size - 8192))
    (state / "store.broken-20261122T000000Z").mkdir()
    listening.close()
    code, text = run(capsys, machine, "doctor")
    assert code == 1
    assert f"BAD   secrets: {state}/identity/pepper is open to others: chmod 600 {state}/identity/pepper" in text
    assert f"BAD   lane G11: {machine.parent}/gate (ds205a) is not there" in text
    assert "BAD   store: " in text
    assert "it puts the store aside and makes a new one" in text
    assert "odd   store: store.broken-20261122T000000Z is kept" in text
    assert "The gates go on without it" in text


def test_doctor_leaves_a_running_edges_store_alone(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    owner = verifier.load("compiled").Environment(str(machine.parent / "state" / "store"), 32 << 20)
    text = run(capsys, machine, "doctor")[1]
    owner.close()
    assert "stop the edge to have it looked through" in text


def test_the_unit_is_hardened_and_has_its_paths(capsys: pytest.CaptureFixture[str], machine: Path) -> None:
    code, text = run(capsys, machine, "unit")
    assert code == 0
    assert "{" not in text
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    service = unit["Service"]
    assert service["ExecStart"].endswith(f"-m edge run --config {machine}")
    assert service["ReadWritePaths"] == str(machine.parent / "state")
    assert service["Restart"] == "always"
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("paifang-edge", "yes", "strict")
    assert "u paifang-edge" in files("edge").joinpath("systemd", "paifang-edge.sysusers").read_text()
    if shutil.which("systemd-analyze"):
        file = machine.parent / "paifang-edge.service"
        file.write_text(text)
        rated = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=30", str(file)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert rated.returncode == 0, rated.stdout + rated.stderr


def test_a_log_for_programs_holds_no_credential() -> None:
    shown = Credential(CredentialKind.ID_NUMBER, b"990000199001010015", 0)
    record = logging.LogRecord("edge.lane", logging.ERROR, "", 0, "lane %s: %s", ("G1", shown), None)
    said = json.loads(JsonLines().format(record))
    assert set(said) == {"at", "level", "room", "text"}
    assert (said["level"], said["room"]) == ("error", "edge.lane")
    assert said["text"].startswith("lane G1: Credential(kind=")
    assert "990000" not in said["text"]
