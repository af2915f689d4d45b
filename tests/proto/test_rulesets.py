"""Rule sets: what is packed comes back, the core's places stay, and what is not whole is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.rulesets import (
    HOURS_BYTES,
    MAX_ROWS,
    RULESET_BYTES,
    SPAN_BYTES,
    Activation,
    Hours,
    RuleFlag,
    RuleSet,
    Span,
)

u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
spans = st.lists(st.builds(Span, first=u32, last=u32), max_size=4).map(tuple)
rule_sets = st.builds(
    RuleSet, uses_per_group=u32, flags=u16.map(RuleFlag), media=u16, uses_total=u32, uses_month=u32, uses_day=u32,
    reentry_gap_s=u32, at_once=u16, early_s=u32, late_s=u32, after_first_s=u32, first_days=u16,
    activation=st.sampled_from(Activation), days=st.integers(0, 255),
    hours=st.lists(st.builds(Hours, start=u16, end=u16, days=st.integers(0, 255)), max_size=4).map(tuple),
    dates=spans, blackout=spans,
)  # fmt: skip


@given(rule_sets)
def test_what_is_packed_comes_back(rules: RuleSet) -> None:
    assert RuleSet.unpack(rules.pack()) == rules


def test_places_that_the_compiled_core_relies_on() -> None:
    rules = RuleSet(
        uses_per_group=1, flags=RuleFlag(0x0102), media=0x0304, uses_total=2, uses_month=3, uses_day=4,
        reentry_gap_s=5, at_once=0x0506, early_s=6, late_s=7, after_first_s=8, first_days=0x0708,
        activation=Activation.DESK, days=0x95, hours=(Hours(600, 1530, 0x41),), dates=(Span(1, 2),),
        blackout=(Span(3, 4),),
    )  # fmt: skip
    assert rules.pack() == (
        struct.pack("<BBHHH", 2, 0x95, 0x0102, 0x0304, 0x0506) + struct.pack("<8I", 1, 2, 3, 4, 5, 6, 7, 8)
        + struct.pack("<HBBBB", 0x0708, 2, 1, 1, 1) + struct.pack("<HHBx", 600, 1530, 0x41)
        + struct.pack("<4I", 1, 2, 3, 4)
    )  # fmt: skip
    assert (RULESET_BYTES, HOURS_BYTES, SPAN_BYTES) == (46, 6, 8)


def test_by_default_one_use_of_a_group_by_any_medium_at_any_time() -> None:
    rules = RuleSet()
    assert (rules.uses_per_group, rules.media, rules.flags, rules.days, rules.hours) == (1, 0xFFFF, 0, 0, ())


@pytest.mark.parametrize(
    "change",
    [
        lambda good: b"",
        lambda good: good[:-1],
        lambda good: good + b"\0",
        lambda good: b"\1" + good[1:],
        lambda good: good[:42] + b"\3" + good[43:],  # an activation of a later version
        lambda good: good[:43] + b"\2" + good[44:],  # a row of hours more than there is
    ],
)
def test_what_is_not_whole_is_refused(change: object) -> None:
    good = RuleSet(hours=(Hours(1, 2),), dates=(Span(1, 2),)).pack()
    with pytest.raises(ValueError):
        RuleSet.unpack(change(good))  # type: ignore[operator]


def test_there_are_so_many_rows_and_no_more() -> None:
    rows = tuple(Span(number, number) for number in range(MAX_ROWS))
    assert RuleSet.unpack(RuleSet(dates=rows).pack()).dates == rows
    with pytest.raises(ValueError, match="at most 64"):
        RuleSet(dates=(*rows, Span(1, 1))).pack()
    head = bytearray(RuleSet().pack())
    head[44] = MAX_ROWS + 1
    with pytest.raises(ValueError, match="at most 64"):
        RuleSet.unpack(bytes(head) + bytes(SPAN_BYTES * (MAX_ROWS + 1)))
