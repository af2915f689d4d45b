"""Mainland resident ID numbers (GB 11643-1999): 17 digits and a check character (T-19)."""

from __future__ import annotations

from datetime import date

from cloud.core.errors import DomainError

_CHECK = "10X98765432"  # by the weighted sum modulo 11


def check_character(first17: str) -> str:
    """The last character: weights 2**(17 - place) modulo 11 (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(first17))
    return _CHECK[total % 11]


def normalise(text: str) -> str:
    """The number in the one form that is stored and hashed: no blanks, a capital X.

    Raises:
        DomainError: "id_number.invalid": not 18 characters, a birth date no calendar has, a wrong check character.
    """
    number = "".join(text.split()).upper()
    digits = number[:17]
    if len(number) != 18 or not (digits.isascii() and digits.isdigit()):
        raise _invalid("应为 18 位", "it has 17 digits and a check character")
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise _invalid("出生日期有误", "its birth date does not exist") from None
    if check_character(digits) != number[17]:
        raise _invalid("校验位不符", "its check character does not fit; look for a mistyped digit")
    return number


def birth_date(number: str) -> date:
    """Of a number in its one form."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def masked(last4: str) -> str:
    """How a number is shown to staff: all but the last four hidden."""
    return "•" * 14 + last4 if last4 else ""


def _invalid(zh: str, en: str) -> DomainError:
    return DomainError("id_number.invalid", f"身份证号无效：{zh}。", f"Not a valid ID number: {en}.", "id_number")
