"""The rules alone, each check with what fails it, in both implementations."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, State, Station
from paifang.rulesets import RULESET_BYTES, RuleFlag, RuleSet
from paifang.usage import Usage, usage_key
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

USED = Usage(revision=3, total=1, month=MONTH, month_count=1, day=DAY, day_count=1, last_station=STATION,
             last_device=LANE, last_ms=NOW_MS - 5000)  # fmt: skip
CLOSED = Station(GROUP, False, False, (PRODUCT,))
OFF = Device(STATION, False, "lane-1")


def test_a_good_record_is_admitted_with_all_its_facts(core: ModuleType) -> None:
    verdict = GOOD.decide(core)
    after = Usage().spend(1, station=STATION, device=LANE, now_ms=NOW_MS, day=DAY, month=MONTH)
    assert fields(verdict) == {
        "admit": True, "reason": Reason.OK, "kind": CredentialKind.PASS, "tag": b"", "entitlement_id": ENTITLEMENT,
        "owner_id": ENTITLEMENT, "group_id": GROUP, "product_class": PRODUCT, "ruleset_id": RULES, "persons": 1,
        "remaining": 0, "usage_key": usage_key(ENTITLEMENT, GROUP), "usage_before": None,
        "usage_after": after.pack(), "rule_flags": 0, "valid_from": CLAIMS.not_before,
        "valid_until": CLAIMS.not_after, "last_station": 0, "last_ms": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": State.REVOKED}, Reason.REVOKED),
        ({"state": State.REFUNDED}, Reason.REFUNDED),
        ({"state": State.LOCKED}, Reason.LOCKED),
        ({"state": State.FROZEN}, Reason.FROZEN),
        ({"station": CLOSED}, Reason.STATION_CLOSED),
        ({"device": OFF}, Reason.LANE_CLOSED),
        ({"device": Device(SIBLING, True, "lane-1")}, Reason.LANE_CLOSED),
        ({"product_class": PRODUCT + 1}, Reason.WRONG_STATION),
        ({"station": Station(GROUP, True, False, ())}, Reason.WRONG_STATION),
        ({"station": Station(GROUP, True, True, ())}, Reason.WRONG_STATION),
        ({"media": 0xFFFF & ~(1 << CredentialKind.PASS)}, Reason.MEDIUM_NOT_ALLOWED),
        ({"kind": 16}, Reason.MEDIUM_NOT_ALLOWED),
        ({"kind": 33}, Reason.MEDIUM_NOT_ALLOWED),
        ({"kind": -1}, Reason.MEDIUM_NOT_ALLOWED),
        ({"not_before": NOW_S + 1}, Reason.TOO_EARLY),
        ({"slot_from": NOW_S + 1}, Reason.TOO_EARLY),
        ({"not_after": NOW_S - 1}, Reason.EXPIRED),
        ({"slot_to": NOW_S - 1}, Reason.EXPIRED),
        ({"usage": USED}, Reason.USED_UP),
        ({"usage": replace(USED, last_station=SIBLING)}, Reason.USED_AT_SIBLING),
        ({"others": [replace(USED, last_station=SIBLING)]}, Reason.USED_AT_SIBLING),
        ({"persons": 0}, Reason.UNKNOWN),
    ],
)
def test_each_check_refuses_with_its_reason(core: ModuleType, changes: dict[str, object], reason: Reason) -> None:
    verdict = GOOD.but(**changes).decide(core)
    assert (verdict.admit, verdict.reason, verdict.persons, verdict.usage_after) == (False, reason, 0, b"")


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        ({"persons": 0}, {"state": State.REVOKED}, Reason.UNKNOWN),
        ({"state": State.REVOKED}, {"station": CLOSED}, Reason.REVOKED),
        ({"station": CLOSED}, {"device": OFF}, Reason.STATION_CLOSED),
        ({"device": OFF}, {"product_class": 9}, Reason.LANE_CLOSED),
        ({"product_class": 9}, {"media": 0}, Reason.WRONG_STATION),
        ({"media": 0}, {"not_before": NOW_S + 9}, Reason.MEDIUM_NOT_ALLOWED),
        ({"not_before": NOW_S + 9}, {"not_after": NOW_S - 9}, Reason.TOO_EARLY),
        ({"not_after": NOW_S - 9}, {"usage": USED}, Reason.EXPIRED),
    ],
)
def test_the_first_check_that_fails_is_the_reason(
    core: ModuleType, first: dict[str, object], then: dict[str, object], reason: Reason
) -> None:
    assert GOOD.but(**(first | then)).decide(core).reason == reason


@pytest.mark.parametrize(
    "window",
    [
        {"not_before": NOW_S}, {"not_after": NOW_S}, {"slot_from": NOW_S}, {"slot_to": NOW_S},
        {"slot_from": NOW_S - 5, "slot_to": NOW_S + 5},
    ],
)  # fmt: skip
def test_both_ends_of_a_window_belong_to_it(core: ModuleType, window: dict[str, int]) -> None:
    assert GOOD.but(**window).decide(core).admit


def test_the_window_told_is_the_narrower_of_validity_and_slot(core: ModuleType) -> None:
    verdict = GOOD.but(slot_from=NOW_S + 60, slot_to=NOW_S + 3659).decide(core)
    assert (verdict.reason, verdict.valid_from, verdict.valid_until) == (Reason.TOO_EARLY, NOW_S + 60, NOW_S + 3659)
    verdict = GOOD.but(slot_from=1, slot_to=2**32 - 1).decide(core)
    assert (verdict.reason, verdict.valid_from, verdict.valid_until) == (Reason.OK, CLAIMS.not_before, CLAIMS.not_after)


def test_a_clock_before_1970_finds_every_pass_too_early(core: ModuleType) -> None:
    assert GOOD.but(not_before=0, now_ms=-1).decide(core).reason == Reason.TOO_EARLY


def test_an_unknown_state_reads_as_revoked(core: ModuleType) -> None:
    record = bytearray(GOOD.record.pack())
    record[1] = 5
    verdict = decide_bytes(core, GOOD, record=bytes(record))
    assert verdict.reason == Reason.REVOKED


def decide_bytes(core: ModuleType, situation: Situation, **given: object) -> object:
    parts = {
        "record": situation.record.pack(), "ruleset": situation.rules.pack(), "station": situation.station.pack(),
        "device": situation.device.pack(), "usage": None, "others": [],
    }  # fmt: skip
    return core.decide(*(parts | given).values(), int(situation.kind), ENTITLEMENT, STATION, LANE, NOW_MS, DAY, MONTH)


GOOD_RULES = RuleSet().pack()
GOOD_STATION = Station(GROUP, True, False, (PRODUCT,)).pack()
GOOD_DEVICE = Device(STATION, True, "lane-1").pack()
GOOD_USAGE = Usage().pack()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"record": b""}, Reason.UNKNOWN),
        ({"record": GOOD.record.pack()[:-1]}, Reason.UNKNOWN),
        ({"record": GOOD.record.pack() + b"\0"}, Reason.UNKNOWN),
        ({"record": b"\2" + GOOD.record.pack()[1:]}, Reason.UNKNOWN),
        ({"ruleset": b""}, Reason.UNKNOWN),
        ({"ruleset": GOOD_RULES[:RULESET_BYTES]}, Reason.UNKNOWN),
        ({"ruleset": b"\2" + GOOD_RULES[1:]}, Reason.UNKNOWN),
        ({"station": b""}, Reason.STATION_CLOSED),
        ({"station": GOOD_STATION[:-1]}, Reason.STATION_CLOSED),
        ({"station": GOOD_STATION + b"\0"}, Reason.STATION_CLOSED),
        ({"station": b"\2" + GOOD_STATION[1:]}, Reason.STATION_CLOSED),
        ({"device": b""}, Reason.LANE_CLOSED),
        ({"device": GOOD_DEVICE[:7]}, Reason.LANE_CLOSED),
        ({"device": GOOD_DEVICE + b"\xff"}, Reason.LANE_CLOSED),
        ({"device": b"\2" + GOOD_DEVICE[1:]}, Reason.LANE_CLOSED),
        ({"usage": b""}, Reason.UNKNOWN),
        ({"usage": GOOD_USAGE[:-1]}, Reason.UNKNOWN),
        ({"usage": b"\2" + GOOD_USAGE[1:]}, Reason.UNKNOWN),
        ({"others": [GOOD_USAGE, b"\2" + GOOD_USAGE[1:]]}, Reason.UNKNOWN),
    ],
)
def test_missing_or_unknown_data_never_admits(core: ModuleType, given: dict[str, object], reason: Reason) -> None:
    verdict = decide_bytes(core, GOOD, **given)
    assert (verdict.admit, verdict.reason) == (False, reason)


def test_a_tail_of_later_rules_is_not_this_versions_to_judge(core: ModuleType) -> None:
    assert decide_bytes(core, GOOD, ruleset=GOOD_RULES[:-1] + b"\xc1\xff later").admit


def test_products_need_not_be_sorted_in_the_record(core: ModuleType) -> None:
    station = bytearray(Station(GROUP, True, False, (1, 2, PRODUCT)).pack())
    station[12:16], station[20:24] = station[20:24], station[12:16]
    assert decide_bytes(core, GOOD, station=bytes(station)).admit


class TestUses:
    def test_a_records_own_uses_override_the_rule_sets(self, core: ModuleType) -> None:
        assert GOOD.but(usage=USED, uses=2).decide(core).admit
        assert GOOD.but(usage=USED, uses_per_group=2).decide(core).admit
        assert GOOD.but(usage=USED, uses=1, uses_per_group=2).decide(core).reason == Reason.USED_UP

    def test_no_limit_admits_on_and_on(self, core: ModuleType) -> None:
        verdict = GOOD.but(usage=replace(USED, total=1_000_000), uses_per_group=0, persons=3).decide(core)
        assert (verdict.admit, verdict.persons, verdict.remaining) == (True, 3, -1)

    def test_uses_are_counted_in_persons(self, core: ModuleType) -> None:
        family = GOOD.but(persons=4, uses_per_group=2)
        verdict = family.decide(core)
        assert (verdict.persons, verdict.remaining) == (4, 4)
        verdict = family.but(usage=replace(USED, total=4)).decide(core)
        assert (verdict.persons, verdict.remaining) == (4, 0)
        assert family.but(usage=replace(USED, total=8)).decide(core).reason == Reason.USED_UP

    def test_the_rest_of_a_group_is_admitted(self, core: ModuleType) -> None:
        verdict = GOOD.but(persons=4, usage=replace(USED, total=3)).decide(core)
        assert (verdict.admit, verdict.persons, verdict.remaining) == (True, 1, 0)

    def test_siblings_uses_count_with_ours(self, core: ModuleType) -> None:
        verdict = GOOD.but(persons=4, usage=replace(USED, total=1), others=[USED, replace(USED, total=1)]).decide(core)
        assert (verdict.persons, verdict.remaining) == (1, 0)
        assert Usage.unpack(verdict.usage_after).total == 2

    def test_the_latest_use_is_the_one_told(self, core: ModuleType) -> None:
        own = replace(USED, last_ms=1000)
        later = replace(USED, last_station=SIBLING, last_ms=3000)
        between = replace(USED, last_station=99, last_ms=2000)
        verdict = GOOD.but(usage=own, others=[between, later]).decide(core)
        assert (verdict.reason, verdict.last_station, verdict.last_ms) == (Reason.USED_AT_SIBLING, SIBLING, 3000)
        verdict = GOOD.but(usage=replace(own, last_ms=4000), others=[between, later]).decide(core)
        assert (verdict.reason, verdict.last_station, verdict.last_ms) == (Reason.USED_UP, STATION, 4000)

    def test_of_two_uses_at_one_instant_ours_is_told(self, core: ModuleType) -> None:
        assert GOOD.but(usage=USED, others=[replace(USED, last_station=SIBLING)]).decide(core).reason == Reason.USED_UP

    def test_a_use_that_was_given_back_is_not_the_latest(self, core: ModuleType) -> None:
        given_back = replace(USED, total=0, last_ms=NOW_MS)
        sibling = replace(USED, last_station=SIBLING)
        assert GOOD.but(usage=given_back, others=[sibling]).decide(core).reason == Reason.USED_AT_SIBLING

    @pytest.mark.parametrize(
        ("month", "day", "counts"),
        [(MONTH, DAY, (3, 3)), (MONTH, DAY - 1, (3, 2)), (MONTH - 1, DAY, (2, 3)), (0, 0, (2, 2))],
    )
    def test_usage_after_is_what_spend_packs(
        self, core: ModuleType, month: int, day: int, counts: tuple[int, int]
    ) -> None:
        before = replace(USED, month=month, day=day, flags=3)
        verdict = GOOD.but(usage=before, uses_per_group=0, persons=2).decide(core)
        after = before.spend(2, station=STATION, device=LANE, now_ms=NOW_MS, day=DAY, month=MONTH)
        assert ((after.month_count, after.day_count), after.revision) == (counts, 4)
        assert (verdict.usage_before, verdict.usage_after) == (before.pack(), after.pack())

    @pytest.mark.parametrize("full", ["revision", "total", "month_count", "day_count"])
    def test_a_count_that_is_full_refuses(self, core: ModuleType, full: str) -> None:
        brim = replace(USED, **{full: 2**32 - 1})
        assert GOOD.but(usage=brim, uses_per_group=0).decide(core).reason == Reason.UNKNOWN
        below = replace(USED, **{full: 2**32 - 2})
        assert GOOD.but(usage=below, uses_per_group=0).decide(core).admit

    def test_the_largest_limit_does_not_overflow(self, core: ModuleType) -> None:
        verdict = GOOD.but(uses=2**32 - 1, persons=2**16 - 1, usage=USED).decide(core)
        assert verdict.remaining == (2**32 - 1) * (2**16 - 1) - 1 - (2**16 - 1)

    def test_the_card_behind_a_shared_pool_owns_the_uses(self, core: ModuleType) -> None:
        verdict = GOOD.but(owner_id=77).decide(core)
        assert (verdict.owner_id, verdict.usage_key) == (77, usage_key(77, GROUP))

    def test_rule_flags_reach_the_verdict(self, core: ModuleType) -> None:
        assert GOOD.but(rules=RuleSet(flags=RuleFlag.KEEP_ON_TIMEOUT)).decide(core).rule_flags == 1


def test_a_verdict_is_read_only(core: ModuleType) -> None:
    with pytest.raises(AttributeError):
        GOOD.decide(core).admit = True
