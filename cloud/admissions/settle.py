"""What a settlement does to an admission. Pure; no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from paifang.v1 import scan_pb2

OUTCOMES: dict[int, str] = {
    scan_pb2.OUTCOME_PASSED: "passed",
    scan_pb2.OUTCOME_RETURNED: "returned",
    scan_pb2.OUTCOME_PARTLY: "partly",
    scan_pb2.OUTCOME_KEPT: "kept",
    scan_pb2.OUTCOME_UNKNOWN: "unknown",
    scan_pb2.OUTCOME_LATE: "late",
    scan_pb2.OUTCOME_UNTICKETED: "unticketed",
}


@dataclass(slots=True)
class Passage:
    """The part of an admission that settlements change, and where its people are counted.

    `walked` is how many more persons went through than were known before: what occupancy rises by.
    """

    business_day: date
    station_id: int
    persons: int
    passed: int = 0
    returned: int = 0
    outcome: str = "open"
    settled_at: datetime | None = None
    recovered: bool = False
    leaving: bool = False
    walked: int = 0

    def settle(self, body: scan_pb2.Settlement, at: datetime) -> None:
        """Applies one settlement. A late passage takes a returned use back; an unticketed one had none to take."""
        self.passed += body.passed
        self.walked += body.passed
        if body.outcome == scan_pb2.OUTCOME_LATE:
            self.returned = max(0, self.returned - body.passed)
        else:
            self.returned += body.returned
        if body.outcome != scan_pb2.OUTCOME_UNKNOWN or self.outcome == "open":
            self.outcome = OUTCOMES[body.outcome]  # an old store that cannot tell any more does not unsay what was told
        self.settled_at = at
        self.recovered = self.recovered or body.recovered
