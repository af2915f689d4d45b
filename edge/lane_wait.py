"""Who and what a lane waits for: a credential for its turn, an ID card for its pass, a minute after wrong codes.

Sans-IO, as the lane is; `now_ms` is monotonic milliseconds.
"""

from __future__ import annotations

from collections import deque

from edge.verdict import Credential
from paifang import rotating
from paifang.records import CredentialKind

EXIT_PLACES = 16  # visitors waiting at an exit: more is a reader gone wild
MISSES, MISSES_MS, THROTTLED_MS = 5, 60_000, 60_000


def same(one: Credential, other: Credential) -> bool:
    """Whether both show the same thing. A rotating pass shows another line every few seconds."""
    return one.kind == other.kind and (one.data == other.data or rotating.same_pass(one.data, other.data))


class Turn:
    """Credentials that wait while another is served: one, and at an exit several, where nobody is sent away."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Credential, int]] = deque()  # and until when

    def wait(self, credential: Credential, now_ms: int, until_ms: int, *, exit_lane: bool) -> list[Credential]:
        """Takes a place; who is sent away instead."""
        waiting = self._waiting
        for at, (before, _) in enumerate(waiting):
            if same(credential, before):
                waiting[at] = (before, until_ms)
                return []
        if len(waiting) < (EXIT_PLACES if exit_lane else 1):
            waiting.append((credential, until_ms))
            return []
        if exit_lane or now_ms < waiting[0][1]:
            return [credential]
        gone, _ = waiting.popleft()
        waiting.append((credential, until_ms))
        return [gone]

    def next(self, now_ms: int, *, exit_lane: bool) -> tuple[Credential | None, bool]:
        """Whose turn it is, and whether it has waited too long; at an exit nobody has."""
        if not self._waiting:
            return None, False
        credential, until_ms = self._waiting.popleft()
        return credential, not exit_lane and now_ms >= until_ms

    def clear(self) -> list[Credential]:
        """Who waited, first come first."""
        gone = [credential for credential, _ in self._waiting]
        self._waiting.clear()
        return gone


class IdentityWait:
    """A pass that was refused until its holder's ID card is read."""

    def __init__(self) -> None:
        self._credential: Credential | None = None
        self._until_ms = 0

    def ask(self, credential: Credential, until_ms: int) -> None:
        self._credential, self._until_ms = credential, until_ms

    def end(self) -> None:
        self._credential = None

    def answers(self, credential: Credential, now_ms: int) -> Credential | None:
        """The pass that this credential is the ID card for; None where it stands for itself."""
        if credential.kind != CredentialKind.ID_NUMBER or now_ms >= self._until_ms:
            return None
        return self._credential


class Throttle:
    """Codes typed at a lane: after too many wrong ones in a minute none is taken for a minute."""

    def __init__(self) -> None:
        self._missed: deque[int] = deque(maxlen=MISSES)
        self._until_ms: int | None = None

    def closed(self, now_ms: int) -> bool:
        return self._until_ms is not None and now_ms < self._until_ms

    def missed(self, now_ms: int) -> None:
        self._missed.append(now_ms)
        if len(self._missed) == MISSES and now_ms - self._missed[0] < MISSES_MS:
            self._until_ms = now_ms + THROTTLED_MS
            self._missed.clear()
