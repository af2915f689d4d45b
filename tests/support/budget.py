"""How much a test tries: little in `make test`, a lot in `make test-long`."""

from __future__ import annotations

import os


def budget(small: int, long: int) -> int:
    """The count for this run; PAIFANG_TEST_PROFILE=long asks for the long one."""
    return long if os.environ.get("PAIFANG_TEST_PROFILE") == "long" else small
