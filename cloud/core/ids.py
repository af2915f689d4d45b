"""Identifiers that cannot be guessed or counted."""

from __future__ import annotations

import secrets
from datetime import date


def random_id63() -> int:
    """1 .. 2**63 - 1: fits a signed 64-bit column, is never 0, and says nothing about how many there are."""
    return secrets.randbelow(2**63 - 1) + 1


def order_number(day: date) -> str:
    """Sixteen digits, to be read out on a telephone: yymmdd, nine random digits, a check digit (Luhn)."""
    digits = f"{day:%y%m%d}{secrets.randbelow(10**9):09d}"
    return digits + luhn_digit(digits)


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` + it pass Luhn's test: finds any wrong digit and most swaps."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
