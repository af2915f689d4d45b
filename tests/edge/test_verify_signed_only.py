"""Passes sold seconds ago: admitted on their signature where their class allows it, judged by that class's rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from nacl.signing import SigningKey

from paifang import passes, rotating
from paifang.reasons import Reason
from paifang.records import CredentialKind, DayKind, Op, Table, VenueSettings, live_key
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import Usage, usage_key
from tests.support.gatekit import (
    CLAIMS,
    DAY,
    ENTITLEMENT,
    GROUP,
    KEY_ID,
    NOW_MS,
    NOW_S,
    PASS_KEY,
    PRODUCT,
    RULES,
    Gate,
    sign,
)

JUST_SOLD = replace(CLAIMS, entitlement_id=ENTITLEMENT + 1, issued_at=NOW_S - 20)
CURRENT_TO_MS = (NOW_S - 21) * 1000
SOLD_RULES = RULES + 1


def venue(signed_only: dict[int, tuple[int, int]], **more: Any) -> Op:
    settings = VenueSettings("Asia/Shanghai", 0, {}, signed_only=signed_only, **more)
    return Op(Table.VENUE, live_key(1), settings.pack())


def pass_line(**changes: int) -> bytes:
    return passes.line(sign(replace(JUST_SOLD, **changes)))


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(core, tmp_path / "store")
    gate.apply([venue({PRODUCT: (SOLD_RULES, 5)}), Op(Table.RULESET, live_key(SOLD_RULES), RuleSet().pack())])
    gate.verifier.reload_live()
    gate.verifier.current_to_ms, gate.verifier.signed_room = CURRENT_TO_MS, 1
    yield gate
    gate.close()


def said(gate: Gate, line: bytes, **asked: Any) -> Reason:
    return Reason(gate.present(line, **asked).reason)


def test_one_just_sold_is_admitted_by_its_classs_rules(gate: Gate) -> None:
    verdict = gate.present(pass_line(persons=2))
    assert (verdict.admit, verdict.signed_only, verdict.reason) == (True, True, Reason.OK)
    assert (verdict.entitlement_id, verdict.owner_id) == (ENTITLEMENT + 1, ENTITLEMENT + 1)
    assert (verdict.product_class, verdict.ruleset_id, verdict.persons, verdict.remaining) == (
        PRODUCT,
        SOLD_RULES,
        2,
        0,
    )
    assert (verdict.valid_from, verdict.valid_until) == (CLAIMS.not_before, CLAIMS.not_after)
    assert (verdict.usage_key, verdict.usage_before) == (usage_key(ENTITLEMENT + 1, GROUP), None)
    assert Usage.unpack(verdict.usage_after).total == 2


def test_its_uses_count_as_anybodys(gate: Gate) -> None:
    gate.spend(gate.present(pass_line()))
    verdict = gate.present(pass_line())
    assert (verdict.reason, verdict.signed_only) == (Reason.USED_UP, False)


def test_a_known_one_is_never_signed_only(gate: Gate) -> None:
    verdict = gate.present(passes.line(sign(CLAIMS)))
    assert (verdict.admit, verdict.signed_only) == (True, False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"product_class": PRODUCT + 1}, Reason.UNKNOWN),
        ({"issued_at": NOW_S - 21}, Reason.UNKNOWN),
        ({"issued_at": NOW_S - 20}, Reason.OK),
        ({"persons": 0}, Reason.UNKNOWN),
        ({"not_before": NOW_S + 1}, Reason.TOO_EARLY),
        ({"not_after": NOW_S - 1}, Reason.EXPIRED),
    ],
)
def test_what_it_says_of_itself_is_judged(gate: Gate, changes: dict[str, int], reason: Reason) -> None:
    verdict = gate.present(pass_line(**changes))
    assert (verdict.reason, verdict.admit, verdict.signed_only) == (reason, reason == Reason.OK, reason == Reason.OK)


def test_what_was_issued_before_the_records_were_current_is_none_of_ours(gate: Gate) -> None:
    gate.verifier.current_to_ms = (NOW_S - 20) * 1000
    assert said(gate, pass_line()) is Reason.UNKNOWN
    gate.verifier.current_to_ms -= 1
    assert said(gate, pass_line()) is Reason.OK


def test_only_as_many_as_there_is_room_for(gate: Gate) -> None:
    gate.verifier.signed_room = 0
    verdict = gate.present(pass_line())
    assert (verdict.reason, verdict.admit, verdict.entitlement_id) == (Reason.SIGNED_ONLY_SPENT, False, 0)
    assert (verdict.tag, verdict.usage_key) == (passes.digest(sign(JUST_SOLD))[:8], b"")
    assert said(gate, pass_line(not_after=NOW_S - 1)) is Reason.EXPIRED
    assert said(gate, pass_line(product_class=9)) is Reason.UNKNOWN


def test_the_signature_comes_first(gate: Gate) -> None:
    assert said(gate, passes.line(sign(JUST_SOLD, signer=SigningKey(bytes(32))))) is Reason.FORGED
    assert said(gate, passes.line(sign(JUST_SOLD, key_id=KEY_ID + 1))) is Reason.KEY_UNKNOWN
    gate.set_keys(replace(PASS_KEY, killed=True))
    assert said(gate, pass_line()) is Reason.KEY_DEAD


def test_its_rules_are_the_classs(gate: Gate) -> None:
    rules = RuleSet(flags=RuleFlag.COLLECT_FIRST)
    gate.apply([Op(Table.RULESET, live_key(SOLD_RULES), rules.pack())])
    gate.verifier.reload_live()
    assert said(gate, pass_line()) is Reason.NOT_COLLECTED
    gate.apply([Op(Table.RULESET, live_key(SOLD_RULES), None)])
    gate.verifier.reload_live()
    assert said(gate, pass_line()) is Reason.UNKNOWN


def test_a_live_code_of_one_just_sold(gate: Gate) -> None:
    raw, key = sign(JUST_SOLD), bytes(range(32))
    line = rotating.line(raw, rotating.pass_key(key, passes.digest(raw)), NOW_MS)
    assert said(gate, line) is Reason.UNKNOWN
    gate.apply([Op(Table.DAYKEY, live_key(DAY), key)])
    gate.verifier.reload_live()
    verdict = gate.present(line)
    assert (verdict.admit, verdict.signed_only, verdict.kind) == (True, True, CredentialKind.ROTATING)
    stale = rotating.line(raw, rotating.pass_key(key, passes.digest(raw)), 0)
    assert said(gate, stale) is Reason.STALE_CODE
    other = rotating.line(raw, rotating.pass_key(bytes(32), passes.digest(raw)), NOW_MS)
    assert said(gate, other) is Reason.FORGED


class TestSettings:
    def test_without_readable_ones_nothing_is_signed_only(self, gate: Gate) -> None:
        for value in (b"\xc1", b"\x80", b"", VenueSettings("Asia/Shanghai", 0, {}).pack()):
            gate.put(Table.VENUE, live_key(1), value)
            gate.verifier.reload_live()
            assert said(gate, pass_line()) is Reason.UNKNOWN

    def test_they_count_once_they_are_reloaded(self, gate: Gate) -> None:
        gate.apply([venue({})])
        assert gate.present(pass_line()).admit
        gate.verifier.reload_live()
        assert said(gate, pass_line()) is Reason.UNKNOWN

    def test_the_calendars_days_decide(self, gate: Gate) -> None:
        """A ticket for holidays alone, on days before, of and after one."""
        gate.apply([
            Op(Table.RULESET, live_key(SOLD_RULES), RuleSet(days=0x80).pack()),
            venue(
                {PRODUCT: (SOLD_RULES, 5)},
                holidays={
                    DAY: (DayKind.HOLIDAY, "节", "feast"),
                    DAY + 1: (DayKind.WORKDAY, "班", "moved"),
                    DAY + 3: (9, "", ""),
                },
            ),
        ])  # fmt: skip
        gate.verifier.reload_live()
        said_on = [said(gate, pass_line(), day=day) for day in (DAY - 1, DAY, DAY + 1, DAY + 2, DAY + 3)]
        wrong = Reason.WRONG_DAY
        assert said_on == [wrong, Reason.OK, wrong, wrong, wrong]
        gate.apply([Op(Table.RULESET, live_key(SOLD_RULES), RuleSet(days=0x7F).pack())])
        gate.verifier.reload_live()
        assert said(gate, pass_line()) is Reason.HOLIDAY
