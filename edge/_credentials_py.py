"""The twin's first checks: what a credential is (1), and whether a pass is one of this venue's (2 to 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions

from edge._case_py import Check, Said
from paifang import passes, rotating, short_codes
from paifang.reasons import Reason
from paifang.records import CredentialKind, PublicKey, Record

MAX_TEXT = 1024  # a longer line is noise, whatever it says
MAX_CODE = 64
MEMBER_PREFIX = b"PM1:"
_CHANNEL_CODE = re.compile(rb"[A-Za-z0-9-]{6,64}")
_CARD_UID = re.compile(rb"(?:[0-9A-F]{2})+")
_PRINTABLE = re.compile(rb"[ -~]+")
_OF_PASSES = frozenset({CredentialKind.LINE, CredentialKind.PASS, CredentialKind.ROTATING})
_INDEXED = frozenset(
    {
        CredentialKind.CHANNEL,
        CredentialKind.ID_NUMBER,
        CredentialKind.CARD_UID,
        CredentialKind.MEMBER,
        CredentialKind.SHORT,
    }
)

# --- 1 readable, known format -----------------------------------------------------------------------------------------


def recognise(kind: int, data: bytes) -> tuple[int, bytes, Reason | None]:
    """(kind with LINE resolved, the value to look up, why it is none of ours)."""
    line = kind == CredentialKind.LINE
    if data.startswith(passes.PREFIX) and (line or kind == CredentialKind.PASS):
        return int(CredentialKind.PASS), data, None
    if data.startswith(rotating.PREFIX) and (line or kind == CredentialKind.ROTATING):
        return int(CredentialKind.ROTATING), data, None
    if line and data.startswith(MEMBER_PREFIX):
        kind, data = int(CredentialKind.MEMBER), data.removeprefix(MEMBER_PREFIX)
    elif line and len(data) <= MAX_CODE and short_codes.normalise(data) is not None:
        kind = int(CredentialKind.SHORT)
    elif line and is_channel_code(data):
        kind = int(CredentialKind.CHANNEL)
    if kind in _OF_PASSES:
        return kind, data, none_of_ours(data)
    if kind not in _INDEXED:
        return kind, data, Reason.UNKNOWN_FORMAT
    return kind, *as_indexed(kind, data)


def is_channel_code(data: bytes) -> bool:
    return _CHANNEL_CODE.fullmatch(data) is not None


def none_of_ours(data: bytes) -> Reason:
    return Reason.UNKNOWN_FORMAT if len(data) <= MAX_TEXT and _PRINTABLE.fullmatch(data) else Reason.UNREADABLE


def as_indexed(kind: int, data: bytes) -> tuple[bytes, Reason | None]:
    """The value as the index has it, and why there is none."""
    if kind in (CredentialKind.ID_NUMBER, CredentialKind.CARD_UID):
        data = data.strip().upper()
    if not 0 < len(data) <= MAX_CODE:
        return data, Reason.UNREADABLE
    if kind == CredentialKind.CARD_UID and not _CARD_UID.fullmatch(data):
        return data, Reason.UNREADABLE
    if kind == CredentialKind.SHORT:
        code = short_codes.normalise(data)
        return (data, Reason.UNKNOWN_FORMAT) if code is None else (code, None)
    return data, None


def read_pass(kind: int, line: bytes) -> tuple[passes.Pass, rotating.Rotating | None]:
    """The pass of a line, and the code that came with it. Raises passes.PassError."""
    if kind == CredentialKind.ROTATING:
        live = rotating.parse_line(line)
        return live.issued, live
    return passes.parse_line(line), None


# --- 2 to 5 of a pass -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """A pass, and what the gate has to check it by.

    Attributes:
        record: of its entitlement; None where the store has never seen it.
        key: the pass key it names, if this venue has such a one.
        live: the rotating code it came with.
        day_keys: the venue's keys of rotating passes for today, yesterday and tomorrow, as far as they are held.
        signed_ruleset: the rule set to judge by where its product class allows admission on a signature alone.
        current_to_ms: what was issued until then the store would have.
        signed_room: admissions on a signature alone still allowed.
    """

    issued: passes.Pass
    record: Record | None
    key: PublicKey | None
    now_ms: int
    live: rotating.Rotating | None = None
    day_keys: tuple[bytes, ...] = ()
    skew_ms: int = 0
    signed_ruleset: int | None = None
    current_to_ms: int = 0
    signed_room: int = 0


def key_known(shown: Shown) -> Said:
    """A pass on record needs no key: its digest is compared."""
    if shown.record is not None:
        return None
    return Reason.KEY_UNKNOWN if shown.key is None else Reason.OK


def key_live(shown: Shown) -> Said:
    key = shown.key
    if shown.record is not None or key is None:
        return None
    good = not key.killed and key.not_before <= shown.now_ms // 1000 <= key.not_after
    return Reason.OK if good else Reason.KEY_DEAD


def signature_right(shown: Shown) -> Said:
    if shown.record is not None or shown.key is None:
        return None
    good = verify_ed25519(shown.key.public, shown.issued.signed, shown.issued.signature)
    return Reason.OK if good else Reason.FORGED


def digest_on_record(shown: Shown) -> Said:
    if shown.record is None:
        return None
    return Reason.OK if shown.record.digest == shown.issued.digest else Reason.REPLACED


def known_or_just_sold(shown: Shown) -> Said:
    if shown.record is not None:
        return Reason.OK
    just_sold = shown.signed_ruleset is not None and shown.issued.claims.issued_at * 1000 > shown.current_to_ms
    return Reason.OK if just_sold else Reason.UNKNOWN


def code_fresh(shown: Shown) -> Said:
    """Of this step or the one before; of a later one as far as the clock may be off."""
    if shown.live is None:
        return None
    oldest, newest = rotating.step_of(shown.now_ms) - 1, rotating.step_of(shown.now_ms + shown.skew_ms)
    return Reason.OK if oldest <= shown.live.step <= newest else Reason.STALE_CODE


def code_right(shown: Shown) -> Said:
    """Where none of the keys is held nobody can tell: that is not a forgery."""
    if shown.live is None:
        return None
    if not shown.day_keys:
        return Reason.UNKNOWN
    return Reason.OK if any(shown.live.proves(key) for key in shown.day_keys) else Reason.FORGED


def signed_only_room(shown: Shown) -> Said:
    if shown.record is not None:
        return None
    return Reason.OK if shown.signed_room > 0 else Reason.SIGNED_ONLY_SPENT


PASS_CHECKS: tuple[Check[Shown], ...] = (
    Check(2, "key", key_known),
    Check(2, "key_live", key_live),
    Check(3, "signature", signature_right),
    Check(3, "digest", digest_on_record),
    Check(5, "known", known_or_just_sold),
    Check(4, "code_fresh", code_fresh),
    Check(4, "code", code_right),
)
# Asked last of all: what the rules refuse does not use up what is allowed on a signature.
SIGNED_CHECKS: tuple[Check[Shown], ...] = (Check(5, "signed_only", signed_only_room),)


def record_of(issued: passes.Pass, ruleset_id: int) -> Record:
    """What is known of a pass just sold: what it says itself."""
    claims = issued.claims
    return Record(
        revision=0, ruleset_id=ruleset_id, product_class=claims.product_class, not_before=claims.not_before,
        not_after=claims.not_after, digest=issued.digest, persons=claims.persons, zones=claims.zones,
    )  # fmt: skip


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != nacl.bindings.crypto_sign_PUBLICKEYBYTES or len(signature) != nacl.bindings.crypto_sign_BYTES:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True
