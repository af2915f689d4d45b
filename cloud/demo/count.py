"""A short day, counted: the emulators' tally of bodies against what the cloud knows of them."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django_scopes import scope

from cloud.admissions.models import Admission, JournalEntry, SetAside
from cloud.admissions.selectors import entries, today
from cloud.demo import curve, play, site, visits
from cloud.demo.box_office import BoxOffice
from cloud.demo.crowd import Crowd, Pace
from cloud.demo.gate import Gate
from cloud.demo.layout import DemoError
from cloud.entitlements.models import Entitlement
from cloud.gates import selectors
from cloud.venues.models import Station, Venue
from paifang.reasons import Reason
from paifang.v1 import scan_pb2

HASTY = Pace(walk=120, patience=700, open=2000, glance=20, between=10)
FLOOR = 0.08
SETTLE_SECONDS = 60.0


def play_and_count(venue: Venue, control: Path, seconds: float, count: int) -> dict[str, Any]:
    """Sells, plays, waits until all is settled and ingested, counts. Raises DemoError when that never comes."""
    source = random.Random()  # noqa: S311 - who comes when
    gates = [Gate(control, plan) for plan in site.LANES]
    crowd = Crowd(gates, play.groups(), HASTY, print)
    with scope(venue=venue):
        office = BoxOffice(venue, source)
        sold = office.sell(visits.draw(count, source))
        if not office.wait_applied(SETTLE_SECONDS):
            raise DemoError("the tickets sold did not reach the edge")
        crowd.start()
        began = time.monotonic()
        for visit, at in zip(sold, curve.arrival_times(count, seconds, FLOOR, source), strict=True):
            time.sleep(max(0.0, began + at - time.monotonic()))
            crowd.queue.join(visit)
        if not crowd.queue.wait_empty(SETTLE_SECONDS + seconds):
            raise DemoError("people are still waiting at the gates")
        crowd.queue.close()
        result = Books(venue, gates).balance(sum(crowd.presented.values()))
        return result | {"p50_ms": percentile(crowd.waits_ns, 50), "p99_ms": percentile(crowd.waits_ns, 99)}


def percentile(waits_ns: list[int], percent: int) -> float | None:
    """Nearest-rank percentile in milliseconds; None of nothing."""
    if not waits_ns:
        return None
    rank = max(1, math.ceil(len(waits_ns) * percent / 100))
    return round(sorted(waits_ns)[rank - 1] / 1e6, 3)


class Books:
    """What the boards counted and what the cloud recorded."""

    def __init__(self, venue: Venue, gates: list[Gate]) -> None:
        self.venue = venue
        self.gates = gates
        self._group_of = dict(Station.objects.values_list("pk", "group_id"))

    def balance(self, presented: int) -> dict[str, Any]:
        """The result of a count. Waits until the edge has settled and told everything."""
        journalled = self._settled()
        walked, passed = self._walked(), self._passed(entries(self.venue))
        walked_out, left = self._walked(out=True), self._passed(Admission.objects.filter(leaving=True))
        counted = today(self.venue)
        outside = sum(walked_out.values())
        refused = Counter(
            JournalEntry.objects.filter(kind="presentation", decision=scan_pb2.DECISION_REFUSE).values_list(
                "reason", flat=True
            )
        )
        return {
            "presented": presented,
            "admitted": entries(self.venue).count(),
            "left": outside,
            "inside": counted.inside,
            "refused": {Reason(reason).name: times for reason, times in sorted(refused.items())},
            "journalled": journalled,
            "ingested": JournalEntry.objects.count(),
            "double_admitted": self._beyond_right(walked, passed),
            "lost": _apart(walked, passed) + _apart(walked_out, left),
            "miscounted": abs(counted.inside - (self._walked_in() - outside)),
        }

    def _settled(self) -> int:
        """Waits until no use is open and the cloud holds the edge's whole journal; how long that is."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            [view] = selectors.edges(self.venue)
            written = view.status.journal_seq if view.status else -1
            if JournalEntry.objects.count() >= written >= 0 and not Admission.objects.filter(outcome="open").exists():
                time.sleep(1.5)  # a report comes once a second: nothing more may follow
                [later] = selectors.edges(self.venue)
                if later.status and later.status.journal_seq == written == JournalEntry.objects.count():
                    return written
            time.sleep(0.2)
        aside = SetAside.objects.count()
        raise DemoError(
            f"not all that was journalled was ingested and settled in {SETTLE_SECONDS:g} s ({aside} set aside)"
        )

    def _walked(self, *, out: bool = False) -> Counter[tuple[str, int]]:
        """Bodies through the arms into the venue or a place in it, or `out` of it, by label and exclusion group."""
        by_name = dict(Station.objects.values_list("name_zh", "group_id"))
        walked: Counter[tuple[str, int]] = Counter()
        for gate in self.gates:
            station = site.station(gate.plan.station)
            if station.exit is out:
                for label, bodies in gate.tally()["bodies"].items():
                    walked[label, by_name[station.name_zh]] += bodies
        return walked

    def _walked_in(self) -> int:
        """Bodies through the arms of the venue's own gates."""
        outer = [gate for gate in self.gates if not site.station(gate.plan.station).inner]
        entrances = [gate for gate in outer if not site.station(gate.plan.station).exit]
        return sum(sum(gate.tally()["bodies"].values()) for gate in entrances)

    def _passed(self, rows: QuerySet[Admission]) -> Counter[tuple[str, int]]:
        """Persons the cloud says went through, by entitlement and exclusion group."""
        passed: Counter[tuple[str, int]] = Counter()
        for entitlement, station, persons in rows.values_list("entitlement_id", "station_id", "passed"):
            passed[str(entitlement), self._group_of[station]] += persons
        return +passed

    def _beyond_right(self, *counts: Counter[tuple[str, int]]) -> int:
        """Persons over what each entitlement allows at a group of stations, by the worse of the counts."""
        rights = {str(pk): persons for pk, persons in Entitlement.objects.values_list("pk", "persons")}
        keys = set().union(*counts)
        return sum(max(0, max(count[key] for count in counts) - rights.get(key[0], 0)) for key in keys)


def _apart(walked: Counter[tuple[str, int]], passed: Counter[tuple[str, int]]) -> int:
    """Persons that only one of the two has."""
    return sum((walked - passed).values()) + sum((passed - walked).values())
