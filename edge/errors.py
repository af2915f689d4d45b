"""Every error the edge raises on purpose. Each says what happened and what to do about it.

A refusal at the gate is not an error but a `paifang.reasons.Reason`; the store's own is `StoreError` of the core.
"""

from __future__ import annotations

from pathlib import Path


class EdgeError(Exception):
    """The root of them. `code` is stable and fit for an alarm or a log search; the message is for people."""

    code = "edge"


class ConfigError(EdgeError):
    """The configuration file cannot be used. Names the file, the line (from 1) and what is expected there."""

    code = "config"

    def __init__(self, path: Path | str, line: int, expected: str) -> None:
        super().__init__(f"{path}:{line}: {expected}")
        self.path = Path(path)
        self.line = line
        self.expected = expected


class TokenError(EdgeError):
    """The enrolment token's text is not one: mistyped or cut. Nothing was sent."""

    code = "enrol.token"


class PinError(EdgeError):
    """The server at the enrol address does not show the authority the token names. Nothing was sent."""

    code = "enrol.pin"


class EnrolError(EdgeError):
    """The cloud refused the enrolment, could not be reached, or answered something unusable."""

    code = "enrol"


class NotEnrolledError(EdgeError):
    """The state directory holds no identity, or half of one: run `paifang edge enrol` first."""

    code = "identity"


class KeySetError(EdgeError):
    """A key set was refused: not signed by the pinned root key, of another venue, or older than the one held."""

    code = "keyset"


class FeedError(EdgeError):
    """A feed batch was refused; nothing of it was applied. `code` says why: feed.gap, feed.signature ..."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class StartError(EdgeError):
    """The daemon cannot start: another one has the store, no compiled verifier, an address in use."""

    code = "start"


class ChainError(EdgeError):
    """The journal does not hang together: an entry is missing, altered or out of order. Nothing is written to it."""

    code = "journal.chain"
