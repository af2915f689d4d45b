"""Row locks, always taken in sorted order, so that two transactions never wait for each other.

Across tables: venue, stations, products, order, what it counts against limits, pools, entitlements.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.db import models, transaction

from cloud.core.errors import DomainError

Row = TypeVar("Row", bound=models.Model)


def lock_rows(model: type[Row], ids: Iterable[int]) -> list[Row]:
    """Locks and re-reads rows until the transaction ends; in the order of their ids, each once.

    On PostgreSQL these are row locks (FOR NO KEY UPDATE: rows that merely refer to them can still be inserted).
    On SQLite the whole transaction has been alone since BEGIN IMMEDIATE. Scoped models are read within the
    scope, so a row of another venue is as good as none.

    Raises:
        DomainError: "row.gone" where a row is not there.
        TransactionManagementError: called outside a transaction, where a lock would hold nothing.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("lock_rows needs a transaction")
    wanted = sorted(set(ids))
    rows = list(model._default_manager.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))
    if len(rows) != len(wanted):
        missing = sorted(set(wanted) - {row.pk for row in rows})
        name = model._meta.verbose_name
        raise DomainError(
            "row.gone", f"记录 {missing} 已不存在，请刷新页面。", f"There is no {name} {missing} here. Reload the page."
        )
    return rows


def lock_row(model: type[Row], pk: int) -> Row:
    """One row: see lock_rows."""
    return lock_rows(model, (pk,))[0]
