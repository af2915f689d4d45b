"""The pass format: claims come back, nothing but their one form is read, and the budget of the QR code holds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from paifang import base45, passes
from paifang.passes import LIMITS, MAX_LINE, MAX_RAW, Claims, PassError, UnknownVersion

SIGNER = SigningKey(bytes(32))
CLAIMS = Claims(0x0123456789ABCDEF, 17, 1_700_000_000, 1_700_006_400, 1_700_092_799, 1, 2, 0)
claims_ = st.builds(Claims, *(st.one_of(st.integers(0, limit), st.integers(0, min(limit, 300))) for limit in LIMITS))


def sign(claims: Claims, key_id: int = 1) -> bytes:
    return passes.assemble(key_id, claims, SIGNER.sign(passes.signed_bytes(key_id, claims)).signature)


RAW = sign(CLAIMS)


@given(claims_, st.integers(0, 2**16 - 1))
def test_a_pass_comes_back(claims: Claims, key_id: int) -> None:
    raw = sign(claims, key_id)
    parsed = passes.parse_line(passes.line(raw))
    assert (parsed.claims, parsed.key_id, parsed.signature) == (claims, key_id, raw[-64:])
    assert parsed.signed == passes.signed_bytes(key_id, claims) == b"paifang/pass/1\0" + raw[:-64]
    assert parsed.digest == hashlib.blake2b(raw, digest_size=16).digest() == passes.digest(raw)


@given(claims_)
def test_a_pass_keeps_within_its_budget(claims: Claims) -> None:
    raw = sign(claims)
    assert len(raw) <= MAX_RAW
    assert len(passes.line(raw)) <= MAX_LINE == 154


def test_the_largest_claims_fill_it() -> None:
    assert len(sign(Claims(*LIMITS))) == MAX_RAW == 100


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_a_changed_byte_is_another_pass_or_none(at: int, flip: int) -> None:
    raw = RAW[:at] + bytes((RAW[at] ^ flip,)) + RAW[at + 1 :]
    try:
        parsed = passes.parse(raw)
    except PassError:
        return
    assert parsed.digest != passes.digest(RAW)
    with pytest.raises(Exception, match="forged or corrupt"):
        SIGNER.verify_key.verify(parsed.signed, parsed.signature)


@given(st.integers(0, len(passes.line(RAW)) - 1), st.integers(0, 255))
def test_a_changed_character_is_another_pass_or_none(at: int, character: int) -> None:
    text = passes.line(RAW)
    mutated = text[:at] + bytes((character,)) + text[at + 1 :]
    assume(mutated != text)
    try:
        parsed = passes.parse_line(mutated)
    except PassError:
        return
    assert parsed.digest != passes.digest(RAW)


@given(st.one_of(st.binary(max_size=120), st.binary(max_size=110).map(lambda tail: b"\1" + tail)))
def test_any_bytes_are_a_pass_or_a_pass_error(raw: bytes) -> None:
    try:
        parsed = passes.parse(raw)
    except PassError:
        return
    assert passes.assemble(parsed.key_id, parsed.claims, parsed.signature) == raw


@given(st.lists(st.integers(0, 2**64 - 1), min_size=8, max_size=8))
def test_what_parses_is_canonical(values: list[int]) -> None:
    raw = b"\1\0\1" + msgpack.packb(values) + bytes(64)
    fits = all(value <= limit for value, limit in zip(values, LIMITS, strict=True))
    if fits:
        assert passes.parse(raw).claims == Claims(*values)
    else:
        with pytest.raises(PassError):
            passes.parse(raw)


BODY = passes.pack_claims(CLAIMS)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (BODY[:-1], "claims"),
        (BODY + b"\0", "claims"),
        (b"\xdc\0\x08" + BODY[1:], "shortest form"),
        (BODY.replace(b"\x11", b"\xcc\x11", 1), "shortest form"),
        (BODY.replace(b"\x11", b"\xcd\0\x11", 1), "shortest form"),
        (BODY[:-1] + b"\xd0\0", "shortest form"),
        (BODY[:-1] + b"\xff", "not within"),
        (BODY[:-1] + b"\xcc\x80", "not within"),
        (BODY[:-1] + b"\xc2", "eight integers"),
        (BODY[:-1] + b"\xc0", "eight integers"),
        (BODY[:-1] + b"\xa1x", "claims"),
        (BODY[:-1] + b"\x90", "eight integers"),
        (BODY[:-1] + b"\xca\0\0\0\0", "eight integers"),
        (b"\x97" + BODY[1:-1], "eight integers"),
        (b"\x99" + BODY[1:] + b"\0", "claims"),
        (b"\x88" + BODY[1:], "claims"),
        (b"\xc1" + BODY[1:], "claims"),
    ],
)
def test_claims_in_any_other_form_are_refused(body: bytes, problem: str) -> None:
    with pytest.raises(PassError, match=problem):
        passes.parse(RAW[:3] + body + RAW[-64:])


@pytest.mark.parametrize("raw", [b"", b"\1", RAW[:75], RAW + bytes(20)])
def test_a_pass_of_an_impossible_length_is_refused(raw: bytes) -> None:
    with pytest.raises(PassError) as caught:
        passes.parse(raw)
    assert not isinstance(caught.value, UnknownVersion)


@pytest.mark.parametrize("raw", [b"\0" + RAW[1:], b"\2" + RAW[1:], b"\2", b"\xff" * 300])
def test_another_version_is_told_apart_from_damage(raw: bytes) -> None:
    with pytest.raises(UnknownVersion):
        passes.parse(raw)


@pytest.mark.parametrize(
    "text",
    [b"", b"PF1", b"PF2:" + base45.encode(RAW), passes.line(RAW).lower(), b"PF1:" + b"0" * 151, b"PF1:\xff\xff\xff"],
)
def test_a_line_of_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(PassError):
        passes.parse_line(text)


@pytest.mark.parametrize(
    "change",
    [
        {"entitlement_id": 2**63}, {"entitlement_id": -1}, {"product_class": 2**16}, {"issued_at": 2**32},
        {"not_before": 2**32}, {"not_after": 2**32}, {"zones": 2**16}, {"persons": 128}, {"flags": 128},
    ],
)  # fmt: skip
def test_claims_out_of_their_limits_are_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(PassError, match="not within"):
        passes.signed_bytes(1, replace(CLAIMS, **change))


def test_a_signature_of_another_length_is_not_assembled() -> None:
    with pytest.raises(PassError, match="64 bytes, not 63"):
        passes.assemble(1, CLAIMS, bytes(63))
