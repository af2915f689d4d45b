"""The daemon's own alarms: a trouble that goes on is not journalled over and over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import trio
from trio.testing import MockClock

from edge.daemon import ALARM_AGAIN_S, _Daemon


async def test_the_same_alarm_once_a_minute(autojump_clock: MockClock) -> None:
    told: list[tuple[str, str, int]] = []
    nobody: Any = SimpleNamespace(environment=None)
    daemon = _Daemon(nobody, nobody, None, nobody)
    daemon.admissions = SimpleNamespace(alarm=lambda *said: told.append(said))  # type: ignore[assignment]
    daemon.alarm("feed.gap", "one")
    daemon.alarm("feed.gap", "two")
    daemon.alarm("feed.gap", "of a device", 11)
    daemon.alarm("feed.signature", "another")
    await trio.sleep(ALARM_AGAIN_S - 1)
    daemon.alarm("feed.gap", "three")
    await trio.sleep(1)
    daemon.alarm("feed.gap", "four")
    assert told == [
        ("feed.gap", "one", 0),
        ("feed.gap", "of a device", 11),
        ("feed.signature", "another", 0),
        ("feed.gap", "four", 0),
    ]
