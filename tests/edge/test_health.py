"""What health calls a problem, in which words and in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edge import health
from edge.clock import BEHIND, CONFIRMED

WELL: dict[str, Any] = {
    "store": {"failed": None, "permille": 100},
    "clock": {"state": "behind", "machine_off_ms": 5000},
    "standing": {"behind": "", "out_of_date": False, "max_age_hours": 24.0},
    "claims": {"state": "local", "error": "", "exposed": 0},
    "cloud": {"online": True, "error": ""},
    "feed": {"urgent": {"age_s": 0.5, "error": ""}, "bulk": {"age_s": 30.0, "error": ""}},
    "lanes": [{"device": "G1", "state": "ready", "cause": "", "reader_online": True, "barrier_online": True}],
}
LOST = {"device": "G2", "state": "fault", "cause": "barrier lost", "reader_online": True, "barrier_online": False}
UNKNOWN = {"device": "G3", "state": "fault", "cause": "not known", "reader_online": True, "barrier_online": True}


@pytest.mark.parametrize(
    ("change", "clock", "said"),
    [
        ({}, CONFIRMED, []),
        ({}, BEHIND, ["the clock is behind"]),
        (
            {"store": {"failed": "StoreError: full", "permille": 0}},
            CONFIRMED,
            ["the store cannot be written: StoreError: full"],
        ),
        ({"store": {"failed": None, "permille": 799}}, CONFIRMED, []),
        (
            {"store": {"failed": None, "permille": 800}},
            CONFIRMED,
            ["the store is filling up: refusals are not journalled"],
        ),
        ({"store": {"failed": None, "permille": 950}}, CONFIRMED, ["the store is full: nobody is admitted"]),
        (
            {"cloud": {"online": False, "error": "UNAVAILABLE: gone"}},
            CONFIRMED,
            ["the cloud is away: UNAVAILABLE: gone"],
        ),
        (
            {"feed": {"urgent": {"age_s": None, "error": "not tried yet"}, "bulk": {"age_s": 31.0, "error": "cut"}}},
            CONFIRMED,
            [
                "the urgent feed has not been received yet: not tried yet",
                "what the gate knows from the bulk feed is 31 s old: cut",
            ],
        ),
        (
            {"standing": {"behind": "store.cloned", "out_of_date": True, "max_age_hours": 24.0}},
            CONFIRMED,
            [
                "revocations are not known up to 24 h ago: nobody is admitted",
                "another machine uses this edge's identity: stop it, then start this one again: "
                "tickets with counted uses are refused",
            ],
        ),
        (
            {"clock": {"state": "behind", "machine_off_ms": -7200_000}},
            CONFIRMED,
            ["the machine's own clock is -7200 s off: set it right"],
        ),
        (
            {"claims": {"state": "no_quorum", "error": "10.0.0.2:2379 gone", "exposed": 7}},
            CONFIRMED,
            ["claims across entrances have no quorum, 7 persons were admitted without: 10.0.0.2:2379 gone"],
        ),
        ({"lanes": [LOST, UNKNOWN]}, CONFIRMED, ["lane G2: the barrier does not answer", "lane G3: not known"]),
    ],
)
def test_problems(change: dict[str, Any], clock: int, said: list[str]) -> None:
    parts: Any = SimpleNamespace(clock=SimpleNamespace(state=clock))
    assert health._problems(WELL | change, parts) == said
