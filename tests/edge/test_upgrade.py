"""A store that an earlier version of the edge wrote is opened and gone on with; nothing of it is lost."""

from __future__ import annotations

import lzma
from pathlib import Path
from types import ModuleType

import pytest

from edge import journal, scrub
from edge.cursors import BULK, NAMES, URGENT, Cursor
from edge.standing import BEHIND, mark_new
from paifang.records import Table
from paifang.v1 import scan_pb2
from tests.support.entrance import NOW_MS, WEST, Entrance

VECTORS = Path(__file__).parents[1] / "vectors"


@pytest.mark.parametrize("version", sorted(path.name for path in VECTORS.glob("store-*.mdb.xz")))
def test_a_store_of_an_earlier_version(core: ModuleType, tmp_path: Path, version: str) -> None:
    (tmp_path / "data.mdb").write_bytes(lzma.decompress((VECTORS / version).read_bytes()))
    assert scrub.look_through(tmp_path).problem == ""
    entrance = Entrance(core, tmp_path, map_bytes=8 << 20)
    mark_new(entrance.environment)
    assert entrance.environment.get(Table.META, BEHIND) is None  # it has its history
    before = entrance.committer.last_seq
    [use] = entrance.admissions.open_uses(WEST.device_id)
    assert (use.entitlement_id, use.counter) == (2, 100)
    entrance.settle(use, scan_pb2.OUTCOME_PASSED, passed=1, recovered=True)
    entrance.settled()
    reasons = [answer.reason.name for ticket in range(1, 6) for answer in shown(entrance, ticket)]
    assert reasons == ["USED_UP", "USED_UP", "DAY_LIMIT", "OK", "OK"]
    assert [entrance.usage(ticket).total for ticket in range(1, 6)] == [1] * 5
    assert entrance.whole(3).total == 1
    cursors = {stream: Cursor.unpack(entrance.environment.get(Table.META, name)) for stream, name in NAMES.items()}
    assert [(cursors[one].started, cursors[one].seq, cursors[one].current_to_ms) for one in (URGENT, BULK)] == [
        (True, 7, NOW_MS), (True, 9, NOW_MS),
    ]  # fmt: skip
    tail = journal.verify(entrance.raw_entries(), journal.START)
    assert tail.seq == before + 6
    entrance.close()


def shown(entrance: Entrance, ticket: int):  # type: ignore[no-untyped-def]
    answers = entrance.present(ticket)
    entrance.settled()
    return answers
