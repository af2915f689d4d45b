"""An edge's journal as the edge would write it: chained, serialized entries."""

from __future__ import annotations

import os
from datetime import date
from typing import Any

from paifang.records import entry_hash
from paifang.usage import Usage
from paifang.v1 import scan_pb2

NOON_MS = 1_795_320_000_000  # 2026-11-22 12:00 in Shanghai
TODAY = date(2026, 11, 22)
DAY = TODAY.toordinal()


class Journal:
    """Writes entries; each method returns the bytes. `copy` is what a cloned store would be."""

    def __init__(self, edge_id: int, *, seq: int = 0, last_hash: bytes = bytes(32), at_ms: int = NOON_MS) -> None:
        self.edge_id = edge_id
        self.epoch = os.urandom(8)
        self.seq = seq
        self.last_hash = last_hash
        self.at_ms = at_ms

    def copy(self) -> Journal:
        return Journal(self.edge_id, seq=self.seq, last_hash=self.last_hash, at_ms=self.at_ms)

    def write(self, **fields: Any) -> bytes:
        """One entry with this body; overrides of its own fields are allowed."""
        self.seq += 1
        given = {
            "edge_id": self.edge_id, "epoch": self.epoch, "seq": self.seq, "prev_hash": self.last_hash,
            "at_ms": self.at_ms, "clock": scan_pb2.CLOCK_STATE_CONFIRMED,
        }  # fmt: skip
        raw = scan_pb2.Entry(**(given | fields)).SerializeToString()
        self.last_hash = entry_hash(raw)
        return raw

    def garbage(self, raw: bytes = b"\xff\xff torn") -> bytes:
        """Takes an entry's place in the chain without being one."""
        self.seq += 1
        self.last_hash = entry_hash(raw)
        return raw

    def boot(self) -> bytes:
        return self.write(boot=scan_pb2.Boot(software_version="1", verifier="compiled"))

    def alarm(self, code: str) -> bytes:
        return self.write(alarm=scan_pb2.Alarm(code=code, detail="..."))

    def admit(self, entitlement: int, *, station: int = 1, device: int = 1, persons: int = 1, **more: Any) -> bytes:
        usage = Usage(revision=more.pop("revision", 1), total=persons, day=DAY).pack()
        body = {
            "device_id": device, "station_id": station, "group_id": station, "decision": scan_pb2.DECISION_ADMIT,
            "credential_kind": 1, "entitlement_id": entitlement, "owner_id": entitlement, "product_class": 1,
            "persons": persons, "usage": usage,
        }  # fmt: skip
        return self.write(presentation=scan_pb2.Presentation(**(body | more)))

    def refuse(self, reason: int, entitlement: int = 0, *, station: int = 1, device: int = 1) -> bytes:
        return self.write(
            presentation=scan_pb2.Presentation(
                device_id=device, station_id=station, decision=scan_pb2.DECISION_REFUSE, reason=reason,
                entitlement_id=entitlement,
            )
        )  # fmt: skip

    def settle(
        self,
        admission: int,
        outcome: scan_pb2.Outcome = scan_pb2.OUTCOME_PASSED,
        *,
        passed: int = 1,
        returned: int = 0,
        entitlement: int = 0,
        group: int = 1,
        revision: int = 2,
        recovered: bool = False,
    ) -> bytes:
        usage = Usage(revision=revision, total=passed, day=DAY).pack() if entitlement else b""
        return self.write(
            settlement=scan_pb2.Settlement(
                admission_seq=admission, outcome=outcome, passed=passed, returned=returned, recovered=recovered,
                entitlement_id=entitlement, owner_id=entitlement, group_id=group, usage=usage, device_id=1,
            )
        )  # fmt: skip
