"""How much a test tries: little in `make test`, a lot in `make test-long`."""

from __future__ import annotations

import os

LONG = os.environ.get("PAIFANG_LONG") == "1"


def budget(small: int, long: int) -> int:
    """The count for this run: the long one under PAIFANG_LONG=1, as `make test-long` sets it."""
    return long if LONG else small
