"""A gate that knows what the cloud published and nothing else: feed rows -> its store -> the twin verifier."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from cloud.core.business_day import calendar_of, month_number, wall
from cloud.entitlements import keys
from cloud.entitlements.models import FeedRow
from cloud.venues.models import Device, Venue
from edge import _verify_py as twin
from paifang.records import CredentialKind, Table

OWN_EDGE = 4095  # none of the tests' edges


class FedGate:
    """Give it the feed with `sync`, then `present`; what it admits is spent."""

    def __init__(self, venue: Venue, path: Path) -> None:
        self.venue = venue
        self.environment = twin.Environment(str(path), 1 << 23)
        self.verifier = twin.Verifier(self.environment, keys.pepper(venue)[1])
        self._after = 0
        self.sync()

    def sync(self) -> None:
        """Takes the feed rows that came since, in the order they were written."""
        rows = list(FeedRow.objects.filter(venue=self.venue, pk__gt=self._after).order_by("pk"))
        txn = self.environment.begin()
        for row in rows:
            txn.apply(bytes(row.ops), 1, OWN_EDGE)
            self._after = row.pk
        txn.commit()
        self.verifier.reload_live()

    def present(
        self, data: bytes, lane: Device, day: date, minute: int, kind: CredentialKind = CredentialKind.LINE, **more: Any
    ) -> Any:
        """The verdict so many minutes after a day's midnight; what it reserves is written."""
        return self.present_at(data, lane, wall(self.venue, day, minute), kind, **more)

    def present_at(
        self, data: bytes, lane: Device, at: datetime, kind: CredentialKind = CredentialKind.LINE, **more: Any
    ) -> Any:
        calendar = calendar_of(self.venue)
        day = calendar.day(at)
        minute = int((at - wall(self.venue, day, 0)).total_seconds()) // 60
        verdict = self.verifier.check(
            int(kind), data, lane.station_id, lane.pk, int(at.timestamp() * 1000), day.toordinal(), month_number(day),
            minute, **more,
        )  # fmt: skip
        for key, value in ((verdict.usage_key, verdict.usage_after), (verdict.whole_key, verdict.whole_after)):
            if value:
                txn = self.environment.begin()
                txn.put(Table.USAGE, key, value)
                txn.commit()
        return verdict

    def close(self) -> None:
        self.environment.close()
