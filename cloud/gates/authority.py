"""The installation's one certificate authority: made once, its key sealed in the database."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.sealing import seal, unseal
from cloud.gates import certificates
from cloud.gates.certificates import Issuer
from cloud.gates.models import Authority

PURPOSE = "gates.authority"
_ID = 1  # one row: two processes making it at once meet on its primary key


def ensure_authority(*, actor: Actor) -> Authority:
    """The authority, made on first use."""
    found = Authority.objects.filter(pk=_ID).first()
    return found or _make(actor)


@transaction.atomic
def _make(actor: Actor) -> Authority:
    issuer = certificates.make_authority(timezone.now())
    key = certificates.private_pem(issuer.key)
    authority, fresh = Authority.objects.get_or_create(
        pk=_ID,
        defaults={
            "certificate_pem": issuer.pem.decode(),
            "sealed_key": seal(PURPOSE, key),
            "fingerprint": certificates.fingerprint(issuer.certificate),
        },
    )
    if fresh:
        audit.write(actor, "authority.create", authority, None, fingerprint=authority.fingerprint)
    return authority


def issuer() -> Issuer:
    """The authority, ready to sign.

    Raises:
        SealError: the database was made with another seal key (var/secrets/seal.key).
    """
    authority = ensure_authority(actor=Actor.system())
    return _opened(authority.certificate_pem.encode(), bytes(authority.sealed_key))


@functools.lru_cache(maxsize=4)
def _opened(certificate_pem: bytes, sealed_key: bytes) -> Issuer:
    return certificates.load_issuer(certificate_pem, unseal(PURPOSE, sealed_key))


def server_certificate(hosts: Iterable[str]) -> tuple[bytes, bytes, bytes]:
    """A fresh (private key PEM, chain PEM, authority PEM) for a server about to start."""
    signer = issuer()
    key, chain = certificates.issue_server(signer, hosts, timezone.now())
    return key, chain, signer.pem


def member_certificate(hosts: Iterable[str], *, actor: Actor) -> tuple[bytes, bytes, bytes]:
    """A new (private key PEM, certificate PEM, authority PEM) for an etcd member that edges reach by these hosts."""
    signer = issuer()
    named = sorted(set(hosts))
    key, certificate = certificates.issue_member(signer, named, timezone.now())
    audit.write(actor, "authority.member", ensure_authority(actor=actor), None, hosts=named)
    return key, certificate, signer.pem
