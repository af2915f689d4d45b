"""Writes a store as this version of the edge writes it: python -m tests.vectors.make_store FILE.mdb.xz

Kept of each version that landed with another layout; tests/edge/test_upgrade.py opens them all. Tickets 1 and 3 were
used, 2 stands open at counter 100, 4 came back, 5 was never shown.
"""

from __future__ import annotations

import lzma
import sys
import tempfile
from pathlib import Path

from edge import verifier
from edge.cursors import BULK, NAMES, URGENT, Cursor
from edge.works import PutMeta
from paifang.v1 import scan_pb2
from tests.support.entrance import DAILY, NOW_MS, Entrance


def make(folder: Path) -> bytes:
    entrance = Entrance(verifier.load("twin"), folder, map_bytes=8 << 20)
    for ticket in range(1, 6):
        entrance.ticket(ticket, ruleset=DAILY if ticket == 3 else 1)
    entrance.admissions.boot("0.1.0", "twin")
    for ticket, outcome, passed in ((1, scan_pb2.OUTCOME_PASSED, 1), (2, None, 0), (3, scan_pb2.OUTCOME_PASSED, 1),
                                    (4, scan_pb2.OUTCOME_RETURNED, 0)):  # fmt: skip
        use = entrance.admit(ticket)
        if outcome is not None:
            entrance.settle(use, outcome, passed=passed, returned=1 - passed)
            entrance.settled()
    urgent, bulk = Cursor(True, 7, current_to_ms=NOW_MS), Cursor(True, 9, 101, 3, current_to_ms=NOW_MS)
    rows = [(NAMES[URGENT], urgent.pack()), (NAMES[BULK], bulk.pack()), (b"clock.mark", NOW_MS.to_bytes(8, "big"))]
    entrance.committer.submit(PutMeta(rows))
    entrance.settled()
    entrance.close()
    return (folder / "data.mdb").read_bytes()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        Path(sys.argv[1]).write_bytes(lzma.compress(make(Path(scratch)), preset=9 | lzma.PRESET_EXTREME))
