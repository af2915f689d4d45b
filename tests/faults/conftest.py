"""A real edge with lanes and a small cloud, for the faults' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paifang.records import Op
from tests.support.edge_process import EdgeProcess
from tests.support.entrance import FREE, live_rows, ticket_rows
from tests.support.fake_cloud import FakeCloud

UNLIMITED = 90  # a ticket whose uses nobody counts


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """Sells tickets 1..40, good once, and an unlimited one."""
    cloud = FakeCloud()
    rows = [*live_rows(), *(row for ticket in range(1, 41) for row in ticket_rows(ticket))]
    rows += ticket_rows(UNLIMITED, ruleset=FREE)
    cloud.state = sorted((Op(*row) for row in rows), key=lambda op: (op.table, op.key))
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def edge(tmp_path: Path, cloud: FakeCloud) -> Iterator[EdgeProcess]:
    """Enrolled, its devices plugged in, not started."""
    edge = EdgeProcess(tmp_path, cloud.enrol_address)
    edge.config.write_text(edge.config.read_text().replace("open_seconds = 2", "open_seconds = 1"))
    assert edge.command("enrol", cloud.token()).returncode == 0
    edge.plug()
    yield edge
    edge.close()
