"""How often an address may be asked: counted by the minute in this process's cache."""

from __future__ import annotations

import hashlib
import time

from django.core.cache import cache

MINUTE = 60
FETCHES = 30  # of one ticket: a phone asks once a minute and when it is looked at again
GUESSES = 20  # of one address, for tickets there are not
HOLDERS = 5  # of one ticket: who its holder is may be told so often, right or wrong


def spend(what: str, key: str, most: int) -> bool:
    """Counts one; False where the minute's are spent."""
    minute = int(time.time()) // MINUTE
    name = f"storefront/{what}/{hashlib.sha256(key.encode()).hexdigest()[:32]}/{minute}"
    cache.add(name, 0, timeout=2 * MINUTE)
    return int(cache.incr(name)) <= most


def spent(what: str, key: str, most: int) -> bool:
    """Whether the minute's are spent, without counting."""
    minute = int(time.time()) // MINUTE
    return int(cache.get(f"storefront/{what}/{hashlib.sha256(key.encode()).hexdigest()[:32]}/{minute}", 0)) >= most
