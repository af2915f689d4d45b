"""What a sweep deletes, judged when it is written and not when it was looked up."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from edge import sweep
from edge.journal import Writer
from edge.works import Committed
from paifang.records import Record, Table, entitlement_key

NOW_S = 1_790_000_000


def held(environment: Any) -> list[int]:
    return [int.from_bytes(key, "big") for key, _ in environment.scan(Table.ENTITLEMENT, b"", 100)]


def test_a_record_renewed_meanwhile_is_spared(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), 8 << 20)
    txn = environment.begin()
    for number, generation in ((1, 100), (2, 101)):
        record = Record(1, 1, 1, 0, 2**32 - 1, bytes(16), generation=generation)
        txn.put(Table.ENTITLEMENT, entitlement_key(number), record.pack())
    txn.commit()
    keys = [entitlement_key(number) for number in (1, 2, 3)]  # the third is gone already
    txn = environment.begin()
    assert sweep.Sweep(keys, 101, NOW_S).write(txn, Writer(txn, 7, bytes(8))) == Committed(0, rows=1)
    txn.commit()
    assert held(environment) == [2]
    environment.close()
