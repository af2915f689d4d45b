"""A journal entry's bytes -> the message, or why it cannot be taken. No database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from paifang.records import entry_hash
from paifang.usage import Usage
from paifang.v1 import scan_pb2

# What the columns hold. A value beyond them is as unreadable as torn bytes: kept aside, never a failed batch.
MAX_BIGINT = 2**63 - 1
MAX_INT = 2**31 - 1
MAX_SMALL = 2**15 - 1
MAX_MS = 4_102_444_800_000  # the year 2100

_CODE = re.compile(r"[a-z0-9_.-]{1,50}")  # becomes an audit row's action, and text columns refuse some characters

_KINDS = {
    "boot": "boot",
    "presentation": "presentation",
    "settlement": "settlement",
    "lane_change": "lane",
    "alarm": "alarm",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """`entry` is None where `problem` says what is wrong with the bytes; `kind` is JournalEntry.Kind's value."""

    raw: bytes
    entry_hash: bytes
    entry: scan_pb2.Entry | None
    kind: str
    problem: str


def decode(raw: bytes) -> Decoded:
    """Never raises on bad bytes."""
    try:
        entry = scan_pb2.Entry.FromString(raw)
    except DecodeError:
        return Decoded(raw, entry_hash(raw), None, "", "not an entry")
    body = entry.WhichOneof("body")
    problem = _problem(entry, body)
    if problem or body is None:
        return Decoded(raw, entry_hash(raw), None, "", problem)
    return Decoded(raw, entry_hash(raw), entry, _KINDS[body], "")


def _problem(entry: scan_pb2.Entry, body: str | None) -> str:
    if not 1 <= entry.seq <= MAX_BIGINT:
        return f"sequence {entry.seq} is out of range"
    if len(entry.epoch) != 8 or len(entry.prev_hash) != 32:
        return "epoch or prev_hash has a wrong length"
    if not 0 <= entry.at_ms < MAX_MS:
        return f"at_ms {entry.at_ms} is out of range"
    if body is None:
        return "no body that is known here"
    if body == "presentation":
        return _presentation_problem(entry.presentation)
    if body == "settlement":
        return _settlement_problem(entry.settlement)
    if body == "alarm" and not _CODE.fullmatch(entry.alarm.code):
        return "its alarm has no proper code"
    return ""


def _presentation_problem(body: scan_pb2.Presentation) -> str:
    if max(body.entitlement_id, body.owner_id) > MAX_BIGINT or body.product_class > MAX_INT:
        return "an id is out of range"
    if max(body.decision, body.reason, body.credential_kind, body.persons) > MAX_SMALL or body.decision < 0:
        return "a small number is out of range"
    return _usage_problem(body.usage) or _usage_problem(body.whole_usage)


def _settlement_problem(body: scan_pb2.Settlement) -> str:
    if max(body.admission_seq, body.entitlement_id, body.owner_id) > MAX_BIGINT:
        return "an id is out of range"
    if max(body.passed, body.returned) > MAX_SMALL:
        return "a count is out of range"
    if not scan_pb2.OUTCOME_PASSED <= body.outcome <= scan_pb2.OUTCOME_UNTICKETED:
        return f"outcome {body.outcome} is not known here"
    return _usage_problem(body.usage) or _usage_problem(body.whole_usage)


def _usage_problem(usage: bytes) -> str:
    if not usage:
        return ""
    try:
        revision = Usage.unpack(usage).revision
    except ValueError as problem:
        return str(problem)
    return "" if revision <= MAX_INT else "its usage's revision is out of range"
