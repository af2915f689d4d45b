"""What both verifiers' stores share: their error, the names of the databases, the lock of the one owner."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from paifang.records import Table

# Names in files that exist: a table may be added, a name never changes.
DATABASES: dict[int, bytes] = {
    Table.ENTITLEMENT: b"entitlement",
    Table.INDEX: b"index",
    Table.OTHERS: b"others",
    Table.RULESET: b"ruleset",
    Table.STATION: b"station",
    Table.DEVICE: b"device",
    Table.VENUE: b"venue",
    Table.DAYKEY: b"daykey",
    Table.USAGE: b"usage",
    Table.JOURNAL: b"journal",
    Table.OPEN: b"open",
    Table.META: b"meta",
    Table.CLAIM: b"claim",
}
MAX_DATABASES = 32
SCAN_BYTES = 1 << 20  # what one scan returns at most, unless told otherwise

# The length of a feed table's keys; `apply` refuses any other.
KEY_BYTES: dict[int, int] = {
    Table.ENTITLEMENT: 8,
    Table.INDEX: 25,
    Table.OTHERS: 16,
    Table.RULESET: 4,
    Table.STATION: 4,
    Table.DEVICE: 4,
    Table.VENUE: 4,
    Table.DAYKEY: 4,
}


class StoreError(Exception):
    """The store said no: LMDB's own refusal, a store that is closed, or one that another process owns.

    Attributes:
        code: LMDB's number, e.g. -30792 (MDB_MAP_FULL), an errno, or 0 where LMDB was not asked.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class OwnerLock:
    """The exclusive lock of a store's one owner: `owner.lock` in its directory, gone with the process.

    LMDB's own locks would let a second process write beside us, and its usage would not be in our
    in-flight table. `flock` also refuses a second open in this very process.
    """

    def __init__(self, directory: str) -> None:
        """Creates directory and file when missing. Raises StoreError when another owner holds the lock."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        path = Path(directory, "owner.lock")
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            owner = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip() or "(unknown)"
            os.close(self._fd)
            raise StoreError(f"{directory}: already open by process {owner}", problem.errno or 0) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self, close: Callable[[int], None] = os.close) -> None:
        """Gives the store up. Calling it again does nothing.

        `close` is bound here because a store that lives until the interpreter ends finds `os` emptied.
        """
        if self._fd >= 0:
            close(self._fd)
            self._fd = -1
