"""Mutual TLS on the gates' port, and what a certificate is good for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import grpc
import pytest

from cloud.core.actors import Actor
from cloud.gates import authority, certificates
from cloud.gates.services import create_token, revoke_edge
from cloud.venues.models import Edge, Venue
from paifang.v1 import enrol_pb2, enrol_pb2_grpc, feed_pb2, feed_pb2_grpc, scan_pb2, scan_pb2_grpc
from paifang.v1.feed_pb2 import STREAM_URGENT
from tests.cloud.rpc.conftest import OPTIONS, TIMEOUT_S, Client, connect, credentials
from tests.support.cloud_process import CloudProcess, Rpc
from tests.support.edge_identity import key_pem, new_key, request_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

NOW = dt.datetime.now(dt.UTC)


def code_of(address: str, trusted: grpc.ChannelCredentials) -> grpc.StatusCode:
    """What a call with these credentials ends with."""
    with grpc.secure_channel(address, trusted, OPTIONS) as channel:
        call = feed_pb2_grpc.FeedStub(channel).GetKeySet.future(feed_pb2.KeySetRequest(), timeout=TIMEOUT_S)
        return call.code()


def test_only_an_enrolled_edge_is_answered(rpc: Rpc, client: Client, edge: Edge) -> None:
    ours, pem = authority.issuer(), client.enrolled.authority_pem
    key = new_key()
    theirs = certificates.make_authority(NOW)
    foreign = certificates.pem(certificates.issue_client(theirs, edge.pk, key.public_key(), NOW))
    never_stored = certificates.pem(certificates.issue_client(ours, edge.pk, key.public_key(), NOW))
    server_key, server_chain = certificates.issue_server(ours, [], NOW)
    assert (
        code_of(rpc.gates_address, credentials(pem, client.key, client.enrolled.certificate_pem)) == grpc.StatusCode.OK
    )
    refused = {
        "no certificate": code_of(rpc.gates_address, credentials(pem)),
        "another authority": code_of(rpc.gates_address, credentials(pem, key_pem(key), foreign)),
        "a server's": code_of(rpc.gates_address, credentials(pem, server_key, server_chain)),
        "never stored": code_of(rpc.gates_address, credentials(pem, key_pem(key), never_stored)),
    }
    assert refused == {
        "no certificate": grpc.StatusCode.UNAVAILABLE,
        "another authority": grpc.StatusCode.UNAVAILABLE,
        "a server's": grpc.StatusCode.UNAVAILABLE,
        "never stored": grpc.StatusCode.UNAUTHENTICATED,
    }


def test_the_server_is_known_by_its_authority(rpc: Rpc, client: Client) -> None:
    other = certificates.make_authority(NOW).pem
    trusted = credentials(other, client.key, client.enrolled.certificate_pem)
    assert code_of(rpc.gates_address, trusted) == grpc.StatusCode.UNAVAILABLE


def test_a_revoked_edge_is_refused_and_its_streams_are_cut(client: Client, actor: Actor, edge: Edge) -> None:
    stream = client.subscribe(stream=STREAM_URGENT)
    next(stream)
    revoke_edge(actor=actor, edge=edge)
    with pytest.raises(grpc.RpcError) as cut:
        list(stream)
    assert cut.value.code() == grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as refused:
        client.scan.Report(scan_pb2.EdgeStatus(), timeout=TIMEOUT_S)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert "revoked" in refused.value.details()


def test_an_edge_sees_its_own_venue_only(rpc: Rpc, client: Client, actor: Actor, venue: Venue) -> None:
    batch = next(client.subscribe(stream=STREAM_URGENT))
    assert batch.venue_id == venue.pk


def test_enrolment_over_the_wire(rpc: Rpc, actor: Actor, edge: Edge) -> None:
    token = create_token(actor=actor, edge=edge)
    secret, fingerprint = token.split(".")
    pem = authority.issuer().pem
    assert certificates.fingerprint(authority.issuer().certificate) == fingerprint
    key = new_key()
    with grpc.secure_channel(rpc.enrol_address, credentials(pem), OPTIONS) as channel:
        stub = enrol_pb2_grpc.EnrolStub(channel)
        request = enrol_pb2.EnrolRequest(secret=secret, csr_der=request_of(key), software_version="1")
        reply = stub.Enrol(request, timeout=TIMEOUT_S)
        assert (reply.edge_id, reply.authority_pem) == (edge.pk, pem)
        assert reply.gates_address == rpc.gates_address
        other = enrol_pb2.EnrolRequest(secret=secret, csr_der=request_of(new_key()))
        with pytest.raises(grpc.RpcError) as refused:
            stub.Enrol(other, timeout=TIMEOUT_S)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        # The enrol port knows nothing else.
        with pytest.raises(grpc.RpcError) as unknown:
            scan_pb2_grpc.ScanStub(channel).Report(scan_pb2.EdgeStatus(), timeout=TIMEOUT_S)
        assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED
    mine = credentials(pem, key_pem(key), reply.certificate_pem)
    assert code_of(reply.gates_address, mine) == grpc.StatusCode.OK


def test_a_port_that_is_taken(rpc: Rpc, tmp_path: Path) -> None:
    with CloudProcess(tmp_path, "rpc", "--enrol", "127.0.0.1:0", "--gates", rpc.gates_address) as second:
        assert second.process.wait(20) == 1
    assert f"cannot listen on {rpc.gates_address}" in "".join(second.said)


@pytest.mark.usefixtures("transactional_db")
def test_a_wildcard_address_needs_a_name_for_edges(tmp_path: Path) -> None:
    with CloudProcess(tmp_path, "rpc", "--enrol", "127.0.0.1:0", "--gates", "0.0.0.0:0") as server:
        assert server.process.wait(20) == 1
    assert "set PAIFANG_RPC_PUBLIC_HOST" in "".join(server.said)


def test_a_clean_stop_ends_open_streams(rpc: Rpc, edge: Edge, actor: Actor) -> None:
    client = connect(rpc, edge, actor)
    stream = client.subscribe(stream=STREAM_URGENT)
    next(stream)
    assert rpc.stop() == 0
    list(stream)  # ends, and without an error
    client.channel.close()
