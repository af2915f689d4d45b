"""Both ports in one process: enrolment with server TLS, the gates with mutual TLS."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass

import grpc

from cloud.gates.authority import server_certificate
from cloud.rpc.calls import Calls
from cloud.rpc.database import Database
from cloud.rpc.enrol import EnrolService
from cloud.rpc.feed import FeedService
from cloud.rpc.hub import Hub
from cloud.rpc.scan import ScanService
from paifang.v1 import enrol_pb2_grpc, feed_pb2_grpc, scan_pb2_grpc

logger = logging.getLogger(__name__)

GRACE_S = 1.0
# Edges ping every second, calls or not, to find a frozen server; nothing of that is a misuse here. The server
# pings too, so that an edge whose machine vanished does not keep its streams for hours.
OPTIONS: list[tuple[str, int]] = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.so_reuseport", 0),  # a second server on the port is a mistake: it must fail to start
]
MOST_CALLS = 4096


class AddressError(Exception):
    """An address cannot be listened on or told to edges; the message says what to set."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to listen (host:port, port 0 for a free one), and the host edges reach this machine by."""

    enrol: str
    gates: str
    public_host: str = ""

    def host(self) -> str:
        """The host told to edges. Raises AddressError when only a wildcard is known."""
        host = self.public_host or _split(self.gates)[0]
        if host in ("0.0.0.0", "::", "*", ""):  # noqa: S104 - compared, not bound
            raise AddressError(
                f"PAIFANG_RPC_GATES_ADDRESS listens on every address ({self.gates}): set PAIFANG_RPC_PUBLIC_HOST to "
                "the name or address edges reach this machine by"
            )
        return host


class Server:
    """The two gRPC servers and what they share. `start`, then `stop`; the ports are known in between."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.enrol_port = self.gates_port = 0
        self._database = Database()
        self._hub = Hub(self._database)
        self._enrol = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=64)
        self._gates = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=MOST_CALLS)
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises AddressError."""
        host = self.addresses.host()
        hosts = {host, _split(self.addresses.gates)[0], _split(self.addresses.enrol)[0]}
        key, chain, authority = await self._database.run(lambda: server_certificate(sorted(hosts)))
        mutual = grpc.ssl_server_credentials([(key, chain)], root_certificates=authority, require_client_auth=True)
        self.gates_port = _listen(self._gates, self.addresses.gates, mutual)
        self.enrol_port = _listen(self._enrol, self.addresses.enrol, grpc.ssl_server_credentials([(key, chain)]))

        calls = Calls(self._database)
        told = f"[{host}]:{self.gates_port}" if ":" in host else f"{host}:{self.gates_port}"
        enrol_pb2_grpc.add_EnrolServicer_to_server(EnrolService(calls, told), self._enrol)
        feed_pb2_grpc.add_FeedServicer_to_server(FeedService(calls, self._hub), self._gates)
        scan_pb2_grpc.add_ScanServicer_to_server(ScanService(calls), self._gates)
        self._looking = asyncio.create_task(self._hub.run())
        await self._gates.start()
        await self._enrol.start()

    async def failed(self) -> None:
        """Returns never; raises what broke the server's own work."""
        if self._looking is not None:
            await asyncio.shield(self._looking)

    async def stop(self) -> None:
        """Streams end at once, calls that run have a second to finish."""
        self._hub.stop()
        await asyncio.gather(self._gates.stop(GRACE_S), self._enrol.stop(GRACE_S))
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await asyncio.get_running_loop().run_in_executor(None, self._database.close)


def _listen(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as problem:
        raise AddressError(f"cannot listen on {address}: {problem}") from None
    if not port:
        raise AddressError(f"cannot listen on {address}")
    return port


def _split(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port


async def serve(addresses: Addresses) -> None:
    """Serves until SIGTERM or SIGINT. Raises AddressError, and whatever broke the server."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(addresses)
    await server.start()
    logger.info("ready: enrol port %d, gates port %d", server.enrol_port, server.gates_port)
    # For whoever started this with port 0: one line on stdout, nothing else goes there.
    print(f"ready enrol={server.enrol_port} gates={server.gates_port}", flush=True)
    ends = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(server.failed())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    logger.info("stopping")
    await server.stop()
    if not stop.is_set():
        ends[1].result()
