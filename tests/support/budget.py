"""How much a test tries: a small fixed count by default, the full one under PAIFANG_LONG=1 (`make test-long`)."""

from __future__ import annotations

import os


def budget(small: int, long: int) -> int:
    """The count for this run."""
    return long if os.environ.get("PAIFANG_LONG") == "1" else small
