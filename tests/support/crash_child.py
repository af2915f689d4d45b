"""A process made to be killed: lanes present tickets as fast as they can, and say what they were told.

    python -m tests.support.crash_child twin|compiled STORE FIRST_TICKET TICKETS

Each line on stdout is one answered admission, "seq ticket", written only after `done` came: a lane would have
opened. Every ticket is shown at two gates. Every second admission is settled; the others stay open. After the
last of its tickets it waits to be killed.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from edge import verifier
from edge.admission import Presented
from paifang.v1 import scan_pb2
from tests.support.entrance import EAST, MAP_BYTES, WEST, Entrance, credential, moment

LANES = 8


def main(core: str, store: str, first: int, count: int) -> None:
    entrance = Entrance(verifier.load(core), Path(store), map_bytes=MAP_BYTES * 8)
    tickets = iter(range(first, first + count))

    def show_next() -> None:
        ticket = next(tickets, None)
        if ticket is None:
            return
        show(ticket, EAST, partial(answered, ticket, last=False))
        show(ticket, WEST, partial(answered, ticket, last=True))

    def show(ticket: int, place: object, done: object) -> None:
        entrance.admissions.present(
            credential(ticket),
            place,
            moment(),
            counter=ticket,
            assume_passed=False,
            done=done,  # type: ignore[arg-type]
        )

    def answered(ticket: int, presented: Presented, *, last: bool) -> None:
        if presented.use is not None:
            os.write(1, b"%d %d\n" % (presented.use.admission_seq, ticket))
            if ticket % 2:
                entrance.settle(presented.use, scan_pb2.OUTCOME_PASSED, passed=1)
        if last:  # from the inbox, not from here: an entrance that refuses everybody must not recurse
            entrance.inbox.put(show_next)

    entrance.committer.start()
    for _ in range(LANES):
        show_next()
    while True:
        entrance.inbox.get()()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
