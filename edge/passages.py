"""What a board's counter says of open uses. Pure arithmetic, used by the lane and after a crash alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.verdict import OpenUse
from paifang.v1 import scan_pb2

PLAUSIBLE = 10_000  # bodies between two readings; more is a board that lost its counter


@dataclass(frozen=True, slots=True)
class Settle:
    """Close an open use: `passed` persons went through, `returned` come back. `outcome`: paifang.v1 Outcome."""

    use: OpenUse
    passed: int
    returned: int
    outcome: int
    recovered: bool = False


def moved(before: int, after: int, modulus: int | None) -> int | None:
    """Bodies between two readings of a counter that wraps at `modulus`; None where it was reset in between."""
    passed = after - before if modulus is None else (after - before) % modulus
    return passed if 0 <= passed <= PLAUSIBLE else None


def settlement(use: OpenUse, passed: int | None, *, seen: int = 0, recovered: bool = False) -> Settle:
    """What becomes of a use that `passed` bodies walked on; None: the board cannot tell, but `seen` did before."""
    if passed is None:
        return Settle(use, seen, 0, scan_pb2.OUTCOME_UNKNOWN, recovered)
    if passed >= use.persons:
        return Settle(use, use.persons, 0, scan_pb2.OUTCOME_PASSED, recovered)
    returned = 0 if use.keep or (use.together and passed) else use.persons - passed
    if passed:
        return Settle(use, passed, returned, scan_pb2.OUTCOME_PARTLY, recovered)
    outcome = scan_pb2.OUTCOME_KEPT if use.keep else scan_pb2.OUTCOME_RETURNED
    return Settle(use, 0, returned, outcome, recovered)


def recovered(uses: Iterable[OpenUse], counter: int | None, modulus: int | None) -> list[Settle]:
    """Settles the uses a crash left open at one lane, by its counter now.

    A lane serves one admission at a time, so what was counted up to the next use's start is the earlier one's.
    """
    ordered = sorted(uses, key=lambda use: use.admission_seq)
    ends = [use.counter for use in ordered[1:]] + [counter]
    settled = []
    for use, end in zip(ordered, ends, strict=True):
        passed = None if use.counter is None or end is None else moved(use.counter, end, modulus)
        settled.append(settlement(use, passed, recovered=True))
    return settled
