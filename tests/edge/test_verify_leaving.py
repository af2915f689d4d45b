"""Exits refuse nobody and close the visit of whoever is known; ID cards beside a ticket; room in the venue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from paifang import passes, records
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, Op, State, Station, Table, live_key
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import Usage, UsageFlag, usage_key
from tests.support.gatekit import (
    CLAIMS,
    ENTITLEMENT,
    GOOD,
    GROUP,
    LINE,
    NOW_MS,
    NOW_S,
    PRODUCT,
    RAW,
    RULES,
    STATION,
    Gate,
    index_op,
    sign,
)

EXIT, EXIT_LANE, EXIT_GROUP = 77, 78, 79
ID_NUMBER = b"11010119900307663X"
VISITS = RuleSet(flags=RuleFlag.WHOLE | RuleFlag.ANTI_PASSBACK, uses_per_group=0)
INSIDE = Usage(revision=4, total=2, flags=int(UsageFlag.INSIDE), first_ms=5, first_day=3, visit_ms=NOW_MS - 9000,
               last_ms=NOW_MS - 9000, last_station=STATION)  # fmt: skip
NOISE = [b"", b"\xff\xfe", b"https://pay.example/abc", b"PF1:BB8", b"PR1:BB8", LINE[:-1], b"x" * 2000]


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(core, tmp_path / "store", GOOD.but(rules=VISITS, persons=2))
    gate.apply([
        Op(Table.STATION, live_key(EXIT), Station(EXIT_GROUP, True, True, ()).pack()),
        Op(Table.DEVICE, live_key(EXIT_LANE), Device(EXIT, True, "out-1").pack()),
    ])  # fmt: skip
    gate.verifier.reload_live()
    yield gate
    gate.close()


def leave(gate: Gate, data: bytes, kind: int = CredentialKind.LINE, **asked: Any) -> Any:
    verdict = gate.present(data, kind, **({"station_id": EXIT, "device_id": EXIT_LANE} | asked))
    assert (verdict.admit, verdict.reason, verdict.leaving) == (True, Reason.LEAVING, True)
    assert (verdict.group_id, verdict.usage_key, verdict.usage_before, verdict.usage_after) == (
        EXIT_GROUP,
        b"",
        None,
        b"",
    )
    assert (verdict.remaining, verdict.signed_only) == (0, False)
    return verdict


def inside(gate: Gate, owner: int = ENTITLEMENT, usage: Usage = INSIDE) -> None:
    gate.put(Table.USAGE, usage_key(owner, 0), usage.pack())


class TestNobodyIsRefused:
    def test_whatever_is_presented(self, gate: Gate) -> None:
        for kind, data in product((CredentialKind.LINE, CredentialKind.ID_NUMBER, -1, 99), NOISE):
            verdict = leave(gate, data, kind)
            assert (verdict.persons, verdict.entitlement_id, verdict.whole_key) == (1, 0, b"")

    def test_unknown_codes_and_strangers_passes(self, gate: Gate) -> None:
        for data, kind in ((b"OTA-404-404", CredentialKind.CHANNEL), (ID_NUMBER, CredentialKind.ID_NUMBER)):
            verdict = leave(gate, data, kind)
            assert (verdict.kind, verdict.persons, verdict.whole_key) == (kind, 1, b"")
        raw = sign(replace(CLAIMS, entitlement_id=5))
        verdict = leave(gate, passes.line(raw))
        assert (verdict.tag, verdict.entitlement_id, verdict.persons) == (passes.digest(raw)[:8], 0, 1)

    def test_even_where_it_is_switched_off(self, gate: Gate) -> None:
        gate.apply([Op(Table.STATION, live_key(EXIT), Station(EXIT_GROUP, False, True, ()).pack())])
        gate.verifier.reload_live()
        leave(gate, LINE)
        leave(gate, LINE, device_id=404)

    def test_whatever_the_rules_say(self, gate: Gate) -> None:
        gate.apply(GOOD.but(rules=VISITS, revision=2, state=State.REVOKED, not_after=NOW_S - 1).ops())
        inside(gate)
        verdict = leave(gate, LINE, room=0, day_room=0)
        assert verdict.whole_after == INSIDE.leave(now_ms=NOW_MS).pack()
        gate.apply([Op(Table.RULESET, live_key(RULES), None)])
        gate.verifier.reload_live()
        assert leave(gate, LINE).whole_after == b""


class TestVisits:
    def test_the_visit_of_who_is_inside_is_closed(self, gate: Gate) -> None:
        inside(gate)
        verdict = leave(gate, LINE)
        assert (verdict.persons, verdict.entitlement_id, verdict.owner_id) == (2, ENTITLEMENT, ENTITLEMENT)
        assert (verdict.tag, verdict.ruleset_id, verdict.product_class) == (passes.digest(RAW)[:8], RULES, PRODUCT)
        assert (verdict.whole_key, verdict.whole_before) == (usage_key(ENTITLEMENT, 0), INSIDE.pack())
        after = Usage.unpack(verdict.whole_after)
        assert after == replace(INSIDE, revision=5, flags=0, visit_ms=NOW_MS)
        gate.spend(verdict)
        again = leave(gate, LINE)
        assert (again.whole_before, again.whole_after) == (verdict.whole_after, b"")

    def test_in_and_out_and_in_again(self, gate: Gate) -> None:
        first = gate.present(LINE)
        assert Usage.unpack(first.whole_after).flags == UsageFlag.INSIDE
        gate.spend(first)
        assert gate.present(LINE, now_ms=NOW_MS + 1000).reason == Reason.ALREADY_INSIDE
        gate.spend(leave(gate, LINE, now_ms=NOW_MS + 2000))
        assert gate.present(LINE, now_ms=NOW_MS + 3000).admit

    def test_who_was_let_in_at_another_edge_leaves_here(self, gate: Gate) -> None:
        gate.put(Table.OTHERS, usage_key(ENTITLEMENT, 0) + (2).to_bytes(4, "big"), INSIDE.pack())
        verdict = leave(gate, LINE)
        assert (verdict.whole_before, verdict.whole_after) == (None, Usage().leave(now_ms=NOW_MS).pack())
        gate.spend(verdict)
        assert leave(gate, LINE, now_ms=NOW_MS + 1).whole_after == b""
        assert gate.present(LINE, now_ms=NOW_MS + 1).admit

    def test_the_latest_that_is_known_counts_ours_first(self, gate: Gate) -> None:
        gate.put(Table.OTHERS, usage_key(ENTITLEMENT, 0) + (2).to_bytes(4, "big"), INSIDE.pack())
        for visit_ms, closes in ((INSIDE.visit_ms, False), (INSIDE.visit_ms - 1, True), (INSIDE.visit_ms + 1, False)):
            inside(gate, usage=replace(INSIDE, flags=0, visit_ms=visit_ms))
            assert bool(leave(gate, LINE).whole_after) is closes

    def test_one_that_is_being_written_counts(self, gate: Gate) -> None:
        first = gate.present(LINE)
        gate.verifier.inflight[first.whole_key] = first.whole_after
        assert leave(gate, LINE).whole_before == first.whole_after

    @pytest.mark.parametrize("flags", [RuleFlag(0), RuleFlag.WHOLE, RuleFlag.ANTI_PASSBACK])
    def test_only_where_the_rule_set_knows_of_visits(self, gate: Gate, flags: RuleFlag) -> None:
        gate.apply([Op(Table.RULESET, live_key(RULES), RuleSet(flags=flags).pack())])
        gate.verifier.reload_live()
        inside(gate)
        verdict = leave(gate, LINE)
        assert (verdict.persons, verdict.whole_key, verdict.whole_before, verdict.whole_after) == (2, b"", None, b"")

    def test_a_replaced_pass_closes_nothing(self, gate: Gate) -> None:
        inside(gate)
        verdict = leave(gate, passes.line(sign(replace(CLAIMS, issued_at=1))))
        assert (verdict.whole_key, verdict.persons, verdict.entitlement_id) == (b"", 1, 0)

    @pytest.mark.parametrize("stored", [b"", b"\3" + INSIDE.pack()[1:], INSIDE.pack()[:-1]])
    def test_what_cannot_be_read_is_left_as_it_is(self, gate: Gate, stored: bytes) -> None:
        gate.put(Table.USAGE, usage_key(ENTITLEMENT, 0), stored)
        assert leave(gate, LINE).whole_after == b""

    def test_a_revision_that_does_not_fit_any_more_is_left_as_it_is(self, gate: Gate) -> None:
        inside(gate, usage=replace(INSIDE, revision=2**32 - 2))
        assert Usage.unpack(leave(gate, LINE).whole_after).revision == 2**32 - 1
        inside(gate, usage=replace(INSIDE, revision=2**32 - 1))
        assert leave(gate, LINE).whole_after == b""

    def test_of_several_the_first_who_is_inside_leaves(self, gate: Gate) -> None:
        for number in (3, 1, 2):
            gate.apply(GOOD.but(rules=VISITS, entitlement_id=number, persons=number).ops())
            gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER, number)])
        gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER, 404)])
        nobody = leave(gate, ID_NUMBER, CredentialKind.ID_NUMBER)
        assert (nobody.entitlement_id, nobody.persons, nobody.whole_key) == (0, 1, b"")
        inside(gate, 3)
        inside(gate, 2)
        verdict = leave(gate, ID_NUMBER, CredentialKind.ID_NUMBER)
        assert (verdict.entitlement_id, verdict.persons) == (2, 2)
        assert Usage.unpack(verdict.whole_after).flags == 0

    def test_of_one_its_persons_are_told(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.CHANNEL, b"OTA-0001"), index_op(CredentialKind.CHANNEL, b"OTA-0001", 404)])
        verdict = leave(gate, b"OTA-0001")
        assert (verdict.entitlement_id, verdict.persons, verdict.kind) == (ENTITLEMENT, 2, CredentialKind.CHANNEL)


class TestCompanions:
    """An ID card read at the lane just before."""

    @pytest.fixture(autouse=True)
    def real_name(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=2, rules=RuleSet(flags=RuleFlag.IDENTITY)).ops())
        gate.apply([
            index_op(CredentialKind.ID_NUMBER, ID_NUMBER), index_op(CredentialKind.ID_NUMBER, b"1" * 18, 404),
            index_op(CredentialKind.CHANNEL, b"OTA-0001"),
        ])  # fmt: skip
        gate.verifier.reload_live()

    def test_a_real_name_ticket_asks_for_the_holders(self, gate: Gate) -> None:
        said = {
            b"": Reason.IDENTITY_NEEDED, b"  ": Reason.IDENTITY_NEEDED, ID_NUMBER: Reason.OK,
            b" 11010119900307663x\n": Reason.OK, b"1" * 18: Reason.IDENTITY_OTHER, b"2" * 18: Reason.IDENTITY_OTHER,
            b"1" * 65: Reason.IDENTITY_OTHER, b"1" * 1_000_000: Reason.IDENTITY_OTHER,
        }  # fmt: skip
        for companion, reason in said.items():
            assert gate.present(LINE, companion=companion).reason == reason
            assert gate.present(b"OTA-0001", companion=companion).reason == reason

    def test_the_card_alone_is_enough(self, gate: Gate) -> None:
        assert gate.present(ID_NUMBER, CredentialKind.ID_NUMBER).admit
        assert gate.present(ID_NUMBER, CredentialKind.ID_NUMBER, companion=b"2" * 18).admit

    def test_of_several_the_one_of_the_holder_is_taken(self, gate: Gate) -> None:
        gate.apply(GOOD.but(entitlement_id=3, not_after=NOW_S + 9).ops())
        gate.apply([index_op(CredentialKind.CHANNEL, b"OTA-0001", 3), index_op(CredentialKind.ID_NUMBER, b"2" * 18, 3)])
        gate.apply(GOOD.but(revision=3, rules=RuleSet(flags=RuleFlag.IDENTITY)).ops())
        gate.verifier.reload_live()
        assert gate.present(b"OTA-0001", companion=ID_NUMBER).entitlement_id == ENTITLEMENT
        assert gate.present(b"OTA-0001", companion=b"2" * 18).entitlement_id == 3

    def test_other_tickets_do_not_ask(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=3).ops())
        gate.verifier.reload_live()
        assert gate.present(LINE, companion=b"2" * 18).admit


ROOMS: list[tuple[dict[str, int], Reason]] = [
    ({"room": 2}, Reason.OK), ({"room": 1}, Reason.VENUE_FULL), ({"room": 0}, Reason.VENUE_FULL),
    ({"day_room": 2}, Reason.OK), ({"day_room": 1}, Reason.DAY_FULL), ({"room": -1, "day_room": -1}, Reason.OK),
    ({"room": 0, "day_room": 0}, Reason.VENUE_FULL), ({"room": 2**62, "day_room": 2**62}, Reason.OK),
]  # fmt: skip


def test_as_many_are_let_in_as_there_is_room_for(gate: Gate) -> None:
    for asked, reason in ROOMS:
        verdict = gate.present(LINE, **asked)
        assert (verdict.reason, verdict.persons) == (reason, 2 if reason == Reason.OK else 0)
        assert (verdict.usage_key, bool(verdict.usage_after)) == (usage_key(ENTITLEMENT, GROUP), reason == Reason.OK)


def test_a_station_inside_is_neither_in_nor_out(gate: Gate) -> None:
    inner = Station(GROUP, True, False, (PRODUCT,), inner=True)
    gate.apply([Op(Table.STATION, live_key(STATION), inner.pack())])
    gate.verifier.reload_live()
    inside(gate)
    verdict = gate.present(LINE, room=0, day_room=0)
    assert verdict.admit
    after = Usage.unpack(verdict.whole_after)
    assert (after.flags, after.visit_ms, after.total) == (UsageFlag.INSIDE, INSIDE.visit_ms, 4)


def test_a_record_of_an_unknown_layout_is_let_out_too(gate: Gate) -> None:
    gate.put(Table.ENTITLEMENT, records.entitlement_key(ENTITLEMENT), b"\2")
    assert leave(gate, LINE).persons == 1
