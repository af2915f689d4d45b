"""Rotating passes: steps, keys of the day, codes, and lines that are none. The exact bytes are in tests/vectors."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang import base45, passes, rotating
from tests.support.gatekit import LINE, RAW

DAY_KEY = bytes(range(32))
DIGEST = passes.digest(RAW)
KEY = rotating.pass_key(DAY_KEY, DIGEST)
NOW_MS = 1_700_050_000_123


def test_a_step_is_fifteen_seconds_of_unix_time() -> None:
    assert [rotating.step_of(ms) for ms in (0, 14_999, 15_000, NOW_MS)] == [0, 0, 1, 113_336_666]
    assert rotating.step_of(-1) == -1


def test_a_line_is_read_as_it_was_made() -> None:
    line = rotating.line(RAW, KEY, NOW_MS)
    shown = rotating.parse_line(line)
    assert (shown.issued, shown.step) == (passes.parse(RAW), 113_336_666)
    assert shown.proves(DAY_KEY)
    assert len(line) <= rotating.MAX_LINE == 172


def test_the_code_is_of_the_day_the_pass_and_the_step() -> None:
    shown = rotating.parse_line(rotating.line(RAW, KEY, NOW_MS))
    assert not shown.proves(bytes(32))
    assert not rotating.Rotating(shown.issued, shown.step + 1, shown.code).proves(DAY_KEY)
    other = rotating.pass_key(DAY_KEY, bytes(16))
    assert not rotating.parse_line(rotating.line(RAW, other, NOW_MS)).proves(DAY_KEY)


def test_the_phones_key_is_not_the_venues() -> None:
    assert len(KEY) == rotating.DAY_KEY_BYTES == 32
    assert KEY != DAY_KEY
    assert len(rotating.code(KEY, 1)) == rotating.CODE_BYTES == 8


@pytest.mark.parametrize("line", [b"", LINE, b"PR1:", b"PR1:A", b"pr1:BB8", b"PR1:" + LINE[4:], b"PR1:" + b"0" * 200])
def test_what_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(passes.PassError):
        rotating.parse_line(line)


def test_a_pass_of_another_version_in_it_is_said_to_be_one() -> None:
    with pytest.raises(passes.UnknownVersion):
        rotating.parse_line(rotating.line(b"\2" + RAW[1:], KEY, NOW_MS))


@given(st.binary(max_size=130))
def test_any_bytes_are_a_rotating_pass_or_a_pass_error(data: bytes) -> None:
    with contextlib.suppress(passes.PassError):
        rotating.parse_line(rotating.PREFIX + base45.encode(data))


def test_lines_of_one_pass_are_known_as_such() -> None:
    first, second = rotating.line(RAW, KEY, NOW_MS), rotating.line(RAW, KEY, NOW_MS + 40_000)
    assert rotating.same_pass(first, second)
    assert not rotating.same_pass(first, rotating.line(RAW[:-1] + b"\0", KEY, NOW_MS)) or RAW[-1] == 0
    assert not rotating.same_pass(first, LINE)
    assert not rotating.same_pass(b"PR1:", b"PR1:")
