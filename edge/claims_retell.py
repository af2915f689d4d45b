"""Tells an etcd that knows nothing of this edge, because it is new or was set up anew, all that its store has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from edge.claim_works import Learn, Learned
from edge.claims import DAY_S
from edge.works import Work
from paifang.records import Record, Table, entitlement_key
from paifang.usage import Usage

if TYPE_CHECKING:
    from edge._verify import Environment

PAGE = 256  # rows looked at before the lanes get their turn
LATELY_S = 400 * DAY_S  # uses of an owner whose ticket is not in the store: of a card behind several


async def everything(environment: Environment, commit: Callable[[Work], Awaitable[None]], now_s: int) -> None:
    """Marks every owner whose uses may still matter. Done again from the start, it does no harm."""
    after = b""
    while rows := environment.scan(Table.USAGE, after, PAGE):
        owners = {int.from_bytes(key[:8], "big") for key, usage in rows if _matters(environment, key, usage, now_s)}
        if owners:
            await commit(Learn([Learned(owner, tell=True) for owner in sorted(owners)]))
        after = rows[-1][0] + b"\0"


def _matters(environment: Environment, key: bytes, usage: bytes, now_s: int) -> bool:
    stored = environment.get(Table.ENTITLEMENT, entitlement_key(int.from_bytes(key[:8], "big")))
    try:
        if stored is not None:
            return Record.unpack(stored).not_after >= now_s
        return Usage.unpack(usage).last_ms // 1000 >= now_s - LATELY_S
    except ValueError:  # of a layout not known here
        return False
