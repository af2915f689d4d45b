"""Short codes: read however they are typed, and one slip of the finger is always noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang import short_codes
from paifang.short_codes import ALPHABET, LENGTH, normalise

codes = st.text(st.sampled_from(ALPHABET), min_size=11, max_size=11).map(
    lambda head: next(head + last for last in ALPHABET if normalise((head + last).encode()))
)


def test_a_new_code_is_one() -> None:
    made = {short_codes.make() for _ in range(200)}
    assert len(made) == 200
    assert all(normalise(code.encode()) == code.encode() and len(code) == LENGTH == 12 for code in made)


def test_no_two_of_its_characters_look_alike() -> None:
    assert not set("ILOU") & set(ALPHABET)
    assert len(ALPHABET) == 32


@given(codes)
def test_it_is_read_however_it_is_typed(code: str) -> None:
    typed = f" {code[:4]}-{code[4:8]} {code[8:]}".lower().replace("0", "o").replace("1", "l")
    assert normalise(typed.encode()) == code.encode()
    assert normalise(code.replace("1", "I").encode()) == code.encode()


@given(codes, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(code: str, at: int, other: str) -> None:
    wrong = code[:at] + other + code[at + 1 :]
    assert (normalise(wrong.encode()) is None) == (wrong != code)


@given(codes, st.integers(0, 11), st.integers(0, 11))
def test_two_swapped_characters_are_noticed(code: str, one: int, other: int) -> None:
    swapped = list(code)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    wrong = "".join(swapped)
    assert (normalise(wrong.encode()) is None) == (wrong != code)


@pytest.mark.parametrize("text", [b"", b"0" * 11, b"0" * 13, b"U" * 12, "入园码".encode(), b"\xff" * 12, b"0_00000000"])
def test_what_is_none(text: bytes) -> None:
    assert normalise(text) is None


def test_the_exact_check_of_one() -> None:
    assert normalise(b"0000-0000-0000") == b"000000000000"
    assert normalise(b"000000000012") == b"000000000012"
