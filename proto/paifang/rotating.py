"""Rotating passes: a pass line that is good for seconds, so that a screenshot is not.

`PR1:` + base45(the pass as issued | step u32 | 8 bytes of code). A step is 15 seconds of Unix time. The code is
BLAKE2b keyed with the pass's key of the day, and that key is BLAKE2b keyed with the venue's key of the day: the
phone is given the first, gates hold the second.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from paifang import base45, passes

PREFIX = b"PR1:"
STEP_S = 15
CODE_BYTES = 8
DAY_KEY_BYTES = 32
_KEY_TAG = b"paifang/rotating/key/1\0"
_CODE_TAG = b"paifang/rotating/code/1\0"
_TAIL = 4 + CODE_BYTES
MAX_LINE = len(PREFIX) + ((passes.MAX_RAW + _TAIL) * 3 + 1) // 2


def step_of(now_ms: int) -> int:
    return now_ms // 1000 // STEP_S


def pass_key(day_key: bytes, digest: bytes) -> bytes:
    """The key of one pass (by its digest, 16 bytes) for one business day, 32 bytes."""
    return hashlib.blake2b(_KEY_TAG + digest, key=day_key, digest_size=32).digest()


def code(key: bytes, step: int) -> bytes:
    """What a pass's key of the day says at a step, 8 bytes."""
    return hashlib.blake2b(_CODE_TAG + step.to_bytes(4, "little"), key=key, digest_size=CODE_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Rotating:
    """A parsed rotating line: the pass in it, and what it says of now. Nothing of it is verified."""

    issued: passes.Pass
    step: int
    code: bytes

    def proves(self, day_key: bytes) -> bool:
        """Whether its code was made with that venue key of the day."""
        return hmac.compare_digest(code(pass_key(day_key, self.issued.digest), self.step), self.code)


def line(raw: bytes, key: bytes, now_ms: int) -> bytes:
    """The line a phone shows now for a pass as issued, with the pass's key of the day."""
    step = step_of(now_ms)
    return PREFIX + base45.encode(raw + step.to_bytes(4, "little") + code(key, step))


def parse_line(text: bytes) -> Rotating:
    """Raises passes.PassError (UnknownVersion for a pass of one) on what is no rotating pass."""
    if not text.startswith(PREFIX):
        raise passes.PassError("not a rotating pass line")
    if len(text) > MAX_LINE:
        raise passes.PassError(f"{len(text)} characters, a rotating pass has at most {MAX_LINE}")
    try:
        data = base45.decode(text[len(PREFIX) :])
    except ValueError as problem:
        raise passes.PassError(str(problem)) from None
    if len(data) <= _TAIL:
        raise passes.PassError("a rotating pass is cut short")
    issued = passes.parse(data[:-_TAIL])
    return Rotating(issued, int.from_bytes(data[-_TAIL:-CODE_BYTES], "little"), data[-CODE_BYTES:])


def same_pass(one: bytes, other: bytes) -> bool:
    """Whether two rotating lines are of one pass, whatever moments they are of. Looks at the text alone."""
    if len(one) != len(other) or not one.startswith(PREFIX) or not other.startswith(PREFIX):
        return False
    characters = len(one) - len(PREFIX)
    whole = characters // 3 * 2 + (characters % 3 == 2)  # bytes: three characters hold two, two hold one
    shared = len(PREFIX) + (whole - _TAIL) // 2 * 3
    return shared > len(PREFIX) and one[:shared] == other[:shared]
