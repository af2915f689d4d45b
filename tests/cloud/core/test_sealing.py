"""Sealed secrets open for their purpose only; hashes find and tell nothing."""

from __future__ import annotations

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from cloud.core.errors import SealError
from cloud.core.sealing import HASH_BYTES, lookup_hash, seal, unseal


@given(st.text(max_size=40), st.binary(max_size=200))
def test_what_is_sealed_opens_and_never_looks_the_same_twice(purpose: str, secret: bytes) -> None:
    first, second = seal(purpose, secret), seal(purpose, secret)
    assert unseal(purpose, first) == unseal(purpose, memoryview(second)) == secret
    assert first != second
    assert len(first) == len(secret) + 40


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param(seal("other", b"secret"), id="another purpose"),
        pytest.param(seal("mine", b"secret")[:-1], id="cut"),
        pytest.param(bytes(60), id="zeros"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_anything_else_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealError, match="'mine'"):
        unseal("mine", sealed)


def test_another_installations_key_opens_nothing_and_finds_nothing() -> None:
    sealed, hashed = seal("mine", b"secret"), lookup_hash("mine", b"secret")
    with override_settings(SEAL_KEY=bytes(32)):
        with pytest.raises(SealError):
            unseal("mine", sealed)
        assert lookup_hash("mine", b"secret") != hashed


def test_a_lookup_hash_is_stable_short_and_of_one_purpose() -> None:
    assert lookup_hash("mine", b"secret") == lookup_hash("mine", b"secret")
    assert len(lookup_hash("mine", b"secret")) == HASH_BYTES == 16
    assert lookup_hash("mine", b"secret") != lookup_hash("other", b"secret")
