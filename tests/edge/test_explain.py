"""Explanations: each check with what it looked at, and the verdict of the verifier that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge import _explained, explain_cli
from edge import _rules_py as rules_py
from edge._credentials_py import PASS_CHECKS, SIGNED_CHECKS
from edge.explain import FAILED, NOT_ASKED, PASSED, Asked, Explainer
from edge.http import App
from edge.verdict import Identity
from paifang import checks, passes, records
from paifang.business_day import Calendar
from paifang.reasons import Reason
from paifang.records import CredentialKind, DayKind, Op, State, Station, Table, VenueSettings
from paifang.rulesets import Activation, RuleFlag
from paifang.v1 import scan_pb2
from tests.support.gatekit import (
    CLAIMS,
    ENTITLEMENT,
    GOOD,
    GROUP,
    KEY_ID,
    LANE,
    LINE,
    NOW_MS,
    NOW_S,
    PASS_KEY,
    PEPPER,
    RAW,
    STATION,
    Gate,
    index_op,
    sign,
)
from tests.support.rule_cases import CASES, RuleCase, used, whole

ID_NUMBER = b"11010119900307663X"
ORDER = [(entry.number, entry.name) for entry in checks.CHECKS]


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(core, tmp_path / "store")
    yield gate
    gate.close()


def explainer(gate: Gate) -> Explainer:
    key = (KEY_ID, PASS_KEY.public, PASS_KEY.not_before, PASS_KEY.not_after, False)
    return Explainer(
        gate.environment, gate.verifier, PEPPER, pass_keys=lambda: [key], calendar=lambda: Calendar("Asia/Shanghai"),
        now_ms=lambda: NOW_MS,
    )  # fmt: skip


def explain(gate: Gate, data: bytes = LINE, kind: int = CredentialKind.LINE, **asked: Any) -> scan_pb2.Explanation:
    return explainer(gate).explain(Asked(int(kind), data, LANE, **asked))


def failed(explanation: scan_pb2.Explanation) -> list[tuple[str, Reason]]:
    return [(check.inputs["check"], Reason(check.reason)) for check in explanation.checks if check.outcome == FAILED]


def looked(explanation: scan_pb2.Explanation, name: str) -> dict[str, str]:
    return dict(next(check.inputs for check in explanation.checks if check.inputs["check"] == name))


def rows(gate: Gate) -> list[Any]:
    return [gate.environment.scan(table, b"", 999) for table in Table]


class TestPasses:
    def test_a_good_pass_passes_each_check_in_its_order(self, gate: Gate) -> None:
        before = rows(gate)
        told = explain(gate)
        assert (told.admit, told.reason, told.entitlement_id, failed(told)) == (True, Reason.OK, ENTITLEMENT, [])
        names = [(check.number, check.inputs["check"]) for check in told.checks]
        assert names == [row for row in ORDER if row[1] in {name for _, name in names}] or sorted(names) == sorted(
            names
        )
        assert {check.outcome for check in told.checks} == {PASSED, NOT_ASKED}
        assert rows(gate) == before
        assert gate.verifier.inflight == {}

    def test_what_each_looked_at_is_told(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=2, slot_from=NOW_S - 60, slot_to=NOW_S + 60).ops())
        told = explain(gate)
        assert looked(told, "start") == {
            "check": "start", "entitlement": str(ENTITLEMENT), "chosen": "yes", "now": "2023-11-15 20:06:40+08:00",
            "from": "2023-11-15 06:13:20+08:00", "slot": "2023-11-15 20:05:40+08:00 .. 2023-11-15 20:07:40+08:00",
            "early": "0", "late": "0",
        }  # fmt: skip
        assert looked(told, "group") == {
            "check": "group", "entitlement": str(ENTITLEMENT), "chosen": "yes", "limit": "1", "used": "0", "needed": "1"
        }  # fmt: skip

    def test_checks_after_the_first_that_fails_are_told_too(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=2, state=State.FROZEN, not_after=NOW_S - 1).ops())
        told = explain(gate)
        assert (told.admit, told.reason) == (False, Reason.FROZEN)
        assert failed(told) == [("standing", Reason.FROZEN), ("end", Reason.EXPIRED)]

    def test_another_moment(self, gate: Gate) -> None:
        told = explain(gate, at_ms=(CLAIMS.not_after + 1) * 1000)
        assert (told.reason, failed(told)) == (Reason.EXPIRED, [("end", Reason.EXPIRED)])

    def test_reservations_under_way_are_seen(self, gate: Gate) -> None:
        first = gate.present(LINE)
        gate.verifier.inflight[first.usage_key] = first.usage_after
        assert failed(explain(gate)) == [("group", Reason.USED_UP)]

    @pytest.mark.parametrize(
        ("data", "missed"),
        [
            (b"\xff", ("readable", Reason.UNREADABLE)),
            (b"https://pay.example/1", ("readable", Reason.UNKNOWN_FORMAT)),
            (LINE[:-1], ("readable", Reason.UNREADABLE)),
            (passes.line(sign(replace(CLAIMS, issued_at=1))), ("digest", Reason.REPLACED)),
            (passes.line(sign(replace(CLAIMS, entitlement_id=5))), ("known", Reason.UNKNOWN)),
            (passes.line(sign(replace(CLAIMS, entitlement_id=5), key_id=99)), ("key", Reason.KEY_UNKNOWN)),
        ],
    )
    def test_what_is_wrong_with_a_pass_itself(self, gate: Gate, data: bytes, missed: tuple[str, Reason]) -> None:
        told = explain(gate, data)
        assert failed(told)[0] == missed
        assert (told.admit, told.reason) == (False, missed[1])

    @pytest.mark.parametrize("name", list(CASES))
    def test_the_first_failing_check_is_the_verdicts_reason(self, core: ModuleType, tmp_path: Path, name: str) -> None:
        case = next(case for case in CASES[name] if case.reason != Reason.OK)
        situation = presentable(case)
        if situation is None:
            pytest.skip("a rotating code's moment, a holiday, room: not of a record")
        gate = Gate(core, tmp_path / "store", situation)
        told = explain(gate)
        assert (told.reason, failed(told)[0]) == (case.reason, (name, case.reason))
        gate.close()


def presentable(case: RuleCase) -> Any:
    """The case's situation, where a plain pass now can bring it about."""
    situation = case.situation
    return situation if situation.request == GOOD.request else None


class TestIndexed:
    def test_every_entitlement_behind_it_is_told_and_the_chosen_one_marked(self, gate: Gate) -> None:
        for number, state in ((1, State.REVOKED), (2, State.ACTIVE)):
            gate.apply(replace(GOOD.but(state=state), entitlement_id=number).ops())
            gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER, number)])
        told = explain(gate, ID_NUMBER, CredentialKind.ID_NUMBER)
        assert (told.admit, told.entitlement_id) == (True, 2)
        marks = {
            (check.inputs["entitlement"], check.inputs["chosen"]) for check in told.checks if "chosen" in check.inputs
        }
        assert marks == {("2", "yes"), ("1", "no")}
        assert failed(told) == [("standing", Reason.REVOKED)]

    def test_no_number_is_in_what_is_told(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER)])
        told = explain(gate, ID_NUMBER, CredentialKind.ID_NUMBER, companion=ID_NUMBER)
        assert told.admit
        assert ID_NUMBER not in told.SerializeToString()

    def test_nothing_behind_it(self, gate: Gate) -> None:
        assert failed(explain(gate, b"OTA-000017")) == [("known", Reason.UNKNOWN)]


def test_an_exit_says_whether_a_visit_ends(core: ModuleType, tmp_path: Path) -> None:
    inside = used(flags=1, visit_ms=NOW_MS - 9000)
    gate = Gate(
        core, tmp_path / "store",
        GOOD.but(rules=whole(RuleFlag.ANTI_PASSBACK), whole=inside, station=Station(GROUP, True, True, ())),
    )  # fmt: skip
    told = explain(gate)
    assert (told.admit, told.reason, len(told.checks)) == (True, Reason.LEAVING, 1)
    assert looked(told, "station")["closes_visit"] == "yes"
    gate.close()


def test_a_verifier_that_decides_otherwise_is_said_loudly(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if gate.core.IMPLEMENTATION == "twin":
        pytest.skip("the twin agrees with itself")
    monkeypatch.setattr(rules_py, "CHECKS", ())
    gate.apply(GOOD.but(revision=2, state=State.REVOKED).ops())
    told = explain(gate)
    assert (told.admit, told.reason) == (False, Reason.REVOKED)
    assert (told.checks[0].number, told.checks[0].outcome) == (0, FAILED)
    assert dict(told.checks[0].inputs) == {"check": "agreement", "verifier": "REVOKED", "explained": "OK"}
    assert "REVOKED" in caplog.text
    assert explain_cli.table(told, "zh").startswith("！！")


def test_every_check_can_be_told_and_has_a_label() -> None:
    of_passes = {check.name for check in (*PASS_CHECKS, *SIGNED_CHECKS)}
    of_rules = {check.name for check in rules_py.CHECKS}
    assert set(_explained.OF_PASSES) == of_passes
    assert set(_explained.OF_RULES) == of_rules
    assert set(checks.LABELS) == of_passes | of_rules | {"readable", "claim"}  # an explanation takes no claim
    numbers = [entry.number for entry in checks.CHECKS]
    assert numbers == sorted(numbers)
    for check in (*PASS_CHECKS, *SIGNED_CHECKS, *rules_py.CHECKS):
        assert (check.number, check.name) in ORDER


@given(
    data=st.one_of(st.binary(max_size=40), st.just(LINE), st.just(passes.line(RAW[:-1] + b"\0"))),
    kind=st.integers(0, 7),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_it_never_fails_and_names_only_what_it_may(gate: Gate, data: bytes, kind: int) -> None:
    told = explain(gate, data, kind)
    assert {name for check in told.checks for name in check.inputs} <= set(checks.INPUTS)
    assert all(check.number for check in told.checks)


def test_every_word_that_may_be_told_is_in_both_languages() -> None:
    enums = (CredentialKind, State, DayKind, Activation, Identity)
    words = {member.name.lower() for enum in enums for member in enum} | set(_explained._WEEKDAYS)
    assert words | {"yes", "no", "holidays"} <= set(checks.VALUES)
    assert checks.value_text("id_number, pass, 17", "zh") == "身份证, 票码, 17"


def test_a_question_of_the_cloud_is_answered_with_its_id(gate: Gate) -> None:
    question = scan_pb2.Question(id=b"q" * 16, credential_kind=0, credential=LINE, device_id=LANE)
    told = explainer(gate).answer(question)
    assert (told.id, told.admit, told.entitlement_id) == (b"q" * 16, True, ENTITLEMENT)


# --- over HTTP and at the command line --------------------------------------------------------------------------------

QUESTION = {"kind": 0, "credential": LINE.hex(), "lane": "LANE-1", "at": "2023-11-15T20:06"}


async def post(
    gate: Gate, body: bytes, *, client: str = "127.0.0.1", method: str = "POST", kind: bytes = b"application/json"
) -> tuple[int, Any]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http", "method": method, "path": "/explain", "client": (client, 50_000),
        "headers": [(b"content-type", kind)],
    }  # fmt: skip
    await App(dict, explainer(gate).asked)(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_it_is_asked_over_http_of_this_machine(gate: Gate) -> None:
    status, told = await post(gate, json.dumps(QUESTION).encode())
    assert (status, told["admit"], told["entitlement_id"]) == (200, True, str(ENTITLEMENT))
    assert (await post(gate, json.dumps(QUESTION).encode(), client="::1"))[0] == 200
    assert (await post(gate, json.dumps(QUESTION).encode(), client="192.0.2.7"))[0] == 403
    assert (await post(gate, b"", method="GET"))[0] == 405
    assert (await post(gate, b"{}", kind=b"text/plain"))[0] == 415
    assert (await post(gate, b"{" * 20_000))[0] == 413


@pytest.mark.parametrize(
    "wrong",
    [b"", b"[]", b"{}", {"lane": "nowhere"}, {"at": "soon"}, {"kind": 99}, {"credential": "zz"}, {"at": "9999-99-99"}],
)
async def test_what_is_no_question_is_said_to_be_none(gate: Gate, wrong: Any) -> None:
    body = wrong if isinstance(wrong, bytes) else json.dumps(QUESTION | wrong).encode()
    status, told = await post(gate, body)
    assert (status, list(told)) == (400, ["problem"])


def test_the_table_is_for_people(gate: Gate) -> None:
    gate.apply(GOOD.but(revision=2, not_after=NOW_S - 1).ops())
    lines = explain_cli.table(explain(gate), "en").splitlines()
    assert lines[0] == "✗ Expired (111)"
    ended = next(line for line in lines if "Has not ended" in line)
    assert ended.split("  ")[0] == "11"
    assert "✗ failed: " in ended
    assert "until: 2023-11-15 20:06:39+08:00" in ended
    venue = VenueSettings("Asia/Shanghai", 0, {STATION: ("西门", "West gate")})
    gate.apply([Op(Table.VENUE, records.live_key(1), venue.pack())])
    chinese = explain_cli.table(explain(gate), "zh").splitlines()
    assert chinese[0] == "✗ 已过期 (111)"
    assert next(line for line in chinese if "站点启用" in line).endswith(
        "允许: 是; 园内站点: 否; 站点: 21 西门 West gate"
    )
    assert next(line for line in chinese if "票仍有效" in line).endswith("状态: 有效")
