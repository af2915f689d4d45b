"""Resident ID numbers after GB 11643."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.core.errors import DomainError
from cloud.core.idnumber import check_character, masked, normalise

EXAMPLE = "11010519491231002X"  # the standard's own example

pytestmark = pytest.mark.spec("T-19")


def test_the_standards_example_is_valid_in_any_writing() -> None:
    assert check_character(EXAMPLE[:17]) == "X"
    assert normalise(EXAMPLE) == normalise(" 110105 19491231 002x ") == EXAMPLE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "17 digits"),
        ("11010519491231002", "17 digits"),
        ("11010519491231002XX", "17 digits"),
        ("1101051949123100XX", "17 digits"),
        ("11010519491231002X"[:6] + "1949123100²X", "17 digits"),
        ("11010519490231002X", "birth date"),
        ("110105194912310020", "check character"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(DomainError, match=why) as refused:
        normalise(text)
    assert refused.value.code == "id_number.invalid"


@given(
    st.from_regex(r"[1-6][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}", fullmatch=True),
    st.integers(0, 16),
    st.integers(1, 9),
)
def test_one_wrong_digit_is_always_found(digits: str, place: int, step: int) -> None:
    number = digits + check_character(digits)
    assert normalise(number) == number
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    with pytest.raises(DomainError):
        normalise(wrong)


def test_staff_see_the_last_four() -> None:
    assert masked("002X") == "••••••••••••••002X"
    assert masked("") == ""
