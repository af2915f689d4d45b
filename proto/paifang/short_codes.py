"""Short printed codes: twelve characters somebody can read out and type, the last of them a check.

No I, L, O, U: what looks like 1 or 0 is read as it. The check is a sum over the field of 32 elements in which each
place has a weight of its own, so one wrong character or two swapped ones are always noticed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
_VALUE = {character: value for value, character in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_FIELD = 0b100101  # x^5 + x^2 + 1: x generates the field, so its powers are different weights


def make() -> str:
    """A new code: 55 random bits and the check."""
    values = [secrets.randbelow(32) for _ in range(LENGTH - 1)]
    return "".join(ALPHABET[value] for value in (*values, _check(values)))


def normalise(text: bytes) -> bytes | None:
    """The code as it is stored, from what was typed (spaces, hyphens and case do not matter), or None."""
    try:
        typed = text.decode("ascii").upper().replace("-", "").replace(" ", "")
        values = [_VALUE[character] for character in typed]
    except (UnicodeDecodeError, KeyError):
        return None
    if len(values) != LENGTH or _check(values[:-1]) != values[-1]:
        return None
    return "".join(ALPHABET[value] for value in values).encode()


def _check(values: Iterable[int]) -> int:
    total = 0
    for value in values:  # Horner: total = total * x + value
        total = (total << 1 ^ (_FIELD if total & 16 else 0)) ^ value
    return total << 1 ^ (_FIELD if total & 16 else 0)
