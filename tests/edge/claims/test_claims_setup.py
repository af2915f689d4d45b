"""Claims as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

from edge.claims import State
from edge.claims_etcd import EtcdClaims
from edge.claims_setup import STORE, on_etcd
from edge.committer import Committer
from edge.config import EdgeConfig, parse
from edge.errors import StartError
from paifang.records import Table
from tests.support.entrance import MAP_BYTES, NOW_MS, fill, live_rows
from tests.support.etcd import Etcd

CONFIG = """[edge]
name = "west"
state = "state"
[cloud]
enrol = "cloud:8443"
[[lane]]
device = "G11"
reader = [{ driver = "line", port = "/dev/ttyS4", baud = 9600 }]
barrier = { driver = "ds205a", port = "/dev/ttyS5", baud = 19200 }
"""


@pytest.fixture
def environment(core: ModuleType, tmp_path: Path) -> Iterator[Any]:
    environment = core.Environment(str(tmp_path / "store"), MAP_BYTES)
    fill(environment, live_rows())
    yield environment
    environment.close()


def config(tmp_path: Path, claims: str = "") -> EdgeConfig:
    return parse(CONFIG + claims, tmp_path / "edge.toml")


def claims_of(config: EdgeConfig, identity: Any, environment: Any) -> EtcdClaims | None:
    committer = Committer(environment, edge_id=1, deliver=lambda call: call())
    claims = on_etcd(
        config, identity, environment, committer, now_ms=lambda: NOW_MS, alarm=lambda *_: None, healed=lambda: None,
        forgetful=lambda: False,
    )  # fmt: skip
    committer.step()
    return claims


def test_without_members_claims_are_local(environment: Any, tmp_path: Path) -> None:
    assert claims_of(config(tmp_path), None, environment) is None
    assert environment.get(Table.META, STORE) is None


async def test_an_edge_claims_with_the_certificate_it_was_enrolled_with(
    environment: Any, tmp_path: Path, etcd: Etcd
) -> None:
    members = f"[claims]\nendpoints = {etcd.addresses}\ntimeout_ms = 2000\n"
    identity = etcd.identity(1, 900)
    claims = claims_of(config(tmp_path, members), identity, environment)
    assert claims is not None
    assert claims.state is State.NO_QUORUM  # until it has been asked
    stored = environment.get(Table.META, STORE)
    assert len(stored) == 8
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(claims.run)
            while claims.state is not State.QUORUM:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    claims.close()
    again = claims_of(config(tmp_path, members), identity, environment)
    assert again is not None
    again.close()
    assert environment.get(Table.META, STORE) == stored


def test_files_take_the_place_of_the_enrolled_ones(environment: Any, tmp_path: Path, etcd: Etcd) -> None:
    identity = etcd.identity(1, 901)
    for name, text in (("a.pem", identity.authority_pem), ("c.pem", identity.certificate_pem), ("k", identity.key_pem)):
        (tmp_path / name).write_bytes(text)
    files = 'authority = "a.pem"\ncertificate = "c.pem"\nkey = "k"\n'
    bare = replace(identity, authority_pem=b"", certificate_pem=b"", key_pem=b"")
    claims = claims_of(config(tmp_path, f"[claims]\nendpoints = {etcd.addresses}\n{files}"), bare, environment)
    assert claims is not None
    claims.close()
    (tmp_path / "k").unlink()
    with pytest.raises(StartError, match=r"a certificate of \[claims\] cannot be read: .*No such file"):
        claims_of(config(tmp_path, f"[claims]\nendpoints = {etcd.addresses}\n{files}"), bare, environment)
