"""The twin's store: py-lmdb behind the same names and rules as the compiled core's own LMDB."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from edge._store_common import DATABASES, KEY_BYTES, MAX_DATABASES, SCAN_BYTES, OwnerLock, StoreError
from paifang import records
from paifang.records import LIVE_TABLES, Op, Table
from paifang.rotating import DAY_KEY_BYTES
from paifang.rulesets import RuleSet
from paifang.usage import Usage

BAD_DBI = -30780
U32_MAX = 2**32 - 1
_GENERATION = slice(records.RECORD_GENERATION_OFFSET, records.RECORD_GENERATION_OFFSET + 4)


@contextmanager
def _mapped() -> Iterator[None]:
    """py-lmdb's errors as StoreError."""
    try:
        yield
    except lmdb.Error as problem:
        raise StoreError(str(problem), problem.code) from None


class Environment:
    """See edge/_verify.pyi."""

    def __init__(self, path: str, map_size: int) -> None:
        self.path = path
        self.map_size = map_size
        self._writer: weakref.ref[WriteTxn] | None = None
        self._env: Any = None
        self._lock = OwnerLock(path)
        try:
            with _mapped():
                self._env = lmdb.open(
                    path, map_size=map_size, max_dbs=MAX_DATABASES, lib_version=0,
                    lock=True, sync=True, metasync=True, writemap=False,
                )  # fmt: skip
                self._fill_up()
                self._tables = {table: self._env.open_db(name) for table, name in DATABASES.items()}
                self._map_pages: int = map_size // self._env.stat()["psize"]
        except BaseException:
            self.close()
            raise

    def _fill_up(self) -> None:
        """See Environment.fill_up of the compiled store."""
        data = Path(self.path, "data.mdb")
        length = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        if data.stat().st_size < length:
            os.truncate(data, length)

    def get(self, table: int, key: bytes) -> bytes | None:
        with _mapped(), self._begin() as txn:
            value: bytes | None = txn.get(key, db=self._table(table))
            return value

    def scan(
        self, table: int, start: bytes, limit: int, max_bytes: int = SCAN_BYTES, prefix: bytes = b""
    ) -> list[tuple[bytes, bytes]]:
        with _mapped(), self._begin() as txn:
            return _scan(txn, self._table(table), start, limit, max_bytes, prefix)

    def last(self, table: int) -> tuple[bytes, bytes] | None:
        with _mapped(), self._begin() as txn:
            return _last(txn, self._table(table))

    def entries(self, table: int) -> int:
        with _mapped(), self._begin() as txn:
            entries: int = txn.stat(self._table(table))["entries"]
            return entries

    def used_permille(self) -> int:
        with _mapped(), self._begin() as txn:
            stats = [self._env.stat(), *(txn.stat(table) for table in self._tables.values())]
        pages: int = 2 + sum(s["branch_pages"] + s["leaf_pages"] + s["overflow_pages"] for s in stats)
        return pages * 1000 // self._map_pages

    def begin(self) -> WriteTxn:
        if self._open_writer() is not None:
            raise StoreError(f"{self.path}: a write transaction is already open")
        with _mapped():
            writer = WriteTxn(self, self._begin(write=True))
        self._writer = weakref.ref(writer)
        return writer

    def close(self) -> None:
        writer = self._open_writer()
        if writer is not None:
            writer._drop()
        if self._env is not None:
            self._env.close()
            self._env = None
        self._lock.release()

    def _open_writer(self) -> WriteTxn | None:
        writer = None if self._writer is None else self._writer()
        return None if writer is None or writer.ended else writer

    def _begin(self, *, write: bool = False) -> Any:
        if self._env is None:
            raise StoreError(f"{self.path}: the store is closed")
        return self._env.begin(write=write)

    def _table(self, table: int) -> Any:
        try:
            return self._tables[table]
        except KeyError:
            raise StoreError(f"there is no table {table}", BAD_DBI) from None


class WriteTxn:
    """See edge/_verify.pyi."""

    def __init__(self, environment: Environment, txn: Any) -> None:
        self._environment = environment
        self._txn: Any = txn
        self._thread = threading.get_ident()

    def __del__(self) -> None:
        self._drop()

    @property
    def ended(self) -> bool:
        return self._txn is None

    def get(self, table: int, key: bytes) -> bytes | None:
        with _mapped():
            value: bytes | None = self._open().get(key, db=self._environment._table(table))
            return value

    def put(self, table: int, key: bytes, value: bytes) -> None:
        with _mapped():
            self._open().put(key, value, db=self._environment._table(table))

    def delete(self, table: int, key: bytes) -> bool:
        with _mapped():
            deleted: bool = self._open().delete(key, db=self._environment._table(table))
            return deleted

    def delete_range(self, table: int, start: bytes, end: bytes, limit: int) -> int:
        deleted = 0
        with _mapped(), self._open().cursor(self._environment._table(table)) as cursor:
            found = cursor.set_range(start)
            while found and deleted < limit and cursor.key() < end:
                cursor.delete()
                deleted += 1
                found = bool(cursor.key())
        return deleted

    def scan(
        self, table: int, start: bytes, limit: int, max_bytes: int = SCAN_BYTES, prefix: bytes = b""
    ) -> list[tuple[bytes, bytes]]:
        with _mapped():
            return _scan(self._open(), self._environment._table(table), start, limit, max_bytes, prefix)

    def last(self, table: int) -> tuple[bytes, bytes] | None:
        with _mapped():
            return _last(self._open(), self._environment._table(table))

    def apply(self, ops: bytes, generation: int, own_edge_id: int) -> tuple[int, bool]:
        if not 0 <= generation <= U32_MAX:
            raise ValueError(f"generation {generation} is not a 32-bit number")
        self._open()
        rows = list(records.unpack_ops(ops))
        for op in rows:
            _require_known(op)
        written, live = 0, False
        for op in rows:
            if self._apply(op, generation.to_bytes(4, "little"), own_edge_id):
                written += 1
                live = live or op.table in LIVE_TABLES
        return written, live

    def _apply(self, op: Op, generation: bytes, own_edge_id: int) -> bool:
        """One row; whether it was written."""
        if op.table == Table.OTHERS and int.from_bytes(op.key[12:], "big") == own_edge_id:
            return False
        if op.value is None:
            return self.delete(op.table, op.key)
        value = op.value
        if op.table in (Table.ENTITLEMENT, Table.OTHERS):
            stored = self.get(op.table, op.key)
            known = stored is not None and _known_layout(op.table, stored)
            if stored is not None and known and _revision(stored) > _revision(value):
                return False
        if op.table == Table.ENTITLEMENT:
            value = value[: _GENERATION.start] + generation + value[_GENERATION.stop :]
        self.put(op.table, op.key, value)
        return True

    def commit(self) -> None:
        txn = self._open()
        self._txn = None
        with _mapped():
            txn.commit()

    def abort(self) -> None:
        if not self.ended:
            self._open()
            self._drop()

    def _open(self) -> Any:
        if self._txn is None:
            raise StoreError("the transaction has ended")
        if self._thread != threading.get_ident():
            raise StoreError("the transaction belongs to another thread")
        return self._txn

    def _drop(self) -> None:
        txn, self._txn = self._txn, None
        if txn is not None:
            txn.abort()


def _scan(txn: Any, table: Any, start: bytes, limit: int, max_bytes: int, prefix: bytes) -> list[tuple[bytes, bytes]]:
    rows: list[tuple[bytes, bytes]] = []
    size = 0
    first = max(start, prefix)
    with txn.cursor(table) as cursor:
        found = cursor.set_range(first) if first else cursor.first()
        while found and len(rows) < limit:
            key, value = cursor.item()
            size += len(value)
            if not key.startswith(prefix) or (rows and size > max_bytes):
                break
            rows.append((key, value))
            found = cursor.next()
    return rows


def _last(txn: Any, table: Any) -> tuple[bytes, bytes] | None:
    with txn.cursor(table) as cursor:
        return cursor.item() if cursor.last() else None


def _revision(value: bytes) -> int:
    """Of an entitlement record or a usage record: both have it at the same place."""
    return int.from_bytes(value[4:8], "little")


def _require_known(op: Op) -> None:
    """Raises ValueError on a key of another length, or a value whose layout is not known here."""
    if len(op.key) != KEY_BYTES[op.table]:
        raise ValueError(f"feed operations: a key of {len(op.key)} bytes in table {op.table}")
    if op.value is not None and not _known_layout(op.table, op.value):
        raise ValueError(f"feed operations: a value of unknown layout in table {op.table}")


# How a value of a feed table is read, where its layout is fixed.
_LAYOUTS: dict[int, type[records.Record | Usage | RuleSet | records.Station | records.Device]] = {
    Table.ENTITLEMENT: records.Record,
    Table.OTHERS: Usage,
    Table.RULESET: RuleSet,
    Table.STATION: records.Station,
    Table.DEVICE: records.Device,
}
_LENGTHS: dict[int, int] = {Table.INDEX: 4, Table.DAYKEY: DAY_KEY_BYTES}


def _known_layout(table: int, value: bytes) -> bool:
    if table in _LENGTHS:
        return len(value) == _LENGTHS[table]
    if table not in _LAYOUTS:
        return len(value) > 0
    try:
        _LAYOUTS[table].unpack(value)
    except ValueError:
        return False
    return True
