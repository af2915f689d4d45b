"""Why a credential is or would be refused: every check of it with what it looked at. Uses nothing up.

The checks are the pure twin's, over the very bytes the running verifier reads; the verdict told is the running
verifier's own. Where the two do not say the same the explanation says so before anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from google.protobuf.json_format import MessageToDict

from edge import _verify_py as twin
from edge._case_py import Verdict as Explained
from edge._case_py import parse
from edge._credentials_py import PASS_CHECKS, SIGNED_CHECKS, Shown
from edge._explained import OF_PASSES, OF_RULES, Inputs, Words, kind_name, yes
from edge._rules_py import CHECKS, judge, read_case
from edge.locations import locate
from edge.verdict import NO_LIMIT, Request
from paifang import passes
from paifang.business_day import Calendar, month_number
from paifang.reasons import Reason
from paifang.records import CredentialKind, Record, Station, Table, VenueSettings
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict, Verifier

log = logging.getLogger(__name__)

PASSED = scan_pb2.CHECK_OUTCOME_PASSED
FAILED = scan_pb2.CHECK_OUTCOME_FAILED
NOT_ASKED = scan_pb2.CHECK_OUTCOME_NOT_ASKED
MOST_ENTITLEMENTS = 8  # behind one credential, explained; the verdict looks at all of them

PublicKeyRow = tuple[int, bytes, int, int, bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """A presentation to explain. `companion`: the ID number read before; `at_ms` 0 is now."""

    kind: int
    data: bytes
    device_id: int
    at_ms: int = 0
    companion: bytes = b""


class Explainer:
    """Belongs to the trio thread, as the verifier does.

    Args:
        environment, verifier, pepper: of the running edge.
        pass_keys: those the verifier holds.
        calendar: the venue's.
        now_ms: trusted time.
        room: what the venue has room for on a business day: persons now and today, NO_LIMIT where it sets none.
    """

    def __init__(
        self, environment: Environment, verifier: Verifier, pepper: bytes, *,
        pass_keys: Callable[[], Iterable[PublicKeyRow]], calendar: Callable[[], Calendar],
        now_ms: Callable[[], int], room: Callable[[int], tuple[int, int]] = lambda _: (NO_LIMIT, NO_LIMIT),
    ) -> None:  # fmt: skip
        self._environment = environment
        self._verifier = verifier
        self._pepper = pepper
        self._pass_keys = pass_keys
        self._calendar = calendar
        self._now_ms = now_ms
        self._room = room

    def answer(self, question: scan_pb2.Question) -> scan_pb2.Explanation:
        """What the console's staff asked through the cloud."""
        told = self.explain(Asked(question.credential_kind, question.credential, question.device_id, question.at_ms))
        told.id = question.id
        return told

    def asked(self, question: dict[str, Any]) -> dict[str, Any]:
        """The same for `paifang edge explain`, in JSON's types. Raises ValueError where it is wrongly asked."""
        try:
            lane = str(question["lane"])
            kind, at = int(question["kind"]), str(question.get("at", ""))
            data, companion = bytes.fromhex(question["credential"]), bytes.fromhex(question.get("companion", ""))
        except (KeyError, TypeError, AttributeError, OverflowError) as problem:
            raise ValueError(f"not a question: {problem!r}") from None
        if kind not in CredentialKind._value2member_map_:
            raise ValueError(f"there is no credential of kind {kind}")
        found = locate(self._environment, lane)
        if found is None:
            raise ValueError(f'there is no lane "{lane}" in this edge\'s store')
        told = self.explain(Asked(kind, data, found.device_id, self._moment(at), companion))
        as_json: dict[str, Any] = MessageToDict(
            told, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return as_json

    def _moment(self, at: str) -> int:
        """Unix milliseconds of a time by the venue's wall clock; 0 where none is named. Raises ValueError."""
        if not at:
            return 0
        try:
            said = datetime.fromisoformat(at)
            zone = said.tzinfo or ZoneInfo(self._calendar().time_zone)
            return max(1, int(said.replace(tzinfo=zone).timestamp() * 1000))
        except (ValueError, OverflowError):
            raise ValueError(f'"{at}" is no time: write it as 2026-10-01T09:30') from None

    def explain(self, asked: Asked) -> scan_pb2.Explanation:
        """The verdict of the running verifier, and each check. Raises StoreError."""
        at_ms = asked.at_ms or self._now_ms()
        calendar = self._calendar()
        instant = datetime.fromtimestamp(at_ms / 1000, UTC)
        day = calendar.day(instant)
        eyes = self._eyes()
        device = eyes.devices.get(asked.device_id)
        place = (device.station_id if device is not None else 0, asked.device_id)
        moment = (at_ms, day.toordinal(), month_number(day), calendar.minute(instant, day))
        room = self._room(day.toordinal())
        said = self._verifier.check(asked.kind, asked.data, *place, *moment, asked.companion, *room)
        expected = eyes.check(asked.kind, asked.data, *place, *moment, asked.companion, *room)
        request = eyes.request(asked.kind, *place, *moment, *room)
        words = Words(ZoneInfo(calendar.time_zone), self._station_names())
        report = _Report(eyes, words, asked.companion, said.entitlement_id)
        report.disagree(said, expected)
        report.presented(request, asked.data)
        return scan_pb2.Explanation(
            admit=said.admit, reason=said.reason, entitlement_id=said.entitlement_id, checks=report.checks
        )

    def _station_names(self) -> dict[int, tuple[str, str]]:
        rows = self._environment.scan(Table.VENUE, b"", 1)
        settings = parse(VenueSettings, rows[0][1]) if rows else None
        return settings.stations if settings is not None else {}

    def _eyes(self) -> twin.Verifier:
        """The twin, seeing what the running verifier sees: the store, reservations under way, keys, freshness."""
        eyes = twin.Verifier(self._environment, self._pepper)
        eyes.inflight = self._verifier.inflight
        eyes.skew_ms = self._verifier.skew_ms
        eyes.current_to_ms = self._verifier.current_to_ms
        eyes.signed_room = self._verifier.signed_room
        eyes.set_pass_keys(self._pass_keys())
        return eyes


class _Report:
    """The checks of one presentation, as they come."""

    def __init__(self, eyes: twin.Verifier, words: Words, companion: bytes, chosen: int) -> None:
        self.checks: list[scan_pb2.Check] = []
        self._eyes = eyes
        self._words = words
        self._companion = companion
        self._chosen = chosen

    def add(self, number: int, name: str, said: Reason | None, inputs: Inputs, entitlement_id: int = 0) -> None:
        outcome = NOT_ASKED if said is None else PASSED if said == Reason.OK else FAILED
        told = {"check": name} | inputs
        if entitlement_id:
            told |= {"entitlement": str(entitlement_id), "chosen": yes(entitlement_id == self._chosen)}
        self.checks.append(scan_pb2.Check(number=number, outcome=outcome, reason=int(said or 0), inputs=told))

    def disagree(self, said: Verdict, expected: Explained) -> None:
        """A check of number 0 where the running verifier does not decide as the checks do."""
        ours = (expected.admit, expected.reason, expected.entitlement_id, expected.persons)
        if (said.admit, said.reason, said.entitlement_id, said.persons) == ours:
            return
        names = {"verifier": Reason(said.reason).name, "explained": Reason(expected.reason).name}
        log.error("the verifier says %(verifier)s where its twin says %(explained)s", names)
        self.add(0, "agreement", Reason(expected.reason) or Reason.OUT_OF_ORDER, names)

    def presented(self, request: Request, data: bytes) -> None:
        request, value, miss = self._eyes.recognise(request, data)
        station = self._eyes.stations.get(request.station_id)
        if station is not None and station.exit:
            return self.exit(station, request, value, miss)
        of_pass = request.kind in (CredentialKind.PASS, CredentialKind.ROTATING)
        if miss is None and of_pass:
            try:
                shown, stored = self._eyes.shown(value, request)
            except passes.PassError as problem:
                miss = twin.miss_of(problem)
        self.add(1, "readable", miss or Reason.OK, {"kind": kind_name(request.kind)})
        if miss is not None:
            return None
        return self.shown(request, shown, stored) if of_pass else self.indexed(request, value)

    def exit(self, station: Station, request: Request, value: bytes, miss: Reason | None) -> None:
        verdict = self._eyes.let_out(station, value, request, miss)
        told = {"exit": "yes", "closes_visit": yes(verdict.whole_after), "persons": str(verdict.persons)}
        self.add(8, "station", Reason.OK, told, verdict.entitlement_id)

    def shown(self, request: Request, shown: Shown, stored: bytes | None) -> None:
        entitlement_id = shown.issued.claims.entitlement_id
        if stored is not None and shown.record is None:
            return self.add(5, "known", Reason.UNKNOWN, {"why": "a record of an unknown layout"}, entitlement_id)
        for check in PASS_CHECKS:
            self.add(check.number, check.name, check.says(shown), OF_PASSES[check.name](shown, self._words))
        if shown.record is None and shown.signed_ruleset is None:
            return None
        record = twin.record_to_judge(shown)
        self.rules(entitlement_id, record, self._eyes.with_step(request, shown))
        if shown.record is None:
            for check in SIGNED_CHECKS:
                self.add(check.number, check.name, check.says(shown), OF_PASSES[check.name](shown, self._words))
        return None

    def indexed(self, request: Request, value: bytes) -> None:
        """The chosen entitlement first, then the others."""
        behind = self._eyes.behind(request.kind, value)
        if not behind:
            self.add(5, "known", Reason.UNKNOWN, {"record": "no"})
        for entitlement_id in sorted(behind, key=lambda number: (number != self._chosen, number))[:MOST_ENTITLEMENTS]:
            record = self._eyes.record(entitlement_id)
            said = Reason.UNKNOWN if record is None else Reason.OK
            self.add(5, "known", said, {"record": yes(record is not None)}, entitlement_id)
            if record is not None:
                self.rules(entitlement_id, record, request)

    def rules(self, entitlement_id: int, record: Record, request: Request) -> None:
        """Checks 4 and 6 to 14 of one entitlement, each whatever those before it say."""
        request = self._eyes.with_identity(request, entitlement_id, self._companion)
        live = self._eyes.live(record, request)
        case, _ = read_case(entitlement_id, record, live, self._eyes, request)
        if case is None:
            why = (
                "no rule set" if live.ruleset is None else "nobody on it" if not record.persons else "counts unreadable"
            )
            return self.add(5, "known", Reason.UNKNOWN, {"why": why}, entitlement_id)
        missed = False
        for check in CHECKS:
            said = check.says(case)
            missed = missed or said not in (None, Reason.OK)
            self.add(check.number, check.name, said, OF_RULES[check.name](case, self._words), entitlement_id)
        verdict = judge(entitlement_id, record, live, self._eyes, request)
        if not missed and not verdict.admit:
            self.add(12, "group", Reason(verdict.reason), {"why": "a count is full"}, entitlement_id)
        return None
