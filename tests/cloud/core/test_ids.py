"""Identifiers: random, within their columns, with a check digit that finds slips."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cloud.core.ids import luhn_digit, order_number, random_id63


def test_entitlement_ids_are_positive_and_fit_a_signed_column() -> None:
    drawn = {random_id63() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(0 < each < 2**63 for each in drawn)
    assert max(drawn) > 2**60


def test_an_order_number_names_its_day() -> None:
    number = order_number(date(2026, 11, 22))
    assert number.startswith("261122")
    assert number.isdigit()
    assert len(number) == 16
    assert luhn_digit("7992739871") == "3"


@given(st.from_regex(r"[0-9]{15}", fullmatch=True), st.integers(0, 14), st.integers(1, 9))
def test_the_check_digit_finds_any_single_slip(digits: str, place: int, step: int) -> None:
    wrong = digits[:place] + str((int(digits[place]) + step) % 10) + digits[place + 1 :]
    assert luhn_digit(wrong) != luhn_digit(digits)
