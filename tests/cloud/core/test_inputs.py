"""What people type: trimmed, bounded, and text that every database takes."""

from __future__ import annotations

import pytest

from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text, within


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  王 明 ", "王 明"), ("王\u3000明", "王\u3000明"), ("two\nlines", "two\nlines"), ("", ""), ("👪", "👪")],
)
def test_text_is_trimmed_and_kept(typed: str, kept: str) -> None:
    assert optional_text(typed, "name", 10) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("x" * 11, "input.too_long"),
        ("a\0b", "input.characters"),
        ("a\x1bb", "input.characters"),
        ("a\ud800", "input.characters"),
    ],
)
def test_what_cannot_be_kept_is_refused(typed: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        optional_text(typed, "name", 10)
    assert (refused.value.code, refused.value.field) == (code, "name")


def test_blanks_are_nothing() -> None:
    with pytest.raises(DomainError) as refused:
        required_text(" \t ", "name", 10)
    assert refused.value.code == "input.required"


def test_bounds_are_inclusive() -> None:
    assert [within(value, "n", 1, 3) for value in (1, 3)] == [1, 3]
    for value in (0, 4):
        with pytest.raises(DomainError) as refused:
            within(value, "n", 1, 3)
        assert refused.value.code == "input.range"
