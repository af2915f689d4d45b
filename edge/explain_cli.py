"""`paifang edge explain`: asks the running daemon, or reads the store itself where none runs, and prints a table."""

from __future__ import annotations

import argparse
import json
import sys
import time
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict

from edge import identity, keyring, store
from edge.config import EdgeConfig
from edge.errors import EdgeError, KeySetError
from edge.explain import FAILED, NOT_ASKED, Explainer
from edge.feed import KEYSET
from edge.keyring import KeyRing
from edge.signed_only import NOT_CURRENT_MS
from edge.verifier import StoreError
from paifang.business_day import Calendar
from paifang.checks import INPUTS, LABELS, value_text
from paifang.reasons import TABLE, Reason, Text
from paifang.records import CredentialKind, Table, VenueSettings, live_key
from paifang.v1 import scan_pb2

TIMEOUT_S = 5.0
ZONE = "Asia/Shanghai"  # until the venue's settings have come
REFUSED = 3  # exit code: it is or would be refused

_OUTCOMES = {FAILED: Text("✗ 不通过", "✗ failed"), NOT_ASKED: Text("- 不要求", "- not asked")}
_PASSED = Text("✓ 通过", "✓ passed")
_HEADS = (Text("序", "no."), Text("检查", "check"), Text("结果", "outcome"), Text("所看", "looked at"))
_AGREEMENT = Text(
    "！！闸机与解释不一致：请记下本页并报告。", "!! The verifier and its explanation differ: keep this and report it."
)
_ENTITLEMENT = Text("权益 {number}|{chosen}", "entitlement {number}|{chosen}")
_CHOSEN = Text("（选用）", " (the one chosen)")


class AskError(EdgeError):
    """The question cannot be put, or was put wrongly."""

    code = "explain"


def run(settings: EdgeConfig, asked: argparse.Namespace) -> int:
    """0: admitted. 3: refused. Raises EdgeError."""
    credential = sys.stdin.readline().rstrip("\r\n") if asked.credential == "-" else asked.credential
    question: dict[str, Any] = {
        "kind": int(CredentialKind[asked.kind.upper()]), "credential": credential.encode().hex(),
        "lane": lane(settings, asked.lane), "companion": asked.id_read.encode().hex(), "at": asked.at,
    }  # fmt: skip
    told = ask_daemon(settings, question)
    if told is None:
        told = ask_store(settings, question)
    explanation = ParseDict(told, scan_pb2.Explanation())
    print(table(explanation, asked.language))
    return 0 if explanation.admit else REFUSED


def lane(settings: EdgeConfig, named: str) -> str:
    """The device of a lane: named as it is, or by its place in the configuration, from 1."""
    devices = [lane.device for lane in settings.lanes]
    if named not in devices and named.isdecimal() and 0 < int(named) <= len(devices):
        return devices[int(named) - 1]
    return named


def ask_daemon(settings: EdgeConfig, question: dict[str, Any]) -> dict[str, Any] | None:
    """None: no daemon answers. Raises AskError."""
    if settings.http is None:
        return None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://{settings.http}/explain"
    request = urllib.request.Request(url, json.dumps(question).encode(), {"content-type": "application/json"})
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except urllib.error.HTTPError as problem:
        raise AskError(_problem(problem)) from None
    except urllib.error.URLError as problem:
        if isinstance(problem.reason, ConnectionRefusedError):
            return None
        raise AskError(f"the edge at {url} does not answer: {problem.reason}") from None
    except (OSError, ValueError) as problem:
        raise AskError(f"the edge at {url} does not answer: {problem}") from None


def _problem(answer: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(answer)["problem"])
    except (ValueError, KeyError, TypeError):
        return f"the edge answers {answer}"


def ask_store(settings: EdgeConfig, question: dict[str, Any]) -> dict[str, Any]:
    """Reads the store of an edge that does not run. Raises EdgeError."""
    enrolled = identity.load(settings.state)
    module = store.core(settings)
    path = Path(settings.state, "store")
    if not path.exists():
        raise AskError(f"there is no store in {settings.state} yet")
    try:
        environment = module.Environment(str(path), settings.map_size_mb << 20)
    except StoreError as problem:
        raise AskError(f"no edge answers, and its store cannot be opened: {problem}") from None
    try:
        keys = KeyRing(enrolled.root_key, enrolled.venue_id)
        stored = environment.get(Table.META, KEYSET)
        if stored is not None:
            try:
                keys.offer(*keyring.unpack_stored(stored))
            except KeySetError as problem:
                raise AskError(str(problem)) from None
        verifier = module.Verifier(environment, enrolled.pepper)
        verifier.set_pass_keys(keys.pass_keys())
        verifier.current_to_ms = NOT_CURRENT_MS
        calendar = _calendar(environment.get(Table.VENUE, live_key(enrolled.venue_id)))
        explainer = Explainer(
            environment, verifier, enrolled.pepper, pass_keys=keys.pass_keys, calendar=lambda: calendar,
            now_ms=lambda: time.time_ns() // 1_000_000,
        )  # fmt: skip
        return explainer.asked(question)
    except (ValueError, StoreError) as problem:
        raise AskError(str(problem)) from None
    finally:
        environment.close()


def _calendar(stored: bytes | None) -> Calendar:
    if stored is None:
        return Calendar(ZONE)
    settings = VenueSettings.unpack(stored)
    return Calendar(settings.time_zone, settings.day_start_minutes)


# --- the table --------------------------------------------------------------------------------------------------------


def table(explanation: scan_pb2.Explanation, language: str) -> str:
    """The verdict, then each check: its number, what it asks, the outcome, what it looked at."""

    def said(text: Text) -> str:
        return text.fill(language)

    reason = Reason(explanation.reason)
    entry = TABLE[reason]
    staff = said(entry.staff)
    lines = [f"{'✓' if explanation.admit else '✗'} {said(entry.label)} ({int(reason)})", f"  {staff}"]
    if any(check.number == 0 for check in explanation.checks):
        lines.insert(0, said(_AGREEMENT))
    rows = [tuple(said(head) for head in _HEADS)]
    told_of = ""
    for check in explanation.checks:
        inputs = dict(check.inputs)
        name, number = inputs.pop("check", ""), inputs.pop("entitlement", "")
        chosen = inputs.pop("chosen", "") == "yes"
        if number != told_of and number:
            told_of = number
            marked = said(_CHOSEN) if chosen else ""
            rows.append((_ENTITLEMENT.fill(language, number=number, chosen=marked),))
        outcome = said(_OUTCOMES.get(check.outcome, _PASSED))
        if check.outcome == FAILED:
            outcome += f": {said(TABLE[Reason(check.reason)].label)}"
        looked = "; ".join(
            f"{said(INPUTS.get(key, Text(key, key)))}: {value_text(inputs[key], language)}" for key in sorted(inputs)
        )
        label = said(LABELS[name]) if name in LABELS else name
        rows.append((str(check.number), label, outcome, looked))
    return "\n".join([*lines, "", *_aligned(rows)])


def _aligned(rows: list[tuple[str, ...]]) -> Iterable[str]:
    full = [row for row in rows if len(row) > 1]
    widths = [max(_width(row[column]) for row in full) for column in range(3)]
    for row in rows:
        if len(row) == 1:
            yield f"  {row[0]}"
        else:
            cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
            yield "  ".join([*cells, row[3]]).rstrip()


def _width(text: str) -> int:
    """Columns in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
