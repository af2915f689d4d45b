"""`python -m cloud ...` on an installation of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SETUP = """
import django
django.setup()
from django_scopes import scope
from cloud.core.actors import Actor
from cloud.venues.services import create_edge, create_venue
venue = create_venue(actor=Actor.system(), code="lake", name_zh="西湖")
with scope(venue=venue):
    create_edge(actor=Actor.system(), venue=venue, name="West")
"""


class Installation:
    def __init__(self, var: Path) -> None:
        self.var = var
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PAIFANG_")}
        self.environment = kept | {"PAIFANG_VAR": str(var), "DJANGO_SETTINGS_MODULE": "cloud.settings"}

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def cloud(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "cloud", *arguments, **variables)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("cloud") / "var")
    migrated = made.cloud("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert made.run("-c", SETUP).returncode == 0
    return made


def test_migrate_again_changes_nothing(installation: Installation) -> None:
    secrets = {path.name: path.read_bytes() for path in (installation.var / "secrets").iterdir()}
    assert set(secrets) == {"django.key", "seal.key"}
    assert {path.stat().st_mode & 0o777 for path in (installation.var / "secrets").iterdir()} == {0o600}
    again = installation.cloud("migrate")
    assert (again.returncode, "No migrations to apply" in again.stdout) == (0, True)
    assert {path.name: path.read_bytes() for path in (installation.var / "secrets").iterdir()} == secrets
    assert (installation.var / "static" / "console").is_dir()


def test_help_names_every_command(installation: Installation) -> None:
    told = installation.cloud("--help")
    for command in (
        "web",
        "rpc",
        "worker",
        "migrate",
        "createadmin",
        "resetlogin",
        "createvenue",
        "token",
        "membercert",
        "demo",
    ):
        assert re.search(rf"^    {command}\b", told.stdout, re.MULTILINE), command
        assert installation.cloud(command, "--help").returncode == 0, command


def test_a_token(installation: Installation) -> None:
    made = installation.cloud("token", "West")
    assert re.fullmatch(r"[A-Z2-7]{26}\.[0-9a-f]{64}\n", made.stdout)
    unknown = installation.cloud("token", "East")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.endswith("paifang cloud: There is no edge East. Create it first.\n")


def test_a_first_administrator(installation: Installation) -> None:
    weak = installation.cloud("createadmin", "root", PAIFANG_ADMIN_PASSWORD="12345")
    assert (weak.returncode, "The password is too weak" in weak.stderr) == (1, True)
    made = installation.cloud("createadmin", "root", PAIFANG_ADMIN_PASSWORD="long enough for anyone")
    assert (made.returncode, made.stdout) == (0, "root may do everything at every venue.\n")
    twice = installation.cloud("createadmin", "root", PAIFANG_ADMIN_PASSWORD="long enough for anyone")
    assert (twice.returncode, "is taken" in twice.stderr) == (1, True)


def test_who_locked_themselves_out_is_let_in_again(installation: Installation) -> None:
    unknown = installation.cloud("resetlogin", "nobody")
    assert (unknown.returncode, unknown.stderr) == (1, "paifang cloud: There is no employee nobody.\n")
    assert installation.cloud("createadmin", "nina", PAIFANG_ADMIN_PASSWORD="long enough for anyone").returncode == 0
    reset = installation.cloud("resetlogin", "nina")
    assert re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}\n", reset.stdout)
    assert "There is no second factor any more." in reset.stderr


def test_a_venue(installation: Installation) -> None:
    made = installation.cloud("createvenue", "south-lake", "南湖", "--name-en", "South Lake")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("south-lake is there. ")
    again = installation.cloud("createvenue", "south-lake", "南湖")
    assert (again.returncode, again.stderr) == (1, "paifang cloud: The code south-lake is taken.\n")
    nowhere = installation.cloud("createvenue", "moon", "月", "--time-zone", "Moon/Crater")
    assert (nowhere.returncode, "There is no time zone Moon/Crater." in nowhere.stderr) == (1, True)


def test_a_claims_members_certificate(installation: Installation, tmp_path: Path) -> None:
    made = installation.cloud("membercert", str(tmp_path / "m1"), "10.0.0.11")
    assert made.returncode == 0, made.stderr
    assert {path.name for path in (tmp_path / "m1").iterdir()} == {"member.key", "member.pem", "authority.pem"}
    assert (tmp_path / "m1" / "member.key").stat().st_mode & 0o777 == 0o600


def listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_the_web_process_serves_and_stops(installation: Installation) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    web = subprocess.Popen(
        [sys.executable, "-m", "cloud", "web", "--bind", address],
        env=installation.environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not listens(address):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with urllib.request.urlopen(f"http://{address}/", timeout=10) as page:
            assert "/login" in page.url
        web.terminate()
        assert web.wait(15) == 0
    finally:
        web.kill()


@pytest.mark.parametrize("command", ["rpc", "worker"])
def test_a_process_stops_on_sigterm(installation: Installation, command: str) -> None:
    ports = ["--enrol", "127.0.0.1:0", "--gates", "127.0.0.1:0"] if command == "rpc" else []
    process = subprocess.Popen(
        [sys.executable, "-m", "cloud", command, *ports],
        env=installation.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert any("ready" in line for line in process.stderr)
        process.terminate()
        began = time.monotonic()
        assert process.wait(15) == 0
        assert time.monotonic() - began < 5
    finally:
        process.kill()
