"""A running gates' server, and an enrolled edge to call it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from cloud.core.actors import Actor
from cloud.gates.services import Enrolled, create_token, enrol
from cloud.venues.models import Edge
from paifang.v1 import feed_pb2, feed_pb2_grpc, scan_pb2_grpc
from tests.support.cloud_process import Rpc
from tests.support.edge_identity import key_pem, new_key, request_of

OPTIONS = [("grpc.ssl_target_name_override", "cloud.paifang")]
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Client:
    """An enrolled edge's end of the gates' port."""

    enrolled: Enrolled
    key: bytes
    channel: grpc.Channel

    @property
    def feed(self) -> Any:
        return feed_pb2_grpc.FeedStub(self.channel)

    @property
    def scan(self) -> Any:
        return scan_pb2_grpc.ScanStub(self.channel)

    def subscribe(self, **fields: Any) -> Any:
        """An open stream; iterate over it."""
        return self.feed.Subscribe(feed_pb2.SubscribeRequest(**fields), timeout=TIMEOUT_S)


def credentials(authority: bytes, key: bytes | None = None, chain: bytes | None = None) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(authority, key, chain)


def connect(rpc: Rpc, edge: Edge, actor: Actor) -> Client:
    key = new_key()
    secret = create_token(actor=actor, edge=edge).split(".")[0]
    done = enrol(secret=secret, csr_der=request_of(key), software_version="1")
    trusted = credentials(done.authority_pem, key_pem(key), done.certificate_pem)
    return Client(done, key_pem(key), grpc.secure_channel(rpc.gates_address, trusted, OPTIONS))


@pytest.fixture
def rpc(transactional_db: None, tmp_path: Path) -> Iterator[Rpc]:
    with Rpc(tmp_path) as running:
        yield running


@pytest.fixture
def client(rpc: Rpc, edge: Edge, actor: Actor) -> Iterator[Client]:
    made = connect(rpc, edge, actor)
    yield made
    made.channel.close()
