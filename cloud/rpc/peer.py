"""Who calls: the certificate of the connection -> its serial -> the edge, asked of the database at every call."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import grpc
from cryptography import x509
from django.utils import timezone
from django_scopes import scopes_disabled

from cloud.gates import certificates
from cloud.gates.models import EdgeCertificate
from cloud.venues.models import Edge, Venue


class UnknownPeerError(Exception):
    """The certificate is not, or no longer, one of an edge; the message says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    edge: Edge
    venue: Venue
    serial: str


def serial_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """The serial of the client's certificate, hex. Raises UnknownPeerError."""
    shown = context.auth_context().get("x509_pem_cert")
    if not shown:
        raise UnknownPeerError("no client certificate")
    return _serial(bytes(shown[0]))


@functools.lru_cache(maxsize=1024)
def _serial(pem: bytes) -> str:
    try:
        return certificates.serial_hex(x509.load_pem_x509_certificate(pem))
    except ValueError:
        raise UnknownPeerError("the client certificate cannot be read") from None


def identify(serial: str) -> Peer:
    """The edge behind a serial. Raises UnknownPeerError."""
    with scopes_disabled():
        found = EdgeCertificate.objects.select_related("edge__venue").filter(serial=serial).first()
    if found is None:
        raise UnknownPeerError("this certificate was not issued to an edge")
    if found.revoked_at is not None:
        raise UnknownPeerError("this certificate was revoked; enrol the edge again")
    if found.not_after <= timezone.now():
        raise UnknownPeerError("this certificate has expired; enrol the edge again")
    if found.edge.retired_at is not None:
        raise UnknownPeerError(f"the edge {found.edge.name} is retired")
    return Peer(found.edge, found.edge.venue, serial)


def cut_off(serials: list[str]) -> set[str]:
    """Those of the serials that must not go on: revoked, or of a retired edge."""
    with scopes_disabled():
        rows = EdgeCertificate.objects.filter(serial__in=serials)
        return set(rows.filter(revoked_at__isnull=False).values_list("serial", flat=True)) | set(
            rows.filter(edge__retired_at__isnull=False).values_list("serial", flat=True)
        )
