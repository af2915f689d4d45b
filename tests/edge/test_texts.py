"""What the display says: each reason with the facts that help, in both languages."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.lane_actions import Show
from edge.texts import Texts
from edge.venue_room import RoomState
from edge.verdict import Moment
from paifang.reasons import Reason, Text
from paifang.records import DayKind, VenueSettings
from paifang.v1 import scan_pb2

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 10, 1, 12, 0, tzinfo=ZONE)
MOMENT = Moment(
    int(NOW.timestamp() * 1000), NOW.toordinal(), 202610, scan_pb2.CLOCK_STATE_CONFIRMED, 12 * 60
)  # fmt: skip


def seconds(day: int, hour: int, minute: int = 0, *, year: int = 2026) -> int:
    return int(datetime(year, 10, day, hour, minute, tzinfo=ZONE).timestamp())


def text(reason: Reason, **facts: Any) -> Text:
    texts = Texts()
    holidays = {MOMENT.day: (int(DayKind.HOLIDAY), "国庆节", "National Day")}
    texts.use_settings(VenueSettings("Asia/Shanghai", 0, {1: ("西门", "West gate")}, holidays=holidays))
    known = {"last_station": 0, "last_ms": 0, "valid_from": 0, "valid_until": 2**32 - 1, "hours_start": 0}
    verdict: Any = SimpleNamespace(**(known | {"hours_end": 0, "reason": int(reason)} | facts))
    return texts.of(Show(reason, False, 0, verdict), MOMENT)


@pytest.mark.parametrize(
    ("reason", "facts", "zh", "en"),
    [
        (Reason.HOLIDAY, {}, "节假日不可用：国庆节", "Not valid on holidays: National Day"),
        (
            Reason.OUTSIDE_HOURS,
            {"hours_start": 9 * 60, "hours_end": 24 * 60},
            "可用时段外：09:00–24:00",
            "Not valid at this hour: 09:00 to 24:00",
        ),
        (
            Reason.OUTSIDE_HOURS,
            {"hours_start": 22 * 60, "hours_end": 26 * 60},
            "可用时段外：22:00–02:00",
            "Not valid at this hour: 22:00 to 02:00",
        ),
        (Reason.OUTSIDE_HOURS, {}, "可用时段外", "Not valid at this hour"),
        (
            Reason.SLOT_OVER,
            {"valid_from": seconds(1, 9), "valid_until": seconds(1, 10)},
            "预约时段已过（09:00–10:00）",
            "Your slot is over (09:00 to 10:00)",
        ),
        (
            Reason.TOO_SOON,
            {"valid_from": seconds(1, 12, 30)},
            "请稍后再试，12:30 起可用",
            "Too soon, valid again from 12:30",
        ),
        (
            Reason.TOO_EARLY,
            {"valid_from": seconds(3, 8)},
            "未到时间，10-03 08:00 起可入园",
            "Too early, valid from 10-03 08:00",
        ),
        (
            Reason.EXPIRED,
            {"valid_until": seconds(1, 23, 59, year=2025)},
            "此票已过期（2025-10-01）",
            "This ticket has expired (2025-10-01)",
        ),
        (
            Reason.USED_UP,
            {"last_station": 1, "last_ms": seconds(1, 9, 31) * 1000},
            "此票已使用：西门 09:31",
            "Already used: West gate 09:31",
        ),
        (Reason.USED_UP, {"last_station": 7, "last_ms": 5}, "此票已使用", "Already used"),
    ],
)
def test_facts_of_a_reason(reason: Reason, facts: dict[str, int], zh: str, en: str) -> None:
    assert text(reason, **facts) == Text(zh, en)


def test_without_a_verdict_the_reason_speaks_alone() -> None:
    assert Texts().of(Show(Reason.OUT_OF_ORDER, False, 0), MOMENT).en == "Out of order, please use another lane"


def test_between_scans_it_says_whether_there_is_room() -> None:
    said = [Texts.idle(state).en for state in RoomState]
    assert said == [
        "Please scan your code",
        "The venue is filling up, please scan your code",
        "The venue is full, please wait",
        "Full for today",
    ]
