"""Writes rotating.json anew: `python tests/vectors/make_rotating.py`. Fixed keys, passes and moments.

The phone's page makes these lines, both verifiers read them: a difference is a change of the format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paifang import base45, passes, rotating
from paifang.reasons import Reason
from tests.vectors.make_passes import CLAIMS, DAY_TICKET, sign

FILE = Path(__file__).with_name("rotating.json")
DAY = 738_839  # 15 November 2023
DAY_KEY, YESTERDAYS_KEY, TOMORROWS_KEY = (bytes((number,) * 32) for number in (0xD0, 0xD1, 0xD2))
NOW_MS = 1_700_040_000_000  # the first millisecond of a step


def keys() -> dict[str, str]:
    """The venue's keys by business day."""
    held = ((DAY - 1, YESTERDAYS_KEY), (DAY, DAY_KEY), (DAY + 1, TOMORROWS_KEY))
    return {str(day): key.hex() for day, key in held}


def line(raw: bytes, day_key: bytes, now_ms: int) -> bytes:
    return rotating.line(raw, rotating.pass_key(day_key, passes.digest(raw)), now_ms)


def good() -> list[dict[str, Any]]:
    """Each at a moment a gate that holds the keys and knows the pass admits it."""
    made = []
    for name, day_key, shown_ms, at_ms in (
        ("of this very step", DAY_KEY, NOW_MS, NOW_MS),
        ("one step old, at its last millisecond", DAY_KEY, NOW_MS - 1, NOW_MS + 14_999),
        ("of yesterday's key", YESTERDAYS_KEY, NOW_MS, NOW_MS),
        ("of tomorrow's key", TOMORROWS_KEY, NOW_MS, NOW_MS),
    ):
        raw = sign(DAY_TICKET)
        key = rotating.pass_key(day_key, passes.digest(raw))
        step = rotating.step_of(shown_ms)
        made.append({
            "name": name, "raw": raw.hex(), "day_key": day_key.hex(), "pass_key": key.hex(), "step": step,
            "code": rotating.code(key, step).hex(), "line": line(raw, day_key, shown_ms).decode(), "at_ms": at_ms,
        })  # fmt: skip
    return made


def bad() -> list[dict[str, Any]]:
    """Each with the reason of a gate that holds the day ticket alone, at NOW_MS, its clock sure to the millisecond."""
    raw = sign(DAY_TICKET)
    right = line(raw, DAY_KEY, NOW_MS)
    whole = base45.decode(right[4:])
    others = base45.decode(line(sign(CLAIMS["a family of four"]), DAY_KEY, NOW_MS)[4:])

    def changed(from_end: int) -> bytes:
        at = len(whole) - from_end
        return rotating.PREFIX + base45.encode(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])

    cases: dict[str, tuple[bytes, Reason]] = {
        "two steps old": (line(raw, DAY_KEY, NOW_MS - 15_001), Reason.STALE_CODE),
        "of the next step": (line(raw, DAY_KEY, NOW_MS + 15_000), Reason.STALE_CODE),
        "a forged code that is old is old": (line(raw, bytes(32), NOW_MS - 60_000), Reason.STALE_CODE),
        "of nobody's key": (line(raw, bytes(32), NOW_MS), Reason.FORGED),
        "a bit of the code": (changed(1), Reason.FORGED),
        "a bit of the step": (changed(12), Reason.STALE_CODE),
        "a bit of the signature": (changed(13), Reason.REPLACED),
        "another pass's code": (rotating.PREFIX + base45.encode(raw + others[-12:]), Reason.FORGED),
        "a ticket the gate has not seen": (line(sign(CLAIMS["a family of four"]), DAY_KEY, NOW_MS), Reason.UNKNOWN),
        "a pass of another version": (line(b"\x02" + raw[1:], DAY_KEY, NOW_MS), Reason.UNKNOWN_FORMAT),
        "the pass without its code": (rotating.PREFIX + base45.encode(raw), Reason.UNREADABLE),
        "the last character missing": (right[:-1], Reason.UNREADABLE),
        "a byte too many": (rotating.PREFIX + base45.encode(whole + b"\0"), Reason.UNREADABLE),
        "nothing after the prefix": (b"PR1:", Reason.UNREADABLE),
        "lower case": (b"PR1:" + right[4:].lower(), Reason.UNREADABLE),
    }  # fmt: skip
    return [{"name": name, "line": text.decode(), "reason": reason.name} for name, (text, reason) in cases.items()]


def vectors() -> dict[str, Any]:
    return {"format": "PR1", "day": DAY, "day_keys": keys(), "now_ms": NOW_MS, "good": good(), "bad": bad()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=2) + "\n", encoding="utf-8")
