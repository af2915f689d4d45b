"""What an edge complained of, from when to when, and in which words last.

An edge says that something began and, while it lasts, says it again at most each minute; of some things it never says
that they are over. What its health reports show is over when they show it no longer; anything else when it has not
been heard of for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from cloud.admissions.models import EdgeAlarm
from cloud.venues.models import Edge
from paifang.v1 import scan_pb2

QUIET_AFTER = timedelta(minutes=10)
SILENT = "silent"  # raised by the cloud: any report ends it
TEXT_LENGTH = 300
FILLING_PERMILLE, FULL_PERMILLE = 800, 950

_Lane = scan_pb2.LaneStatus | None


@dataclass(frozen=True, slots=True)
class Heard:
    """One alarm entry of an edge's journal. `device_id`: the lane it is about, 0 for none."""

    code: str
    device_id: int
    text: str
    at: datetime


# Of what reports show: whether it still lasts.
_LASTS: dict[str, Callable[[scan_pb2.EdgeStatus, _Lane], bool]] = {
    SILENT: lambda status, lane: False,
    "clock.degraded": lambda status, lane: status.clock != scan_pb2.CLOCK_STATE_CONFIRMED,
    "clock.unconfirmed": lambda status, lane: status.clock != scan_pb2.CLOCK_STATE_CONFIRMED,
    "claims.no_quorum": lambda status, lane: status.claims == 2,
    "store.filling": lambda status, lane: status.store_permille >= FILLING_PERMILLE,
    "store.full": lambda status, lane: status.store_permille >= FULL_PERMILLE,
    "store.restored": lambda status, lane: bool(status.behind),
    "reader.lost": lambda status, lane: lane is not None and not lane.reader_online,
    "barrier.bits": lambda status, lane: (
        lane is not None and (not lane.barrier_online or lane.state == scan_pb2.LANE_STATE_FAULT)
    ),
}


def heard(edge: Edge, alarms: Iterable[Heard]) -> None:
    """Begins what is new and goes on with what is not over, in the transaction that takes the entries in.

    Uploads of an edge take turns, so nothing begins twice.
    """
    going: dict[tuple[str, int], EdgeAlarm] = {}
    for one in alarms:
        code, text = one.code[:40], one.text.replace("\0", "")[:TEXT_LENGTH]  # PostgreSQL takes no such character
        found = going.get((code, one.device_id)) or _open(edge).filter(code=code, device_id=one.device_id).first()
        if found is None or (code not in _LASTS and one.at - found.last_at > QUIET_AFTER):
            if found is not None:
                _over(found, found.last_at)
            found = EdgeAlarm.objects.create(
                venue_id=edge.venue_id, edge=edge, code=code, device_id=one.device_id, text=text, began_at=one.at,
                last_at=one.at,
            )  # fmt: skip
        else:
            found.text, found.last_at, found.times = text, max(one.at, found.last_at), found.times + 1
            found.save(update_fields=["text", "last_at", "times"])
        going[code, one.device_id] = found


def reported(edge: Edge, status: bytes, now: datetime) -> None:
    """Ends what a report shows to be over, and what was not heard of for a while."""
    rows = list(_open(edge))
    if not rows:
        return
    said = scan_pb2.EdgeStatus.FromString(status)
    lanes = {lane.device_id: lane for lane in said.lanes}
    for row in rows:
        lasts = _LASTS.get(row.code)
        if lasts is None:
            if now - row.last_at > QUIET_AFTER:
                _over(row, row.last_at)
        elif not lasts(said, lanes.get(row.device_id)):
            _over(row, max(now, row.last_at))


def end_all(edge: Edge, now: datetime) -> None:
    """Whatever lasts is over: the edge is retired."""
    _open(edge).update(ended_at=now)


def _open(edge: Edge) -> QuerySet[EdgeAlarm]:
    return EdgeAlarm.objects.filter(venue_id=edge.venue_id, edge=edge, ended_at=None)


def _over(row: EdgeAlarm, at: datetime) -> None:
    """Unless it was heard of again meanwhile."""
    EdgeAlarm.objects.filter(pk=row.pk, ended_at=None, last_at=row.last_at).update(ended_at=at)
