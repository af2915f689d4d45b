"""Writes passes.json anew: `python tests/vectors/make_passes.py`. Fixed keys and claims; Ed25519 is deterministic.

The cloud must sign these bytes, both verifiers must read them: a difference is a change of the format.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from paifang import base45, passes
from paifang.passes import Claims
from paifang.reasons import Reason

FILE = Path(__file__).with_name("passes.json")
SEED = bytes(range(32))
OTHER_SEED = bytes(range(32, 64))
KEY_ID = 258

DAY_TICKET = Claims(0x0123456789ABCDEF, 17, 1_700_000_000, 1_700_006_400, 1_700_092_799, 1, 1, 0)
CLAIMS = {
    "a day ticket": DAY_TICKET,
    "the smallest claims": Claims(0, 0, 0, 0, 0, 0, 0, 0),
    "the largest claims": Claims(*passes.LIMITS),
    "the edges of msgpack's forms": Claims(0x100000000, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x7F, 0x01),
    "a family of four": Claims(0x7FEDCBA987654321, 300, 1_700_000_000, 1_700_006_400, 1_700_265_599, 3, 4, 2),
}


def sign(claims: Claims, *, key_id: int = KEY_ID, seed: bytes = SEED) -> bytes:
    return passes.assemble(key_id, claims, SigningKey(seed).sign(passes.signed_bytes(key_id, claims)).signature)


def good(name: str, claims: Claims) -> dict[str, Any]:
    raw = sign(claims)
    return {
        "name": name, "key_id": KEY_ID, "claims": asdict(claims), "raw": raw.hex(),
        "line": passes.line(raw).decode(), "digest": passes.digest(raw).hex(),
    }  # fmt: skip


def bad() -> list[dict[str, Any]]:
    """Each with the reason of a gate that holds the day ticket alone, and knows the key."""
    raw = sign(DAY_TICKET)
    line = passes.line(raw)
    stranger = sign(CLAIMS["a family of four"])
    body = raw[3:-64]
    signature = raw[-64:]

    def claims_as(altered: bytes) -> bytes:
        return passes.line(raw[:3] + altered + signature)

    cases: dict[str, tuple[bytes, Reason]] = {
        "no known format": (b"https://example.com/t/17", Reason.UNKNOWN_FORMAT),
        "another version": (passes.line(b"\x02" + raw[1:]), Reason.UNKNOWN_FORMAT),
        "nothing after the prefix": (b"PF1:", Reason.UNREADABLE),
        "a lower-case character": (line[:9] + b"a" + line[10:], Reason.UNREADABLE),
        "a group above 65535": (b"PF1::::" + line[7:], Reason.UNREADABLE),
        "a last pair above 255": (b"PF1:" + base45.encode(raw[:-1])[:-2] + b"::", Reason.UNREADABLE),
        "the last character missing": (line[:-1], Reason.UNREADABLE),
        "a byte after the signature": (passes.line(raw + b"\0"), Reason.UNREADABLE),
        "too short": (passes.line(raw[:75]), Reason.UNREADABLE),
        "a claim in a longer form": (claims_as(body.replace(b"\x11", b"\xcc\x11", 1)), Reason.UNREADABLE),
        "an array in a longer form": (claims_as(b"\xdc\x00\x08" + body[1:]), Reason.UNREADABLE),
        "a map instead of an array": (claims_as(b"\x88" + body[1:]), Reason.UNREADABLE),
        "seven claims": (claims_as(b"\x97" + body[1:-1]), Reason.UNREADABLE),
        "nine claims": (claims_as(b"\x99" + body[1:] + b"\0"), Reason.UNREADABLE),
        "a negative claim": (claims_as(body[:-1] + b"\xff"), Reason.UNREADABLE),
        "a claim above its limit": (claims_as(body[:-1] + b"\xcc\x80"), Reason.UNREADABLE),
        "a claim that is text": (claims_as(body[:-1] + b"\xa0"), Reason.UNREADABLE),
        "another signature of the same claims": (passes.line(sign(DAY_TICKET, seed=OTHER_SEED)), Reason.REPLACED),
        "the day ticket issued again": (
            passes.line(sign(Claims(**(asdict(DAY_TICKET) | {"issued_at": 1_700_000_001})))), Reason.REPLACED,
        ),
        "the day ticket under another key id": (passes.line(sign(DAY_TICKET, key_id=259)), Reason.REPLACED),
        "a ticket the gate has not seen": (passes.line(stranger), Reason.UNKNOWN),
        "a stranger's key": (passes.line(sign(CLAIMS["a family of four"], key_id=259)), Reason.KEY_UNKNOWN),
        "signed by somebody else": (passes.line(sign(CLAIMS["a family of four"], seed=OTHER_SEED)), Reason.FORGED),
        "a bit of the signature": (passes.line(stranger[:-1] + bytes((stranger[-1] ^ 1,))), Reason.FORGED),
        "a bit of the claims": (passes.line(stranger[:-65] + b"\x03" + stranger[-64:]), Reason.FORGED),
    }  # fmt: skip
    return [{"name": name, "line": text.decode(), "reason": reason.name} for name, (text, reason) in cases.items()]


def vectors() -> dict[str, Any]:
    return {
        "format": "PF1",
        "seed": SEED.hex(),
        "public": bytes(SigningKey(SEED).verify_key).hex(),
        "good": [good(name, claims) for name, claims in CLAIMS.items()],
        "bad": bad(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=2) + "\n", encoding="utf-8")
