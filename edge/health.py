"""How the edge is doing: a dictionary for /health, status and metrics, and a message for the cloud."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from edge import space
from edge.admission import FILLING_PERMILLE, FULL_PERMILLE, Admissions
from edge.claims import LOCAL
from edge.claims_etcd import EtcdClaims
from edge.clock import CONFIRMED, Clock
from edge.clock_watch import MACHINE_OFF_MS, name_of
from edge.committer import Committer
from edge.config import EdgeConfig
from edge.feed import Feed, StreamState
from edge.identity import Identity
from edge.keyring import KeyRing
from edge.standing import BROKEN, CLONED, NEW, RESTORED
from edge.uplink import Uplink
from paifang.reasons import Reason, Text
from paifang.records import Table
from paifang.v1 import scan_pb2

if TYPE_CHECKING:
    from edge._verify import Environment

STALE_S = 30.0  # what a gate knows is called out of date from then on
_BEHIND = {
    NEW: "the store is new and not filled yet",
    BROKEN: "the store was broken, and what it had used is being fetched",
    RESTORED: "the store is an old copy, and what was used since is being fetched",
    CLONED: "another machine uses this edge's identity: stop it, then start this one again",
}


class Lane(Protocol):
    """What health needs of a lane's runner."""

    def status(self) -> scan_pb2.LaneStatus: ...

    @property
    def cause(self) -> str: ...

    def counts(self) -> dict[str, dict[str, int]]: ...

    def shows(self) -> Text: ...


@dataclass(slots=True)
class Parts:
    """The running daemon's rooms."""

    config: EdgeConfig
    identity: Identity
    gates: str
    verifier: str
    version: str
    environment: Environment
    committer: Committer
    admissions: Admissions
    clock: Clock
    keys: KeyRing
    feed: Feed
    uplink: Uplink
    lanes: Sequence[Lane]
    started_ns: int
    site: EtcdClaims | None = None  # None: claims are local


def edge_status(parts: Parts) -> scan_pb2.EdgeStatus:
    """What goes to the cloud once a second."""
    moment = parts.clock.moment()
    feed, room = parts.feed.state, parts.admissions.room
    return scan_pb2.EdgeStatus(
        at_ms=moment.now_ms,
        software_version=parts.version,
        verifier=parts.verifier,
        clock=cast(scan_pb2.ClockState, moment.clock),
        journal_seq=parts.committer.last_seq,
        journal_acked=parts.uplink.state.acked,
        entitlements=parts.environment.entries(Table.ENTITLEMENT),
        urgent_current_to_ms=feed.urgent.cursor.current_to_ms,
        bulk_current_to_ms=feed.bulk.cursor.current_to_ms,
        store_permille=space.used_permille(parts.environment),
        lanes=[lane.status() for lane in parts.lanes],
        signed_only_spent=parts.admissions.signed_only.spent,
        inside=room.counts(moment.day).inside,
        room_state=room.state(moment.day),
        behind=parts.admissions.standing.behind,
        machine_off_ms=parts.clock.machine_off_ms(),
        claims=(parts.site or LOCAL).state.value,
        exposed=parts.admissions.exposure.persons,
    )


def health(parts: Parts) -> dict[str, Any]:
    """What a person or a monitor reads; docs/edge.md explains each field."""
    moment = parts.clock.moment()
    now_ms, room = moment.now_ms, parts.admissions.room
    counts = room.counts(moment.day)
    feed, uplink = parts.feed.state, parts.uplink.state
    permille = space.used_permille(parts.environment)
    standing = parts.admissions.standing
    said: dict[str, Any] = {
        "edge": {
            "id": parts.identity.edge_id,
            "name": parts.config.name,
            "venue": parts.identity.venue_id,
            "version": parts.version,
            "process": os.getpid(),
            "uptime_s": (time.monotonic_ns() - parts.started_ns) // 1_000_000_000,
        },
        "verifier": parts.verifier,
        "clock": {
            "state": name_of(parts.clock.state),
            "now": _iso(now_ms),
            "mark": _iso(parts.clock.mark_ms),
            "off_by_ms": parts.clock.bound_ms(),
            "machine_off_ms": parts.clock.machine_off_ms(),
            "drift_ppm": round(parts.clock.drift_ppm, 1),
        },
        "store": {
            "permille": permille,
            "map_size_mb": parts.config.map_size_mb,
            "entitlements": parts.environment.entries(Table.ENTITLEMENT),
            "queued": parts.committer.queued,
            "commits": parts.committer.groups,
            "failed": parts.committer.failed,
        },
        "journal": {
            "last": parts.committer.last_seq,
            "acked": uplink.acked,
            "backlog": max(0, parts.committer.last_seq - uplink.acked),
            "stored": parts.environment.entries(Table.JOURNAL),
            "sent_again": uplink.sent_again,
        },
        "cloud": {
            "address": parts.gates,
            "online": uplink.online,
            "error": uplink.error,
            "last_report": _iso(uplink.last_report_ms),
        },
        "keys": {"version": parts.keys.version, "error": feed.keys_error},
        "feed": {
            "urgent": _stream(feed.urgent, now_ms),
            "bulk": _stream(feed.bulk, now_ms),
            "refused": dict(feed.refused),
            "swept": feed.swept,
            "spared": feed.spared,
        },
        "standing": {
            "behind": standing.behind,
            "out_of_date": standing.out_of_date(now_ms),
            "max_age_hours": parts.config.max_age_hours,
        },
        "inside": counts.inside,
        "room": {
            "state": room.state(moment.day).name.lower(),
            "entered": counts.entered,
            "left": counts.left,
            "here": room.own().on(moment.day).inside,
            "capacity": room.capacity,
            "day_capacity": room.day_capacity,
        },
        "signed_only": {"spent": parts.admissions.signed_only.spent},
        "claims": _claims(parts),
        "lanes": [
            _lane(config.device, config.name, lane)
            for config, lane in zip(parts.config.lanes, parts.lanes, strict=True)
        ],
    }
    failing = parts.committer.failed is not None or permille >= FULL_PERMILLE or standing.out_of_date(now_ms)
    problems = _problems(said, parts)
    return {"status": "failing" if failing else "degraded" if problems else "ok", "problems": problems, **said}


def _problems(said: dict[str, Any], parts: Parts) -> list[str]:
    """In plain words, the worst first."""
    found = []
    if said["store"]["failed"]:
        found.append(f"the store cannot be written: {said['store']['failed']}")
    if said["store"]["permille"] >= FULL_PERMILLE:
        found.append("the store is full: nobody is admitted")
    elif said["store"]["permille"] >= FILLING_PERMILLE:
        found.append("the store is filling up: refusals are not journalled")
    if said["standing"]["out_of_date"]:
        hours = said["standing"]["max_age_hours"]
        found.append(f"revocations are not known up to {hours:g} h ago: nobody is admitted")
    if said["standing"]["behind"]:
        found.append(f"{_BEHIND[said['standing']['behind']]}: tickets with counted uses are refused")
    if parts.clock.state != CONFIRMED:
        found.append(f"the clock is {said['clock']['state']}")
    if abs(said["clock"]["machine_off_ms"]) > MACHINE_OFF_MS:
        found.append(f"the machine's own clock is {said['clock']['machine_off_ms'] / 1000:+.0f} s off: set it right")
    if said["claims"]["state"] == "no_quorum":
        without = f"{said['claims']['exposed']} persons were admitted without"
        found.append(f"claims across entrances have no quorum, {without}: {said['claims']['error']}")
    if not said["cloud"]["online"]:
        found.append(f"the cloud is away: {said['cloud']['error']}")
    for stream in ("urgent", "bulk"):
        age = said["feed"][stream]["age_s"]
        if age is None:
            found.append(f"the {stream} feed has not been received yet: {said['feed'][stream]['error']}")
        elif age > STALE_S:
            found.append(
                f"what the gate knows from the {stream} feed is {age:.0f} s old: {said['feed'][stream]['error']}"
            )
    for lane in said["lanes"]:
        for part in ("reader", "barrier"):
            if not lane[f"{part}_online"]:
                found.append(f"lane {lane['device']}: the {part} does not answer")
        if lane["state"] == "fault" and lane["reader_online"] and lane["barrier_online"]:
            found.append(f"lane {lane['device']}: {lane['cause'] or 'out of order'}")
    return found


def _claims(parts: Parts) -> dict[str, Any]:
    site = parts.site
    return {
        "state": (site or LOCAL).state.name.lower(),
        "error": site.error if site is not None else "",
        "won": site.won if site is not None else 0,
        "lost": site.lost if site is not None else 0,
        "unanswered": site.unanswered if site is not None else 0,
        "untold": parts.environment.entries(Table.CLAIM),
        "exposed": parts.admissions.exposure.persons,
    }


def _stream(state: StreamState, now_ms: int) -> dict[str, Any]:
    cursor = state.cursor
    known = cursor.started and cursor.current_to_ms > 0
    return {
        "online": state.online,
        "seq": cursor.seq if cursor.started else None,
        "acked": state.acked,
        "current_to": _iso(cursor.current_to_ms),
        "age_s": max(0, now_ms - cursor.current_to_ms) / 1000 if known else None,
        "snapshot": None if cursor.started or cursor.after is None else cursor.generation,
        "batches": state.batches,
        "rows": state.rows,
        "error": state.error,
    }


def _lane(device: str, name: str, lane: Lane) -> dict[str, Any]:
    status = lane.status()
    return {
        "device": device,
        "name": name,
        "device_id": status.device_id,
        "cause": lane.cause,
        "state": scan_pb2.LaneState.Name(status.state).removeprefix("LANE_STATE_").lower(),
        "reader_online": status.reader_online,
        "barrier_online": status.barrier_online,
        "last_decision": scan_pb2.Decision.Name(status.last_decision).removeprefix("DECISION_").lower(),
        "last_reason": Reason(status.last_reason).name if status.last_at_ms else "",
        "last_at": _iso(status.last_at_ms),
        "shows": {"zh": lane.shows().zh, "en": lane.shows().en},
        "presented": status.presented,
        "admitted": status.admitted,
        "dropped": lane.counts(),
    }


def _iso(ms: int) -> str | None:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms > 0 else None
