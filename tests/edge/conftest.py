"""What the edge's tests share."""

from __future__ import annotations

from types import ModuleType

import pytest

from edge import verifier


@pytest.fixture(params=["twin", "compiled"])
def core(request: pytest.FixtureRequest) -> ModuleType:
    """Each implementation of the verifier and its store in turn."""
    try:
        return verifier.load(request.param)
    except ModuleNotFoundError:
        pytest.skip("the compiled core is not built")
