"""Checks of what people type, shared by the creation services."""

from __future__ import annotations

import unicodedata

from cloud.core.errors import DomainError

_NO_TEXT = frozenset({"Cc", "Cs"})  # control characters, halves of surrogate pairs


def required_text(value: str, field: str, limit: int) -> str:
    """The text without blanks around it. Raises DomainError: "input.required", as optional_text."""
    text = optional_text(value, field, limit)
    if not text:
        raise DomainError("input.required", "此项必填。", "This is required.", field)
    return text


def optional_text(value: str, field: str, limit: int) -> str:
    """The text without blanks around it, which may be empty.

    Raises:
        DomainError: "input.too_long"; "input.characters": control characters, which PostgreSQL may refuse.
    """
    text = value.strip()
    if any(unicodedata.category(character) in _NO_TEXT for character in text if character not in "\n\t"):
        raise DomainError("input.characters", "含有控制字符。", "It contains control characters.", field)
    if len(text) > limit:
        raise DomainError("input.too_long", f"最多 {limit} 个字符。", f"At most {limit} characters.", field)
    return text


def within(value: int, field: str, low: int, high: int) -> int:
    """The number. Raises DomainError "input.range"."""
    if not low <= value <= high:
        raise DomainError("input.range", f"应在 {low} 到 {high} 之间。", f"Must be within {low} to {high}.", field)
    return value
