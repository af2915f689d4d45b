"""The venue's signing keys and pepper: made, rotated, killed, and given out as a key set the root key signs.

Root signs key sets, feed keys sign batches, pass keys sign passes. Private halves are sealed. A new key that
replaces a living one starts LEAD later, so that every connected edge holds it before anything is signed with it;
the VENUE record carries the key set's version and tells the edges at once to ask.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils import timezone
from nacl.signing import SigningKey as PrivateKey

from cloud.core import audit, sealing
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.entitlements.models import SigningKey, VenueSecrets
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue
from paifang import passes, records

LEAD = timedelta(minutes=10)
SKEW = timedelta(days=1)  # a first key is valid a day back: a gate's clock may be slow
LIFE = {
    SigningKey.Purpose.ROOT: timedelta(days=7300),
    SigningKey.Purpose.FEED: timedelta(days=730),
    SigningKey.Purpose.PASS: timedelta(days=730),
}
PEPPER_BYTES = 32
_MAX_KEY_ID = 0xFFFF


@dataclass(frozen=True, slots=True)
class Signer:
    """A living key's number and how to sign with it: message -> 64 bytes."""

    key_id: int
    sign: Callable[[bytes], bytes]


@transaction.atomic
def ensure_venue_keys(venue: Venue) -> VenueSecrets:
    """The venue's secrets, with a root, a feed and a pass key beside them. Made once; safe to race."""
    found = VenueSecrets.objects.filter(venue=venue).first()
    if found:
        return found
    lock_row(Venue, venue.pk)
    made, fresh = VenueSecrets.objects.get_or_create(
        venue=venue, defaults={"sealed_pepper": sealing.seal("pepper", secrets.token_bytes(PEPPER_BYTES))}
    )
    if fresh:
        for purpose in SigningKey.Purpose:
            _make_key(venue, purpose, timezone.now() - SKEW)
    return made


def pepper(venue: Venue) -> tuple[int, bytes]:
    """The version and bytes of what keys the venue's credential index."""
    found = ensure_venue_keys(venue)
    return found.pepper_version, sealing.unseal("pepper", found.sealed_pepper)


def pass_signer(venue: Venue) -> Signer:
    return _signer(venue, SigningKey.Purpose.PASS)


def feed_signer(venue: Venue) -> Signer:
    return _signer(venue, SigningKey.Purpose.FEED)


def root_public_key(venue: Venue) -> bytes:
    """What an edge pins at enrolment."""
    ensure_venue_keys(venue)
    return bytes(SigningKey.objects.get(venue=venue, purpose=SigningKey.Purpose.ROOT).public)


def signed_keyset(venue: Venue) -> tuple[bytes, bytes]:
    """The key set's bytes and the root key's signature over KEYSET_TAG + those bytes."""
    version = ensure_venue_keys(venue).keyset_version
    rows = SigningKey.objects.filter(venue=venue).order_by("key_id")
    payload = records.KeySet(
        version=version,
        venue_id=venue.pk,
        pass_keys=tuple(_public(row) for row in rows if row.purpose == SigningKey.Purpose.PASS),
        feed_keys=tuple(_public(row) for row in rows if row.purpose == SigningKey.Purpose.FEED),
    ).pack()
    return payload, _signer(venue, SigningKey.Purpose.ROOT).sign(records.KEYSET_TAG + payload)


@transaction.atomic
def rotate(*, actor: Actor, venue: Venue, purpose: str) -> SigningKey:
    """Adds a feed or pass key that takes over after LEAD, at once where no other lives. Nothing is re-issued."""
    require(actor, Permission.KEY_MANAGE, venue)
    kind = _rotatable(purpose)
    ensure_venue_keys(venue)
    lock_row(Venue, venue.pk)
    now = timezone.now()
    key = _make_key(venue, kind, now + LEAD if _living(venue, kind, now).exists() else now)
    _new_version(venue)
    audit.write(actor, "key.rotate", key, venue, purpose=kind.value, key_id=key.key_id)
    return key


@transaction.atomic
def kill(*, actor: Actor, venue: Venue, purpose: str, key_id: int, why: str) -> SigningKey:
    """Ends a feed or pass key now: no signature of its counts any more; digest matches stay good.

    The last living key of its purpose gets a successor in the same transaction. Killing twice is harmless.
    """
    require(actor, Permission.KEY_MANAGE, venue)
    kind = _rotatable(purpose)
    lock_row(Venue, venue.pk)
    key = SigningKey.objects.filter(venue=venue, purpose=kind, key_id=key_id).first()
    if key is None:
        raise DomainError("key.unknown", f"没有密钥 {key_id}。", f"There is no key {key_id}.", "key_id")
    if key.killed_at is None:
        now = timezone.now()
        key.killed_at = now
        key.save(update_fields=["killed_at"])
        if not _living(venue, kind, now).exists():
            _make_key(venue, kind, now)
        _new_version(venue)
        audit.write(actor, "key.kill", key, venue, purpose=kind.value, key_id=key_id, why=why)
    return key


def _signer(venue: Venue, purpose: SigningKey.Purpose) -> Signer:
    """The newest living key. Raises DomainError "key.none" where all are killed or past their time."""
    ensure_venue_keys(venue)
    key = _living(venue, purpose, timezone.now()).order_by("-not_before", "-pk").first()
    if key is None:
        raise DomainError("key.none", "没有可用的签名密钥，请轮换密钥。", "No signing key is valid: rotate the keys.")
    private = PrivateKey(sealing.unseal(f"key/{purpose}", key.sealed_private))
    return Signer(key.key_id, lambda message: private.sign(message).signature)


def _living(venue: Venue, purpose: SigningKey.Purpose, now: datetime) -> models.QuerySet[SigningKey]:
    return SigningKey.objects.filter(
        venue=venue, purpose=purpose, killed_at=None, not_before__lte=now, not_after__gte=now
    )


def _make_key(venue: Venue, purpose: SigningKey.Purpose, not_before: datetime) -> SigningKey:
    private = PrivateKey.generate()
    return SigningKey.objects.create(
        venue=venue,
        purpose=purpose,
        key_id=_free_key_id(venue, purpose),
        public=bytes(private.verify_key),
        sealed_private=sealing.seal(f"key/{purpose}", bytes(private)),
        not_before=not_before,
        not_after=not_before + LIFE[purpose],
    )


def _free_key_id(venue: Venue, purpose: SigningKey.Purpose) -> int:
    """Random for pass keys: another venue's pass then names a key unknown here, and staff are told just that."""
    taken = set(SigningKey.objects.filter(venue=venue, purpose=purpose).values_list("key_id", flat=True))
    if purpose != SigningKey.Purpose.PASS:
        return max(taken, default=0) + 1
    while (number := secrets.randbelow(_MAX_KEY_ID) + 1) in taken:
        pass
    return number


def _new_version(venue: Venue) -> None:
    """One version up, and the edges told. The caller holds the venue's lock."""
    VenueSecrets.objects.filter(venue=venue).update(keyset_version=models.F("keyset_version") + 1)
    live.publish_venue(venue)


def _rotatable(purpose: str) -> SigningKey.Purpose:
    if purpose not in (SigningKey.Purpose.FEED, SigningKey.Purpose.PASS):
        raise DomainError("key.purpose", "只能轮换推送或票码密钥。", "Only feed and pass keys are rotated.", "purpose")
    return SigningKey.Purpose(purpose)


def _public(row: SigningKey) -> records.PublicKey:
    return records.PublicKey(
        row.key_id,
        bytes(row.public),
        int(row.not_before.timestamp()),
        int(row.not_after.timestamp()),
        row.killed_at is not None,
    )


def sign_pass(signer: Signer, claims: passes.Claims) -> bytes:
    """The raw pass of the claims."""
    return passes.assemble(signer.key_id, claims, signer.sign(passes.signed_bytes(signer.key_id, claims)))
