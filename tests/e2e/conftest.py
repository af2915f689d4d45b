"""One stack for all end-to-end tests: each sells tickets of its own and leaves everything running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.demo import Demo, until


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Demo]:
    with Demo(PAIFANG_DATABASE_URL="") as running:
        yield running
        running.keep = request.session.testsfailed > 0


@pytest.fixture
def demo(stack: Demo) -> Demo:
    """The stack, whole: whatever the test before did, all processes run and all lanes are ready."""
    for group in ("cloud", "edge", "entrance"):
        stack.tell("start", group)
    until(stack.health, lambda health: all(lane["state"] == "ready" for lane in health["lanes"]))
    return stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
