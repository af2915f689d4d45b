"""The pass, version 1: claims <-> bytes <-> the line a scanner reads. Holds no keys.

Raw pass:  version/type (1 byte) | key id (2, big-endian) | claims (msgpack array) | signature (64)
Line:      b"PF1:" + base45(raw)
Signed:    TAG + version/type + key id + claims, so key id and version are inside the signature.
Digest:    BLAKE2b-128 of the whole raw pass: what a gate's record holds of it.

Claims are canonical: a fixed array of eight unsigned integers, each in msgpack's shortest form, within
the limits below. Anything else (a longer form, trailing bytes, another version) is not a pass.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgpack

from paifang import base45

TAG = b"paifang/pass/1\0"
PREFIX = b"PF1:"
VERSION = 0x01
SIGNATURE_BYTES = 64
DIGEST_BYTES = 16
MAX_RAW = 100
MAX_LINE = len(PREFIX) + (MAX_RAW * 3 + 1) // 2

# The largest value of each claim, in order. Together they keep a raw pass within MAX_RAW.
LIMITS = (2**63 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1, 2**16 - 1, 127, 127)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a pass says. Times are Unix seconds; not_after is the last second it is valid in."""

    entitlement_id: int
    product_class: int
    issued_at: int
    not_before: int
    not_after: int
    zones: int
    persons: int
    flags: int

    def values(self) -> tuple[int, ...]:
        return (
            self.entitlement_id, self.product_class, self.issued_at, self.not_before,
            self.not_after, self.zones, self.persons, self.flags,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pass:
    """A parsed pass. `signed` is what the signature covers, domain tag included."""

    key_id: int
    claims: Claims
    signed: bytes
    signature: bytes
    digest: bytes


class PassError(ValueError):
    """The bytes are not a pass of this version; the message says what is wrong with them."""


class UnknownVersion(PassError):  # noqa: N818 - a pass of another version is not a damaged one
    """The first byte names a version or type that this code does not know."""


def pack_claims(claims: Claims) -> bytes:
    """The canonical msgpack of the claims. Raises PassError when one is out of its limit."""
    for value, limit in zip(claims.values(), LIMITS, strict=True):
        if not 0 <= value <= limit:
            raise PassError(f"claim {value} is not within 0..{limit}")
    packed: bytes = msgpack.packb(claims.values())
    return packed


def signed_bytes(key_id: int, claims: Claims) -> bytes:
    """What a pass key signs."""
    return TAG + _header(key_id) + pack_claims(claims)


def assemble(key_id: int, claims: Claims, signature: bytes) -> bytes:
    """The raw pass."""
    if len(signature) != SIGNATURE_BYTES:
        raise PassError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    return _header(key_id) + pack_claims(claims) + signature


def line(raw: bytes) -> bytes:
    """The text of the QR code."""
    return PREFIX + base45.encode(raw)


def digest(raw: bytes) -> bytes:
    """BLAKE2b-128 of the whole raw pass."""
    return hashlib.blake2b(raw, digest_size=DIGEST_BYTES).digest()


def parse_line(text: bytes) -> Pass:
    """Reads a scanner's line. Raises PassError."""
    if not text.startswith(PREFIX):
        raise PassError("not a PF1 line")
    if len(text) > MAX_LINE:
        raise PassError(f"{len(text)} characters, a pass has at most {MAX_LINE}")
    try:
        raw = base45.decode(text[len(PREFIX) :])
    except ValueError as problem:
        raise PassError(str(problem)) from None
    return parse(raw)


def parse(raw: bytes) -> Pass:
    """Reads a raw pass. Raises PassError."""
    if raw and raw[0] != VERSION:
        raise UnknownVersion(f"unknown version {raw[0]}")
    if len(raw) > MAX_RAW:
        raise PassError(f"{len(raw)} bytes, a pass has at most {MAX_RAW}")
    if len(raw) < 3 + 9 + SIGNATURE_BYTES:
        raise PassError("too short for a pass")
    body, signature = raw[3:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    try:
        values = msgpack.unpackb(body, max_array_len=8, max_str_len=0, max_bin_len=0, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as problem:
        raise PassError(f"claims: {problem}") from None
    if not isinstance(values, list) or len(values) != 8 or any(type(value) is not int for value in values):
        raise PassError("claims are not an array of eight integers")
    claims = Claims(*values)
    if pack_claims(claims) != body:
        raise PassError("claims are not in their shortest form")
    return Pass(
        key_id=int.from_bytes(raw[1:3], "big"),
        claims=claims,
        signed=TAG + raw[:-SIGNATURE_BYTES],
        signature=signature,
        digest=digest(raw),
    )


def _header(key_id: int) -> bytes:
    return bytes((VERSION,)) + key_id.to_bytes(2, "big")
