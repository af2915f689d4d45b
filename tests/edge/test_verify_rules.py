"""The rules alone, each check with what fails it, in both implementations."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from edge import _rules_py as rules_py
from edge import _verify_py as twin
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, Station
from paifang.rulesets import RULESET_BYTES, Hours, RuleFlag, RuleSet
from paifang.usage import USAGE_1_BYTES, Usage, UsageFlag, usage_key
from tests.support.gatekit import (
    CLAIMS,
    DAY,
    ENTITLEMENT,
    GOOD,
    GROUP,
    LANE,
    MONTH,
    NOW_MS,
    NOW_S,
    PRODUCT,
    RULES,
    SIBLING,
    STATION,
    Situation,
    fields,
)  # fmt: skip
from tests.support.rule_cases import CASES, OK, ORDER, RuleCase, both, over, there, used, whole


def test_a_good_record_is_admitted_with_all_its_facts(core: ModuleType) -> None:
    verdict = GOOD.decide(core)
    after = Usage().spend(1, station=STATION, device=LANE, now_ms=NOW_MS, day=DAY, month=MONTH)
    assert fields(verdict) == {
        "admit": True, "reason": Reason.OK, "kind": CredentialKind.PASS, "tag": b"", "entitlement_id": ENTITLEMENT,
        "owner_id": ENTITLEMENT, "group_id": GROUP, "product_class": PRODUCT, "ruleset_id": RULES, "persons": 1,
        "remaining": 0, "usage_key": usage_key(ENTITLEMENT, GROUP), "usage_before": None,
        "usage_after": after.pack(), "whole_key": b"", "whole_before": None, "whole_after": b"", "rule_flags": 0,
        "valid_from": CLAIMS.not_before, "valid_until": CLAIMS.not_after, "hours_start": 0, "hours_end": 0,
        "last_station": 0, "last_ms": 0, "signed_only": False, "leaving": False,
    }  # fmt: skip


class TestEachCheck:
    """Each refuses with its reason, and lets pass what is just on the other side."""

    @over("live_code", "replay")
    def test_live_codes(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @over("standing")
    def test_standing(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-58")
    @over("activation")
    def test_activation(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("S-19", "S-20", "S-21", "T-28")
    @over("station", "lane", "product", "lane_product")
    def test_place(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-27", "S-22")
    @over("medium")
    def test_medium(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-25")
    @over("collected")
    def test_collected_first(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @over("identity")
    def test_identity(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-15", "T-64")
    @over("start", "end")
    def test_validity(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-16", "T-54")
    @over("booking")
    def test_booking(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-17")
    @over("slot")
    def test_slots(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-53")
    @over("date", "day")
    def test_days(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-29")
    @over("hours", "duration")
    def test_hours_and_durations(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-51")
    @over("total", "month", "daily")
    def test_limits_of_the_whole_venue(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("S-11", "T-26")
    @over("group", "sibling")
    def test_uses_of_a_group(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @pytest.mark.spec("T-60")
    @over("inside", "pause")
    def test_presence_and_pace(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)

    @over("room", "day_room")
    def test_room(self, core: ModuleType, case: RuleCase) -> None:
        case.prove(core)


@pytest.mark.parametrize(("first", "then"), ORDER)
def test_the_first_check_that_fails_is_the_reason(core: ModuleType, first: str, then: str) -> None:
    situation, reason = both(first, then)
    assert Reason(situation.decide(core).reason) is reason


def test_the_list_of_checks_is_in_the_order_of_its_numbers() -> None:
    numbers = [check.number for check in rules_py.CHECKS]
    assert numbers == sorted(numbers)


class TestRemoved:
    """Take any check away, and the table notices."""

    @pytest.mark.parametrize("name", [check.name for check in rules_py.CHECKS])
    def test_a_check_that_lets_all_pass_is_noticed(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert name in CASES, "a new check needs its cases in tests/support/rule_cases.py"
        refused = [case for case in CASES[name] if case.reason != OK]
        without = tuple(
            replace(check, says=lambda _: Reason.OK) if check.name == name else check for check in rules_py.CHECKS
        )
        assert without != rules_py.CHECKS
        monkeypatch.setattr(rules_py, "CHECKS", without)
        assert any(Reason(case.situation.decide(twin).reason) is not case.reason for case in refused)

    def test_every_case_is_of_a_check(self) -> None:
        assert set(CASES) == {check.name for check in rules_py.CHECKS}


GOOD_RULES = RuleSet().pack()
GOOD_STATION = Station(GROUP, True, False, (PRODUCT,)).pack()
GOOD_DEVICE = Device(STATION, True, "lane-1").pack()
NARROWED = Device(STATION, True, "", (PRODUCT,)).pack()
GOOD_USAGE = Usage().pack()
WHOLE = whole().pack()


def decide_bytes(core: ModuleType, situation: Situation, **given: object) -> Any:
    return core.decide(*(situation.arguments() | given).values())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"record": b""}, Reason.UNKNOWN),
        ({"record": GOOD.record.pack()[:-1]}, Reason.UNKNOWN),
        ({"record": GOOD.record.pack() + b"\0"}, Reason.UNKNOWN),
        ({"record": b"\2" + GOOD.record.pack()[1:]}, Reason.UNKNOWN),
        ({"ruleset": b""}, Reason.UNKNOWN),
        ({"ruleset": GOOD_RULES[:-1]}, Reason.UNKNOWN),
        ({"ruleset": GOOD_RULES + b"\0"}, Reason.UNKNOWN),
        ({"ruleset": b"\1" + GOOD_RULES[1:]}, Reason.UNKNOWN),
        ({"ruleset": GOOD_RULES[:42] + b"\3" + GOOD_RULES[43:]}, Reason.UNKNOWN),
        ({"ruleset": RuleSet(hours=(Hours(1, 2),)).pack()[:-1]}, Reason.UNKNOWN),
        ({"ruleset": GOOD_RULES[:43] + b"\x41" + GOOD_RULES[44:] + bytes(65 * 6)}, Reason.UNKNOWN),
        ({"station": b""}, Reason.STATION_CLOSED),
        ({"station": GOOD_STATION[:-1]}, Reason.STATION_CLOSED),
        ({"station": GOOD_STATION + b"\0"}, Reason.STATION_CLOSED),
        ({"station": b"\2" + GOOD_STATION[1:]}, Reason.STATION_CLOSED),
        ({"device": b""}, Reason.LANE_CLOSED),
        ({"device": GOOD_DEVICE[:7]}, Reason.LANE_CLOSED),
        ({"device": GOOD_DEVICE + b"\xff"}, Reason.LANE_CLOSED),
        ({"device": b"\3" + GOOD_DEVICE[1:]}, Reason.LANE_CLOSED),
        ({"device": NARROWED[:11]}, Reason.LANE_CLOSED),
        ({"own": b""}, Reason.UNKNOWN),
        ({"own": GOOD_USAGE[:-1]}, Reason.UNKNOWN),
        ({"own": b"\3" + GOOD_USAGE[1:]}, Reason.UNKNOWN),
        ({"others": [GOOD_USAGE, b"\3" + GOOD_USAGE[1:]]}, Reason.UNKNOWN),
        ({"ruleset": WHOLE, "whole": b""}, Reason.UNKNOWN),
        ({"ruleset": WHOLE, "whole": GOOD_USAGE, "whole_others": [GOOD_USAGE[:-1]]}, Reason.UNKNOWN),
    ],
)
def test_missing_or_unknown_data_never_admits(core: ModuleType, given: dict[str, object], reason: Reason) -> None:
    verdict = decide_bytes(core, GOOD, **given)
    assert (verdict.admit, Reason(verdict.reason)) == (False, reason)


def test_nobody_looks_at_counts_that_are_not_kept(core: ModuleType) -> None:
    verdict = decide_bytes(core, GOOD, whole=b"", whole_others=[b"?"])
    assert (verdict.admit, verdict.whole_key, verdict.whole_before) == (True, b"", None)


def test_the_head_of_a_rule_set_has_the_length_both_know() -> None:
    assert len(GOOD_RULES) == RULESET_BYTES == 46


def test_a_pass_of_nobody_is_unknown(core: ModuleType) -> None:
    assert GOOD.but(persons=0).decide(core).reason == Reason.UNKNOWN


def test_an_unknown_state_reads_as_revoked(core: ModuleType) -> None:
    record = bytearray(GOOD.record.pack())
    record[1] = 5
    assert decide_bytes(core, GOOD, record=bytes(record)).reason == Reason.REVOKED


def test_a_usage_of_the_first_version_is_read(core: ModuleType) -> None:
    first = b"\1" + used().pack()[1:USAGE_1_BYTES]
    assert Usage.unpack(first).total == 1
    verdict = decide_bytes(core, GOOD, own=first)
    assert (verdict.reason, verdict.usage_before) == (Reason.USED_UP, first)
    assert decide_bytes(core, GOOD.but(uses_per_group=2), own=first).usage_after[0] == 2


def test_products_need_not_be_sorted_in_the_record(core: ModuleType) -> None:
    station = bytearray(Station(GROUP, True, False, (1, 2, PRODUCT)).pack())
    station[12:16], station[20:24] = station[20:24], station[12:16]
    assert decide_bytes(core, GOOD, station=bytes(station)).admit


class TestWindows:
    def test_the_window_told_is_the_narrower_of_validity_and_slot(self, core: ModuleType) -> None:
        verdict = GOOD.but(slot_from=NOW_S + 60, slot_to=NOW_S + 3659).decide(core)
        assert (verdict.reason, verdict.valid_from, verdict.valid_until) == (
            Reason.TOO_EARLY,
            NOW_S + 60,
            NOW_S + 3659,
        )
        verdict = GOOD.but(slot_from=1, slot_to=2**32 - 1).decide(core)
        assert (verdict.valid_from, verdict.valid_until) == (CLAIMS.not_before, CLAIMS.not_after)

    @pytest.mark.parametrize("slot_from", [1, 2**32 - 1])
    def test_the_largest_tolerances_do_not_overflow(self, core: ModuleType, slot_from: int) -> None:
        verdict = GOOD.but(
            not_before=0, slot_from=slot_from, slot_to=2**32 - 1, early_s=2**32 - 1, late_s=2**32 - 1
        ).decide(core)
        assert (verdict.admit, verdict.valid_from, verdict.valid_until) == (True, 0, CLAIMS.not_after)

    @pytest.mark.parametrize("last_ms", [2**63 - 1, -(2**63)])
    def test_a_use_at_the_end_of_time_does_not_overflow(self, core: ModuleType, last_ms: int) -> None:
        verdict = GOOD.but(rules=whole(reentry_gap_s=2**32 - 1), whole=used(last_ms=last_ms)).decide(core)
        again = -(-last_ms // 1000) + 2**32 - 1
        expected = (False, again) if last_ms > 0 else (True, CLAIMS.not_before)
        assert (verdict.admit, verdict.valid_from) == expected


class TestUses:
    def test_no_limit_admits_on_and_on(self, core: ModuleType) -> None:
        verdict = GOOD.but(usage=used(1_000_000), uses_per_group=0, persons=3).decide(core)
        assert (verdict.admit, verdict.persons, verdict.remaining) == (True, 3, -1)

    @pytest.mark.spec("T-60")
    def test_uses_are_counted_in_persons(self, core: ModuleType) -> None:
        family = GOOD.but(persons=4, uses_per_group=2)
        verdict = family.decide(core)
        assert (verdict.persons, verdict.remaining) == (4, 4)
        verdict = family.but(usage=used(4)).decide(core)
        assert (verdict.persons, verdict.remaining) == (4, 0)
        assert family.but(usage=used(8)).decide(core).reason == Reason.USED_UP

    def test_siblings_uses_count_with_ours(self, core: ModuleType) -> None:
        verdict = GOOD.but(persons=4, usage=used(), others=[used(), used()]).decide(core)
        assert (verdict.persons, verdict.remaining) == (1, 0)
        assert Usage.unpack(verdict.usage_after).total == 2

    def test_the_least_of_all_limits_is_what_remains(self, core: ModuleType) -> None:
        rules = whole(uses_total=10, uses_month=3, uses_day=2, uses_per_group=9)
        verdict = GOOD.but(rules=rules, usage=used(3), whole=used(4, month_count=1, day_count=1)).decide(core)
        assert (verdict.persons, verdict.remaining) == (1, 0)
        rules = replace(rules, uses_day=0)
        assert GOOD.but(rules=rules, whole=used(4, month_count=1)).decide(core).remaining == 1

    def test_the_latest_use_is_the_one_told(self, core: ModuleType) -> None:
        own, later, between = used(last_ms=1000), there(last_ms=3000), used(last_station=99, last_ms=2000)
        verdict = GOOD.but(usage=own, others=[between, later]).decide(core)
        assert (verdict.reason, verdict.last_station, verdict.last_ms) == (Reason.USED_AT_SIBLING, SIBLING, 3000)
        verdict = GOOD.but(usage=replace(own, last_ms=4000), others=[between, later]).decide(core)
        assert (verdict.reason, verdict.last_station, verdict.last_ms) == (Reason.USED_UP, STATION, 4000)

    def test_of_two_uses_at_one_instant_ours_is_told(self, core: ModuleType) -> None:
        assert GOOD.but(usage=used(), others=[there()]).decide(core).reason == Reason.USED_UP

    def test_a_use_that_was_given_back_is_not_the_latest(self, core: ModuleType) -> None:
        back = used(0, last_ms=NOW_MS)
        assert GOOD.but(usage=back, others=[there()]).decide(core).reason == Reason.USED_AT_SIBLING

    @pytest.mark.parametrize(
        ("month", "day", "counts"),
        [(MONTH, DAY, (3, 3)), (MONTH, DAY - 1, (3, 2)), (MONTH - 1, DAY, (2, 3)), (0, 0, (2, 2))],
    )
    def test_usage_after_is_what_spend_packs(
        self, core: ModuleType, month: int, day: int, counts: tuple[int, int]
    ) -> None:
        before = used(month=month, day=day, flags=3, first_ms=7, first_day=8, visit_ms=9)
        verdict = GOOD.but(usage=before, uses_per_group=0, persons=2).decide(core)
        after = before.spend(2, station=STATION, device=LANE, now_ms=NOW_MS, day=DAY, month=MONTH)
        assert ((after.month_count, after.day_count), after.revision) == (counts, 4)
        assert (verdict.usage_before, verdict.usage_after) == (before.pack(), after.pack())

    @pytest.mark.parametrize("full", ["revision", "total", "month_count", "day_count"])
    @pytest.mark.parametrize("which", ["usage", "whole"])
    def test_a_count_that_is_full_refuses(self, core: ModuleType, full: str, which: str) -> None:
        situation = GOOD.but(rules=whole(), **{which: replace(used(), **{full: 2**32 - 1})})
        assert situation.decide(core).reason == Reason.UNKNOWN
        assert situation.but(**{which: replace(used(), **{full: 2**32 - 2})}).decide(core).admit

    def test_the_largest_limit_does_not_overflow(self, core: ModuleType) -> None:
        verdict = GOOD.but(uses=2**32 - 1, persons=2**16 - 1, usage=used()).decide(core)
        assert verdict.remaining == (2**32 - 1) * (2**16 - 1) - 1 - (2**16 - 1)

    @pytest.mark.spec("T-52")
    def test_the_card_behind_a_shared_pool_owns_the_uses(self, core: ModuleType) -> None:
        pool = GOOD.but(owner_id=77, rules=whole(uses_total=10))
        verdict = pool.decide(core)
        assert (verdict.owner_id, verdict.usage_key, verdict.whole_key) == (77, usage_key(77, GROUP), usage_key(77, 0))
        assert pool.but(whole=there(9)).decide(core).admit
        assert pool.but(whole=used(6), whole_others=[there(4)]).decide(core).reason == Reason.USED_UP

    def test_rule_flags_reach_the_verdict(self, core: ModuleType) -> None:
        assert GOOD.but(rules=RuleSet(flags=RuleFlag.KEEP_ON_TIMEOUT)).decide(core).rule_flags == 1


class TestWholeVenue:
    def test_an_admission_counts_in_both(self, core: ModuleType) -> None:
        before = used(2, flags=4, first_ms=5, first_day=6)
        verdict = GOOD.but(rules=whole(), whole=before).decide(core)
        now = {"station": STATION, "device": LANE, "now_ms": NOW_MS, "day": DAY, "month": MONTH}
        assert (verdict.whole_key, verdict.whole_before) == (usage_key(ENTITLEMENT, 0), before.pack())
        assert verdict.whole_after == before.enter(1, inside=False, **now).pack()
        assert verdict.usage_after == Usage().spend(1, **now).pack()

    def test_the_first_use_is_kept(self, core: ModuleType) -> None:
        after = Usage.unpack(GOOD.but(rules=whole()).decide(core).whole_after)
        assert (after.first_ms, after.first_day, after.flags, after.visit_ms) == (NOW_MS, DAY, 0, 0)

    @pytest.mark.parametrize(("inner", "flags", "visit_ms"), [(False, UsageFlag.INSIDE, NOW_MS), (True, 0, 0)])
    def test_who_enters_is_inside(self, core: ModuleType, inner: bool, flags: int, visit_ms: int) -> None:
        station = Station(GROUP, True, False, (PRODUCT,), inner=inner)
        verdict = GOOD.but(rules=whole(RuleFlag.ANTI_PASSBACK), station=station).decide(core)
        after = Usage.unpack(verdict.whole_after)
        assert (after.flags, after.visit_ms) == (flags, visit_ms)


EXIT = Station(GROUP, True, True, ())


class TestExits:
    """An exit lets everybody out, and closes the visit of whoever was inside."""

    @pytest.mark.spec("S-18")
    @pytest.mark.parametrize("name", list(CASES))
    def test_no_rule_holds_anybody_back(self, core: ModuleType, name: str) -> None:
        for case in CASES[name]:
            for station in (EXIT, replace(EXIT, enabled=False)):
                verdict = case.situation.but(station=station).decide(core)
                assert (verdict.admit, verdict.leaving, verdict.reason) == (True, True, Reason.LEAVING)
                assert (verdict.usage_after, verdict.usage_key, verdict.usage_before) == (b"", b"", None)

    def test_as_many_leave_as_the_pass_is_for(self, core: ModuleType) -> None:
        verdict = GOOD.but(station=EXIT, persons=4).decide(core)
        assert (verdict.persons, verdict.remaining, verdict.group_id, verdict.whole_key) == (4, 0, GROUP, b"")
        assert GOOD.but(station=EXIT, persons=0).decide(core).persons == 1

    def test_a_visit_is_closed(self, core: ModuleType) -> None:
        before = used(flags=UsageFlag.INSIDE, visit_ms=NOW_MS - 9000)
        verdict = GOOD.but(rules=whole(RuleFlag.ANTI_PASSBACK), station=EXIT, whole=before).decide(core)
        assert (verdict.whole_key, verdict.whole_before) == (usage_key(ENTITLEMENT, 0), before.pack())
        assert verdict.whole_after == before.leave(now_ms=NOW_MS).pack()

    def test_a_visit_another_edge_tells_of_is_closed_here(self, core: ModuleType) -> None:
        visit = there(flags=UsageFlag.INSIDE, visit_ms=NOW_MS - 9000)
        verdict = GOOD.but(rules=whole(RuleFlag.ANTI_PASSBACK), station=EXIT, whole_others=[visit]).decide(core)
        assert (verdict.whole_before, verdict.whole_after) == (None, Usage().leave(now_ms=NOW_MS).pack())

    @pytest.mark.parametrize(
        "changes",
        [
            {"whole": used(visit_ms=NOW_MS - 9000)},
            {"whole": None},
            {"whole": used(flags=1, visit_ms=1), "whole_others": [Usage(visit_ms=2)]},
            {"whole": used(flags=1, visit_ms=1), "rules": whole()},
            {"whole": used(flags=1, visit_ms=1), "rules": RuleSet(flags=RuleFlag.ANTI_PASSBACK)},
            {"whole": used(flags=1, visit_ms=1, revision=2**32 - 1)},
        ],
    )
    def test_nothing_is_written_where_nobody_was_inside(self, core: ModuleType, changes: dict[str, Any]) -> None:
        rules = {"rules": whole(RuleFlag.ANTI_PASSBACK)}
        verdict = GOOD.but(station=EXIT, **(rules | changes)).decide(core)
        assert (verdict.reason, verdict.whole_after) == (Reason.LEAVING, b"")

    @pytest.mark.parametrize(
        "given", [{"record": b""}, {"ruleset": b""}, {"device": b""}, {"own": b"?"}, {"whole": b"?"}]
    )
    def test_what_cannot_be_read_lets_out_all_the_same(self, core: ModuleType, given: dict[str, bytes]) -> None:
        situation = GOOD.but(station=EXIT, rules=whole(RuleFlag.ANTI_PASSBACK))
        verdict = decide_bytes(core, situation, **given)
        assert (verdict.admit, verdict.reason, verdict.persons, verdict.whole_after) == (True, Reason.LEAVING, 1, b"")


def test_a_verdict_is_read_only(core: ModuleType) -> None:
    with pytest.raises(AttributeError):
        GOOD.decide(core).admit = True
