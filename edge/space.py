"""How full the store is: by its map, whose size is fixed, and by the disk, which others may fill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge._verify import Environment


def used_permille(environment: Environment) -> int:
    """Of what the store could still become, how much is in use. Up to 1000 and beyond where the disk is full.

    The file grows up to the map's size as pages are needed, so a disk with less room than that is the real limit.
    """
    of_map = environment.used_permille()
    size, room = file_and_room(environment.path)
    limit = min(environment.map_size, size + room)
    return of_map * environment.map_size // max(1, limit)


def file_and_room(path: str) -> tuple[int, int]:
    """Bytes the store's file has on the disk, and bytes its disk has left for this user."""
    try:
        disk = os.statvfs(path)
        size = Path(path, "data.mdb").stat().st_blocks * 512
    except OSError:  # the disk itself is gone: the next write says so
        return 1 << 62, 0
    return size, disk.f_bavail * disk.f_frsize
