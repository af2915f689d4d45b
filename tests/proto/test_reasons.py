"""Reasons: every one has its texts in both languages, codes keep their order, and clauses fall out whole."""

from __future__ import annotations

import string

import pytest

from paifang.reasons import TABLE, Reason, Text

NAMES = {"station", "time", "start", "end", "holiday"}


def test_every_reason_has_an_entry() -> None:
    assert set(TABLE) == set(Reason)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_texts_are_whole_with_and_without_their_names(reason: Reason) -> None:
    given = {"station": "西门", "time": "09:31", "start": "14:00", "end": "15:00", "holiday": "春节"}
    for text in (TABLE[reason].label, TABLE[reason].staff, TABLE[reason].visitor):
        for language in ("zh", "en"):
            used = {name for _, name, _, _ in string.Formatter().parse(getattr(text, language)) if name}
            assert used <= NAMES
            for filled in (text.fill(language), text.fill(language, **given)):
                assert filled
                assert not set("{}|") & set(filled)
    assert not set("{}|") & set(TABLE[reason].label.zh + TABLE[reason].label.en)


def test_codes_follow_the_order_of_the_checks() -> None:
    """Stored in journals and compiled into the core: never changed, never reused."""
    assert {reason.name: reason.value for reason in Reason} == {
        "OK": 0, "GO_AHEAD": 1, "LEAVING": 2, "UNREADABLE": 10, "UNKNOWN_FORMAT": 11, "KEY_UNKNOWN": 20, "KEY_DEAD": 21,
        "FORGED": 30, "REPLACED": 31, "LIVE_CODE_NEEDED": 40, "STALE_CODE": 41, "REPLAYED": 42, "UNKNOWN": 50,
        "SIGNED_ONLY_SPENT": 51, "REVOKED": 60, "REFUNDED": 61, "LOCKED": 62, "FROZEN": 63, "NOT_ACTIVATED": 70,
        "STATION_CLOSED": 80, "LANE_CLOSED": 81, "WRONG_STATION": 82, "WRONG_LANE": 83, "MEDIUM_NOT_ALLOWED": 90,
        "NOT_COLLECTED": 91,
        "IDENTITY_NEEDED": 100, "IDENTITY_OTHER": 101, "TOO_EARLY": 110, "EXPIRED": 111, "NOT_BOOKED": 112,
        "SLOT_OVER": 113, "WRONG_DATE": 114, "HOLIDAY": 115, "WRONG_DAY": 116, "OUTSIDE_HOURS": 117,
        "DURATION_OVER": 118, "USED_UP": 120, "MONTH_LIMIT": 121, "DAY_LIMIT": 122, "USED_AT_SIBLING": 130,
        "ALREADY_INSIDE": 131, "TOO_SOON": 132, "VENUE_FULL": 140, "DAY_FULL": 141, "NO_CLAIM": 150,
        "BUSY": 200, "NOT_RECORDED": 201, "STORE_FULL": 202, "TRY_AGAIN": 203, "OUT_OF_ORDER": 204, "THROTTLED": 205,
        "CATCHING_UP": 206, "OUT_OF_DATE": 207,
    }  # fmt: skip


def test_a_clause_whose_name_is_missing_is_left_out() -> None:
    text = Text("已使用|：{station} {time}", "Already used|: {station} {time}")
    assert text.fill("en") == "Already used"
    assert text.fill("en", station="West gate") == "Already used"
    assert text.fill("en", station="West gate", time="") == "Already used"
    assert text.fill("en", station="West gate", time="09:31") == "Already used: West gate 09:31"
    assert text.fill("zh-hans", station="西门", time="09:31") == "已使用：西门 09:31"


def test_a_name_is_put_in_as_it_is() -> None:
    assert Text("", "at {station}").fill("en", station="{time}|x") == "at {time}|x"
