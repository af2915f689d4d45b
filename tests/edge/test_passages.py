"""What a board's counter says of open uses."""

from __future__ import annotations

import pytest

from edge import passages
from edge.passages import Settle
from edge.verdict import OpenUse
from paifang.v1 import scan_pb2

MODULUS = 1 << 24
PASSED, RETURNED, PARTLY, KEPT, UNKNOWN = (
    scan_pb2.OUTCOME_PASSED, scan_pb2.OUTCOME_RETURNED, scan_pb2.OUTCOME_PARTLY, scan_pb2.OUTCOME_KEPT,
    scan_pb2.OUTCOME_UNKNOWN,
)  # fmt: skip


def use(seq: int, persons: int, counter: int | None, *, keep: bool = False) -> OpenUse:
    return OpenUse(seq, 1, 1, 3, 11, persons, counter, 739_800, 202609, 0, keep)


@pytest.mark.parametrize(
    ("before", "after", "bodies"),
    [(5, 5, 0), (5, 8, 3), (MODULUS - 1, 1, 2), (0, 10_000, 10_000), (0, 10_001, None), (8, 5, None)],
)
def test_moved(before: int, after: int, bodies: int | None) -> None:
    assert passages.moved(before, after, MODULUS) == bodies


def test_a_counter_that_does_not_wrap() -> None:
    assert passages.moved(5, 8, None) == 3
    assert passages.moved(8, 5, None) is None


@pytest.mark.parametrize(
    ("passed", "keep", "expected"),
    [
        (3, False, (3, 0, PASSED)),
        (4, False, (3, 0, PASSED)),
        (1, False, (1, 2, PARTLY)),
        (1, True, (1, 0, PARTLY)),
        (0, False, (0, 3, RETURNED)),
        (0, True, (0, 0, KEPT)),
        (None, False, (2, 0, UNKNOWN)),
    ],
)
def test_settlement(passed: int | None, keep: bool, expected: tuple[int, int, int]) -> None:
    one = use(9, 3, 100, keep=keep)
    assert passages.settlement(one, passed, seen=2) == Settle(one, *expected)


def test_several_uses_after_a_crash_share_what_was_counted() -> None:
    """What was counted up to the next use's start is the earlier one's, in whatever order they are found."""
    first, second, third = use(7, 3, 100), use(8, 1, 101), use(9, 2, 101)
    assert passages.recovered([third, first, second], 103, MODULUS) == [
        Settle(first, 1, 2, PARTLY, True),
        Settle(second, 0, 1, RETURNED, True),
        Settle(third, 2, 0, PASSED, True),
    ]


def test_what_no_counter_tells_stays_spent() -> None:
    first, second = use(7, 1, 100), use(8, 1, None)
    assert passages.recovered([first, second], 101, MODULUS) == [
        Settle(first, 0, 0, UNKNOWN, True),
        Settle(second, 0, 0, UNKNOWN, True),
    ]
