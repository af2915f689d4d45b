"""Three etcd members on this machine, with certificates as the cloud makes them. What is stored dies with them."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from cloud.gates import certificates
from cloud.gates.certificates import Issuer
from edge.identity import Identity
from paifang.etcd import rpc_pb2, rpc_pb2_grpc
from tests.support.edge_identity import key_pem, new_key

HOST = "127.0.0.1"
READY_S = 30.0


class EtcdError(Exception):
    """The server's program is missing, or a member does not come up; the message holds what it said."""


@dataclass
class Member:
    """One member as a process that can be stopped, killed and started again."""

    command: Sequence[str]
    address: str
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Etcd:
    """The cluster. `whole` puts it right again after a test."""

    def __init__(self, home: Path, count: int = 3) -> None:
        program = shutil.which("etcd")
        if program is None:
            raise EtcdError("no etcd on this machine: install the package `etcd-server`")
        self.authority = make_authority()
        (home / "authority.pem").write_bytes(self.authority.pem)
        ports = _free_ports(2 * count)
        peers = ",".join(f"m{n}=https://{HOST}:{ports[count + n]}" for n in range(count))
        self.members = [self._member(program, home, n, ports[n], ports[count + n], peers) for n in range(count)]

    def _member(self, program: str, home: Path, n: int, port: int, peer_port: int, peers: str) -> Member:
        key, certificate = certificates.issue_member(self.authority, [HOST], dt.datetime.now(dt.UTC))
        (home / f"m{n}.key").write_bytes(key)
        (home / f"m{n}.pem").write_bytes(certificate)
        pair = {"cert-file": f"m{n}.pem", "key-file": f"m{n}.key", "trusted-ca-file": "authority.pem"}
        options = {
            "name": f"m{n}", "data-dir": str(home / f"m{n}"), "initial-cluster": peers,
            "listen-client-urls": f"https://{HOST}:{port}", "advertise-client-urls": f"https://{HOST}:{port}",
            "listen-peer-urls": f"https://{HOST}:{peer_port}",
            "initial-advertise-peer-urls": f"https://{HOST}:{peer_port}",
            "heartbeat-interval": "50", "election-timeout": "500",
            "client-cert-auth": "true", "peer-client-cert-auth": "true",
        }  # fmt: skip
        options |= {name: str(home / file) for name, file in pair.items()}
        options |= {f"peer-{name}": str(home / file) for name, file in pair.items()}
        command = [program, *(f"--{name}={value}" for name, value in options.items())]
        return Member(command, f"{HOST}:{port}", home / f"m{n}.log")

    @property
    def addresses(self) -> list[str]:
        return [member.address for member in self.members]

    def identity(self, edge_id: int, venue_id: int, by: Issuer | None = None) -> Identity:
        """An edge's, as enrolment gives it: a certificate of the same authority (or another's), for clients alone."""
        key = new_key()
        client = certificates.issue_client(by or self.authority, edge_id, key.public_key(), dt.datetime.now(dt.UTC))
        return Identity(
            edge_id, venue_id, b"", "", 1, bytes(32), key_pem(key), certificates.pem(client), self.authority.pem
        )  # fmt: skip

    def whole(self) -> None:
        """Every member runs, and a majority answers on each. Raises EtcdError."""
        for member in self.members:
            if member.process is None or member.process.poll() is not None:
                member.start()
            else:
                member.thaw()
        deadline = time.monotonic() + READY_S
        identity = self.identity(1, 1)
        for member in self.members:
            while not _answers(member, identity):
                if time.monotonic() > deadline:
                    raise EtcdError(f"{member.address} does not answer:\n{member.log.read_text()[-2000:]}")
                time.sleep(0.05)

    def stop(self) -> None:
        for member in self.members:
            member.kill()


def make_authority() -> Issuer:
    return certificates.make_authority(dt.datetime.now(dt.UTC))


@contextlib.contextmanager
def cluster() -> Iterator[Etcd]:
    home = Path(tempfile.mkdtemp(prefix="paifang-etcd-", dir=os.environ.get("PAIFANG_ETCD_DIR")))
    try:
        etcd = Etcd(home)
        try:
            etcd.whole()
            yield etcd
        finally:
            etcd.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answers(member: Member, identity: Identity) -> bool:
    """Whether it answers for a majority, on a fresh connection."""
    credentials = grpc.ssl_channel_credentials(
        identity.authority_pem, identity.key_pem, identity.certificate_pem
    )  # fmt: skip
    with grpc.secure_channel(member.address, credentials) as channel:
        try:
            rpc_pb2_grpc.KVStub(channel).Range(rpc_pb2.RangeRequest(key=b"ready"), timeout=1)
        except grpc.RpcError:
            return False
    return True


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
