"""Usage: spending, entering, leaving, giving back, and records of the first version."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.usage import USAGE_1_BYTES, USAGE_BYTES, Usage, UsageFlag, others_key, usage_key

u32 = st.integers(0, 2**32 - 1)
i64 = st.integers(-(2**63), 2**63 - 1)
usages = st.builds(
    Usage, revision=u32, total=u32, month=u32, month_count=u32, day=u32, day_count=u32, last_station=u32,
    last_device=u32, last_ms=i64, flags=st.integers(0, 255), first_ms=i64, first_day=u32, visit_ms=i64,
)  # fmt: skip
DAY, MONTH = 738_839, 202_311
NOW = {"station": 1, "device": 2, "now_ms": 3000, "day": DAY, "month": MONTH}


@given(usages)
def test_what_is_packed_comes_back(usage: Usage) -> None:
    assert Usage.unpack(usage.pack()) == usage


def test_places_that_the_compiled_core_relies_on() -> None:
    packed = Usage(1, 2, 3, 4, 5, 6, 7, 8, -9, 255, -10, 11, -12).pack()
    assert packed == bytes((2, 255, 0, 0)) + struct.pack("<8IqqqI", 1, 2, 3, 4, 5, 6, 7, 8, -9, -10, -12, 11)
    assert (USAGE_BYTES, USAGE_1_BYTES) == (64, 44)


def test_a_record_of_the_first_version_has_no_first_use_and_no_visit() -> None:
    first = bytes((1, 5, 0, 0)) + struct.pack("<8Iq", 1, 2, 3, 4, 5, 6, 7, 8, -9)
    assert Usage.unpack(first) == Usage(1, 2, 3, 4, 5, 6, 7, 8, -9, 5)
    assert len(Usage.unpack(first).pack()) == USAGE_BYTES


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1" + Usage().pack()[1:],
        b"\2" + Usage().pack()[1:USAGE_1_BYTES],
        b"\3" + Usage().pack()[1:],
        Usage().pack()[:-1],
        Usage().pack() + b"\0",
    ],
)
def test_another_version_or_length_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a usage record"):
        Usage.unpack(data)


class TestSpend:
    def spend(self, usage: Usage, persons: int, **when: int) -> Usage:
        return usage.spend(persons, **(NOW | when))

    def test_counts_of_another_day_or_month_start_anew(self) -> None:
        first = self.spend(Usage(), 2)
        assert (first.revision, first.total, first.month_count, first.day_count) == (1, 2, 2, 2)
        second = self.spend(first, 3, day=DAY + 1)
        assert (second.total, second.month_count, second.day_count) == (5, 5, 3)
        third = self.spend(second, 1, day=DAY + 30, month=MONTH + 1)
        assert (third.revision, third.total, third.month_count, third.day_count) == (3, 6, 1, 1)
        assert (third.last_station, third.last_device, third.last_ms) == (1, 2, 3000)

    def test_what_only_the_whole_venue_knows_stays(self) -> None:
        before = Usage(flags=1, first_ms=5, first_day=6, visit_ms=7)
        after = self.spend(before, 1)
        assert (after.flags, after.first_ms, after.first_day, after.visit_ms) == (1, 5, 6, 7)


class TestEnterAndLeave:
    def test_the_first_use_is_kept(self) -> None:
        first = Usage().enter(1, inside=False, **NOW)
        assert (first.first_ms, first.first_day, first.flags, first.visit_ms) == (3000, DAY, 0, 0)
        second = first.enter(1, inside=False, **(NOW | {"now_ms": 9000, "day": DAY + 1}))
        assert (second.first_ms, second.first_day, second.last_ms, second.total) == (3000, DAY, 9000, 2)

    def test_who_enters_is_inside_until_they_leave(self) -> None:
        entered = Usage(flags=4).enter(2, inside=True, **NOW)
        assert (entered.flags, entered.visit_ms) == (4 | UsageFlag.INSIDE, 3000)
        left = entered.leave(now_ms=8000)
        assert left == replace(entered, revision=2, flags=4, visit_ms=8000)

    @given(usages)
    def test_leaving_keeps_every_flag_but_its_own(self, usage: Usage) -> None:
        assert usage.leave(now_ms=1).flags == usage.flags & 0xFE


class TestGiveBack:
    WHEN = {"day": DAY, "month": MONTH}

    def test_it_leaves_its_own_day_alone(self) -> None:
        spent = Usage().spend(2, **NOW).spend(3, **(NOW | {"day": DAY + 1}))
        late = spent.give_back(2, **self.WHEN)
        assert (late.revision, late.total, late.month_count, late.day_count) == (3, 3, 3, 3)
        soon = spent.give_back(2, day=DAY + 1, month=MONTH)
        assert (soon.total, soon.month_count, soon.day_count) == (3, 3, 1)
        other_month = spent.give_back(2, day=DAY + 1, month=MONTH + 1)
        assert (other_month.total, other_month.month_count, other_month.day_count) == (3, 5, 1)

    def test_nothing_goes_below_zero(self) -> None:
        back = Usage().spend(1, **NOW).give_back(5, **self.WHEN)
        assert (back.total, back.month_count, back.day_count) == (0, 0, 0)

    @given(usages.filter(lambda usage: max(usage.total, usage.day_count, usage.month_count, usage.revision) < 2**31),
           st.integers(0, 65_535))  # fmt: skip
    def test_spending_and_giving_back_keeps_the_total(self, usage: Usage, persons: int) -> None:
        spent = usage.spend(persons, **NOW)
        assert Usage.unpack(spent.pack()) == spent
        assert spent.give_back(persons, **self.WHEN).total == usage.total

    def test_where_nobody_went_in_everything_is_as_before(self) -> None:
        before = Usage().enter(1, inside=True, **(NOW | {"now_ms": 1000, "station": 8, "device": 9})).leave(now_ms=2000)
        entered = before.enter(2, inside=True, **NOW)
        back = entered.give_back(2, **self.WHEN, at_ms=3000, before=before)
        assert replace(back, revision=before.revision) == before

    def test_the_first_admission_that_came_back_was_none(self) -> None:
        back = Usage().enter(2, inside=True, **NOW).give_back(2, **self.WHEN, at_ms=3000)
        assert back == Usage(revision=2, month=MONTH, day=DAY)

    def test_who_was_admitted_since_is_not_forgotten(self) -> None:
        first = Usage().enter(1, inside=True, **NOW)
        second = first.enter(1, inside=True, **(NOW | {"now_ms": 7000, "device": 5}))
        back = second.give_back(1, **self.WHEN, at_ms=3000)
        assert (back.total, back.last_ms, back.last_device, back.visit_ms, back.flags) == (1, 7000, 5, 7000, 1)

    def test_where_some_went_in_the_last_use_stands(self) -> None:
        back = Usage().enter(3, inside=True, **NOW).give_back(2, **self.WHEN)
        assert (back.total, back.last_ms, back.first_ms, back.visit_ms) == (1, 3000, 3000, 3000)


def test_keys_are_the_owner_the_group_and_the_edge() -> None:
    assert usage_key(1, 2) == bytes(7) + b"\1" + bytes(3) + b"\2"
    assert others_key(1, 2, 3) == usage_key(1, 2) + bytes(3) + b"\3"
