"""Secrets at rest: sealed under the installation's seal key, and looked up by keyed hash.

Each purpose has a key of its own, derived from settings.SEAL_KEY: what is sealed for one purpose does not
open for another, and a hash made for one says nothing about the other's.
"""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from cloud.core.errors import SealError

HASH_BYTES = 16


def _key(use: bytes, purpose: str) -> bytes:
    return hashlib.blake2b(purpose.encode(), key=settings.SEAL_KEY, digest_size=SecretBox.KEY_SIZE, person=use).digest()


def seal(purpose: str, secret: bytes) -> bytes:
    """Encrypts and authenticates; 40 bytes longer than the secret, different each time."""
    return bytes(SecretBox(_key(b"paifang/seal", purpose)).encrypt(secret))


def unseal(purpose: str, sealed: bytes) -> bytes:
    """The secret. Raises SealError."""
    try:
        return SecretBox(_key(b"paifang/seal", purpose)).decrypt(bytes(sealed))
    except (CryptoError, ValueError) as problem:
        raise SealError(f"sealed bytes of purpose {purpose!r} do not open: {problem}") from None


def lookup_hash(purpose: str, value: bytes) -> bytes:
    """A keyed hash to find a sealed value by (O-04): HMAC-SHA256, 16 bytes."""
    return hmac.digest(_key(b"paifang/find", purpose), value, "sha256")[:HASH_BYTES]
