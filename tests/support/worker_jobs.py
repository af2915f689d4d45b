"""Jobs and an outbox handler that leave a trace, for the tests of the worker. Imported by its process by name."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from django_tasks import task

from cloud.admin.desk import Desk
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.venues.models import Edge, Venue
from tests.cloud.console.toy import TOY, retire_toy


@task()
def leave_mark(folder: str, name: str) -> None:
    """Appends a line to a file: how often it ran shows."""
    with (Path(folder) / name).open("a") as file:
        file.write("ran\n")


@task()
def run_long(folder: str) -> None:
    """Marks its start, and then runs until it is killed, except the second time."""
    started = Path(folder) / "started"
    again = started.exists()
    with started.open("a") as file:
        file.write("started\n")
    if not again:
        time.sleep(600)
    (Path(folder) / "finished").touch()


@task()
def fail() -> None:
    raise RuntimeError("as it always does")


def die_once(venue: Venue | None, payload: dict[str, Any]) -> None:
    """A handler whose process dies in the middle the first time: what it wrote must not stay."""
    assert venue is not None
    audit.write(Actor.system("test"), "test.handled", venue, venue, number=payload["number"])
    mark = Path(payload["folder"]) / f"died-{payload['number']}"
    if payload.get("die") and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)


def count(desk: Desk, row: Edge, values: dict[str, Any]) -> None:
    """Retires a toy and leaves a row of the audit: how often it was done shows."""
    retire_toy(desk, row, values)
    audit.write(desk.actor, "test.counted", row, desk.venue, name=row.name)


def count_and_die(desk: Desk, row: Edge, values: dict[str, Any]) -> None:
    """The same; at a toy named "dies" its process dies in the middle, the first time."""
    count(desk, row, values)
    mark = Path(os.environ["PAIFANG_VAR"]) / "died"
    if row.name == "dies" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)


COUNTED = replace(TOY, actions=(replace(TOY.actions[0], run=count),))
DEADLY = replace(TOY, actions=(replace(TOY.actions[0], run=count_and_die),))
